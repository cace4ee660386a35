"""What `metadata.json` says, as data. The contract itself is `bundle.schema.json`; a test holds the two together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

SCHEMA = "dwcpc.bundle/1"

ScalerType = Literal["RobustScaler", "StandardScaler", "Identity"]
Comparison = Literal[">", ">=", "<", "<="]
Verdict = Literal["pass", "fail", "inconclusive"]
DType = Literal["float32", "int64"]
NonFinite = Literal["propagated", "answered"]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input (float32) or output. `channels` and `units` run along the last axis.

    `shape` begins with `"batch"`, the axis of the rows, also where a call takes one row alone (`ModelFile.batch`).
    """

    name: str
    dtype: DType
    shape: tuple[int | str, ...]
    channels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    def batched(self, rows: int) -> tuple[int, ...]:
        """Return the shape for `rows` rows."""
        return tuple(rows if isinstance(axis, str) else axis for axis in self.shape)


@dataclass(frozen=True, slots=True)
class Training:
    """The `rows` that the model was fitted to and its threshold chosen on; `note` names them.

    `until` is the latest time among them, in their own unit, or in seconds since 1970 where times are dates; none where
    they have none that another table's could be compared with, as simulated ones, which `seed` draws again.
    """

    kind: Literal["file", "simulated"]
    rows: int
    until: float | None
    seed: int
    note: str


@dataclass(frozen=True, slots=True)
class Source:
    """The artifact that the bundle was made from.

    `missing` is the value, besides NaN, that the model takes for a missing one, behind its scaler; none where there is
    no such value. `training` is none where nobody said what it was trained on.
    """

    framework: str
    framework_version: str
    file: str
    sha256: str
    kind: str
    architecture: str | None
    architecture_config: dict[str, int]
    scaler_sha256: str | None
    target_scaler_sha256: str | None
    missing: float | None
    pickled_classes: tuple[str, ...]
    notes: tuple[str, ...]
    training: Training | None = None


@dataclass(frozen=True, slots=True)
class LayerPrecision:
    """What one layer was given, and why."""

    layer: str
    op: str
    precision: str
    reason: str


@dataclass(frozen=True, slots=True)
class LatencyRatio:
    """One model's latency as a share of another's: the median of adjacent pairs; bounds that hold with 99 % each."""

    ratio: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.ratio:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one graph pass did, or the reasons why it did nothing.

    `effect` is the latency of the graph behind the pass as a share of the one before it, where that was measured.
    """

    name: str
    changed: int
    refused: tuple[str, ...]
    nodes: int
    effect: LatencyRatio | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The rows that weights were rounded by: `"file"` where the user gave them, `"drawn"` from the scaler otherwise."""

    kind: Literal["file", "drawn"]
    rows: int
    note: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to give the layers their precision, as measured on rows that it was not calibrated with.

    `sqnr_db` is what the signal-to-noise of other rows is not below with 95 % confidence; `flips` counts the decisions
    that differ beyond the score's tolerance; `latency` is a share of the float32 bundle's, paired, through Go, where it
    was measured. `worst_row` is the largest share of what it may err that one of the `rows` rows does; older bundles do
    not have it. What was chosen was compared on more rows than the others: on those that confirmed it as well.
    """

    name: str
    layers: dict[str, str]
    sqnr_db: float
    flips: int
    rows: int
    model_bytes: int
    latency: LatencyRatio | None
    chosen: bool
    reason: str
    worst_row: float | None = None


@dataclass(frozen=True, slots=True)
class PrecisionSearch:
    """What a target of reduced precision tried: its floor, and every candidate that was measured."""

    min_sqnr_db: float
    seed: int
    calibration: Calibration
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The ONNX file. `nodes_exported` counts the exporter's graph, before any pass.

    `batch` is 1 where a call takes exactly one row, and none where it takes any number of them.
    """

    file: str
    sha256: str
    bytes: int
    opset: int
    ir_version: int
    nodes: int
    nodes_exported: int
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class AppliedScaler:
    """(x − center) / scale per feature; `applied` says whether the graph or the caller does it."""

    type: ScalerType
    center: tuple[float, ...]
    scale: tuple[float, ...]
    applied: Literal["graph", "host"]


