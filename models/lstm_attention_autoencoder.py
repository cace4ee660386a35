"""The autoencoder of the owners' report: three LSTMs down, attention, three LSTMs up; all in one direction.

    h = encoder_bn3(encoder_lstm3(encoder_bn2(encoder_lstm2(encoder_bn1(encoder_lstm1(x))))))
    z = encoder_fc(attention(h)), repeated for each timestep
    y = output_fc(decoder_bn3(decoder_lstm3(decoder_bn2(decoder_lstm2(decoder_bn1(decoder_lstm1(z)))))))

Each `*_bn*` normalises over channels, so that no weight tells the number of timesteps. Dropout follows each
of them and does nothing in eval mode.
"""

from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from dwcpc.models.architecture import Architecture, Shapes
from dwcpc.models.channel_batch_norm import ChannelBatchNorm
from dwcpc.models.dimensions import dimension, lstm_units
from dwcpc.models.temporal_attention import TemporalAttention

DROPOUT: Final = 0.2
"""Share of channels dropped while training; from the owners' report."""


@dataclass(frozen=True, slots=True)
class LstmAttentionAutoencoderConfig:
    """Sizes; the defaults are the owners' report, and an encoding in the middle of its 8 to 32."""

    timesteps: int = 30
    features: int = 12
    encoder_units1: int = 128
    encoder_units2: int = 64
    encoder_units3: int = 32
    attention_units: int = 16
    encoding: int = 16
    decoder_units1: int = 32
    decoder_units2: int = 64
    decoder_units3: int = 128


class LstmAttentionAutoencoder(nn.Module):
    """`[batch, timesteps, features]` (scaled) → its reconstruction in the same shape."""

    def __init__(self, config: LstmAttentionAutoencoderConfig) -> None:
        """Create the layers with torch's initial weights."""
        super().__init__()
        self.timesteps = config.timesteps
        self.encoder_lstm1 = nn.LSTM(config.features, config.encoder_units1, batch_first=True)
        self.encoder_bn1 = ChannelBatchNorm(config.encoder_units1)
        self.encoder_lstm2 = nn.LSTM(config.encoder_units1, config.encoder_units2, batch_first=True)
        self.encoder_bn2 = ChannelBatchNorm(config.encoder_units2)
        self.encoder_lstm3 = nn.LSTM(config.encoder_units2, config.encoder_units3, batch_first=True)
        self.encoder_bn3 = ChannelBatchNorm(config.encoder_units3)
        self.attention = TemporalAttention(config.encoder_units3, config.attention_units)
        self.encoder_fc = nn.Linear(config.encoder_units3, config.encoding)
        self.decoder_lstm1 = nn.LSTM(config.encoding, config.decoder_units1, batch_first=True)
        self.decoder_bn1 = ChannelBatchNorm(config.decoder_units1)
        self.decoder_lstm2 = nn.LSTM(config.decoder_units1, config.decoder_units2, batch_first=True)
        self.decoder_bn2 = ChannelBatchNorm(config.decoder_units2)
        self.decoder_lstm3 = nn.LSTM(config.decoder_units2, config.decoder_units3, batch_first=True)
        self.decoder_bn3 = ChannelBatchNorm(config.decoder_units3)
        self.output_fc = nn.Linear(config.decoder_units3, config.features)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction of `x`."""
        h = self.dropout(self.encoder_bn1(self.encoder_lstm1(x)[0]))
        h = self.dropout(self.encoder_bn2(self.encoder_lstm2(h)[0]))
        h = self.dropout(self.encoder_bn3(self.encoder_lstm3(h)[0]))
        z = self.encoder_fc(self.attention(h))
        d = z.unsqueeze(1).expand(-1, self.timesteps, -1)
        d = self.dropout(self.decoder_bn1(self.decoder_lstm1(d)[0]))
        d = self.dropout(self.decoder_bn2(self.decoder_lstm2(d)[0]))
        d = self.dropout(self.decoder_bn3(self.decoder_lstm3(d)[0]))
        y: Tensor = self.output_fc(d)
        return y


def _config_from_shapes(shapes: Shapes, timesteps: int) -> LstmAttentionAutoencoderConfig:
    default = LstmAttentionAutoencoderConfig()
    return LstmAttentionAutoencoderConfig(
        timesteps=timesteps,
        features=dimension(shapes, "encoder_lstm1.weight_ih_l0", 1, default.features),
        encoder_units1=lstm_units(shapes, "encoder_lstm1", default.encoder_units1),
        encoder_units2=lstm_units(shapes, "encoder_lstm2", default.encoder_units2),
        encoder_units3=lstm_units(shapes, "encoder_lstm3", default.encoder_units3),
        attention_units=dimension(shapes, "attention.attention.0.weight", 0, default.attention_units),
        encoding=dimension(shapes, "encoder_fc.weight", 0, default.encoding),
        decoder_units1=lstm_units(shapes, "decoder_lstm1", default.decoder_units1),
        decoder_units2=lstm_units(shapes, "decoder_lstm2", default.decoder_units2),
        decoder_units3=lstm_units(shapes, "decoder_lstm3", default.decoder_units3),
    )


def _build(config: LstmAttentionAutoencoderConfig) -> nn.Module:
    return LstmAttentionAutoencoder(config).eval()


LSTM_ATTENTION_AUTOENCODER = Architecture(
    name="lstm_attention_autoencoder",
    model_type="lstm_autoencoder",
    task="autoencoder",
    latency_budget_ms=10.0,
    output_channels=(),
    timesteps_key=None,
    config_from_shapes=_config_from_shapes,
    build=_build,
)
