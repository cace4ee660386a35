"""`compile_artifact`: load → build the served graph. What it returns is not yet proven and not yet written."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dwcpc.compiler.artifact import Artifact, read_artifact
from dwcpc.compiler.class_threshold import check_probability, class_decision
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.lowering.reading_order import require_embeddable
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.shipped import named_document
from dwcpc.compiler.features.use import FeatureUse, require_names, timesteps_of
from dwcpc.compiler.graphs.built import Built, Surroundings
from dwcpc.compiler.metadata import Decision, LayerPrecision, PrecisionSearch, Source, TensorSpec
from dwcpc.compiler.scalers import LoadedScaler, Scaler, load_scaler, require_features
from dwcpc.compiler.signature import (
    ANOMALY_FLAG,
    GRAPH_INPUT,
    ISOLATION_DEFINITION,
    PROBABILITY_DEFINITION,
    SCORE_DEFINITION,
    SCORE_OUTPUT,
)
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import Estimator, LoadOptions, Network, NetworkSpec
from dwcpc.compiler.trees.ensemble import TreeEnsemble

if TYPE_CHECKING:
    import onnx

    from dwcpc.compiler.sources.base import ModelSpec
    from dwcpc.compiler.targets.base import Target


@dataclass(frozen=True, slots=True)
class CompileRequest:
    """One artifact, what belongs to it, and where it is to run."""

    artifact: Path
    target: Target
    scaler: Path | None = None
    target_scaler: Path | None = None
    scaler_applied: Literal["graph", "host"] = "graph"
    threshold: float | None = None
    load: LoadOptions = field(default_factory=LoadOptions)
    one_row: bool = False  # a call
    features: str | None = None  # a specification's file, or the name of a shipped one
    embed_features: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """The served graph, the model it came from, and what the metadata says of both.

    With `one_row` the graph takes exactly one row a call, which `built.core` does not. `precision` and
    `precision_search` are empty where everything is in the framework's own precision. `features` are those of the
    specification that was given; `embedding.py` puts them into the graph.
    """

    built: Built
    loaded: Network | Estimator
    target: Target
    source: Source
    scaler: Scaler
    scaler_applied: Literal["graph", "host"]
    target_scaler: Scaler | None
    decision: Decision | None
    inputs: tuple[TensorSpec, ...]
    one_row: bool = False
    features: FeatureUse | None = None
    precision: tuple[LayerPrecision, ...] = ()
    precision_search: PrecisionSearch | None = None

    def served(self, network: onnx.ModelProto) -> onnx.ModelProto:
        """Return `network`, another form of `built.core`, with everything around it."""
        from dwcpc.compiler.graphs.assemble import assemble

        assert isinstance(self.spec, NetworkSpec)  # noqa: S101 - estimators have no core
        return assemble(network, self.spec, Surroundings(self.scaler_in_graph, self.target_scaler, self.one_row))

    def noted(self, *notes: str) -> Compiled:
        """Return the same with more notes on its source."""
        return replace(self, source=replace(self.source, notes=(*self.source.notes, *notes)))

    @property
    def threshold(self) -> float | None:
        """What the decision turns on; none where there is no decision."""
        return None if self.decision is None else self.decision.threshold

    @property
    def spec(self) -> ModelSpec:
        """What the loaded model is."""
        return self.loaded.spec

    @property
    def scaler_in_graph(self) -> Scaler | None:
        """The scaler that the graph applies; none where the caller scales or there is nothing to do."""
        return None if self.scaler_applied == "host" or self.scaler.type == "Identity" else self.scaler


def compile_artifact(request: CompileRequest, progress: Callable[[str], None] = lambda _: None) -> Compiled:
    """Turn an artifact into the graph that will be served. DwcpcError says why not; nothing is written."""
    artifact = read_artifact(request.artifact)
    scaler = _scaler(request.scaler)
    target_scaler = _scaler(request.target_scaler)
    progress("loading the model")
    loaded = source_of(artifact).load(artifact, request.load)
    spec = loaded.spec
    _check_options(loaded, request)
    for given, path, width in (
        (scaler, request.scaler, spec.input_shape[-1]),
        (target_scaler, request.target_scaler, _output_width(loaded)),
    ):
        if given is not None and path is not None:
            require_features(given.scaler, width, path)
    use = _feature_use(request, spec, None if scaler is None else scaler.scaler)
    decision = decision_of(loaded, request.threshold)
    used = Scaler.identity(spec.input_shape[-1]) if scaler is None else scaler.scaler
    features = used.feature_names or spec.feature_names or tuple(f"feature_{i}" for i in range(used.features))
    features = features if use is None else use.spec.features
    in_graph = scaler.scaler if scaler is not None and request.scaler_applied == "graph" else None
    around = Surroundings(in_graph, None if target_scaler is None else target_scaler.scaler, request.one_row)
    return Compiled(
        built=_built(loaded, around, request.target.opset, decision, features, progress),
        loaded=loaded,
        target=request.target,
        source=_source(artifact, loaded, request.target.opset, scaler, target_scaler),
        scaler=used,
        scaler_applied=request.scaler_applied,
        target_scaler=around.target_scaler,
        decision=decision,
        inputs=(TensorSpec(GRAPH_INPUT, "float32", ("batch", *spec.input_shape), features),),
        one_row=request.one_row,
        features=use,
    )


def _feature_use(request: CompileRequest, spec: ModelSpec, scaler: Scaler | None) -> FeatureUse | None:
    """Return the features that were named; InputError where they are not the model's, or cannot be embedded."""
    if request.features is None:
        if request.embed_features:
            raise InputError(
                "--embed-features: there are no features to embed; name their specification with --features"
            )
        return None
    document = named_document(request.features)
    features = checked_spec(document, request.features)
    for known in (() if scaler is None else scaler.feature_names or (), spec.feature_names):
        require_names(features, spec.input_shape[-1], known, request.features)
    if request.embed_features:
        require_embeddable(features, request.features)
        if request.scaler_applied == "host" and scaler is not None:
            raise InputError(
                "--embed-features: the caller cannot scale features that the graph computes; omit --scaler-applied host"
            )
    return FeatureUse(features, document, request.embed_features, timesteps_of(spec.input_shape, request.features))


