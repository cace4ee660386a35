"""Steps on the present sample, and differences: a function adds the nodes of all its steps, and says where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from dwcpc.compiler.features.lowering.pool import Place
from dwcpc.compiler.features.spec import Fold, WeightedSum

if TYPE_CHECKING:
    from dwcpc.compiler.features.lowering.pool import Pool
    from dwcpc.compiler.features.spec import Clip, Difference, Indicator, Ratio, Step


def differences(pool: Pool, steps: Sequence[Difference], sources: Sequence[Place], reach: int) -> list[Place]:
    """Add x[t] − x[t − 1], and the same of that where the order is 2: all first ones have a row more then."""
    far = [step.order == 2 or pool.history(source) >= reach + 2 for step, source in zip(steps, sources, strict=True)]
    together = far if any(step.order == 2 for step in steps) else [False] * len(steps)
    places: dict[tuple[Place, int], Place] = {}
    for order in (1, 2):
        joined = zip(sources, together, strict=True)
        chosen = sorted({source for source, joins in joined if joins == (order == 2)})
        if chosen:
            places |= _differences(pool, chosen, reach, order)
    return [places[source, step.order] for step, source in zip(steps, sources, strict=True)]


def _differences(pool: Pool, sources: list[Place], reach: int, order: int) -> dict[tuple[Place, int], Place]:
    value, rows = pool.fetch(sources, reach + order, "level"), pool.timesteps + reach + order
    places: dict[tuple[Place, int], Place] = {}
    for done in range(1, order + 1):
        later = pool.rows(value, 1, rows, "later")
        earlier = pool.rows(value, 0, rows - 1, "earlier")
        value, rows = pool.node("Sub", [later, earlier], "difference"), rows - 1
        block = pool.add(value, reach + order - done, len(sources))
        places |= {(source, done): Place(block, column) for column, source in enumerate(sources)}
    return places


def sums(pool: Pool, steps: Sequence[Step], sources: Sequence[Sequence[Place]], reach: int) -> list[Place]:
    """Add sums and weighted sums of as many operands each, from left to right."""
    operands = len(sources[0])
    value = _by_operand(pool, sources, reach, "terms")
    per, weight = np.ones((operands, len(steps))), np.ones((operands, len(steps)))
    for column, step in enumerate(steps):
        if isinstance(step, WeightedSum):
            weight[:, column] = [term.weight for term in step.terms]
            per[:, column] = [1.0 if term.per is None else term.per for term in step.terms]
    if (per != 1).any():
        value = pool.node("Div", [value, pool.constant(per.reshape(-1), "per")], "terms_per")
    if (weight != 1).any():
        value = pool.node("Mul", [value, pool.constant(weight.reshape(-1), "weights")], "terms_weighted")
    return _folded(pool, "Add", value, len(steps), operands, reach)


def products(pool: Pool, steps: Sequence[Fold], sources: Sequence[Sequence[Place]], reach: int) -> list[Place]:
    """Add products of as many operands each, from left to right."""
    value = _by_operand(pool, sources, reach, "factors")
    return _folded(pool, "Mul", value, len(steps), len(sources[0]), reach)


def ratios(pool: Pool, steps: Sequence[Ratio], sources: Sequence[Sequence[Place]], reach: int) -> list[Place]:
    """Add of / (by + epsilon)."""
    epsilon = [step.epsilon for step in steps]
    # Twice where it is alone: onnxruntime leaves out the addition of a single 0, which makes 0 of −0.
    sources, epsilon = (list(sources) * 2, epsilon * 2) if len(steps) == 1 else (list(sources), epsilon)
    value = _by_operand(pool, sources, reach, "ratio_sources")
    of, by = pool.split(value, 2, len(sources), "ratio_side")
    denominator = pool.node("Add", [by, pool.constant(epsilon, "epsilons")], "denominator")
    block = pool.add(pool.node("Div", [of, denominator], "ratio"), reach, len(sources))
    return [Place(block, column) for column in range(len(steps))]


def indicators(pool: Pool, steps: Sequence[Indicator], sources: Sequence[Place], reach: int) -> list[Place]:
    """Add ±x > ±threshold: x < b is −x > −b, and x ≥ a is x > the number before a."""
    value = pool.fetch(sources, reach, "indicated")
    sign = np.array([1.0 if step.above is not None else -1.0 for step in steps])
    limit = np.array([step.above if step.above is not None else step.below for step in steps], np.float64) * sign
    strict = np.array([step.strict for step in steps])
    threshold = np.where(strict, limit, np.nextafter(limit, -np.inf))
    if (sign < 0).any():
        value = pool.node("Mul", [value, pool.constant(sign, "signs")], "indicated_signed")
    return _ones(
        pool, pool.node("Greater", [value, pool.constant(threshold, "thresholds")], "indicates"), len(steps), reach
    )


def one_hots(pool: Pool, places: Sequence[int], sources: Sequence[Place], reach: int) -> list[Place]:
    """Add 1 where the category's place is that of `places`, else 0."""
    value = pool.fetch(sources, reach, "category")
    is_one = pool.node("Equal", [value, pool.constant(places, "categories")], "is_category")
    return _ones(pool, is_one, len(places), reach)


def labels(pool: Pool, counts: Sequence[int], sources: Sequence[Place], reach: int) -> list[Place]:
    """Add a category's place: NaN for what is no whole number from 0 to below `counts`."""
    value = pool.fetch(sources, reach, "label_source")
    whole = pool.node("Floor", [value], "label_whole")
    low = pool.node("Max", [whole, pool.constant(0.0, "zero")], "label_from_zero")
    within = pool.node(
        "Min", [low, pool.constant([float(count - 1) for count in counts], "label_last")], "label_within"
    )
    is_place = pool.node("Equal", [within, value], "is_place")
    label = pool.node("Where", [is_place, value, pool.constant(np.nan, "nan")], "label")
    block = pool.add(label, reach, len(counts))
    return [Place(block, column) for column in range(len(counts))]


def clips(pool: Pool, steps: Sequence[Clip], sources: Sequence[Place], reach: int) -> list[Place]:
    """Add x between the limits; NaN is neither below nor above one."""
    value = pool.fetch(sources, reach, "clip_source")
    low = pool.constant([-np.inf if step.low is None else step.low for step in steps], "low")
    high = pool.constant([np.inf if step.high is None else step.high for step in steps], "high")
    raised = pool.node("Where", [pool.node("Less", [value, low], "is_low"), low, value], "clip_low")
    clipped = pool.node("Where", [pool.node("Greater", [value, high], "is_high"), high, raised], "clip")
    block = pool.add(clipped, reach, len(steps))
    return [Place(block, column) for column in range(len(steps))]


def _by_operand(pool: Pool, sources: Sequence[Sequence[Place]], reach: int, what: str) -> str:
    """Return a tensor of the first operands of all steps, then of the second ones, and so on."""
    return pool.fetch([operand for operands in zip(*sources, strict=True) for operand in operands], reach, what)


def _folded(pool: Pool, op: str, value: str, steps: int, operands: int, reach: int) -> list[Place]:
    if operands > 1:
        value, *others = pool.split(value, operands, steps, "operand")
        for other in others:
            value = pool.node(op, [value, other], "folded")
    block = pool.add(value, reach, steps)
    return [Place(block, column) for column in range(steps)]


def _ones(pool: Pool, condition: str, columns: int, reach: int) -> list[Place]:
    block = pool.add(pool.node("Cast", [condition], "ones", to=TensorProto.DOUBLE), reach, columns)
    return [Place(block, column) for column in range(columns)]
