"""The detector of node reliability: convolutions over time, an LSTM behind them, and one probability.

    s = sign(x)·log(1 + |x|)
    c = relu(conv2(relu(conv1(s))))
    h = lstm(c + position)
    p = σ(output_fc(relu(dense(attention(h)))))

A metric that is quiet for days and then a thousand times as high is what it has to see, so x is compressed first.
`position` says how long ago a step was, and its length is the number of timesteps. The convolutions keep that number.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from dwcpc.models.architecture import Architecture, Shapes
from dwcpc.models.dimensions import dimension, lstm_units
from dwcpc.models.temporal_attention import TemporalAttention

DROPOUT: Final = 0.2
KERNEL: Final = 3
"""Steps that a convolution looks at."""


@dataclass(frozen=True, slots=True)
class ConvLstmDetectorConfig:
    """Sizes; the defaults are what `dwcpc train nodes --model conv-lstm` trains."""

    timesteps: int = 60
    features: int = 23
    channels1: int = 32
    channels2: int = 32
    units: int = 32
    attention_units: int = 16
    dense_units: int = 16


class ConvLstmDetector(nn.Module):
    """`[batch, timesteps, features]` (scaled) → `[batch]`, the probability that something is or goes wrong."""

    def __init__(self, config: ConvLstmDetectorConfig) -> None:
        """Create the layers with torch's initial weights."""
        super().__init__()
        self.conv1 = nn.Conv1d(config.features, config.channels1, KERNEL, padding=KERNEL // 2)
        self.conv2 = nn.Conv1d(config.channels1, config.channels2, KERNEL, padding=KERNEL // 2)
        self.position = nn.Parameter(torch.zeros(config.timesteps, config.channels2))
        self.lstm = nn.LSTM(config.channels2, config.units, batch_first=True)
        self.attention = TemporalAttention(config.units, config.attention_units)
        self.dense = nn.Linear(config.units, config.dense_units)
        self.output_fc = nn.Linear(config.dense_units, 1)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """Return the probability for each window of `x`."""
        # Not torch.sigmoid: onnxruntime's is off by up to 1e-7, which is much of a small probability.
        return 1 / (1 + torch.exp(-self.logit(x)))

    def logit(self, x: Tensor) -> Tensor:
        """Return the logarithm of the odds [batch], which training needs."""
        s = torch.sign(x) * torch.log1p(torch.abs(x))
        c = torch.relu(self.conv2(torch.relu(self.conv1(s.transpose(1, 2))))).transpose(1, 2)
        h = self.lstm(c + self.position)[0]
        d = torch.relu(self.dense(self.dropout(self.attention(h))))
        logit: Tensor = self.output_fc(self.dropout(d)).squeeze(1)
        return logit


def _config_from_shapes(shapes: Shapes, timesteps: int) -> ConvLstmDetectorConfig:
    default = ConvLstmDetectorConfig()
    return ConvLstmDetectorConfig(
        timesteps=timesteps,
        features=dimension(shapes, "conv1.weight", 1, default.features),
        channels1=dimension(shapes, "conv1.weight", 0, default.channels1),
        channels2=dimension(shapes, "conv2.weight", 0, default.channels2),
        units=lstm_units(shapes, "lstm", default.units),
        attention_units=dimension(shapes, "attention.attention.0.weight", 0, default.attention_units),
        dense_units=dimension(shapes, "dense.weight", 0, default.dense_units),
    )


def _build(config: ConvLstmDetectorConfig) -> nn.Module:
    return ConvLstmDetector(config).eval()


CONV_LSTM_DETECTOR = Architecture(
    name="conv_lstm_detector",
    model_type="lstm_detector",
    task="anomaly_detection",
    latency_budget_ms=5.0,
    output_channels=(),
    timesteps_key="position",
    config_from_shapes=_config_from_shapes,
    build=_build,
)
