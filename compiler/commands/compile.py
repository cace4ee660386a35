"""`dwcpc compile`: compile → reference → stage → verify → measure → judge → place."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.budgets import DEFAULT_LIMITS, LATENCY, Limits, judge, overall, parse_limits
from dwcpc.bench.environment import cpu_ticks, describe_machine
from dwcpc.bench.measure import DISTINCT_ROWS, measure_go, measure_python, time_source
from dwcpc.bench.reports import markdown
from dwcpc.bench.reports.summary import Summary
from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.commands.confirming import Confirming
from dwcpc.compiler.commands.effects import with_effects
from dwcpc.compiler.commands.golden import golden_rows, measured_golden
from dwcpc.compiler.commands.precision import (
    Reduction,
    Rows,
    reduce_precision,
    reduces,
    split_rows,
)
from dwcpc.compiler.commands.reference_source import reference_source
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.embedding import embedded
from dwcpc.compiler.metadata import Measurements, Metadata, Training, Verdict
from dwcpc.compiler.package import Label, write_bundle, write_metadata
from dwcpc.compiler.pipeline import Compiled, CompileRequest, compile_artifact
from dwcpc.compiler.quantize.cache import default_cache
from dwcpc.compiler.quantize.distill import require_torch
from dwcpc.compiler.sources.base import Network
from dwcpc.compiler.staging import Destination, check_destination, move_latest, names_latest, place, staging_folder
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.compiler.versions import checked_name, next_version, parsed_version, version_text
from dwcpc.parity.calibration import read_calibration
from dwcpc.parity.failure import write_failure
from dwcpc.parity.features.source import WindowSource
from dwcpc.parity.features.vectors import feature_vectors
from dwcpc.parity.reference import CaseRequest, Reference, make_reference
from dwcpc.parity.runners import RUNNERS
from dwcpc.parity.runners.source import SourceModel
from dwcpc.parity.verify import Verification, verify

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.parity.runners.estimator_source import EstimatorSource

LATENCY_ATTEMPTS = 2  # "else once more; then inconclusive"
GOLDEN_ONLY_ROWS = 512  # enough to take the golden vectors and their tolerances from
GOLDEN_ONLY_TREE_ROWS = 64  # whose tolerances follow from the reference alone


@dataclass(frozen=True, slots=True)
class Order:
    """What to compile, what to call it, where to put it and how much to prove."""

    request: CompileRequest
    name: str
    out: Path
    version: str | None
    replace: bool
    calibration: Path | None
    rows: int
    seed: int
    verify: bool
    budgets: tuple[str, ...]
    min_sqnr_db: float | None = None
    distil: bool = False
    training: Training | None = None


def compile_bundle(order: Order, progress: Callable[[str], None]) -> Summary:
    """Carry out `order`. A bundle that is not the same model is kept in a failure folder only."""
    if order.distil:
        require_torch()
    destination = _destination(order)
    check_destination(destination)
    if not order.verify and names_latest(destination):
        raise InputError(
            f"{destination.folder}: is what `latest` names; --no-verify cannot replace it, omit one of the two"
        )
    parse_limits(order.budgets, DEFAULT_LIMITS[LATENCY])  # a slip is told before the work; the model's own come below
    compiled = compile_artifact(order.request, progress)
    limits = parse_limits(order.budgets, compiled.spec.latency_budget_ms)
    model = reference_source(compiled.loaded, compiled.scaler_in_graph, compiled.target_scaler, compiled.decision)
    use = compiled.features
    source = WindowSource(model, use) if use is not None and use.embedded else model
    compiled = compiled.noted(*_without_effect(compiled), *_limits_of_use(compiled))
    rows = _given_rows(order, compiled)
    if isinstance(model, SourceModel) and reduces(compiled):
        confirming = Confirming(source, order.rows, rows.search)
        searched = _rows_of(source, rows)
        reduction = Reduction(searched, confirming, order.seed, order.min_sqnr_db, default_cache(), order.distil)
        compiled = reduce_precision(compiled, model, reduction, progress)
    reference = make_reference(source, _cases(order, compiled, rows.verification), progress)
    compiled = _trained_on(compiled.noted(*reference.notes), order.training)
    label = Label(order.name, version_text(destination.version))
    with staging_folder(destination) as staged:
        if order.verify and isinstance(model, SourceModel):
            progress("latency before and after each pass")
            compiled = with_effects(compiled, source.scaled(_timed_rows(reference)))
        compiled = embedded(compiled)
        vectors = None if use is None else feature_vectors(model, use, order.seed)
        golden = golden_rows(reference) if compiled.precision_search is None else measured_golden(compiled, reference)
        metadata = write_bundle(staged, compiled, label, golden, vectors)
        if not order.verify:
            report_path(destination).unlink(missing_ok=True)  # of the version that this one replaces
            place(staged, destination)
            return _summary(destination, metadata, "inconclusive")
        verification = verify(Bundle(staged, metadata), reference, RUNNERS, progress)
        metadata = dataclasses.replace(
            metadata,
            parity=verification.parity,
            runtime=dataclasses.replace(metadata.runtime, verified=verification.versions),
        )
        write_metadata(staged, metadata)
        if verification.parity.verdict != "pass":
            return _keep_failure(staged, destination, metadata, reference, verification)
        metadata = _measured(Bundle(staged, metadata), source, limits, _timed_rows(reference), progress)
        write_metadata(staged, metadata)
        verdict = overall(budget.verdict for budget in metadata.budgets)
        return _placed(staged, destination, metadata, verdict)


def report_path(destination: Destination) -> Path:
    """Return where the report stands: beside the version's folder, in which nothing may change any more."""
    return destination.folder.with_name(f"{destination.folder.name}.report.md")


