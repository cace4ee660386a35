"""`dwcpc verify`: a bundle against its golden vectors, against its source artifact, or against a kept failure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.reference_source import reference_source
from dwcpc.compiler.commands.runtimes import check_runtimes
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.bundled import feature_use
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.parity.cases import NON_FINITE_ROWS, non_finite_cases
from dwcpc.parity.failure import read_failure
from dwcpc.parity.features.source import WindowSource
from dwcpc.parity.features.windows import refused_windows
from dwcpc.parity.reference import CaseRequest, Reference, ReferenceGroup, make_reference
from dwcpc.parity.runners import RUNNERS
from dwcpc.parity.verify import Verification, verify

if TYPE_CHECKING:
    from dwcpc.compiler.metadata import AppliedScaler
    from dwcpc.parity.runners.base import Runner


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Against what a bundle is verified; neither `source` nor `replay` means its golden vectors."""

    runtimes: tuple[str, ...]
    source: Path | None
    replay: Path | None
    rows: int
    seed: int
    load: LoadOptions


def verify_bundle(path: Path, options: VerifyOptions, progress: Callable[[str], None]) -> tuple[Bundle, Verification]:
    """Open the bundle at `path` and verify it."""
    runners = _runners(options.runtimes)
    bundle = open_bundle(path)
    if options.replay is not None:
        reference = _refusing_by_features(bundle, read_failure(options.replay), options.seed)
    elif options.source is not None:
        reference = _reference_from_source(bundle, options.source, options, progress)
    else:
        reference = golden_reference(bundle, options.seed)
    return bundle, verify(bundle, reference, runners, progress)


def golden_reference(bundle: Bundle, seed: int) -> Reference:
    """Return the bundle's golden vectors as a reference: no source model and no framework is needed."""
    rows = bundle.golden("input")[bundle.metadata.inputs[0].name].astype(np.float32)
    outputs = bundle.golden("output")
    groups = tuple(
        ReferenceGroup(
            group.name,
            rows[group.start : group.stop],
            {name: values[group.start : group.stop] for name, values in outputs.items()},
            {name: np.array(values) for name, values in group.tolerance.items()},
        )
        for group in bundle.metadata.golden.groups
    )
    return _refusing_by_features(bundle, Reference("golden", seed, groups, non_finite_cases(rows, seed).rows, ()), seed)


def _refusing_by_features(bundle: Bundle, reference: Reference, seed: int) -> Reference:
    """Let it be windows whose features are not finite that have to be refused, where the graph computes them."""
    use = feature_use(bundle.metadata)
    if use is None or not use.embedded:
        return reference
    windows = refused_windows(reference.groups[0].rows, seed)
    rows = use.rows(windows)
    refused = ~np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
    return dataclasses.replace(reference, non_finite=windows[refused][:NON_FINITE_ROWS])


def _runners(names: tuple[str, ...]) -> tuple[Runner, ...]:
    check_runtimes(names)
    known = {runner.name: runner for runner in RUNNERS}
    return tuple(known[name] for name in dict.fromkeys(names))


def _reference_from_source(
    bundle: Bundle, source: Path, options: VerifyOptions, progress: Callable[[str], None]
) -> Reference:
    metadata = bundle.metadata
    artifact = read_artifact(source)
    if artifact.sha256 != metadata.source.sha256:
        raise InputError(
            f"{source}: has SHA-256 {artifact.sha256[:12]}…, expected {metadata.source.sha256[:12]}…, from which "
            f"{bundle.path} was compiled; give that file, or compile this one"
        )
    use = feature_use(metadata)
    shape = tuple(axis for axis in metadata.inputs[0].shape if isinstance(axis, int))
    if use is not None and use.embedded:
        shape = use.model_shape
    load = LoadOptions(
        arch=options.load.arch or metadata.source.architecture,
        timesteps=metadata.source.architecture_config.get("timesteps"),
        input_shape=shape,
        trust_pickle=options.load.trust_pickle,
        missing=metadata.source.missing,
    )
    loaded = source_of(artifact).load(artifact, load)
    for file in loaded.spec.files_beside:
        if file not in metadata.source.notes:
            raise InputError(
                f"{source}: its {file}, with which {bundle.path} was not compiled; give that file, or compile this one"
            )
    in_graph = metadata.scaler.applied == "graph" and metadata.scaler.type != "Identity"
    scaler = _scaler(metadata.scaler) if in_graph else None
    model = reference_source(loaded, scaler, _optional(metadata.target_scaler), metadata.decision)
    answering = WindowSource(model, use) if use is not None and use.embedded else model
    threshold = None if metadata.decision is None else metadata.decision.threshold
    floor = None if metadata.precision_search is None else metadata.precision_search.min_sqnr_db
    return make_reference(answering, CaseRequest(options.rows, options.seed, threshold, min_sqnr_db=floor), progress)


def _optional(scaler: AppliedScaler | None) -> Scaler | None:
    return None if scaler is None else _scaler(scaler)


def _scaler(scaler: AppliedScaler) -> Scaler:
    return Scaler(scaler.type, scaler.center, scaler.scale)
