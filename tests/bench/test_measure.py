"""The timing processes: what they print and the samples they write; both runtimes alike."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.bench import measure
from dwcpc.bench.environment import cpu_ticks, describe_machine
from dwcpc.bench.measure import measure_go, measure_python, time_source
from dwcpc.bench.stats import percentile
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import DwcpcError
from dwcpc.compiler.harness import call_harness
from dwcpc.compiler.metadata import Measurement

GOOD = Path(__file__).resolve().parents[1] / "fixtures" / "bundles" / "good"
CALLS = 500
KEYS = {
    "onnxruntime": str,
    "load_ms": float,
    "first_call_ms": float,
    "warmup_calls": int,
    "stable": bool,
    "calls": int,
    "seconds": float,
    "peak_memory_bytes": int,
}


@pytest.fixture
def rows() -> np.ndarray:
    """Ordinary rows of the good bundle: float32 [8, 3, 2]."""
    return open_bundle(GOOD).golden("input")["x"][:8]


def python_process(arguments: list[str]) -> dict[str, Any]:
    argv = [sys.executable, "-m", "dwcpc.bench.python_worker", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def go_process(arguments: list[str]) -> dict[str, Any]:
    return call_harness("bench", arguments)


@pytest.mark.parametrize("call", [python_process, go_process])
def test_a_timing_process_answers_in_the_documented_form(call: Any, rows: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", rows)
    arguments = ["--bundle", str(GOOD), "--input", f"x={tmp_path / 'x.npy'}", "--calls", str(CALLS)]
    answer = call([*arguments, "--min-seconds", "0", "--samples", str(tmp_path / "samples.npy")])
    assert set(KEYS) <= set(answer)
    for key, kind in KEYS.items():
        assert isinstance(answer[key], (int, float) if kind is float else kind), key
    assert answer["calls"] == CALLS
    assert answer["warmup_calls"] >= 50
    assert answer["peak_memory_bytes"] > 1_000_000
    samples = np.load(tmp_path / "samples.npy", allow_pickle=False)
    assert samples.shape == (CALLS, 2)
    assert samples.dtype == np.int64
    assert (samples[:, 0] > 0).all()
    assert (samples[:, 1] >= 0).all()


@pytest.mark.parametrize("take", [measure_python, measure_go])
def test_a_measurement_is_in_order(take: Any, rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "DEFAULT_SECONDS", 0.0)
    taken: Measurement = take(open_bundle(GOOD), rows, CALLS)
    assert taken.calls == CALLS
    assert taken.runtime == ("python" if take is measure_python else "go")
    assert 0 < taken.p50_ms <= taken.p90_ms <= taken.p99_ms <= taken.p99_upper_ms <= taken.max_ms
    assert taken.cpu_mean_ms > 0
    assert taken.load_ms > 0
    assert taken.first_call_ms > 0


def test_too_few_calls_for_a_bound_are_no_measurement(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "DEFAULT_SECONDS", 0.0)
    with pytest.raises(DwcpcError, match="measure at least 459"):
        measure_go(open_bundle(GOOD), rows, 458)


def test_a_process_that_fails_is_named_with_its_reason(rows: np.ndarray) -> None:
    wrong = rows[:, :2]
    with pytest.raises(DwcpcError, match="Python timing process failed"):
        measure_python(open_bundle(GOOD), wrong, CALLS)


def test_the_source_model_is_timed_on_single_rows_in_turn(rows: np.ndarray) -> None:
    seen: list[np.ndarray] = []
    taken = time_source(seen.append, rows)
    assert taken > 0
    assert {row.shape for row in seen} == {(1, 3, 2)}
    np.testing.assert_array_equal(np.concatenate(seen[: len(rows)]), rows)
    assert len(seen) == measure.SOURCE_WARMUP + measure.SOURCE_CALLS


def test_samples_in_nanoseconds_become_milliseconds(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.stack([np.arange(1, 1001) * 1000, np.full(1000, 250_000)], axis=1).astype(np.int64)

    def answer(_command: str, arguments: list[str]) -> dict[str, Any]:
        np.save(arguments[arguments.index("--samples") + 1], samples)
        return {"onnxruntime": "1.32.0", "load_ms": 2.0, "first_call_ms": 3.0, "peak_memory_bytes": 7}

    monkeypatch.setattr(measure, "call_harness", answer)
    taken = measure_go(open_bundle(GOOD), rows)
    assert (taken.calls, taken.load_ms, taken.first_call_ms, taken.peak_memory_bytes) == (1000, 2.0, 3.0, 7)
    assert (taken.p50_ms, taken.p90_ms, taken.p99_ms, taken.max_ms) == (0.5, 0.9, 0.99, 1.0)
    assert (taken.cpu_p50_ms, taken.cpu_mean_ms) == (0.25, 0.25)
    assert taken.p99_ms == percentile(samples[:, 0] / 1e6, 0.99)


def test_the_machine_is_described() -> None:
    machine = describe_machine(cpu_ticks())
    assert machine.cpu
    assert machine.cores >= 1
    assert 0 <= machine.steal_percent <= 100
