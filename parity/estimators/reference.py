"""The reference of an estimator: what its framework answers, and where its trees lead, on rows that it was made for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.metadata import CheckResult
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.signature import LABEL, PROBABILITY
from dwcpc.parity.cases import BOUNDARY, CALIBRATION, MISSING, TYPICAL, WIDE, CaseGroup, draw_cases, non_finite_cases
from dwcpc.parity.estimators.boundary_cases import NAN_EVERY, SIDES, BoundaryCases, Surface, boundary_cases
from dwcpc.parity.estimators.bred_rows import bred_rows
from dwcpc.parity.estimators.feature_ranges import FeatureRanges, ranges_of_scalers, ranges_of_splits, raw_forest
from dwcpc.parity.estimators.label_cases import label_cases
from dwcpc.parity.estimators.tolerance import tolerances
from dwcpc.parity.estimators.tree_cases import SHARES, missing_rows, tree_cases
from dwcpc.parity.reference import CaseRequest, Reference, ReferenceGroup
from dwcpc.parity.threshold_cases import PAIRED_ROWS, SURPLUS, SURPLUS_OF_JUMPS, threshold_cases

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.trees.forest import Forest
    from dwcpc.parity.runners.estimator_source import EstimatorSource

Fitness = Callable[["NDArray[np.float32]"], "NDArray[np.float64]"]

ORDINARY = (TYPICAL, CALIBRATION, WIDE)  # groups whose rows are paired to find where the decision changes
FEWEST_ROWS_AT_A_CHANGE = 16
BOUNDARY_ROWS = 25  # for each row asked for: 102,400 by default, on up to 32,768 splits
MOST_VISITS = 320_000_000  # rows on splits × trees: 20,000 splits of 5,000 trees, and a few minutes
MOST_VALUES = 1 << 26  # rows on splits × features: 256 MiB
MOST_LEAVES = 40_000_000  # rows × trees of a group: XGBoost takes 0.8 µs to name a leaf, ten times what a sum takes


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The rows; those on splits are the last group, where there are any."""

    cases: tuple[CaseGroup, ...]
    boundary: BoundaryCases | None = None
    notes: tuple[str, ...] = ()


def make_estimator_reference(
    source: EstimatorSource, request: CaseRequest, progress: Callable[[str], None]
) -> Reference:
    """Draw the cases, run the framework on them, and ask it for the leaves that they reach."""
    forest = source.forest
    drawn = _linear_rows(source, request) if forest is None else _tree_rows(source, forest, request, progress)
    groups = []
    for case in drawn.cases:
        progress(f"reference, {case.name}")
        groups.append(estimator_group(source, case))
    first = drawn.cases[0].rows
    non_finite = first[:0] if source.answers_non_finite else non_finite_cases(first, request.seed).rows
    checks = []
    if forest is not None and drawn.boundary is not None:
        checks.append(_boundary_reached(forest, drawn.boundary, groups[-1]))
    # XGBoost computes in float32, and there is nothing more exact to compare with.
    precision = source.estimator.core.adds_in
    return Reference(precision, request.seed, tuple(groups), non_finite, drawn.notes, forest, tuple(checks))


def _linear_rows(source: EstimatorSource, request: CaseRequest) -> _Drawn:
    shape = source.estimator.spec.input_shape
    ranges = ranges_of_scalers(shape[-1], source.scalers)
    units = Scaler("StandardScaler", tuple(ranges.center.tolist()), tuple(ranges.spread.tolist()))
    drawn = draw_cases(shape, units, request.rows, request.seed, request.calibration)
    if source.answers_non_finite:
        rng = np.random.default_rng(request.seed)
        rows = ranges.draw(rng, max(1, int(request.rows * SHARES[MISSING])))
        drawn = (*drawn, CaseGroup(MISSING, missing_rows(rng, source, rows)))
    return _with_change(source, drawn, ranges, request)


def _tree_rows(
    source: EstimatorSource, forest: Forest, request: CaseRequest, progress: Callable[[str], None]
) -> _Drawn:
    raw = raw_forest(forest, source.scalers)
    ranges = ranges_of_splits(raw, source.scalers)
    ordinary = tree_cases(source, ranges, request.rows, request.seed, request.calibration)
    progress("rows where the decision changes")
    drawn = _with_change(source, ordinary, ranges, request)
    if not raw.is_split[raw.roots].any():
        return drawn
    progress("rows on the splits")
    calibration = request.calibration
    surface = Surface(
        raw,
        ranges.draw if calibration is None else lambda rng, rows: rng.choice(calibration, rows),
        ranges.reach,
        source.is_asked,
        source.is_missing,
        source.answers_non_finite,
    )
    contexts, notes = _affordable_contexts(raw, request.rows, source.answers_non_finite)
    boundary = boundary_cases(surface, contexts, request.seed)
    if boundary is None:
        return _Drawn(drawn.cases, None, (*drawn.notes, "no finite row lies on a split: none were tested"))
    return _Drawn((*drawn.cases, boundary.case), boundary, drawn.notes + notes)


