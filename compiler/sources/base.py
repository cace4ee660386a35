"""What a source framework must provide. One framework a file; `SOURCES` in this package's `__init__` lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from dwcpc.compiler.signature import PREDICTION, SCORE_OUTPUT

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from dwcpc.compiler.artifact import Artifact
    from dwcpc.compiler.linear import LinearModel
    from dwcpc.compiler.metadata import NonFinite
    from dwcpc.compiler.scalers import Scaling
    from dwcpc.compiler.trees.ensemble import TreeEnsemble

Precision = Literal["float32", "float64"]
Task = Literal["autoencoder", "regression", "classification", "anomaly_detection"]

NETWORK_INPUT = "network_input"
NETWORK_OUTPUT = "network_output"
OUTPUT_NAMES: Mapping[Task, str] = {"autoencoder": "reconstruction", "anomaly_detection": SCORE_OUTPUT}
DEFAULT_LATENCY_BUDGET_MS = 5.0  # product.md; an architecture may declare its own


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the user said about the artifact; all optional. `input_shape` is without the batch axis.

    `missing` is the value, besides NaN, that the model was trained to take for a missing one: XGBoost does not save it.
    """

    arch: str | None = None
    timesteps: int | None = None
    input_shape: tuple[int, ...] | None = None
    trust_pickle: bool = False
    missing: float | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a loaded model is, apart from its numbers. Shapes are without the batch axis.

    `files_beside` names each other file that the model is made of with its hash, as the bundle's notes then say it.
    """

    framework: str
    framework_version: str
    kind: str
    model_type: str
    task: Task
    input_shape: tuple[int, ...]
    _: KW_ONLY
    latency_budget_ms: float = DEFAULT_LATENCY_BUDGET_MS
    non_finite: NonFinite = "propagated"
    feature_names: tuple[str, ...] = ()
    pickled_classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files_beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkSpec(ModelSpec):
    """What a network is: one float32 input, one output. `opset` is its own where the source is an ONNX file."""

    output_shape: tuple[int, ...]
    architecture: str | None = None
    architecture_config: dict[str, int] = field(default_factory=dict)
    output_channels: tuple[str, ...] = ()
    output_units: tuple[str, ...] = ()
    opset: int | None = None

    @property
    def output_name(self) -> str:
        """The name of the served model's first output."""
        return OUTPUT_NAMES.get(self.task, PREDICTION)


@runtime_checkable
class Network(Protocol):
    """A loaded source model, on scaled inputs: one float32 input, one output."""

    @property
    def spec(self) -> NetworkSpec:
        """What this network is."""

    def export(self, opset: int) -> onnx.ModelProto:
        """Return the ONNX graph: `NETWORK_INPUT` in, `NETWORK_OUTPUT` out, first axes free."""

    def predict(self, x: NDArray[np.float32], precision: Precision) -> NDArray[np.floating]:
        """Run the source model itself on `x` [rows, *input_shape]; PrecisionError where it cannot in float64."""


@runtime_checkable
class Estimator(Protocol):
    """A loaded model that decides: trees or a linear classifier, with the scalers of its pipeline before it.

    `core` says what it computes, and is what is compiled; `answers` and `leaves` are the framework's own code on the
    checked content of the file, and are what it is compared with.
    """

    @property
    def spec(self) -> ModelSpec:
        """What this model is."""

    @property
    def scalers(self) -> tuple[Scaling, ...]:
        """The pipeline's own scalers, in their order; none where the model stands alone."""

    @property
    def core(self) -> TreeEnsemble | LinearModel:
        """What the model behind those scalers computes."""

    def answers(self, x: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Return what the framework answers to `x` [rows, features], which the pipeline's scalers have not touched.

        Classification: `label` [rows] (as `core.label_values` has it) and `probability` [rows, classes]; regression:
        `prediction` [rows, 1]; anomaly detection: `anomaly_score` [rows]. Infinities are answered as the framework's
        arithmetic does behind its validation of inputs; rows that are not finite are not asked where
        `spec.non_finite` is "propagated".
        """

    def leaves(self, x: NDArray[np.float32]) -> NDArray[np.int32] | None:
        """Return the node of its tree [rows, trees] in which each row of `x` ends; none where there are no trees."""


class SourceFramework(Protocol):
    """One framework: recognises its artifacts and loads them without executing anything from them."""

    name: str

    def detect(self, artifact: Artifact) -> bool:
        """Say whether the bytes look like this framework's, without parsing them in full."""

    def load(self, artifact: Artifact, options: LoadOptions) -> Network | Estimator:
        """Load the model; InputError with the reason when it cannot be done safely and exactly."""

    def describe(self, artifact: Artifact) -> Sequence[tuple[str, str]]:
        """Return what is inside as (label, text) pairs, without executing anything from it."""
