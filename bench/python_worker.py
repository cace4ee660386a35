"""The process that times Python's onnxruntime; the Go harness's `bench` beside it.

Both take the same options and give the same JSON and samples: int64 nanoseconds [calls, 2], wall and thread CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.ort_session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

WARMUP_CALLS = 50
WARMUP_SECONDS = 0.5
WINDOW = 100
WINDOWS = 3
STABLE_WITHIN = 0.10
MOST_WARMUP_SECONDS = 5.0


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--min-seconds", type=float, required=True)
    parser.add_argument("--samples", type=Path, required=True)
    options = parser.parse_args()
    answer, samples = _run(options)
    np.save(options.samples, samples)
    sys.stdout.write(json.dumps(answer))


def _run(options: argparse.Namespace) -> tuple[dict[str, Any], NDArray[np.int64]]:
    import onnxruntime

    bundle = open_bundle(options.bundle)
    name, _, path = options.input.partition("=")
    rows = np.load(path, allow_pickle=False)
    model = bundle.model_path.read_bytes()
    start = time.perf_counter_ns()
    session = open_session(model, bundle.metadata.runtime.session)
    load_ns = time.perf_counter_ns() - start
    outputs = [tensor.name for tensor in bundle.metadata.outputs]

    def call(index: int) -> tuple[int, int]:
        row = rows[index % len(rows)][None]
        cpu = time.thread_time_ns()
        wall = time.perf_counter_ns()
        session.run(outputs, {name: row})
        wall = time.perf_counter_ns() - wall
        return wall, time.thread_time_ns() - cpu

    first_ns, _ = call(0)
    warmup, stable = _warm_up(call)
    samples: list[tuple[int, int]] = []
    begun = time.perf_counter()
    while len(samples) < options.calls or time.perf_counter() - begun < options.min_seconds:
        samples.append(call(len(samples)))
    answer = {
        "onnxruntime": onnxruntime.__version__,
        "load_ms": load_ns / 1e6,
        "first_call_ms": first_ns / 1e6,
        "warmup_calls": warmup,
        "stable": stable,
        "calls": len(samples),
        "seconds": time.perf_counter() - begun,
        "peak_memory_bytes": _peak_memory_bytes(),
    }
    return answer, np.array(samples, np.int64)


def _warm_up(call: Callable[[int], tuple[int, int]]) -> tuple[int, bool]:
    """Call until three windows of 100 have medians within 10 %; return the number of calls and whether that came."""
    begun = time.perf_counter()
    taken: list[int] = []
    while len(taken) < WARMUP_CALLS or time.perf_counter() - begun < WARMUP_SECONDS:
        taken.append(call(len(taken))[0])
    medians: list[float] = []
    while time.perf_counter() - begun < MOST_WARMUP_SECONDS:
        window = [call(index)[0] for index in range(WINDOW)]
        taken += window
        medians.append(float(np.median(window)))
        last = medians[-WINDOWS:]
        if len(last) == WINDOWS and max(last) <= min(last) * (1 + STABLE_WITHIN):
            return len(taken), True
    return len(taken), False


def _peak_memory_bytes() -> int:
    # Not ru_maxrss: a child inherits its parent's.
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
