"""Is one model slower than another? Adjacent blocks of both, in ABBA order, compared pair by pair.

The machine's speed changes by the minute; what two blocks beside each other have in common drops out of their ratio.
Where a session's memory happens to lie moves its time by up to a per cent for as long as it is open, so each pair opens
both models anew. The bounds are the sign test's: no assumption on how the ratios are distributed.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dwcpc.bench.measure import NS_PER_MS, sampled, saved_inputs
from dwcpc.bench.stats import median_bounds
from dwcpc.bench.timed_calls import Call, Rows, timed, timed_call, warm_up
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.harness import call_harness
from dwcpc.compiler.metadata import LatencyRatio
from dwcpc.compiler.ort_session import open_session

if TYPE_CHECKING:
    from dwcpc.compiler.bundle import Bundle
    from dwcpc.compiler.metadata import SessionSettings

logger = logging.getLogger(__name__)

PAIRS = 20
CALLS = 50  # a block's least
SECONDS = 0.1  # likewise

# A block: the medians of a prediction's wall and thread CPU time in ms.
Block = Callable[[], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Paired:
    """B's time as a share of A's: the median of the pairs, and bounds of it that hold with 99 % each."""

    ratio: float
    low: float
    high: float
    a_p50_ms: float
    b_p50_ms: float
    cpu_ratio: float
    pairs: int

    @property
    def slower(self) -> bool:
        """Whether B is slower beyond doubt."""
        return self.low > 1

    @property
    def faster(self) -> bool:
        """Whether B is faster beyond doubt."""
        return self.high < 1

    def swapped(self) -> Paired:
        """Return the same comparison with A's time as a share of B's."""
        return Paired(
            1 / self.ratio, 1 / self.high, 1 / self.low, self.b_p50_ms, self.a_p50_ms, 1 / self.cpu_ratio, self.pairs
        )

    @property
    def latency(self) -> LatencyRatio:
        """What a bundle's metadata keeps of it."""
        return LatencyRatio(self.ratio, self.low, self.high)

    def __str__(self) -> str:
        return str(self.latency)


def pair_bundles(
    a: Bundle,
    b: Bundle,
    rows: NDArray[np.float32],
    *,
    other_rows: NDArray[np.float32] | None = None,
    pairs: int = PAIRS,
    seconds: float = SECONDS,
) -> Paired:
    """Compare two bundles in one Go process on the same raw rows; a block takes `seconds` at least.

    `other_rows` are B's, where it takes others than A.
    """
    feeds = {b.metadata.inputs[0].name: rows if other_rows is None else other_rows}
    return _pair_in_go(a, rows, ["--other", str(b.path)], feeds, pairs, seconds)


def pair_model(
    a: Bundle,
    model: Path,
    rows: NDArray[np.float32],
    *,
    feeds: Rows | None = None,
    pairs: int = PAIRS,
    seconds: float = SECONDS,
) -> Paired:
    """Compare `a` with an ONNX file under the same session settings in one Go process.

    The file has to have the bundle's inputs and outputs, unless `feeds` gives it inputs of its own.
    """
    return _pair_in_go(a, rows, ["--other-model", str(model)], feeds or {}, pairs, seconds)


def pair_blocks(opened: Callable[[int], tuple[Block, Block]], pairs: int = PAIRS) -> Paired:
    """Compare what `opened` returns for each pair, A and B: A is measured first in every other pair, B in the rest."""
    _check(pairs)
    blocks = np.empty((pairs, 2, 2))
    for index in range(pairs):
        sides = opened(index)
        for side in order(index):
            blocks[index, side] = sides[side]()
    return summarized(blocks)


def pair_neighbours(models: Sequence[FreshSession], pairs: int) -> list[Paired]:
    """Compare each model with the one before it, in this process: a block of a model serves both comparisons.

    The way through the models turns round from pair to pair, and that of opening them half as often, so that all four
    ways are as frequent.
    """
    _check(pairs)
    blocks = np.empty((pairs, len(models), 2))
    for index in range(pairs):
        opened = {place: models[place].opened() for place in _forth_and_back(index // 2, len(models))}
        for place in _forth_and_back(index, len(models)):
            blocks[index, place] = opened[place]()
    return [summarized(blocks[:, place : place + 2]) for place in range(len(models) - 1)]


def _forth_and_back(index: int, count: int) -> range:
    return range(count) if order(index) == (0, 1) else range(count - 1, -1, -1)


def order(index: int) -> tuple[int, int]:
    """Return ABBA's: A first in the even ones, B first in the odd ones."""
    return (0, 1) if index % 2 == 0 else (1, 0)


def summarized(blocks: NDArray[np.float64]) -> Paired:
    """Return what block medians in ms [pairs, A and B, wall and CPU] say."""
    ratios = blocks[:, 1] / blocks[:, 0]
    low, high = _bounds(ratios[:, 0])
    # The middle of the logarithms: A's share of B is then B's of A, turned over.
    ratio, cpu_ratio = np.exp(np.median(np.log(ratios), axis=0))
    a_p50_ms, b_p50_ms = np.median(blocks[:, :, 0], axis=0)
    return Paired(float(ratio), low, high, float(a_p50_ms), float(b_p50_ms), float(cpu_ratio), len(blocks))


class FreshSession:
    """A model of which every call of `opened` gives a block of a new session, warmed up.

    The process is `warm` where its like was warmed up in full before.
    """

    def __init__(
        self, model: bytes, rows: Rows, settings: SessionSettings, seconds: float, *, warm: bool = False
    ) -> None:
        self._model, self._rows, self._settings, self._seconds = model, rows, settings, seconds
        self._warm = warm

    def opened(self) -> Block:
        """Open the session; the first is warmed up in full, those after it, in a warm process, by a block."""
        call = timed_call(open_session(self._model, self._settings), None, self._rows)
        if not self._warm:
            _warn_unless(warm_up(call)[1])
            self._warm = True
        _block(call, self._seconds)
        return lambda: _block(call, self._seconds)


def _block(call: Call, seconds: float) -> tuple[float, float]:
    wall, cpu = np.median(timed(call, CALLS, seconds), axis=0) / NS_PER_MS
    return float(wall), float(cpu)


def _pair_in_go(
    a: Bundle, rows: NDArray[np.float32], other: list[str], feeds: Rows, pairs: int, seconds: float
) -> Paired:
    _check(pairs)
    with tempfile.TemporaryDirectory(prefix="dwcpc-pair-") as name:
        other = [*other, *saved_inputs("--other-input", feeds, Path(name)), "--pairs", str(pairs)]
        answer, blocks = sampled(a, rows, CALLS, seconds, lambda given: call_harness("pair", [*given, *other]))
    _warn_unless(bool(answer["stable"]))
    return summarized(blocks)


def _check(pairs: int) -> None:
    _bounds(np.ones(max(pairs, 0)))


def _bounds(ratios: NDArray[np.float64]) -> tuple[float, float]:
    bounds = median_bounds(ratios)
    if bounds is None:
        raise InputError(f"{len(ratios)} pairs of blocks cannot bound a ratio; measure at least 7")
    return bounds


def _warn_unless(stable: bool) -> None:
    if not stable:
        logger.warning("the calls had not settled after the warm-up; the machine is busy")
