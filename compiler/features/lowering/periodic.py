"""`sin` and `cos` with the angle reduced in turns, and log(1 + x) without losing the digits of a small x.

u = x / period, r = u − ⌊u⌋, k = ⌊4·r + 0.5⌋, a = (r − k/4)·2π;  j = k for sin, k + 1 for cos, h = ⌊j/2⌋
value = ± (cos a where j is odd, else sin a), with − where h is 1: j = 2 and 3

v = 1 + x, d = v − 1;  log1p x = log v where d = x exactly, else log v − (d − x) / v
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwcpc.compiler.features.lowering.pool import Place

if TYPE_CHECKING:
    from dwcpc.compiler.features.lowering.pool import Pool
    from dwcpc.compiler.features.spec import Periodic


def waves(pool: Pool, steps: Sequence[Periodic], sources: Sequence[Place], reach: int) -> list[Place]:
    """Add the nodes of `sin` and `cos` steps and return where they stand."""
    x = pool.fetch(sources, reach, "wave_source")
    turns = pool.node("Div", [x, pool.constant([step.period for step in steps], "periods")], "turns")
    turn = pool.node("Sub", [turns, pool.node("Floor", [turns], "whole_turns")], "turn")
    scaled = pool.node("Mul", [turn, pool.constant(4.0, "four")], "quarters")
    quarter = pool.node("Floor", [pool.node("Add", [scaled, pool.constant(0.5, "half")], "rounding")], "quarter")
    share = pool.node("Mul", [quarter, pool.constant(0.25, "fourth")], "share")
    rest = pool.node("Sub", [turn, share], "rest")
    angle = pool.node("Mul", [rest, pool.constant(2.0 * math.pi, "turn_angle")], "angle")
    shift = pool.constant([float(step.op == "cos") for step in steps], "shifts")
    halves = pool.node("Mul", [pool.node("Add", [quarter, shift], "place"), pool.constant(0.5, "half")], "halves")
    half = pool.node("Floor", [halves], "half_turn")
    is_odd = pool.node("Less", [half, halves], "is_odd")
    sine, cosine = pool.node("Sin", [angle], "sine"), pool.node("Cos", [angle], "cosine")
    value = pool.node("Where", [is_odd, cosine, sine], "unsigned")
    is_negative = pool.node("Equal", [half, pool.constant(1.0, "one")], "is_negative")
    wave = pool.node("Where", [is_negative, pool.node("Neg", [value], "negative"), value], "wave")
    block = pool.add(wave, reach, len(steps))
    return [Place(block, column) for column in range(len(steps))]


def logarithms(pool: Pool, sources: Sequence[Place], reach: int) -> list[Place]:
    """Add the nodes of `log1p` steps and return where they stand."""
    x, one = pool.fetch(sources, reach, "log_source"), pool.constant(1.0, "one")
    v = pool.node("Add", [x, one], "above_one")
    d = pool.node("Sub", [v, one], "rounded")
    log = pool.node("Log", [v], "log")
    correction = pool.node("Div", [pool.node("Sub", [d, x], "lost"), v], "correction")
    corrected = pool.node("Sub", [log, correction], "log_corrected")
    value = pool.node("Where", [pool.node("Equal", [d, x], "is_exact"), log, corrected], "log1p")
    block = pool.add(value, reach, len(sources))
    return [Place(block, column) for column in range(len(sources))]