def decision_of(loaded: Network | Estimator, threshold: float | None) -> Decision | None:
    """Return what makes an answer an anomaly; InputError for a threshold where the model has no score.

    Without a threshold a network has none, an isolation forest keeps the one it was fitted with, and a classifier
    its framework's label.
    """
    spec = loaded.spec
    if spec.task == "autoencoder":
        return None if threshold is None else Decision(SCORE_OUTPUT, SCORE_DEFINITION, threshold, ">")
    if spec.task == "anomaly_detection" and isinstance(loaded, Network):
        return None if threshold is None else _by_probability(threshold)
    if spec.task == "anomaly_detection" and isinstance(loaded, Estimator) and isinstance(loaded.core, TreeEnsemble):
        if threshold is not None:
            return Decision(SCORE_OUTPUT, ISOLATION_DEFINITION, threshold, "<=", ANOMALY_FLAG)
        if loaded.core.offset is not None:
            return Decision(SCORE_OUTPUT, ISOLATION_DEFINITION, loaded.core.offset, "<", ANOMALY_FLAG)
    if threshold is not None and spec.task == "classification" and isinstance(loaded, Estimator):
        return class_decision(loaded.core, threshold)
    if threshold is not None:
        raise InputError(
            f"--threshold {threshold:g}: the model is a {spec.model_type} without an anomaly score or two classes; "
            "omit --threshold"
        )
    return None


def _by_probability(threshold: float) -> Decision:
    check_probability(threshold)
    return Decision(SCORE_OUTPUT, PROBABILITY_DEFINITION, threshold, ">=")


