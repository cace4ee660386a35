"""Size, memory and processor of a measured bundle, and the limits that it is held to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dwcpc.bench.budgets import CPU, DEFAULT_LIMITS, LATENCY, MEMORY, SIZE, TOGETHER
from dwcpc.bench.findings import ProcessRun
from dwcpc.bench.gate_limits import gate_limits
from dwcpc.bench.judge_runs import judge_cpu, judge_memory, judge_runs, judge_together
from dwcpc.bench.process_run import ecdf, process_run
from dwcpc.bench.together import peak_together
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Budget

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "bundles"
GOOD = open_bundle(FIXTURES / "good")
ANSWER = {
    "stable": True,
    "load_ms": 5.0,
    "first_call_ms": 1.0,
    "peak_memory_bytes": 45_000_000,
    "probe_before_ms": 1.0,
    "probe_after_ms": 1.0,
    "others_cores": 0.0,
}
RUN = process_run(ANSWER, np.tile([3.0, 2.0], (2000, 1)))


def cpu(runs: list[ProcessRun], limit: float = 10.0, rate: float = 10.0, threads: int = 1) -> Budget:
    return judge_cpu(limit, runs, rate, None, threads)


def test_processor_is_seconds_times_the_declared_rate() -> None:
    assert cpu([RUN]).measured == pytest.approx(2.0)
    assert cpu([RUN], rate=100.0).measured == pytest.approx(20.0)


def test_processor_over_its_limit_fails_and_on_a_busy_machine_is_unknown() -> None:
    assert cpu([RUN] * 5, limit=2.0).verdict == "pass"
    assert cpu([RUN] * 5, limit=1.9).verdict == "fail"
    assert cpu([replace(RUN, others_cores=2.0)] * 5, limit=1.9).verdict == "inconclusive"
    assert cpu([replace(RUN, others_cores=2.0)] * 5, limit=0.9).verdict == "fail"


def test_processor_of_a_bundle_with_more_threads_is_not_what_its_caller_used() -> None:
    budget = cpu([RUN] * 5, threads=2)
    assert (budget.verdict, budget.measured) == ("inconclusive", None)
    assert "2 threads" in budget.reason


def test_memory_is_the_largest_peak() -> None:
    runs = [RUN, replace(RUN, peak_memory_bytes=90_000_000)]
    assert judge_memory(90.0, runs).verdict == "pass"
    assert judge_memory(89.9, runs).verdict == "fail"


def test_what_was_not_measured_never_passes() -> None:
    limits = gate_limits(()).of(GOOD.metadata)
    verdicts = {budget.name: budget.verdict for budget in judge_runs(GOOD, limits, (), 10.0)}
    assert verdicts == {LATENCY: "inconclusive", SIZE: "pass", MEMORY: "inconclusive", CPU: "inconclusive"}
    assert judge_together(500.0, None, "why not").verdict == "inconclusive"


def test_a_bundle_too_large_fails_by_its_bytes() -> None:
    limits = replace(gate_limits(()).of(GOOD.metadata), size_mb=GOOD.size_bytes / 1e6 - 1e-6)
    assert judge_runs(GOOD, limits, [RUN] * 5, 10.0)[1].verdict == "fail"


def recorded(bundle: Bundle, *budgets: Budget) -> Bundle:
    return replace(bundle, metadata=replace(bundle.metadata, budgets=budgets))


def test_a_bundle_is_held_to_the_latency_that_it_was_compiled_for() -> None:
    own = recorded(GOOD, Budget(LATENCY, 7.0, 1.0, "pass", ""), Budget(SIZE, 999.0, 1.0, "pass", ""))
    assert gate_limits(()).of(own.metadata).latency_p99_ms == 7.0
    assert gate_limits(()).of(own.metadata).size_mb == DEFAULT_LIMITS[SIZE]  # or it could excuse itself
    assert gate_limits(["latency_p99_ms=3"]).of(own.metadata).latency_p99_ms == 3.0
    assert gate_limits(["size_mb=9"]).of(own.metadata).size_mb == 9.0
    assert gate_limits(()).of(recorded(GOOD).metadata).latency_p99_ms == DEFAULT_LIMITS[LATENCY]


def test_the_memory_of_all_together_has_a_limit_of_its_own() -> None:
    limits = gate_limits([f"{TOGETHER}=123"])
    assert limits.together_mb == 123.0
    assert limits.given == {}
    with pytest.raises(InputError, match=f"expected one of .*{TOGETHER}"):
        gate_limits(["nope=1"])


def test_one_go_process_holds_all_bundles() -> None:
    one = peak_together([GOOD])
    assert one > 1_000_000
    assert (
        judge_together(one / 1e6 * 3, peak_together([GOOD, open_bundle(FIXTURES / "classifier")]), "").verdict == "pass"
    )


def test_the_distribution_ends_at_the_slowest_call_and_never_falls() -> None:
    samples = np.random.default_rng(3).exponential(size=5000)
    points = ecdf(samples)
    values, shares = np.array(points).T
    assert (np.diff(values) > 0).all()
    assert (np.diff(shares) > 0).all()
    assert points[-1] == (samples.max(), 1.0)
    for value, share in points:
        assert share == np.mean(samples <= value)
    assert len(points) <= 140


@pytest.mark.parametrize("samples", [[1.0], [2.0, 2.0, 2.0], [3.0, 1.0]])
def test_the_distribution_of_few_calls_is_theirs(samples: list[float]) -> None:
    assert dict(ecdf(np.array(samples))) == {value: np.mean(np.array(samples) <= value) for value in samples}