@dataclass(frozen=True, slots=True)
class Decision:
    """An anomaly is `float64(score) <comparison> threshold`, score being the output named so, unless there is a `flag`.

    `flag` names an int64 output `[batch]` that is the decision: 1 an anomaly, 0 none, -1 a row that was not answered.
    The graph takes it from what is not yet rounded, where the float32 score may lie across the threshold. A
    classifier's flag is its label, and its score the probabilities, of which the last is judged.
    """

    score: str
    definition: str
    threshold: float
    comparison: Comparison
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How every runtime opens the model."""

    intra_op_threads: int = 1
    inter_op_threads: int = 1
    execution_mode: Literal["sequential", "parallel"] = "sequential"
    optimization: Literal["none", "basic", "extended", "all"] = "all"
    spinning: bool = False
    arena: bool = True


@dataclass(frozen=True, slots=True)
class Runtime:
    """Session settings, and the onnxruntime versions in which parity was proven."""

    session: SessionSettings
    verified: dict[str, str]


@dataclass(frozen=True, slots=True)
class GoldenFile:
    """One tensor of the golden vectors; outputs are the source model's, in float64 (exact for labels up to 2^53)."""

    tensor: str
    kind: Literal["input", "output"]
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class GoldenGroup:
    """Rows `start` to `stop` and, per output, the tolerance: one value, or one for each index of the last axis.

    That of an int64 output is 0.
    """

    name: str
    start: int
    stop: int
    tolerance: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Golden:
    """The golden vectors; `sha256` is over the files' own hashes, in order."""

    rows: int
    sha256: str
    files: tuple[GoldenFile, ...]
    groups: tuple[GoldenGroup, ...]


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A file of the bundle."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FeatureGolden:
    """What both executors are held against: float64 `raw` [windows, timesteps + lookback, columns], and its `features`.

    Those are [windows, timesteps, features], as Python's executor computed them; a model of one sample has 1 timestep.
    """

    raw: HashedFile
    features: HashedFile


@dataclass(frozen=True, slots=True)
class BundledFeatures:
    """How the model's features are computed: the specification, and whether the graph does it, on raw windows.

    `timesteps` is the length of a window of features, and none where a row is the features of one sample.
    """

    spec: dict[str, Any]
    embedded: bool
    timesteps: int | None
    golden: FeatureGolden


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one output on one group of cases in one runtime: the worst value seen and what was allowed."""

    check: str
    runtime: str
    output: str
    group: str
    worst: float
    limit: float
    rows: int
    passed: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Parity:
    """The outcome of verification. `reference` is `"float64"` where the framework could, else `"float32"`."""

    verdict: Verdict
    reference: Literal["float64", "float32", "golden"]
    seed: int
    rows: dict[str, int]
    results: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one fresh process of one runtime took: batch 1, one thread, copy in → run → copy out."""

    runtime: str
    onnxruntime: str
    calls: int
    load_ms: float
    first_call_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p99_upper_ms: float
    max_ms: float
    cpu_p50_ms: float
    cpu_mean_ms: float
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the measurements were taken."""

    cpu: str
    cores: int
    flags: tuple[str, ...]
    platform: str
    load_1m: float
    steal_percent: float


@dataclass(frozen=True, slots=True)
class Measurements:
    """All runs on one machine; `source_p50_ms` is the source model in its own framework, in the same job."""

    machine: Machine
    runs: tuple[Measurement, ...]
    source_p50_ms: float | None


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget: its limit, the measured value (none: it could not be measured) and the verdict with its reason."""

    name: str
    limit: float
    measured: float | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """A bundle's `metadata.json`. `parity`, `measurements` are none until they were measured.

    `non_finite` is `"propagated"` where a row with a NaN or an infinity gives NaN in every float32 output and -1 in
    every int64 one, and `"answered"` where the model has an answer of its own to such rows. Where the graph computes
    the features, that is said of them, not of the raw values.
    """

    schema: str
    name: str
    version: str
    created: str
    compiler: str
    model_type: str
    task: str
    target: str
    source: Source
    precision: tuple[LayerPrecision, ...]
    precision_search: PrecisionSearch | None
    passes: tuple[StepRecord, ...]
    model: ModelFile
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    scaler: AppliedScaler
    target_scaler: AppliedScaler | None
    features: BundledFeatures | None
    decision: Decision | None
    non_finite: NonFinite
    runtime: Runtime
    golden: Golden
    parity: Parity | None
    measurements: Measurements | None
    budgets: tuple[Budget, ...]