def _built(
    loaded: Network | Estimator,
    around: Surroundings,
    opset: int,
    decision: Decision | None,
    features: tuple[str, ...],
    progress: Callable[[str], None],
) -> Built:
    # Here and not above: without the framework the user is told to install it, not that onnx-ir is missing.
    if isinstance(loaded, Network):
        for needed in ("onnxsim", "onnx_ir"):
            if importlib.util.find_spec(needed) is None:
                raise InputError(f"{needed} is not installed, and networks are compiled with it; install dwcpc[onnx]")
        from dwcpc.compiler.graphs.networks import build_network

        return build_network(loaded, around, opset, features, progress)
    from dwcpc.compiler.graphs.estimators import build_estimator

    return build_estimator(loaded, around, opset, decision, progress)


def _check_options(loaded: Network | Estimator, request: CompileRequest) -> None:
    """Refuse what was said of another kind of model: ignored, it would look as if it had an effect."""
    spec, said = loaded.spec, request.load
    of_networks = {
        "--arch": said.arch,
        "--batch": request.one_row or None,
        "--input-shape": said.input_shape,
        "--timesteps": said.timesteps,
    }
    taken = set() if isinstance(loaded, Estimator) else set(of_networks)
    if isinstance(spec, NetworkSpec) and spec.opset is not None:
        taken = {"--batch", "--input-shape"}
    not_taken = {name for name, value in of_networks.items() if value is not None and name not in taken}
    if said.missing is not None and spec.framework != "xgboost":
        not_taken.add("--missing")
    if request.target_scaler is not None and spec.task in ("classification", "anomaly_detection"):
        not_taken.add("--target-scaler")
    if isinstance(loaded, Estimator) and loaded.core.missing is not None and not math.isfinite(loaded.core.missing):
        raise InputError(
            f"{request.artifact}: takes {loaded.core.missing} for missing, expected NaN or a finite number"
        )
    if not_taken:
        options = ", ".join(sorted(not_taken))
        raise InputError(f"{request.artifact}: is a {spec.model_type}, which has no use for {options}; omit it")


def _output_width(loaded: Network | Estimator) -> int:
    return loaded.spec.output_shape[-1] if isinstance(loaded, Network) and loaded.spec.output_shape else 1


def _scaler(path: Path | None) -> LoadedScaler | None:
    return None if path is None else load_scaler(path)


def _source(
    artifact: Artifact,
    loaded: Network | Estimator,
    opset: int,
    scaler: LoadedScaler | None,
    target_scaler: LoadedScaler | None,
) -> Source:
    spec = loaded.spec
    converted: tuple[str, ...] = ()
    if isinstance(spec, NetworkSpec) and spec.opset not in {None, opset}:
        converted = (f"opset {spec.opset} was converted to {opset}",)
    given = [each for each in (scaler, target_scaler) if each is not None]
    classes = {name for each in given for name in each.pickled_classes} | set(spec.pickled_classes)
    versions = tuple(
        f"a scaler was written by scikit-learn {each.library_version}" for each in given if each.library_version
    )
    return Source(
        framework=spec.framework,
        framework_version=spec.framework_version,
        file=artifact.path.name,
        sha256=artifact.sha256,
        kind=spec.kind,
        architecture=spec.architecture if isinstance(spec, NetworkSpec) else None,
        architecture_config=dict(spec.architecture_config) if isinstance(spec, NetworkSpec) else {},
        scaler_sha256=None if scaler is None else scaler.sha256,
        target_scaler_sha256=None if target_scaler is None else target_scaler.sha256,
        missing=loaded.core.missing if isinstance(loaded, Estimator) else None,
        pickled_classes=tuple(sorted(classes)),
        notes=spec.notes
        + converted
        + spec.files_beside
        + versions
        + (() if scaler is not None else ("no scaler was given: inputs go to the model as they are",)),
    )
