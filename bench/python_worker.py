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

from dwcpc.bench.probe import probe_ms
from dwcpc.bench.processor_time import ProcessorTime
from dwcpc.bench.timed_calls import timed, timed_call, warm_up
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.ort_session import open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--min-seconds", type=float, required=True)
    parser.add_argument("--most-seconds", type=float, default=0.0)
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
    call = timed_call(session, [tensor.name for tensor in bundle.metadata.outputs], {name: rows})
    first_ns, _ = call(0)
    warmup, stable = warm_up(call)
    probe_before_ms = probe_ms()
    before, begun = ProcessorTime.now(), time.perf_counter()
    samples = timed(call, options.calls, options.min_seconds, options.most_seconds)
    seconds, others_cores = time.perf_counter() - begun, ProcessorTime.now().others_cores(before)
    answer = {
        "onnxruntime": onnxruntime.__version__,
        "load_ms": load_ns / 1e6,
        "first_call_ms": first_ns / 1e6,
        "warmup_calls": warmup,
        "stable": stable,
        "calls": len(samples),
        "seconds": seconds,
        "peak_memory_bytes": _peak_memory_bytes(),
        "probe_before_ms": probe_before_ms,
        "probe_after_ms": probe_ms(),
        "others_cores": others_cores,
    }
    return answer, samples


def _peak_memory_bytes() -> int:
    # Not ru_maxrss: a child inherits its parent's.
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
