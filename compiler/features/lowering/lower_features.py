"""A specification as nodes: raw window in, features out. Steps of one kind that are ready share their nodes.

What costs is the number of nodes, not what they compute: 1 to 3 µs each in onnxruntime. A copy or a lag without a fill
is no node at all, only another place to read from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from dwcpc.compiler.features.lowering import pointwise
from dwcpc.compiler.features.lowering.periodic import logarithms, waves
from dwcpc.compiler.features.lowering.pool import STEM, Place, Pool
from dwcpc.compiler.features.lowering.reading_order import ReadingOrder, reading_order
from dwcpc.compiler.features.lowering.rolling import Windowed, rolled
from dwcpc.compiler.features.spec import Lag, OneHot, Rolling, Step
from dwcpc.compiler.signature import ADDED_PREFIX

if TYPE_CHECKING:
    from dwcpc.compiler.features.spec import FeatureSpec
    from dwcpc.compiler.graphs.graph_builder import GraphBuilder

Kind = tuple[str, int, int]  # op, history, operands
Lowered = Callable[[Pool, Sequence[Any], Sequence[Any], int], list[Place]]

ONE_SOURCE: dict[str, Lowered] = {
    "difference": pointwise.differences,
    "indicator": pointwise.indicators,
    "clip": pointwise.clips,
    "wave": waves,
}
SOURCES: dict[str, Lowered] = {"add": pointwise.sums, "product": pointwise.products, "ratio": pointwise.ratios}
KIND_OF = {"sum": "add", "weighted_sum": "add", "sin": "wave", "cos": "wave"}


def lower_features(
    nodes: GraphBuilder, spec: FeatureSpec, timesteps: int | None, value: str, dtype: type[np.floating] = np.float32
) -> str:
    """Add the features of the float32 `value` [batch, timesteps + spec.lookback, columns] and return their name.

    They are float32, or `dtype`, [batch, timesteps, features]; without `timesteps`, those of one sample alone, [batch,
    features].
    """
    pool = Pool(nodes, timesteps or 1)
    wide = nodes.cast(value, TensorProto.DOUBLE, ADDED_PREFIX + STEM + "raw")
    order = reading_order(spec)
    lowering = _Lowering(pool, order, pool.add(wide, spec.lookback, len(spec.columns)))
    while lowering.waiting:
        lowering.lower_next()
    features = pool.node("Cast", [lowering.outputs()], "rounded", to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
    fills = lowering.late_fills()
    if any(fill is not None for fill in fills):  # of a rounded NaN, which is one as well
        given = np.array([np.nan if fill is None else fill for fill in fills], dtype)
        constant = nodes.constant(STEM + "late_fills", given)
        features = pool.node("Where", [pool.node("IsNaN", [features], "is_nan"), constant, features], "filled")
    if timesteps is None:
        features = pool.node("Reshape", [features, pool.places([-1, len(spec.features)], "row_shape")], "row")
    return features


class _Lowering:
    def __init__(self, pool: Pool, order: ReadingOrder, raw: int) -> None:
        self._pool, self._order, self._spec = pool, order, order.spec
        self._places = {column: Place(raw, column) for column in range(len(self._spec.columns))}
        self._read = order.read
        self.waiting = list(order.live)

    def lower_next(self) -> None:
        """Lower all steps of the kind that is ready as a whole, or else of the one with most ready steps."""
        while self._took_aliases():
            pass
        kinds: dict[Kind, list[int]] = defaultdict(list)
        for step in self.waiting:
            kinds[self._kind(step)].append(step)
        ready = {kind: [step for step in steps if self._is_ready(step)] for kind, steps in kinds.items()}
        if not ready:
            return
        kind = max(ready, key=lambda each: (len(ready[each]) == len(kinds[each]), len(ready[each])))
        self._lower(kind, ready[kind])

    def outputs(self) -> str:
        """Return the features in order; those that no other step reads are not filled yet."""
        outputs = [place for place, step in enumerate(self._spec.steps) if step.output]
        return self._pool.fetch([self._places[self._order.value_of(place)] for place in outputs], 0, "ordered")

    def late_fills(self) -> list[float | None]:
        """Return what those features are to be filled with."""
        steps = enumerate(self._spec.steps)
        return [step.fill if self._fills_late(place) else None for place, step in steps if step.output]

    def _took_aliases(self) -> bool:
        """Take the copies and lags that are ready for what they are."""
        found = [step for step in self.waiting if self._is_alias(step) and self._is_ready(step)]
        for step in found:
            one = self._spec.steps[step]
            place = self._places[self._order.sources[step][0]]
            self._places[self._order.value_of(step)] = place.earlier(one.samples if isinstance(one, Lag) else 0)
        self.waiting = [step for step in self.waiting if step not in set(found)]
        return bool(found)

    def _is_alias(self, step: int) -> bool:
        one = self._spec.steps[step]
        return one.op in ("copy", "lag") and (one.fill is None or self._fills_late(step))

    def _fills_late(self, step: int) -> bool:
        return self._spec.steps[step].fill is not None and self._order.value_of(step) not in self._read

    def _is_ready(self, step: int) -> bool:
        return all(source in self._places for source in self._order.sources[step])

    def _kind(self, step: int) -> Kind:
        one = self._spec.steps[step]
        name = "rolling" if isinstance(one, Rolling) else KIND_OF.get(one.op, one.op)
        return name, self._order.reach[self._order.value_of(step)], len(one.sources)

    def _lower(self, kind: Kind, chosen: list[int]) -> None:
        steps = [self._spec.steps[step] for step in chosen]
        sources = [[self._places[source] for source in self._order.sources[step]] for step in chosen]
        places = self._lowered(kind, steps, sources, [self._order.sources[step][0] for step in chosen])
        early = [None if self._fills_late(step) else one.fill for step, one in zip(chosen, steps, strict=True)]
        if any(fill is not None for fill in early):
            value = self._filled(self._pool.fetch(places, kind[1], "unfilled"), early)
            block = self._pool.add(value, kind[1], len(chosen))
            places = [Place(block, column) for column in range(len(chosen))]
        self._places |= {self._order.value_of(step): place for step, place in zip(chosen, places, strict=True)}
        self.waiting = [step for step in self.waiting if step not in set(chosen)]

    def _lowered(self, kind: Kind, steps: list[Step], sources: list[list[Place]], columns: list[int]) -> list[Place]:
        name, reach, _ = kind
        first = [each[0] for each in sources]
        if name == "rolling":
            windows = [_windowed(step, source) for step, source in zip(steps, first, strict=True)]
            return rolled(self._pool, [(step.op, each) for step, each in zip(steps, windows, strict=True)], reach)
        if name in ONE_SOURCE:
            return ONE_SOURCE[name](self._pool, steps, first, reach)
        if name in SOURCES:
            return SOURCES[name](self._pool, steps, sources, reach)
        if name == "log1p":
            return logarithms(self._pool, first, reach)
        if name in ("label", "one_hot"):
            return self._categories(name, steps, first, columns, reach)
        assert name in ("copy", "lag"), name  # noqa: S101 - every op has been named
        return [place.earlier(step.lookback) for step, place in zip(steps, first, strict=True)]

    def _categories(
        self, name: str, steps: list[Step], sources: list[Place], columns: list[int], reach: int
    ) -> list[Place]:
        categories = [self._spec.columns[column].categories for column in columns]
        if name == "label":
            return pointwise.labels(self._pool, [len(each) for each in categories], sources, reach)
        places = [
            each.index(step.category) for step, each in zip(steps, categories, strict=True) if isinstance(step, OneHot)
        ]
        return pointwise.one_hots(self._pool, places, sources, reach)

    def _filled(self, value: str, fills: Sequence[float | None]) -> str:
        """Put each column's fill in the place of NaN."""
        if all(fill is None for fill in fills):
            return value
        given = self._pool.constant([np.nan if fill is None else fill for fill in fills], "fills")
        return self._pool.node("Where", [self._pool.node("IsNaN", [value], "is_nan"), given, value], "filled")


def _windowed(step: Step, source: Place) -> Windowed:
    assert isinstance(step, Rolling)  # noqa: S101 - of a rolling kind
    return Windowed(source, step.window, step.min_periods, step.ddof)
