"""The Go process under load: many callers at once, or calls that arrive at a fixed rate whoever is still busy."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.bench.against_baseline import golden_inputs
from dwcpc.bench.findings import Load
from dwcpc.bench.measure import NS_PER_MS, saved_inputs
from dwcpc.bench.stats import percentile
from dwcpc.compiler.harness import call_harness

if TYPE_CHECKING:
    from dwcpc.bench.protocol import Protocol
    from dwcpc.compiler.bundle import Bundle


def concurrent_load(bundle: Bundle, callers: int, protocol: Protocol) -> Load:
    """Let `callers` goroutines call at once, each again as soon as it was answered."""
    return _loaded(bundle, callers, None, protocol)


def open_load(bundle: Bundle, rate_per_s: float, protocol: Protocol, callers: int | None = None) -> Load:
    """Let calls arrive at `rate_per_s`; a call's latency counts from when it was due, whether or not anyone was free.

    `callers` is how many may run at once; more than the predictor's slots, one a core, only queue elsewhere.
    """
    return _loaded(bundle, callers or os.cpu_count() or 1, rate_per_s, protocol)


def _loaded(bundle: Bundle, callers: int, rate_per_s: float | None, protocol: Protocol) -> Load:
    with tempfile.TemporaryDirectory(prefix="dwcpc-load-") as name:
        samples = Path(name) / "samples.npy"
        arguments = ["--bundle", str(bundle.path), *saved_inputs("--input", golden_inputs(bundle), Path(name))]
        arguments += ["--samples", str(samples), "--concurrency", str(callers), "--calls", str(protocol.calls)]
        arguments += ["--min-seconds", str(protocol.load_seconds)]
        if rate_per_s is not None:
            arguments += ["--rate", str(rate_per_s)]
        answer = call_harness("load", arguments)
        taken = np.load(samples, allow_pickle=False) / NS_PER_MS
    return Load(
        kind="concurrent" if rate_per_s is None else "open",
        concurrency=callers,
        rate_per_s=rate_per_s,
        calls=len(taken),
        served_per_s=len(taken) / float(answer["seconds"]),
        p50_ms=percentile(taken, 0.5),
        p99_ms=percentile(taken, 0.99),
        max_ms=float(taken.max()),
    )
