"""Reduced precision for a compiled network: calibrate → offer → search → the network that won, or why none did."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.commands.confirming import Confirming, confirming_reference
from dwcpc.compiler.commands.golden import golden_rows
from dwcpc.compiler.commands.judge import BundleJudge
from dwcpc.compiler.errors import VerdictError
from dwcpc.compiler.metadata import Calibration, Candidate, LayerPrecision, PrecisionSearch
from dwcpc.compiler.package import Label, write_bundle
from dwcpc.compiler.sources.base import Network
from dwcpc.parity.cases import draw_cases
from dwcpc.parity.reference import CaseRequest, make_reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.pipeline import Compiled
    from dwcpc.compiler.quantize.base import Proposal
    from dwcpc.compiler.quantize.cache import Cache
    from dwcpc.compiler.quantize.proposals import Offered
    from dwcpc.compiler.quantize.search import Distil
    from dwcpc.compiler.steps import Steps
    from dwcpc.compiler.targets.base import Target
    from dwcpc.parity.reference import Reference
    from dwcpc.parity.runners.source import SourceModel

logger = logging.getLogger(__name__)

ROUNDING_ROWS = 384
SEARCH_ROWS = 2048
SHARES = (0.25, 0.25, 0.5)  # of the user's rows: to round by, to search with, to verify on
DRAWN = "drawn from the scaler's center and scale: give --calibration for rows that the model will meet"


@dataclasses.dataclass(frozen=True, slots=True)
class Rows:
    """Raw rows for the three uses, no row in two of them; none where they are drawn."""

    rounding: NDArray[np.float32] | None
    search: NDArray[np.float32] | None
    verification: NDArray[np.float32] | None


@dataclasses.dataclass(frozen=True, slots=True)
class Reduction:
    """How to reduce: rows, seed, the floor that the user asked for instead of the target's, and where to keep work."""

    rows: Rows
    confirming: Confirming
    seed: int
    min_sqnr_db: float | None
    cache: Cache
    distil: bool = False


def split_rows(calibration: NDArray[np.float32] | None, seed: int) -> Rows:
    """Deal the user's rows out to rounding, search and verification."""
    if calibration is None:
        return Rows(None, None, None)
    order = np.random.default_rng(seed).permutation(len(calibration))
    first, second = (int(len(calibration) * share) for share in np.cumsum(SHARES[:2]))
    parts = (order[:first], order[first:second], order[second:])
    rounding, search, verification = (np.ascontiguousarray(calibration[part]) for part in parts)
    return Rows(rounding[:ROUNDING_ROWS], search, verification)


def reduce_precision(
    compiled: Compiled, source: SourceModel, reduction: Reduction, progress: Callable[[str], None]
) -> Compiled:
    """Return `compiled` in the precision of its target; VerdictError where nothing keeps the floor."""
    alternatives = compiled.target.alternatives
    if not alternatives:
        return _reduced(compiled, source, reduction, progress)
    best, ratio, told = dataclasses.replace(compiled, target=alternatives[0]), 1.0, []
    for target in alternatives[1:]:
        try:
            found = _reduced(dataclasses.replace(compiled, target=target), source, reduction, progress)
        except VerdictError as error:
            told.append(str(error))
            continue
        latency = _chosen(found).latency
        assert latency is not None  # noqa: S101 - every candidate is measured
        told.append(f"{target.name}: {latency.ratio:.2f} of cpu-fp32's time")
        if latency.high < ratio:
            best, ratio = found, latency.ratio
    return best.noted(f"cpu-auto took {best.target.name} ({'; '.join(told)})")


def _reduced(
    compiled: Compiled, source: SourceModel, reduction: Reduction, progress: Callable[[str], None]
) -> Compiled:
    from dwcpc.compiler.quantize import TECHNIQUES
    from dwcpc.compiler.quantize.forms import Forms
    from dwcpc.compiler.quantize.layers import layers_of
    from dwcpc.compiler.quantize.proposals import offers
    from dwcpc.compiler.quantize.search import Goal, Search
    from dwcpc.compiler.steps import Steps

    target, network = compiled.target, compiled.built.core
    assert network is not None  # noqa: S101 - of a Network
    assert target.promise is not None  # noqa: S101 - of a target that reduces
    floor = _floor(target, reduction)
    reference = make_reference(source, _search_cases(compiled, reduction, floor), progress)

    def confirming() -> Reference:
        return confirming_reference(reduction.confirming, reduction.seed, compiled.threshold, floor, progress)

    techniques = [technique for technique in TECHNIQUES if technique.precision in target.precisions]
    with tempfile.TemporaryDirectory(prefix="dwcpc-search-") as name:
        folder = Path(name)
        (folder / "float32").mkdir()
        metadata = write_bundle(folder / "float32", compiled, Label("float32", "1.0"), golden_rows(reference))
        float32 = Bundle(folder / "float32", metadata)
        judge = BundleJudge(compiled, float32, (reference, confirming), floor, reduction.cache)
        steps = Steps(progress, 2 * len(techniques) * len(layers_of(network)) + 4)
        rounding, calibration = _rounding_rows(compiled, source, reduction)
        offered = offers(network, rounding, techniques, reduction.cache, steps)
        search = Search(Forms(network, compiled.one_row), offered, Goal(floor, target.promise), judge, steps)
        outcome = search.run(_distil(compiled, source, reduction, offered, steps) if reduction.distil else None)
    told = PrecisionSearch(floor, reduction.seed, calibration, outcome.candidates)
    if outcome.network is None:
        raise VerdictError(refusal(target, told, distilled=reduction.distil))
    layers = tuple(LayerPrecision(each.layer.name, each.layer.op, *outcome.layers[each.layer.name]) for each in offered)
    built = dataclasses.replace(compiled.built, model=compiled.served(outcome.network), core=outcome.network)
    return dataclasses.replace(compiled, built=built, precision=layers, precision_search=told)


