"""Comparisons in pairs: the protocol with blocks of known times, and real ones of models that differ for certain."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.bench import paired as module
from dwcpc.bench.paired import (
    FreshSession,
    Paired,
    order,
    pair_blocks,
    pair_bundles,
    pair_model,
    pair_neighbours,
    summarized,
)
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import SessionSettings

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
ADD_ONE = FIXTURES / "add_one.onnx"
PAIRS = 7  # the least
QUICK = {"pairs": PAIRS, "seconds": 0.0}
FOUR = {"x": np.ones((3, 4), np.float32)}


@pytest.fixture
def good() -> Bundle:
    """The bundle of nine nodes."""
    return open_bundle(FIXTURES / "bundles" / "good")


@pytest.fixture
def rows(good: Bundle) -> np.ndarray:
    """Ordinary rows of it: float32 [8, 3, 2]."""
    return good.golden("input")["x"][:8]


def in_order(paired: Paired) -> bool:
    return 0 < paired.low <= paired.ratio <= paired.high and min(paired.a_p50_ms, paired.b_p50_ms) > 0


def test_two_bundles_are_compared(good: Bundle, rows: np.ndarray) -> None:
    paired = pair_bundles(good, good, rows, **QUICK)
    assert in_order(paired)
    assert paired.pairs == PAIRS
    assert paired.cpu_ratio > 0


def test_a_model_is_compared_with_the_bundle_that_it_may_replace(good: Bundle, rows: np.ndarray) -> None:
    assert in_order(pair_model(good, good.model_path, rows, **QUICK))


def test_a_foreign_model_is_compared_on_rows_of_its_own(good: Bundle, rows: np.ndarray) -> None:
    paired = pair_model(good, ADD_ONE, rows, feeds=FOUR, **QUICK)
    assert in_order(paired)
    assert paired.faster  # one node against nine


def test_a_foreign_model_without_rows_is_refused_by_name(good: Bundle, rows: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"add_one\.onnx: .* x is of shape \[-1 4\]"):
        pair_model(good, ADD_ONE, rows, **QUICK)


def fresh(model: bytes, rows: dict[str, np.ndarray]) -> FreshSession:
    return FreshSession(model, rows, SessionSettings(), seconds=0.0)


def test_models_are_compared_with_their_neighbours_in_this_process(good: Bundle, rows: np.ndarray) -> None:
    nine, one = fresh(good.model_path.read_bytes(), {"x": rows}), fresh(ADD_ONE.read_bytes(), FOUR)
    falls, rises = pair_neighbours([nine, one, nine], PAIRS)
    assert in_order(falls)
    assert in_order(rises)
    assert falls.faster
    assert rises.slower


def test_each_pair_opens_sessions_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []
    monkeypatch.setattr(module, "open_session", lambda model, _settings: opened.append(model))
    monkeypatch.setattr(module, "timed_call", lambda *_: lambda _: (1000, 1000))
    pairs = pair_neighbours([fresh(name, FOUR) for name in (b"a", b"b", b"c")], 8)
    assert b"".join(opened) == b"abc" * 2 + b"cba" * 2 + b"abc" * 2 + b"cba" * 2
    assert [(pair.ratio, pair.a_p50_ms) for pair in pairs] == [(1, 1e-3), (1, 1e-3)]


def test_neighbours_are_measured_forth_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    blocks = {name: (lambda name=name: (seen.append(name), (float(ord(name)), 1.0))[1]) for name in "abc"}
    monkeypatch.setattr(FreshSession, "opened", lambda session: blocks[session._model.decode()])
    pairs = pair_neighbours([fresh(name.encode(), FOUR) for name in "abc"], 8)
    assert "".join(seen) == "abccba" * 4
    assert [pair.ratio for pair in pairs] == [pytest.approx(98 / 97), pytest.approx(99 / 98)]


def test_blocks_are_measured_in_the_order_abba() -> None:
    seen: list[str] = []

    def block(name: str) -> Callable[[], tuple[float, float]]:
        return lambda: (seen.append(name), (1.0, 1.0))[1]

    pair_blocks(lambda _: (block("a"), block("b")), 8)
    assert "".join(seen) == "abba" * 4


def test_all_four_ways_to_be_first_are_equally_frequent() -> None:
    ways = [(order(index // 2), order(index)) for index in range(20)]
    assert sorted(ways.count(way) for way in set(ways)) == [5, 5, 5, 5]


def test_the_figures_are_those_of_the_blocks() -> None:
    ratios = np.arange(1, 21) / 10
    clock = count()
    times = iter(np.stack([np.full(20, 2.0), 2 * ratios], axis=1))
    pair: list[Any] = []

    def opened(index: int) -> tuple[Any, Any]:
        assert index == next(clock)
        pair[:] = next(times)
        return lambda: (pair[0], pair[0] / 2), lambda: (pair[1], pair[1] / 4)

    paired = pair_blocks(opened)
    assert (paired.low, paired.high) == pytest.approx((0.5, 1.6))  # the 5th smallest and the 5th largest
    assert paired.ratio == pytest.approx((1.0 * 1.1) ** 0.5)
    assert paired.cpu_ratio == pytest.approx(paired.ratio / 2)
    assert (paired.a_p50_ms, paired.b_p50_ms) == pytest.approx((2, 2.1))
    assert str(paired) == "1.049 [0.500, 1.600]"
    assert not paired.slower
    assert not paired.faster


def test_a_comparison_turned_over_is_that_of_the_sides_turned_over() -> None:
    blocks = np.random.default_rng(3).uniform(1, 2, (20, 2, 2))
    there, back = summarized(blocks), summarized(blocks[:, ::-1]).swapped()
    for name in Paired.__slots__:
        assert getattr(there, name) == pytest.approx(getattr(back, name))


@pytest.mark.parametrize("pairs", [-1, 0, 6])
def test_too_few_pairs_are_refused_before_anything_is_measured(pairs: int, good: Bundle, rows: np.ndarray) -> None:
    with pytest.raises(InputError, match="measure at least 7"):
        pair_blocks(lambda _: pytest.fail("measured"), pairs)
    with pytest.raises(InputError, match="measure at least 7"):
        pair_model(good, Path("absent.onnx"), rows, pairs=pairs)


def test_a_warm_up_that_does_not_settle_is_said(
    good: Bundle, rows: np.ndarray, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocks = np.full((PAIRS, 2, 2), 1_000_000, np.int64)

    def answer(command: str, arguments: list[str]) -> dict[str, Any]:
        assert command == "pair"
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        assert (options["--other"], options["--pairs"], options["--min-seconds"]) == (str(good.path), "7", "0.25")
        given = {option: Path(options[option].removeprefix("x=")) for option in ("--input", "--other-input")}
        assert all(np.array_equal(np.load(path), rows) for path in given.values())
        np.save(options["--samples"], blocks)
        return {"stable": False}

    monkeypatch.setattr(module, "call_harness", answer)
    with caplog.at_level(logging.WARNING):
        paired = pair_bundles(good, good, rows, pairs=PAIRS, seconds=0.25)
    assert paired == Paired(1, 1, 1, 1, 1, 1, PAIRS)
    assert "had not settled" in caplog.text
