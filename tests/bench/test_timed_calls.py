"""Timed calls of Python's onnxruntime: which rows they are given, when they end, when they are warm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dwcpc.bench import timed_calls
from dwcpc.bench.timed_calls import timed, timed_call, warm_up


class Session:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, dict[str, np.ndarray]]] = []

    def run(self, outputs: list[str] | None, feed: dict[str, np.ndarray]) -> None:
        self.asked.append((outputs, feed))


def test_the_rows_of_all_inputs_take_turns() -> None:
    session = Session()
    x, y = np.arange(6, dtype=np.float32).reshape(3, 2), np.arange(3, dtype=np.float32)
    call = timed_call(session, ["out"], {"x": x, "y": y})  # type: ignore[arg-type]
    for index in range(4):
        wall, cpu = call(index)
        assert wall > 0
        assert cpu >= 0
    assert [outputs for outputs, _ in session.asked] == [["out"]] * 4
    np.testing.assert_array_equal(np.stack([feed["x"] for _, feed in session.asked]), x[[0, 1, 2, 0]][:, None])
    np.testing.assert_array_equal(np.stack([feed["y"] for _, feed in session.asked]), y[[0, 1, 2, 0]][:, None])


def test_calls_end_when_there_were_enough_and_for_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(timed_calls.time, "perf_counter", lambda: now[0])

    def call(index: int) -> tuple[int, int]:
        now[0] += 0.01
        return index, 2 * index

    assert timed(call, 5, 0.0).tolist() == [[index, 2 * index] for index in range(5)]
    assert len(timed(call, 5, 0.095)) == 10
    assert len(timed(call, 100, 10.0, 0.195)) == 20  # cut short
    assert len(timed(call, 5, 0.0, 10.0)) == 5


def test_a_hopelessly_slow_call_is_not_warmed_up_for_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(timed_calls.time, "perf_counter", lambda: now[0])

    def call(_index: int) -> tuple[int, int]:
        now[0] += 1.0
        return 10**9, 10**9

    assert warm_up(call) == (5, False)


def test_the_warm_up_ends_when_the_medians_agree_and_says_when_they_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(timed_calls.time, "perf_counter", lambda: now[0])
    taken = [1.0]

    def call(growth: float) -> Any:
        def one(_index: int) -> tuple[int, int]:
            now[0] += 1e-3
            taken[0] *= growth
            return int(1e6 * taken[0]), 0

        return one

    assert warm_up(call(1.0)) == (500 + 3 * 100, True)
    assert warm_up(call(1.001))[1] is False