def refusal(target: Target, search: PrecisionSearch, *, distilled: bool) -> str:
    """Return why `target` cannot be had, with the best candidate's figures and what would pass."""
    if not search.candidates:
        return f"{target.name}: no layer can be given a precision that it allows; cpu-fp32 serves this model as it is"
    best = max(search.candidates, key=lambda each: each.sqnr_db)
    latency = "" if best.latency is None else f", {best.latency.ratio:.2f} of float32's time"
    figures = f"{best.name}: {best.sqnr_db:.1f} dB, {best.flips} flips in {best.rows} rows, {best.model_bytes} bytes"
    ways = ["cpu-fp16"] if target.name == "cpu-int8" else ["cpu-fp32"]
    ways.append(f"--min-sqnr {max(1, int(best.sqnr_db) - 1)}")
    if target.name == "cpu-int8" and not distilled:
        ways.append("--distill")
    if search.calibration.kind == "drawn":
        ways.append("--calibration with rows of your own")
    return (
        f"{target.name}: no candidate keeps {search.min_sqnr_db:g} dB and what the target promises; the best of "
        f"{len(search.candidates)} is {figures}{latency} ({best.reason}); try {', '.join(ways)}"
    )


def _floor(target: Target, reduction: Reduction) -> float:
    floor = target.min_sqnr_db if reduction.min_sqnr_db is None else reduction.min_sqnr_db
    assert floor is not None  # noqa: S101 - of a target that reduces
    return floor


def _search_cases(compiled: Compiled, reduction: Reduction, floor: float) -> CaseRequest:
    return CaseRequest(SEARCH_ROWS, reduction.seed + 1, compiled.threshold, reduction.rows.search, floor)


def _rounding_rows(
    compiled: Compiled, source: SourceModel, reduction: Reduction
) -> tuple[NDArray[np.float32], Calibration]:
    """Return scaled rows to round by, and what the metadata says of them."""
    rows = reduction.rows.rounding
    if rows is None:
        drawn = draw_cases(compiled.spec.input_shape, compiled.scaler, 2 * ROUNDING_ROWS, reduction.seed + 2)
        rows = drawn[0].rows
        return source.scaled(rows), Calibration("drawn", len(rows), DRAWN)
    return source.scaled(rows), Calibration("file", len(rows), "a quarter of --calibration; the rest judged")


def _distil(
    compiled: Compiled, source: SourceModel, reduction: Reduction, offered: tuple[Offered, ...], steps: Steps
) -> Distil:
    """Return what trains the integer layers of a plan, on the user's rows or on drawn ones."""
    from dwcpc.compiler.quantize.distill import Lessons, distilled

    network = compiled.built.core
    assert network is not None  # noqa: S101 - of a Network

    def draw(count: int, seed: int) -> NDArray[np.float32]:
        given = reduction.rows.rounding
        if given is None:
            return source.scaled(draw_cases(compiled.spec.input_shape, compiled.scaler, 2 * count, seed)[0].rows)
        return source.scaled(given[np.random.default_rng(seed).integers(len(given), size=count)])

    def distil(precisions: Mapping[str, str]) -> Mapping[str, Proposal]:
        trained = distilled(network, offered, precisions, Lessons(draw, reduction.seed + 3), reduction.cache, steps)
        if isinstance(trained, str):
            logger.warning(trained)
            return {}
        return trained

    return distil


def _chosen(compiled: Compiled) -> Candidate:
    assert compiled.precision_search is not None  # noqa: S101 - just made
    return next(each for each in compiled.precision_search.candidates if each.chosen)


def reduces(compiled: Compiled) -> bool:
    """Say whether the target reduces the precision of this model: of networks alone, as trees are exact or wrong."""
    target = compiled.target
    return isinstance(compiled.loaded, Network) and (target.min_sqnr_db is not None or bool(target.alternatives))
