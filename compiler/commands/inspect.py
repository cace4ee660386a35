"""`dwcpc inspect`: what is inside an artifact, a scaler or a bundle, without executing anything from it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.bundled import feature_use
from dwcpc.compiler.scalers import load_scaler
from dwcpc.compiler.sources import source_of

if TYPE_CHECKING:
    from dwcpc.compiler.metadata import Metadata

Fields = Sequence[tuple[str, str]]


def inspect_path(path: Path) -> Fields:
    """Return (label, text) pairs for a bundle's folder, a model or a scaler."""
    if path.is_dir():
        return _bundle_fields(path)
    artifact = read_artifact(path)
    head = [("file", str(path)), ("bytes", str(len(artifact.data))), ("sha256", artifact.sha256)]
    try:
        source = source_of(artifact)
    except InputError as not_a_model:
        try:
            return [*head, *_scaler_fields(path)]
        except InputError as not_a_scaler:
            raise InputError(f"{not_a_model}; nor is it a scaler: {not_a_scaler}") from not_a_scaler
    try:
        return [*head, ("framework", source.name), *source.describe(artifact)]
    except InputError:
        # A pickle of scikit-learn's may hold a scaler; what is neither is told about as the model it seems to be.
        with contextlib.suppress(InputError):
            return [*head, *_scaler_fields(path)]
        raise


def _scaler_fields(path: Path) -> Fields:
    loaded = load_scaler(path)
    scaler = loaded.scaler
    names = scaler.feature_names or tuple(f"feature_{index}" for index in range(len(scaler.center)))
    return [
        ("scaler", f"{scaler.type}, {len(scaler.center)} features"),
        ("written by", f"scikit-learn {loaded.library_version}" if loaded.library_version else "unknown"),
        ("classes named", ", ".join(loaded.pickled_classes) or "none"),
        *(
            (name, f"center {center:.9g}  scale {scale:.9g}")
            for name, center, scale in zip(names, scaler.center, scaler.scale, strict=True)
        ),
    ]


def _features(metadata: Metadata) -> str:
    use = feature_use(metadata)
    if use is None:
        return "no specification"
    where = "in the graph, of raw windows" if use.embedded else "by the caller"
    return f"{len(use.spec.features)} of {len(use.spec.columns)} columns by {use.spec.name}, computed {where}"


def _precision(metadata: Metadata) -> Fields:
    """Return what a search for precision chose, where there was one."""
    search = metadata.precision_search
    if search is None:
        return []
    fields = []
    for each in (each for each in search.candidates if each.chosen):
        worst = "" if each.worst_row is None else f", the worst errs {each.worst_row:.2f} of what it may"
        told = f"{each.name}: {each.sqnr_db:.1f} dB of {search.min_sqnr_db:g} asked for on {each.rows} rows{worst}"
        fields.append(("precision", told))
    return fields


def _training(metadata: Metadata) -> str:
    training = metadata.source.training
    if training is None:
        return "unknown"
    until = "" if training.until is None else f", until {training.until:.15g}"
    return f"{training.note}: {training.rows} rows{until}, seed {training.seed}"


def _bundle_fields(path: Path) -> Fields:
    bundle = open_bundle(path)
    metadata = bundle.metadata
    decision = metadata.decision
    parity = metadata.parity
    return [
        ("bundle", str(bundle.path)),
        ("name", f"{metadata.name} v{metadata.version}, made {metadata.created} by {metadata.compiler}"),
        ("source", f"{metadata.source.framework} {metadata.source.kind} {metadata.source.file}"),
        ("trained on", _training(metadata)),
        ("model", f"{metadata.model_type}, {metadata.model.nodes} nodes, opset {metadata.model.opset}"),
        ("bytes", str(bundle.size_bytes)),
        ("rows a call", "any" if metadata.model.batch is None else str(metadata.model.batch)),
        *(("input", f"{t.name} {t.dtype} {list(t.shape)}: {', '.join(t.channels)}") for t in metadata.inputs),
        *(("output", f"{t.name} {t.dtype} {list(t.shape)}") for t in metadata.outputs),
        ("features", _features(metadata)),
        ("scaler", f"{metadata.scaler.type}, applied by the {metadata.scaler.applied}"),
        (
            "decision",
            "none" if decision is None else f"{decision.score} {decision.comparison} {decision.threshold:g}: anomaly",
        ),
        *_precision(metadata),
        ("parity", "not verified" if parity is None else f"{parity.verdict}, reference {parity.reference}"),
        *(("budget", f"{b.name} {b.verdict}: limit {b.limit:g}, measured {b.measured}") for b in metadata.budgets),
        *(
            ("pass", f"{p.name}: {p.changed} changed{''.join('; ' + why for why in p.refused)}")
            for p in metadata.passes
        ),
    ]