def _placed(staged: Path, destination: Destination, metadata: Metadata, verdict: Verdict) -> Summary:
    """Place the version, and point `latest` at it when it passed; what `latest` names is replaced by nothing less."""
    if verdict != "pass" and names_latest(destination):
        return _set_aside(staged, destination, metadata, verdict)
    place(staged, destination)
    if verdict == "pass":
        move_latest(destination)
    return _reported(_summary(destination, metadata, verdict), report_path(destination))


def _reported(summary: Summary, path: Path) -> Summary:
    path.write_text(markdown.render(summary), encoding="utf-8")
    return dataclasses.replace(summary, report=path)


def _destination(order: Order) -> Destination:
    folder = order.out / checked_name(order.name)
    version = next_version(folder) if order.version is None else parsed_version(order.version)
    return Destination(order.out, order.name, version, order.replace)


def _without_effect(compiled: Compiled) -> tuple[str, ...]:
    """Say so where the target changes nothing: trees compare and add as the source does, or they are another model."""
    if isinstance(compiled.loaded, Network) or compiled.target.name == CPU_FP32.name:
        return ()
    exact = "decides and adds exactly as its source, at any target"
    return (
        f"{compiled.target.name} changes nothing here: a {compiled.spec.model_type} {exact}; this is {CPU_FP32.name}'s",
    )


def _trained_on(compiled: Compiled, training: Training | None) -> Compiled:
    return dataclasses.replace(compiled, source=dataclasses.replace(compiled.source, training=training))


def _limits_of_use(compiled: Compiled) -> tuple[str, ...]:
    return ("a call takes exactly one row: --batch 1",) if compiled.one_row else ()


def _given_rows(order: Order, compiled: Compiled) -> Rows:
    """Return the user's rows: all of them to verify on, unless some are needed to round and to search by."""
    if order.calibration is None:
        return Rows(None, None, None)
    shape, names = compiled.spec.input_shape, compiled.scaler.feature_names or compiled.spec.feature_names
    if compiled.features is not None and compiled.features.embedded:
        shape, names = compiled.features.raw_shape, compiled.features.column_names
    given = read_calibration(order.calibration, shape, names)
    return split_rows(given, order.seed) if reduces(compiled) else Rows(None, None, given)


def _rows_of(source: SourceModel | EstimatorSource | WindowSource, rows: Rows) -> Rows:
    """Return the rows to reduce a model by: the features of raw windows, where `source` takes those."""
    if not isinstance(source, WindowSource):
        return rows
    rounding, search = (None if each is None else source.rows(each) for each in (rows.rounding, rows.search))
    return Rows(rounding, search, rows.verification)


def _cases(order: Order, compiled: Compiled, calibration: NDArray[np.float32] | None) -> CaseRequest:
    enough = GOLDEN_ONLY_ROWS if isinstance(compiled.loaded, Network) else GOLDEN_ONLY_TREE_ROWS
    rows = order.rows if order.verify else min(order.rows, enough)
    floor = None if compiled.precision_search is None else compiled.precision_search.min_sqnr_db
    return CaseRequest(rows, order.seed, compiled.threshold, calibration, floor)


def _timed_rows(reference: Reference) -> NDArray[np.float32]:
    """Return the first group's rows: the user's own, or the typical ones."""
    return reference.groups[0].rows[:DISTINCT_ROWS]


def _measured(
    bundle: Bundle,
    source: SourceModel | EstimatorSource | WindowSource,
    limits: Limits,
    rows: NDArray[np.float32],
    progress: Callable[[str], None],
) -> Metadata:
    ticks = cpu_ticks()
    progress("latency of the source model")
    source_p50_ms = time_source(lambda row: source.run(row, "float32"), rows)
    progress("latency in python")
    runs = {"python": measure_python(bundle, rows)}
    for _ in range(LATENCY_ATTEMPTS):
        progress("latency in go")
        runs["go"] = measure_go(bundle, rows)
        budgets = judge(limits, bundle.size_bytes, runs)
        if all(budget.verdict != "inconclusive" for budget in budgets):
            break
    measurements = Measurements(describe_machine(ticks), tuple(runs.values()), source_p50_ms)
    return dataclasses.replace(bundle.metadata, measurements=measurements, budgets=budgets)


def _keep_failure(
    staged: Path, destination: Destination, metadata: Metadata, reference: Reference, verification: Verification
) -> Summary:
    """Move the refused bundle, with the rows that refute it, to a folder that no reader takes for a version."""
    summary = _set_aside(staged, destination, metadata, "fail")
    folder = summary.path
    command = f"dwcpc verify {shlex.quote(str(folder / 'bundle'))} --replay {shlex.quote(str(folder))}"
    write_failure(folder, reference, verification, metadata.decision, command)
    return summary


def _set_aside(staged: Path, destination: Destination, metadata: Metadata, verdict: Verdict) -> Summary:
    folder = destination.model_folder / f"failed-v{version_text(destination.version)}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    staged.rename(folder / "bundle")
    size = Bundle(folder / "bundle", metadata).size_bytes
    return _reported(Summary(metadata, verdict, folder, size), folder / "report.md")


def _summary(destination: Destination, metadata: Metadata, verdict: Verdict) -> Summary:
    bundle = Bundle(destination.folder, metadata)
    return Summary(metadata, verdict, destination.folder, bundle.size_bytes)
