"""Axes as atoms: whatever a chain of transpositions and regroupings does, the shortest form does the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwcpc.compiler.passes.layouts import Chain, Permuted, Regrouped, layout_of, shortest


def steps_of(sizes, *moves):
    """Return the shortest form of moves, each a permutation (a list) or the sizes to regroup into (a tuple)."""
    chain = Chain([layout_of(sizes)])
    for move in moves:
        if isinstance(move, list):
            chain.transpose(tuple(move))
        elif not chain.reshape(move):
            return "not known"
    found = shortest(chain.layouts[0], chain.layouts[-1])
    return found if found is None else [step.perm if isinstance(step, Permuted) else step.target for step in found]


@pytest.mark.parametrize(
    ("sizes", "moves", "expected"),
    [
        ((2, 3, 4), ([1, 0, 2], [1, 0, 2]), []),
        ((2, 3, 4), ([1, 0, 2], [2, 1, 0]), [(2, 0, 1)]),
        (("n", 3, 4), (("m", 4), ("n", 3, 4)), []),
        (("m", 4), (("n", 3, 4), ("m", 4)), []),
        (("n", 1, 4), ([1, 0, 2],), [(1, -1, 4)]),
        (("n", 4), (("n", 1, 4), [1, 0, 2]), [(1, -1, 4)]),
        ((3, 2, "n", 4), ([0, 2, 1, 3], (3, "n", 8), [1, 0, 2]), [(2, 0, 1, 3), (-1, 3, 8)]),
        ((3, 1, "n", 4), ((3, "n", 4), [1, 0, 2]), [(1, 2, 0, 3), (-1, 3, 4)]),
        ((6, "n"), ((2, 3, "n"), [1, 0, 2]), [(2, 3, -1), (1, 0, 2)]),
        (("n", "m", 4), (("n", "m", 2, 2),), [(0, 0, 2, 2)]),
        ((1, 1, 5), ((5,), (1, 5, 1)), [(1, 5, 1)]),
        ((6, 4), ((4, 6),), "not known"),
        (("n", "m"), (("k", "l"),), "not known"),
        ((4, 6), ((2, 2, 6), [1, 0, 2], (2, 12)), None),
    ],
)
def test_the_shortest_form_of_a_chain(sizes, moves, expected):
    assert steps_of(sizes, *moves) == expected


def test_equal_names_are_equal_sizes_and_others_are_not():
    assert steps_of(("n", "m", 2), ("n", "k", 2)) != "not known"
    assert steps_of(("n", "m"), ("m", "n")) == "not known"


@st.composite
def chains(draw):
    """Draw sizes and moves that regroup by dividing an axis and by joining two, and that permute."""
    sizes = draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4))
    moves, now = [], list(sizes)
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["permute", "divide", "join", "one"]))
        if kind == "permute":
            perm = draw(st.permutations(range(len(now))))
            moves.append(list(perm))
            now = [now[axis] for axis in perm]
            continue
        at = draw(st.integers(0, len(now) - 1))
        if kind == "divide":
            part = draw(st.sampled_from([size for size in range(1, now[at] + 1) if now[at] % size == 0]))
            now = [*now[:at], part, now[at] // part, *now[at + 1 :]]
        elif kind == "join" and at + 1 < len(now):
            now = [*now[:at], now[at] * now[at + 1], *now[at + 2 :]]
        elif kind == "one":
            now = [*now[:at], 1, *now[at:]]
        moves.append(tuple(now))
    return tuple(sizes), moves


@settings(max_examples=300, deadline=None, derandomize=True)
@given(drawn=chains())
def test_the_shortest_form_moves_every_value_where_the_chain_does(drawn):
    sizes, moves = drawn
    chain = Chain([layout_of(sizes)])
    values = expected = np.arange(math.prod(sizes)).reshape(sizes)
    for move in moves:
        if isinstance(move, list):
            chain.transpose(tuple(move))
            expected = expected.transpose(move)
        else:
            if not chain.reshape(move):
                return
            expected = expected.reshape(move)
    found = shortest(chain.layouts[0], chain.layouts[-1])
    if found is None:
        return
    assert len(found) <= 2
    for step in found:
        if isinstance(step, Regrouped):
            kept = [values.shape[axis] if size == 0 else size for axis, size in enumerate(step.target)]
            values = values.reshape(kept)
        else:
            values = values.transpose(step.perm)
    assert np.array_equal(values, expected)
