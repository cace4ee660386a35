"""Calls of Python's onnxruntime, timed one by one in this process: wall and thread CPU time, warmed up first.

The Go side of it is `go_harness/internal/measure`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnxruntime

WARMUP_CALLS = 50
WARMUP_SECONDS = 0.5
WINDOW = 100
WINDOWS = 3
STABLE_WITHIN = 0.10
MOST_WARMUP_SECONDS = 5.0

# The number of the call in; its wall and thread CPU time in ns out.
Call = Callable[[int], tuple[int, int]]
Rows = Mapping[str, NDArray[np.float32]]


def timed_call(session: onnxruntime.InferenceSession, outputs: list[str] | None, rows: Rows) -> Call:
    """Return a call that predicts `outputs` (none: all) of one of `rows`, in turn: a repeated row flatters branches."""
    count = min(map(len, rows.values()))
    feeds = [{name: values[index : index + 1] for name, values in rows.items()} for index in range(count)]

    def call(index: int) -> tuple[int, int]:
        feed = feeds[index % count]
        cpu = time.thread_time_ns()
        wall = time.perf_counter_ns()
        session.run(outputs, feed)
        wall = time.perf_counter_ns() - wall
        return wall, time.thread_time_ns() - cpu

    return call


def timed(call: Call, calls: int, seconds: float, most_seconds: float = 0.0) -> NDArray[np.int64]:
    """Call until there were `calls` and `seconds`; return ns [calls, 2], wall and thread CPU.

    It is cut short after `most_seconds`, unless that is 0: a hopelessly slow model is known as one long before.
    """
    samples: list[tuple[int, int]] = []
    begun = time.perf_counter()
    elapsed = 0.0
    while len(samples) < calls or elapsed < seconds:
        samples.append(call(len(samples)))
        elapsed = time.perf_counter() - begun
        if 0 < most_seconds <= elapsed:
            break
    return np.array(samples, np.int64)


def warm_up(call: Call) -> tuple[int, bool]:
    """Call until three windows of 100 have medians within 10 %; return the number of calls and whether that came."""
    begun = time.perf_counter()
    taken: list[int] = []
    elapsed = 0.0
    while (len(taken) < WARMUP_CALLS or elapsed < WARMUP_SECONDS) and elapsed < MOST_WARMUP_SECONDS:
        taken.append(call(len(taken))[0])
        elapsed = time.perf_counter() - begun
    medians: list[float] = []
    while time.perf_counter() - begun < MOST_WARMUP_SECONDS:
        window = [call(index)[0] for index in range(WINDOW)]
        taken += window
        medians.append(float(np.median(window)))
        last = medians[-WINDOWS:]
        if len(last) == WINDOWS and max(last) <= min(last) * (1 + STABLE_WITHIN):
            return len(taken), True
    return len(taken), False