def _with_change(
    source: EstimatorSource, drawn: tuple[CaseGroup, ...], ranges: FeatureRanges, request: CaseRequest
) -> _Drawn:
    """Keep the rows that the source answers; add those where the label changes or the score passes the threshold."""
    asked = [CaseGroup(case.name, case.rows[source.is_asked(case.rows)]) for case in drawn]
    cases = tuple(case for case in asked if len(case.rows))
    if source.estimator.spec.task == "regression":
        return _Drawn(cases)
    count = max(FEWEST_ROWS_AT_A_CHANGE, request.rows - sum(len(case.rows) for case in cases))
    candidates = np.concatenate([case.rows[:PAIRED_ROWS] for case in cases if case.name in ORDINARY])
    fitness = other_score(source, candidates) if source.decision is not None else other_label(source, candidates)
    if not (fitness(candidates) > 0).any():
        bred = bred_rows(fitness, ranges.draw, candidates, request.seed)
        candidates = np.concatenate([candidates, bred[source.is_asked(bred)]])
    near, missing = _at_the_change(source, candidates, count, request.seed)
    return _Drawn((*cases, *near), notes=() if near else (missing,))


def _at_the_change(
    source: EstimatorSource, candidates: NDArray[np.float32], count: int, seed: int
) -> tuple[list[CaseGroup], str]:
    """Return rows where the decision changes, and what to say where there are none.

    A classifier's label changes where the probability jumps, which may be far from a threshold: rows near that as well.
    """
    if source.decision is None:
        near = [label_cases(source.labels, candidates, count, seed)]
        missing = "all rows have one label: rows where it changes were not tested"
    else:
        surplus = SURPLUS if source.scored else SURPLUS_OF_JUMPS
        near = [threshold_cases(source.score, candidates, source.decision.threshold, count, seed, surplus=surplus)]
        missing = "no row scores on the other side of the threshold: decisions near it were not tested"
        if not source.scored:
            near.append(label_cases(source.labels, candidates, count, seed))
    return [group for group in near if group is not None], missing


def other_score(source: EstimatorSource, rows: NDArray[np.float32]) -> Fitness:
    """Return by how much a row's score is beyond the threshold, seen from most of `rows`."""
    assert source.decision is not None  # noqa: S101 - the caller has asked
    threshold = source.decision.threshold
    sign = 1.0 if np.median(source.score(rows)) <= threshold else -1.0
    return lambda some: sign * (source.score(some) - threshold)


def other_label(source: EstimatorSource, rows: NDArray[np.float32]) -> Fitness:
    """Return 1 for another label than that of most of `rows`, else the improbability of theirs, below 0."""
    labels, counts = np.unique(source.labels(rows), return_counts=True)
    common = labels[counts.argmax()]
    column = source.estimator.core.label_values.index(int(common))

    def fitness(some: NDArray[np.float32]) -> NDArray[np.float64]:
        outputs = source.run(some)
        return np.where(outputs[LABEL] != common, 1.0, -outputs[PROBABILITY][:, column])

    return fitness


def _affordable_contexts(forest: Forest, rows: int, answers_nan: bool) -> tuple[int, tuple[str, ...]]:
    """Return in how many contexts rows on splits are made, and a note where it is fewer than `rows` asks for."""
    rows_each = SIDES + (1 / NAN_EVERY if answers_nan else 0)
    wanted = int(rows * BOUNDARY_ROWS / rows_each)
    affordable = int(min(MOST_VISITS / forest.trees, MOST_VALUES / forest.features) / rows_each)
    splits = int(forest.is_split.sum())
    if affordable >= min(wanted, splits):
        return max(1, min(wanted, affordable)), ()
    note = f"rows on {affordable} of {splits} splits: more would take too long with a model of this size"
    return max(1, affordable), (note,)


def estimator_group(source: EstimatorSource, case: CaseGroup) -> ReferenceGroup:
    outputs = source.run(case.rows)
    named = len(case.rows) if source.forest is None else MOST_LEAVES // source.forest.trees
    leaves = source.leaves(case.rows[:named])
    return ReferenceGroup(case.name, case.rows, outputs, tolerances(source, case.rows, outputs), leaves=leaves)


def _boundary_reached(forest: Forest, boundary: BoundaryCases, group: ReferenceGroup) -> CheckResult:
    """Count the contexts in which the source itself does not take the two sides of the split to different leaves.

    There the rows are not on the split, and a model that decides otherwise at it would go unseen.
    """
    assert group.leaves is not None  # noqa: S101 - a source with trees knows them
    named = boundary.above < len(group.leaves)
    at, above, node = boundary.at[named], boundary.above[named], boundary.node[named]
    tree = forest.tree_of[node]
    same = int((group.leaves[at, tree] == group.leaves[above, tree]).sum())
    unreached = boundary.chosen - len(np.unique(boundary.node))
    return CheckResult(
        check="boundary_reached",
        runtime="source",
        output="leaf",
        group=BOUNDARY,
        worst=float(same),
        limit=0.0,
        rows=len(at),
        passed=same == 0 and len(at) > 0,
        note=f"{len(np.unique(node))} splits" + (f", no finite row lies on {unreached} others" if unreached else ""),
    )
