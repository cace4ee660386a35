"""The bandwidth regressor: three LSTMs of decreasing width, attention, a dense head with a skip connection.

    h = bn3(lstm3(bn2(lstm2(bn1(lstm1(x))))))
    p = attention(h)
    u = relu(dense2(relu(dense1(p))) + skip(p))
    y = output_fc(relu(dense3(u)))  [+ bypass(all steps of x as one vector)]

`skip` is a Linear from the pooled vector p, so that the head may have another width than the last LSTM. Each
`bn*` normalises over channels, so that no weight tells the number of timesteps. Dropout does nothing in eval
mode. `bypass` is a Linear that weights may have or not, which is how it is told. Without it the model is the owners';
with it y goes along where x goes beyond what was trained on, as gates that are saturated do not.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from dwcpc.models.architecture import Architecture, Channel, Shapes
from dwcpc.models.channel_batch_norm import ChannelBatchNorm
from dwcpc.models.dimensions import dimension, lstm_units
from dwcpc.models.temporal_attention import TemporalAttention

DROPOUT: Final = 0.2
"""Share of channels dropped while training; from the owners' report."""

OUTPUT_CHANNELS: Final = (
    Channel("bandwidth", "Mbps"),
    Channel("latency", "ms"),
    Channel("packet_loss", "ratio"),
    Channel("jitter", "ms"),
)


@dataclass(frozen=True, slots=True)
class BandwidthPredictorConfig:
    """Sizes; the defaults are the owners' plan. The number of outputs is that of `OUTPUT_CHANNELS`.

    `bypass` is 1 with one and 0 without: a number, as sizes in metadata are.
    """

    timesteps: int = 30
    features: int = 45
    units1: int = 256
    units2: int = 192
    units3: int = 128
    attention_units: int = 128
    dense_units1: int = 192
    dense_units2: int = 128
    dense_units3: int = 64
    bypass: int = 0


class BandwidthPredictor(nn.Module):
    """`[batch, timesteps, features]` (scaled) → `[batch, 4]` (scaled), in the order of `OUTPUT_CHANNELS`."""

    def __init__(self, config: BandwidthPredictorConfig) -> None:
        """Create the layers with torch's initial weights."""
        super().__init__()
        self.lstm1 = nn.LSTM(config.features, config.units1, batch_first=True)
        self.bn1 = ChannelBatchNorm(config.units1)
        self.lstm2 = nn.LSTM(config.units1, config.units2, batch_first=True)
        self.bn2 = ChannelBatchNorm(config.units2)
        self.lstm3 = nn.LSTM(config.units2, config.units3, batch_first=True)
        self.bn3 = ChannelBatchNorm(config.units3)
        self.attention = TemporalAttention(config.units3, config.attention_units)
        self.dense1 = nn.Linear(config.units3, config.dense_units1)
        self.dense2 = nn.Linear(config.dense_units1, config.dense_units2)
        self.skip = nn.Linear(config.units3, config.dense_units2)
        self.dense3 = nn.Linear(config.dense_units2, config.dense_units3)
        self.output_fc = nn.Linear(config.dense_units3, len(OUTPUT_CHANNELS))
        self.bypass = nn.Linear(config.timesteps * config.features, len(OUTPUT_CHANNELS)) if config.bypass else None
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """Return the prediction for each window of `x`."""
        h = self.dropout(self.bn1(self.lstm1(x)[0]))
        h = self.dropout(self.bn2(self.lstm2(h)[0]))
        h = self.dropout(self.bn3(self.lstm3(h)[0]))
        p = self.attention(h)
        u = self.dropout(torch.relu(self.dense1(p)))
        u = self.dropout(torch.relu(self.dense2(u) + self.skip(p)))
        y: Tensor = self.output_fc(torch.relu(self.dense3(u)))
        return y if self.bypass is None else y + self.bypass(x.flatten(1))


def _config_from_shapes(shapes: Shapes, timesteps: int) -> BandwidthPredictorConfig:
    default = BandwidthPredictorConfig()
    return BandwidthPredictorConfig(
        timesteps=timesteps,
        features=dimension(shapes, "lstm1.weight_ih_l0", 1, default.features),
        units1=lstm_units(shapes, "lstm1", default.units1),
        units2=lstm_units(shapes, "lstm2", default.units2),
        units3=lstm_units(shapes, "lstm3", default.units3),
        attention_units=dimension(shapes, "attention.attention.0.weight", 0, default.attention_units),
        dense_units1=dimension(shapes, "dense1.weight", 0, default.dense_units1),
        dense_units2=dimension(shapes, "dense2.weight", 0, default.dense_units2),
        dense_units3=dimension(shapes, "dense3.weight", 0, default.dense_units3),
        bypass=int("bypass.weight" in shapes),
    )


def _build(config: BandwidthPredictorConfig) -> nn.Module:
    return BandwidthPredictor(config).eval()


BANDWIDTH_PREDICTOR = Architecture(
    name="bandwidth_predictor",
    model_type="lstm_regressor",
    task="regression",
    latency_budget_ms=5.0,
    output_channels=OUTPUT_CHANNELS,
    timesteps_key=None,
    config_from_shapes=_config_from_shapes,
    build=_build,
)
