"""What the compiler knows about a model class: a state dict holds names and shapes, and no class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from torch import nn

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each tensor of a state dict, by its key."""

Task = Literal["autoencoder", "regression", "anomaly_detection"]


@dataclass(frozen=True, slots=True)
class Channel:
    """One output of a model."""

    name: str
    unit: str


class Config(Protocol):
    """Sizes of one model; each architecture's own config adds the units of its layers."""

    @property
    def timesteps(self) -> int:
        """Rows of one input window."""

    @property
    def features(self) -> int:
        """Columns of one input window."""


ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True, slots=True)
class Architecture(Generic[ConfigT]):
    """A model class whose sizes can be read from the shapes of its weights.

    `model_type` is the word for it in `metadata.json`. `latency_budget_ms` is the p99 of one prediction on
    one thread. `output_channels` is empty where the outputs are the input's features, and of a detector, whose
    one output `[batch]` is the probability of an anomaly. `timesteps_key` names the weight whose length is the
    number of timesteps, or is None where no weight tells it.
    `config_from_shapes(shapes, timesteps)` never fails: a size that cannot be read is the config's default,
    and the comparison of shapes then names the key. `build(config)` returns a module in eval mode, whose input
    is `[batch, timesteps, features]`.
    """

    name: str
    model_type: str
    task: Task
    latency_budget_ms: float
    output_channels: tuple[Channel, ...]
    timesteps_key: str | None
    config_from_shapes: Callable[[Shapes, int], ConfigT]
    build: Callable[[ConfigT], nn.Module]
