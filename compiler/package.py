"""Writing a bundle into a folder: golden vectors, the model with its own explanation inside, metadata."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.bundle import GOLDEN_FOLDER, METADATA_FILE, MODEL_FILE, validate
from dwcpc.compiler.clock import now
from dwcpc.compiler.consistency import golden_hash
from dwcpc.compiler.metadata import (
    SCHEMA,
    AppliedScaler,
    BundledFeatures,
    FeatureGolden,
    Golden,
    GoldenFile,
    GoldenGroup,
    HashedFile,
    LayerPrecision,
    Metadata,
    ModelFile,
    Runtime,
)
from dwcpc.compiler.seal import sealed
from dwcpc.compiler.signature import ADDED_PREFIX

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from dwcpc.compiler.pipeline import Compiled
    from dwcpc.compiler.scalers import Scaler

PROPERTY_PREFIX = "dwcpc."
# No tensor has a name with a dash.
RAW_FILE = f"{GOLDEN_FOLDER}/features-raw.npy"
FEATURES_FILE = f"{GOLDEN_FOLDER}/features-computed.npy"
COMPUTING_OPS = frozenset({"LSTM", "GRU", "RNN", "Gemm", "MatMul", "Conv"})


@dataclass(frozen=True, slots=True)
class GoldenRows:
    """One group of golden vectors: raw inputs, the source's outputs on them, and the tolerance of each output."""

    group: str
    rows: NDArray[np.float32]
    outputs: dict[str, NDArray[np.floating]]
    tolerance: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Label:
    """What the bundle is called."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class FeatureVectors:
    """Raw windows float64 [windows, timesteps + lookback, columns], and the features that belong to them."""

    raw: NDArray[np.float64]
    features: NDArray[np.float64]


def write_bundle(
    folder: Path,
    compiled: Compiled,
    label: Label,
    golden: Sequence[GoldenRows],
    vectors: FeatureVectors | None = None,
) -> Metadata:
    """Write everything into the empty `folder`; the metadata says nothing yet of parity and measurements.

    It says nothing of features where there are no `vectors` of them.
    """
    written = _write_golden(folder, compiled, golden)
    features = None if vectors is None else _write_features(folder, compiled, vectors)
    scaler = _applied(compiled.scaler, compiled.scaler_applied)
    metadata = Metadata(
        schema=SCHEMA,
        name=label.name,
        version=label.version,
        created=now(),
        compiler=f"dwcpc {installed_version('dwcpc')}",
        model_type=compiled.spec.model_type,
        task=compiled.spec.task,
        target=compiled.target.name,
        source=compiled.source,
        precision=_precision(compiled),
        precision_search=compiled.precision_search,
        passes=compiled.built.passes,
        model=_write_model(folder, compiled, label, scaler, written, features),
        inputs=compiled.inputs,
        outputs=compiled.built.outputs,
        scaler=scaler,
        target_scaler=None if compiled.target_scaler is None else _applied(compiled.target_scaler, "graph"),
        features=features,
        decision=compiled.decision,
        non_finite=compiled.spec.non_finite,
        runtime=Runtime(compiled.target.session, {}),
        golden=written,
        parity=None,
        measurements=None,
        budgets=(),
    )
    write_metadata(folder, metadata)
    return metadata


def write_metadata(folder: Path, metadata: Metadata) -> None:
    """Write `metadata.json`, after holding it against the schema; NaN and infinities cannot be written."""
    path = folder / METADATA_FILE
    text = sealed(dataclasses.asdict(metadata))
    validate(path, json.loads(text))
    path.write_text(text, encoding="utf-8")


def _write_golden(folder: Path, compiled: Compiled, golden: Sequence[GoldenRows]) -> Golden:
    (folder / GOLDEN_FOLDER).mkdir()
    files = []
    rows = np.concatenate([group.rows for group in golden])
    for tensor in compiled.inputs:
        files.append(_write_array(folder, tensor.name, "input", rows))
    for tensor in compiled.built.outputs:
        values = np.concatenate([group.outputs[tensor.name] for group in golden]).astype(np.float64)
        files.append(_write_array(folder, tensor.name, "output", values))
    groups, start = [], 0
    for group in golden:
        groups.append(GoldenGroup(group.group, start, start + len(group.rows), group.tolerance))
        start += len(group.rows)
    return Golden(len(rows), golden_hash(tuple(files)), tuple(files), tuple(groups))


def _write_features(folder: Path, compiled: Compiled, vectors: FeatureVectors) -> BundledFeatures:
    use = compiled.features
    assert use is not None  # noqa: S101 - of which the vectors are
    files = []
    for name, values in ((RAW_FILE, vectors.raw), (FEATURES_FILE, vectors.features)):
        np.save(folder / name, np.ascontiguousarray(values))
        files.append(HashedFile(name, hashlib.sha256((folder / name).read_bytes()).hexdigest()))
    return BundledFeatures(use.document, use.embedded, use.timesteps, FeatureGolden(*files))


def _write_array(folder: Path, tensor: str, kind: str, values: NDArray[np.floating]) -> GoldenFile:
    path = folder / GOLDEN_FOLDER / f"{tensor}.npy"
    np.save(path, np.ascontiguousarray(values))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    relative = f"{GOLDEN_FOLDER}/{path.name}"
    return GoldenFile(tensor, "input" if kind == "input" else "output", relative, sha256)


def _write_model(
    folder: Path,
    compiled: Compiled,
    label: Label,
    scaler: AppliedScaler,
    golden: Golden,
    features: BundledFeatures | None,
) -> ModelFile:
    """Write the model with what a Go service asserts at start-up in its own `metadata_props`."""
    model = compiled.built.model
    facts = {
        "schema": SCHEMA,
        "name": label.name,
        "version": label.version,
        "features": compiled.inputs[0].channels,
        "feature_spec": None if features is None else {"embedded": features.embedded, "spec": features.spec},
        "scaler": dataclasses.asdict(scaler),
        "decision": None if compiled.decision is None else dataclasses.asdict(compiled.decision),
        "non_finite": compiled.spec.non_finite,
        "batch": _batch(compiled),
        "golden_sha256": golden.sha256,
    }
    del model.metadata_props[:]
    for key, value in facts.items():
        text = value if isinstance(value, str) else json.dumps(value, allow_nan=False, ensure_ascii=False)
        model.metadata_props.add(key=PROPERTY_PREFIX + key, value=text)
    data = model.SerializeToString(deterministic=True)
    (folder / MODEL_FILE).write_bytes(data)
    return ModelFile(
        file=MODEL_FILE,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        opset=next(opset.version for opset in model.opset_import if opset.domain == ""),
        ir_version=model.ir_version,
        nodes=count_nodes(model.graph),
        nodes_exported=compiled.built.nodes_exported,
        batch=_batch(compiled),
    )


def _batch(compiled: Compiled) -> int | None:
    return 1 if compiled.one_row else None


def _precision(compiled: Compiled) -> tuple[LayerPrecision, ...]:
    from onnx import TensorProto

    if compiled.precision:
        return compiled.precision
    model = compiled.built.model
    layers = [
        LayerPrecision(node.name or node.output[0], node.op_type, "float32", "the target's only precision")
        for node in model.graph.node
        if node.op_type in COMPUTING_OPS and not node.name.startswith(ADDED_PREFIX)
    ]
    for node in model.graph.node:
        if node.op_type == "TreeEnsemble":
            weights = next(each.t for each in node.attribute if each.name == "leaf_weights")
            precision = "float64" if weights.data_type == TensorProto.DOUBLE else "float32"
            reason = "adds the trees to the same bits as the source framework"
            layers.append(LayerPrecision(node.name, node.op_type, precision, reason))
    return tuple(layers)


def count_nodes(graph: onnx.GraphProto) -> int:
    """Count the nodes of `graph` and of the graphs inside it."""
    inner = (attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g"))
    return len(graph.node) + sum(count_nodes(each) for each in inner)


def _applied(scaler: Scaler, applied: str) -> AppliedScaler:
    return AppliedScaler(scaler.type, scaler.center, scaler.scale, "host" if applied == "host" else "graph")
