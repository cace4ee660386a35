"""The autoencoder that watches consensus latency: bidirectional LSTMs, batch norm over time, attention.

    h = encoder_bn2(encoder_lstm2(encoder_bn1(encoder_lstm1(x))))
    z = encoder_fc(attention(h))
    d = decoder_fc(z), repeated for each timestep
    y = output_fc(decoder_bn2(decoder_lstm2(decoder_bn1(decoder_lstm1(d)))))

Each `*_bn*` is a `BatchNorm1d(timesteps)`: its weights fix the number of timesteps.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from dwcpc.models.architecture import Architecture, Shapes
from dwcpc.models.dimensions import dimension, lstm_units
from dwcpc.models.temporal_attention import TemporalAttention


@dataclass(frozen=True, slots=True)
class BilstmAttentionAutoencoderConfig:
    """Sizes; LSTM units are those of one direction. The defaults are the model in service."""

    timesteps: int = 30
    features: int = 12
    encoder_units1: int = 128
    encoder_units2: int = 64
    attention_units: int = 128
    encoding: int = 20
    decoder_inputs: int = 128
    decoder_units1: int = 64
    decoder_units2: int = 128


class BilstmAttentionAutoencoder(nn.Module):
    """`[batch, timesteps, features]` (scaled) → its reconstruction in the same shape."""

    def __init__(self, config: BilstmAttentionAutoencoderConfig) -> None:
        """Create the layers with torch's initial weights."""
        super().__init__()
        self.timesteps = config.timesteps
        self.encoder_lstm1 = _bilstm(config.features, config.encoder_units1)
        self.encoder_bn1 = nn.BatchNorm1d(config.timesteps)
        self.encoder_lstm2 = _bilstm(2 * config.encoder_units1, config.encoder_units2)
        self.encoder_bn2 = nn.BatchNorm1d(config.timesteps)
        self.attention = TemporalAttention(2 * config.encoder_units2, config.attention_units)
        self.encoder_fc = nn.Linear(2 * config.encoder_units2, config.encoding)
        self.decoder_fc = nn.Linear(config.encoding, config.decoder_inputs)
        self.decoder_lstm1 = _bilstm(config.decoder_inputs, config.decoder_units1)
        self.decoder_bn1 = nn.BatchNorm1d(config.timesteps)
        self.decoder_lstm2 = _bilstm(2 * config.decoder_units1, config.decoder_units2)
        self.decoder_bn2 = nn.BatchNorm1d(config.timesteps)
        self.output_fc = nn.Linear(2 * config.decoder_units2, config.features)

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction of `x`."""
        h = self.encoder_bn1(self.encoder_lstm1(x)[0])
        h = self.encoder_bn2(self.encoder_lstm2(h)[0])
        z = self.encoder_fc(self.attention(h))
        d = self.decoder_fc(z).unsqueeze(1).expand(-1, self.timesteps, -1)
        d = self.decoder_bn1(self.decoder_lstm1(d)[0])
        d = self.decoder_bn2(self.decoder_lstm2(d)[0])
        y: Tensor = self.output_fc(d)
        return y


def _bilstm(inputs: int, units: int) -> nn.LSTM:
    return nn.LSTM(inputs, units, batch_first=True, bidirectional=True)


def _config_from_shapes(shapes: Shapes, timesteps: int) -> BilstmAttentionAutoencoderConfig:
    default = BilstmAttentionAutoencoderConfig()
    return BilstmAttentionAutoencoderConfig(
        timesteps=timesteps,
        features=dimension(shapes, "encoder_lstm1.weight_ih_l0", 1, default.features),
        encoder_units1=lstm_units(shapes, "encoder_lstm1", default.encoder_units1),
        encoder_units2=lstm_units(shapes, "encoder_lstm2", default.encoder_units2),
        attention_units=dimension(shapes, "attention.attention.0.weight", 0, default.attention_units),
        encoding=dimension(shapes, "encoder_fc.weight", 0, default.encoding),
        decoder_inputs=dimension(shapes, "decoder_fc.weight", 0, default.decoder_inputs),
        decoder_units1=lstm_units(shapes, "decoder_lstm1", default.decoder_units1),
        decoder_units2=lstm_units(shapes, "decoder_lstm2", default.decoder_units2),
    )


def _build(config: BilstmAttentionAutoencoderConfig) -> nn.Module:
    return BilstmAttentionAutoencoder(config).eval()


BILSTM_ATTENTION_AUTOENCODER = Architecture(
    name="bilstm_attention_autoencoder",
    model_type="lstm_autoencoder",
    task="autoencoder",
    latency_budget_ms=10.0,
    output_channels=(),
    timesteps_key="encoder_bn1.weight",
    config_from_shapes=_config_from_shapes,
    build=_build,
)
