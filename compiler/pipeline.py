"""`compile_artifact`: load → convert → run passes → assemble. What it returns is not yet proven and not yet written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Source, StepRecord, TensorSpec
from dwcpc.compiler.scalers import LoadedScaler, Scaler, load_scaler, require_features
from dwcpc.compiler.signature import GRAPH_INPUT, SCORE_OUTPUT
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions, Network, NetworkSpec

if TYPE_CHECKING:
    import onnx

    from dwcpc.compiler.targets.base import Target


@dataclass(frozen=True, slots=True)
class CompileRequest:
    """One artifact, what belongs to it, and where it is to run."""

    artifact: Path
    target: Target
    scaler: Path | None = None
    target_scaler: Path | None = None
    scaler_applied: Literal["graph", "host"] = "graph"
    load: LoadOptions = field(default_factory=LoadOptions)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The served graph, the network it came from, and what the metadata says of both."""

    model: onnx.ModelProto
    network: Network
    target: Target
    source: Source
    scaler: Scaler
    scaler_applied: Literal["graph", "host"]
    target_scaler: Scaler | None
    passes: tuple[StepRecord, ...]
    nodes_exported: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def compile_artifact(request: CompileRequest, progress: Callable[[str], None] = lambda _: None) -> Compiled:
    """Turn an artifact into the graph that will be served. DwcpcError says why not; nothing is written."""
    artifact = read_artifact(request.artifact)
    scaler = _scaler(request.scaler)
    target_scaler = _scaler(request.target_scaler)
    progress("loading the model")
    network = source_of(artifact).load(artifact, request.load)
    spec = network.spec
    for loaded, path, width in (
        (scaler, request.scaler, spec.input_shape[-1]),
        (target_scaler, request.target_scaler, spec.output_shape[-1]),
    ):
        if loaded is not None and path is not None:
            require_features(loaded.scaler, width, path)
    # Here and not above: without the framework the user is told to install it, not that onnx-ir is missing.
    from dwcpc.compiler.assemble import Surroundings, assemble
    from dwcpc.compiler.passes import run_passes

    progress("exporting to ONNX")
    exported = network.export(request.target.opset)
    progress("simplifying the graph")
    simplified, records = run_passes(exported)
    in_graph = scaler.scaler if scaler is not None and request.scaler_applied == "graph" else None
    surroundings = Surroundings(in_graph, None if target_scaler is None else target_scaler.scaler)
    used = Scaler.identity(spec.input_shape[-1]) if scaler is None else scaler.scaler
    inputs, outputs = _tensors(spec, used, has_target_scaler=target_scaler is not None)
    return Compiled(
        model=assemble(simplified, spec, surroundings),
        network=network,
        target=request.target,
        source=_source(artifact.path.name, artifact.sha256, spec, scaler, target_scaler),
        scaler=used,
        scaler_applied=request.scaler_applied,
        target_scaler=surroundings.target_scaler,
        passes=records,
        nodes_exported=len(exported.graph.node),
        inputs=inputs,
        outputs=outputs,
    )


def check_threshold(threshold: float | None, spec: NetworkSpec) -> None:
    """A threshold needs a score; InputError where the model has none."""
    if threshold is not None and spec.task != "autoencoder":
        raise InputError(
            f"--threshold {threshold:g}: the model is a {spec.model_type} without an anomaly score; omit --threshold"
        )


def _scaler(path: Path | None) -> LoadedScaler | None:
    return None if path is None else load_scaler(path)


def _tensors(
    spec: NetworkSpec, scaler: Scaler, *, has_target_scaler: bool
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    width = spec.input_shape[-1]
    features = scaler.feature_names or tuple(f"feature_{index}" for index in range(width))
    inputs = (TensorSpec(GRAPH_INPUT, "float32", ("batch", *spec.input_shape), features),)
    if spec.task == "autoencoder":
        unit = "input" if has_target_scaler else "scaled"
        shape: tuple[int | str, ...] = ("batch", *spec.output_shape)
        reconstruction = TensorSpec(spec.output_name, "float32", shape, features, (unit,) * width)
        return inputs, (reconstruction, TensorSpec(SCORE_OUTPUT, "float32", ("batch",)))
    channels = spec.output_channels or tuple(f"output_{index}" for index in range(spec.output_shape[-1]))
    # Without a target scaler nobody knows whether the model was trained on scaled targets.
    units = spec.output_units if has_target_scaler else ()
    return inputs, (TensorSpec(spec.output_name, "float32", ("batch", *spec.output_shape), channels, units),)


def _source(
    file: str, sha256: str, spec: NetworkSpec, scaler: LoadedScaler | None, target_scaler: LoadedScaler | None
) -> Source:
    loaded = [each for each in (scaler, target_scaler) if each is not None]
    classes = {name for each in loaded for name in each.pickled_classes} | set(spec.pickled_classes)
    versions = tuple(
        f"a scaler was written by scikit-learn {each.library_version}" for each in loaded if each.library_version
    )
    return Source(
        framework=spec.framework,
        framework_version=spec.framework_version,
        file=file,
        sha256=sha256,
        kind=spec.kind,
        architecture=spec.architecture,
        architecture_config=dict(spec.architecture_config),
        scaler_sha256=None if scaler is None else scaler.sha256,
        target_scaler_sha256=None if target_scaler is None else target_scaler.sha256,
        pickled_classes=tuple(sorted(classes)),
        notes=spec.notes
        + versions
        + (() if scaler is not None else ("no scaler was given: inputs go to the network as they are",)),
    )
