"""One fresh process of one runtime, timed as production calls it: batch 1, copy in → run → copy out, load apart."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.bench.stats import percentile, upper_bound
from dwcpc.compiler.errors import DwcpcError
from dwcpc.compiler.harness import TIMEOUT_S, call_harness
from dwcpc.compiler.metadata import Measurement

if TYPE_CHECKING:
    from dwcpc.compiler.bundle import Bundle

DEFAULT_CALLS = 2000
DEFAULT_SECONDS = 2.0
DISTINCT_ROWS = 256  # a repeated row flatters branch prediction
NS_PER_MS = 1e6
SOURCE_CALLS = 100
SOURCE_WARMUP = 20

Answer = dict[str, Any]
Samples = NDArray[np.float64]


def measure_go(bundle: Bundle, rows: NDArray[np.float32], calls: int = DEFAULT_CALLS) -> Measurement:
    """Time the Go harness on `rows`, rotated."""
    return _measured("go", *go_samples(bundle, rows, calls, DEFAULT_SECONDS))


def go_samples(
    bundle: Bundle, rows: NDArray[np.float32], calls: int, seconds: float, most_seconds: float = 0.0
) -> tuple[Answer, Samples]:
    """Return what the Go harness says of one process, and each call's wall and CPU time in ms [calls, 2].

    It is cut short after `most_seconds`, unless that is 0.
    """

    def call(arguments: list[str]) -> Answer:
        if not most_seconds:
            return call_harness("bench", arguments)
        return call_harness("bench", [*arguments, "--most-seconds", str(most_seconds)], TIMEOUT_S + most_seconds)

    return sampled(bundle, rows, calls, seconds, call)


def measure_python(bundle: Bundle, rows: NDArray[np.float32], calls: int = DEFAULT_CALLS) -> Measurement:
    """Time Python's onnxruntime on `rows`, rotated, in a process of its own."""
    return _measured("python", *python_samples(bundle, rows, calls, DEFAULT_SECONDS))


def python_samples(
    bundle: Bundle, rows: NDArray[np.float32], calls: int, seconds: float, most_seconds: float = 0.0
) -> tuple[Answer, Samples]:
    """Return what `go_samples` does, of a process of Python's onnxruntime."""

    def call(arguments: list[str]) -> Answer:
        argv = [sys.executable, "-m", "dwcpc.bench.python_worker", *arguments, "--most-seconds", str(most_seconds)]
        done = subprocess.run(argv, capture_output=True, check=False)
        if done.returncode:
            raise DwcpcError(f"the Python timing process failed: {done.stderr.decode(errors='replace').strip()[-500:]}")
        answer: Answer = json.loads(done.stdout)
        return answer

    return sampled(bundle, rows, calls, seconds, call)


def time_source(
    predict: Callable[[NDArray[np.float32]], object],
    rows: NDArray[np.float32],
    calls: int = SOURCE_CALLS,
    warmup: int = SOURCE_WARMUP,
) -> float:
    """Return the median in ms of `predict` on single rows, in this process: the source model, or its plain export."""
    taken = []
    for index in range(warmup + calls):
        row = rows[index % len(rows)][None]
        start = time.perf_counter_ns()
        predict(row)
        taken.append(time.perf_counter_ns() - start)
    return float(np.median(taken[warmup:])) / NS_PER_MS


def sampled(
    bundle: Bundle, rows: NDArray[np.float32], calls: int, seconds: float, call: Callable[[list[str]], Answer]
) -> tuple[Answer, Samples]:
    """Hand `rows` to one timing process and read back its samples in ms; all of them take the same options."""
    with tempfile.TemporaryDirectory(prefix="dwcpc-bench-") as name:
        folder = Path(name)
        inputs = saved_inputs("--input", {bundle.metadata.inputs[0].name: rows}, folder)
        arguments = ["--bundle", str(bundle.path), *inputs, "--calls", str(calls), "--min-seconds", str(seconds)]
        answer = call([*arguments, "--samples", str(folder / "samples.npy")])
        samples: Samples = np.load(folder / "samples.npy", allow_pickle=False) / NS_PER_MS
    return answer, samples


def saved_inputs(option: str, rows: Mapping[str, NDArray[np.float32]], folder: Path) -> list[str]:
    """Write the rows of each input into `folder`; return the arguments that name the files, `option` before each."""
    arguments = []
    for index, (name, values) in enumerate(rows.items()):
        path = folder / f"{option.lstrip('-')}_{index}.npy"  # a foreign model's input may have any name
        np.save(path, np.ascontiguousarray(values))
        arguments += [option, f"{name}={path}"]
    return arguments


def _measured(runtime: str, answer: Answer, samples: Samples) -> Measurement:
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
