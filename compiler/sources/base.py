"""What a source framework must provide. One framework a file; `SOURCES` in this package's `__init__` lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from dwcpc.compiler.artifact import Artifact

Precision = Literal["float32", "float64"]
Task = Literal["autoencoder", "regression"]

NETWORK_INPUT = "network_input"
NETWORK_OUTPUT = "network_output"
DEFAULT_LATENCY_BUDGET_MS = 5.0  # product.md; an architecture may declare its own


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the user said about the artifact; all optional. `input_shape` is without the batch axis."""

    arch: str | None = None
    timesteps: int | None = None
    input_shape: tuple[int, ...] | None = None
    trust_pickle: bool = False


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What the network is, apart from its weights. Shapes are without the batch axis."""

    framework: str
    framework_version: str
    kind: str
    model_type: str
    task: Task
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    architecture: str | None = None
    architecture_config: dict[str, int] = field(default_factory=dict)
    output_channels: tuple[str, ...] = ()
    output_units: tuple[str, ...] = ()
    latency_budget_ms: float = DEFAULT_LATENCY_BUDGET_MS
    pickled_classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def output_name(self) -> str:
        """The name of the served model's first output."""
        return "reconstruction" if self.task == "autoencoder" else "prediction"


class Network(Protocol):
    """A loaded source model, on scaled inputs: one float32 input, one output."""

    @property
    def spec(self) -> NetworkSpec:
        """What this network is."""

    def export(self, opset: int) -> onnx.ModelProto:
        """Return the ONNX graph: `NETWORK_INPUT` in, `NETWORK_OUTPUT` out, first axes free."""

    def predict(self, x: NDArray[np.float32], precision: Precision) -> NDArray[np.floating]:
        """Run the source model itself on `x` [rows, *input_shape]; DwcpcError where it cannot in that precision."""


class SourceFramework(Protocol):
    """One framework: recognises its artifacts and loads them without executing anything from them."""

    name: str

    def detect(self, artifact: Artifact) -> bool:
        """Say whether the bytes look like this framework's, without parsing them in full."""

    def load(self, artifact: Artifact, options: LoadOptions) -> Network:
        """Load the model; InputError with the reason when it cannot be done safely and exactly."""

    def describe(self, artifact: Artifact) -> Sequence[tuple[str, str]]:
        """Return what is inside as (label, text) pairs, without executing anything from it."""
