"""Latency against its budget: three of five decide, and only CPU time speaks against a model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dwcpc.bench.findings import ProcessRun
from dwcpc.bench.latency_verdict import is_slow, is_within, judge_latency, majority

LIMIT_MS = 5.0
QUIET = ProcessRun(
    calls=2000,
    settled=True,
    load_ms=8.0,
    first_call_ms=1.0,
    p50_ms=3.0,
    p90_ms=3.1,
    p99_ms=3.5,
    p999_ms=3.9,
    max_ms=4.0,
    p99_upper_ms=3.6,
    cpu_p50_ms=3.0,
    cpu_mean_ms=3.0,
    cpu_p99_upper_ms=3.6,
    peak_memory_bytes=45_000_000,
    probe_before_ms=1.0,
    probe_after_ms=1.0,
    others_cores=0.0,
    cpu_p99_lower_ms=3.4,
)
# Its calls wait for the processor, which works on them no longer than before.
BUSY = replace(QUIET, p50_ms=6.1, p99_ms=30.0, p99_upper_ms=40.0, others_cores=2.0)
SLOW = replace(
    QUIET, p50_ms=6.0, p99_ms=7.0, p99_upper_ms=7.2, cpu_p50_ms=6.0, cpu_p99_lower_ms=6.9, cpu_p99_upper_ms=7.2
)


@pytest.mark.parametrize(("processes", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)])
def test_a_majority_is_three_of_five(processes: int, needed: int) -> None:
    assert majority(processes) == needed


@pytest.mark.parametrize(("good", "verdict"), [(5, "pass"), (3, "pass"), (2, "inconclusive"), (0, "inconclusive")])
def test_three_bounds_of_five_within_pass(good: int, verdict: str) -> None:
    assert judge_latency(LIMIT_MS, [QUIET] * good + [BUSY] * (5 - good)).verdict == verdict


@pytest.mark.parametrize(("slow", "verdict"), [(5, "fail"), (3, "fail"), (2, "inconclusive")])
def test_three_slow_ones_of_five_fail(slow: int, verdict: str) -> None:
    assert judge_latency(LIMIT_MS, [SLOW] * slow + [BUSY] * (5 - slow)).verdict == verdict


def test_the_bound_and_not_the_estimate_has_to_be_within() -> None:
    assert is_within(replace(QUIET, p99_upper_ms=5.0), LIMIT_MS)
    assert not is_within(replace(QUIET, p99_ms=4.9, p99_upper_ms=5.001), LIMIT_MS)


def test_too_few_calls_to_bound_p99_never_pass() -> None:
    few = replace(QUIET, calls=458, p99_upper_ms=None)
    budget = judge_latency(LIMIT_MS, [few] * 5)
    assert budget.verdict == "inconclusive"
    assert "measure at least 459" in budget.reason


def test_a_slow_model_that_was_cut_short_fails_by_its_median() -> None:
    few = replace(SLOW, calls=60, p99_upper_ms=None, cpu_p99_lower_ms=None, cpu_p99_upper_ms=None)
    assert judge_latency(LIMIT_MS, [few] * 5).verdict == "fail"


def test_nothing_measured_is_inconclusive() -> None:
    budget = judge_latency(LIMIT_MS, [])
    assert (budget.verdict, budget.measured) == ("inconclusive", None)
    assert "not measured" in budget.reason


def test_wall_time_alone_fails_no_model() -> None:
    budget = judge_latency(LIMIT_MS, [BUSY] * 5)
    assert budget.verdict == "inconclusive"
    assert "others used 2 cores meanwhile" in budget.reason
    waiting = replace(BUSY, others_cores=0.0)
    assert "wait for something that is not the processor" in judge_latency(LIMIT_MS, [waiting] * 5).reason


def test_a_tail_of_cpu_time_fails_on_a_quiet_machine_by_its_lower_bound() -> None:
    tail = replace(QUIET, p99_upper_ms=5.4, cpu_p99_lower_ms=5.1, cpu_p99_upper_ms=5.4)
    assert is_slow(tail, LIMIT_MS, 1.0)
    assert "p99 of processor time is 5.1 ms at least" in judge_latency(LIMIT_MS, [tail] * 5).reason
    # The upper bound of a good model may be over the limit: of 500 calls it is the slowest one.
    assert not is_slow(replace(tail, cpu_p99_lower_ms=4.9), LIMIT_MS, 1.0)
    assert judge_latency(LIMIT_MS, [replace(tail, cpu_p99_lower_ms=4.9)] * 5).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("cpu_p50_ms", "others", "slow"),
    [(5.01, 0.24, True), (4.99, 0.24, False), (9.9, 0.25, False), (10.1, 0.25, True), (9.9, None, False)],
)
def test_a_median_counts_double_where_others_ran_for_a_quarter_of_a_core(
    cpu_p50_ms: float, others: float | None, *, slow: bool
) -> None:
    run = replace(QUIET, cpu_p50_ms=cpu_p50_ms, cpu_p99_lower_ms=None, others_cores=others)
    assert is_slow(run, LIMIT_MS, 1.0) is slow


@pytest.mark.parametrize(("lower_ms", "others", "slow"), [(5.1, 0.009, True), (9.9, 0.01, False), (10.1, 0.01, True)])
def test_a_tail_counts_double_where_others_ran_for_a_hundredth(lower_ms: float, others: float, *, slow: bool) -> None:
    run = replace(QUIET, cpu_p99_lower_ms=lower_ms, others_cores=others)
    assert is_slow(run, LIMIT_MS, 1.0) is slow


@pytest.mark.parametrize(("before", "after"), [(1.5, 1.0), (1.0, 1.5)])
def test_a_slower_processor_excuses_as_much_as_the_probe_shows(before: float, after: float) -> None:
    run = replace(QUIET, cpu_p99_lower_ms=None, probe_before_ms=before, probe_after_ms=after)
    assert not is_slow(replace(run, cpu_p50_ms=7.4), LIMIT_MS, 1.0)
    assert is_slow(replace(run, cpu_p50_ms=7.6), LIMIT_MS, 1.0)


def test_the_fastest_probe_of_the_job_is_the_measure() -> None:
    slow = replace(SLOW, probe_before_ms=1.4, probe_after_ms=1.4)
    assert judge_latency(LIMIT_MS, [slow] * 5).verdict == "fail"  # nothing shows that it ever was faster
    assert judge_latency(LIMIT_MS, [slow] * 5, fastest_ms=1.0).verdict == "inconclusive"


def test_no_excuse_lets_a_model_pass() -> None:
    excused = replace(SLOW, others_cores=5.0, probe_before_ms=9.0, probe_after_ms=9.0)
    assert judge_latency(LIMIT_MS, [excused] * 5, fastest_ms=1.0).verdict == "inconclusive"


def test_the_reason_of_a_pass_says_what_is_certain() -> None:
    budget = judge_latency(LIMIT_MS, [QUIET] * 4 + [BUSY])
    assert budget.measured == 3.5
    assert budget.reason == "p99 is at most 3.6 ms, 99 % sure (4 of 5 processes within)"
