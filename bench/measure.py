"""One fresh process of one runtime, timed as production calls it: batch 1, copy in → run → copy out, load apart."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.bench.stats import percentile, upper_bound
from dwcpc.compiler.errors import DwcpcError
from dwcpc.compiler.harness import call_harness
from dwcpc.compiler.metadata import Measurement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.bundle import Bundle

DEFAULT_CALLS = 2000
DEFAULT_SECONDS = 2.0
DISTINCT_ROWS = 256  # a repeated row flatters branch prediction
NS_PER_MS = 1e6
SOURCE_CALLS = 100
SOURCE_WARMUP = 20


def measure_go(bundle: Bundle, rows: NDArray[np.float32], calls: int = DEFAULT_CALLS) -> Measurement:
    """Time the Go harness on `rows`, rotated."""
    return _measured(
        bundle, rows, "go", lambda arguments: call_harness("bench", [*arguments, "--bundle", str(bundle.path)]), calls
    )


def measure_python(bundle: Bundle, rows: NDArray[np.float32], calls: int = DEFAULT_CALLS) -> Measurement:
    """Time Python's onnxruntime on `rows`, rotated, in a process of its own."""

    def call(arguments: list[str]) -> dict[str, Any]:
        argv = [sys.executable, "-m", "dwcpc.bench.python_worker", *arguments, "--bundle", str(bundle.path)]
        done = subprocess.run(argv, capture_output=True, check=False)
        if done.returncode:
            raise DwcpcError(f"the Python timing process failed: {done.stderr.decode(errors='replace').strip()[-500:]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return _measured(bundle, rows, "python", call, calls)


def time_source(predict: Callable[[NDArray[np.float32]], object], rows: NDArray[np.float32]) -> float:
    """Return the median in ms of `predict` on single rows: the source model in its own framework, for comparison."""
    taken = []
    for index in range(SOURCE_WARMUP + SOURCE_CALLS):
        row = rows[index % len(rows)][None]
        start = time.perf_counter_ns()
        predict(row)
        taken.append(time.perf_counter_ns() - start)
    return float(np.median(taken[SOURCE_WARMUP:])) / NS_PER_MS


def _measured(
    bundle: Bundle,
    rows: NDArray[np.float32],
    runtime: str,
    call: Callable[[list[str]], dict[str, Any]],
    calls: int,
) -> Measurement:
    with tempfile.TemporaryDirectory(prefix="dwcpc-bench-") as name:
        folder = Path(name)
        np.save(folder / "input.npy", np.ascontiguousarray(rows))
        arguments = ["--input", f"{bundle.metadata.inputs[0].name}={folder / 'input.npy'}"]
        arguments += ["--calls", str(calls), "--min-seconds", str(DEFAULT_SECONDS)]
        answer = call([*arguments, "--samples", str(folder / "samples.npy")])
        samples = np.load(folder / "samples.npy", allow_pickle=False) / NS_PER_MS
    wall, cpu = samples[:, 0], samples[:, 1]
    bound = upper_bound(wall, 0.99)
    if bound is None:
        raise DwcpcError(f"{len(wall)} calls cannot bound p99; measure at least 459")
    return Measurement(
        runtime=runtime,
        onnxruntime=str(answer["onnxruntime"]),
        calls=len(wall),
        load_ms=float(answer["load_ms"]),
        first_call_ms=float(answer["first_call_ms"]),
        p50_ms=percentile(wall, 0.5),
        p90_ms=percentile(wall, 0.9),
        p99_ms=percentile(wall, 0.99),
        p99_upper_ms=bound,
        max_ms=float(wall.max()),
        cpu_p50_ms=percentile(cpu, 0.5),
        cpu_mean_ms=float(cpu.mean()),
        peak_memory_bytes=int(answer["peak_memory_bytes"]),
    )
