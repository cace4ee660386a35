"""Budgets: pass and fail only where that is certain; what was not measured or drowned in noise is inconclusive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dwcpc.bench.budgets import DEFAULT_LIMITS, Limits, judge, overall, parse_limits
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Budget, Measurement

QUICK = Measurement(
    runtime="go",
    onnxruntime="1.32.0",
    calls=2000,
    load_ms=8.0,
    first_call_ms=1.0,
    p50_ms=0.2,
    p90_ms=0.25,
    p99_ms=0.5,
    p99_upper_ms=0.75,
    max_ms=9.0,
    cpu_p50_ms=0.2,
    cpu_mean_ms=0.25,
    peak_memory_bytes=45_000_000,
)
LIMITS = Limits(latency_p99_ms=1.0)
SIZE_BYTES = 500_000


def judged(run: Measurement | None = QUICK, limits: Limits = LIMITS, size: int = SIZE_BYTES) -> dict[str, Budget]:
    runs = {} if run is None else {"go": run}
    return {budget.name: budget for budget in judge(limits, size, runs)}


def test_every_budget_is_judged_and_names_its_limit_and_its_measure() -> None:
    budgets = judged()
    assert set(budgets) == set(DEFAULT_LIMITS)
    assert {name: (budget.limit, budget.measured) for name, budget in budgets.items()} == {
        "latency_p99_ms": (1.0, 0.5),
        "size_mb": (50.0, 0.5),
        "memory_mb": (500.0, 45.0),
        "cpu_percent": (10.0, pytest.approx(0.25)),  # 0.25 ms ten times a second
    }
    assert {budget.verdict for budget in budgets.values()} == {"pass"}


@pytest.mark.parametrize(
    ("p50", "cpu_p50", "bound", "verdict"),
    [
        (0.2, 0.2, 1.0, "pass"),  # the bound is at the limit
        (0.2, 0.2, 1.001, "inconclusive"),  # usually quick, and who knows how often not
        (1.5, 0.2, 3.0, "inconclusive"),  # slow, while the processor hardly worked on it
        (0.9, 1.5, 3.0, "inconclusive"),
        (1.5, 1.5, 3.0, "fail"),  # slow however quiet the machine
    ],
)
def test_latency_is_judged_by_its_bound_and_failed_by_its_median(
    p50: float, cpu_p50: float, bound: float, verdict: str
) -> None:
    run = replace(QUICK, p50_ms=p50, cpu_p50_ms=cpu_p50, p99_ms=2.0, p99_upper_ms=bound)
    budget = judged(run)["latency_p99_ms"]
    assert budget.verdict == verdict
    assert budget.measured == 2.0
    assert budget.reason


@pytest.mark.parametrize(
    ("name", "run", "size"),
    [
        ("memory_mb", replace(QUICK, peak_memory_bytes=500_000_001), SIZE_BYTES),
        ("cpu_percent", replace(QUICK, cpu_mean_ms=10.01), SIZE_BYTES),
        ("size_mb", QUICK, 50_000_001),
    ],
)
def test_a_plain_budget_fails_just_above_its_limit(name: str, run: Measurement, size: int) -> None:
    budgets = judged(run, size=size)
    assert [budget.name for budget in budgets.values() if budget.verdict == "fail"] == [name]


def test_a_plain_budget_passes_at_its_limit() -> None:
    run = replace(QUICK, peak_memory_bytes=500_000_000, cpu_mean_ms=10.0)
    assert {budget.verdict for budget in judged(run, size=50_000_000).values()} == {"pass"}


def test_without_the_runtime_that_serves_only_the_size_is_certain() -> None:
    runs = {"python": replace(QUICK, runtime="python")}
    verdicts = {budget.name: budget.verdict for budget in judge(LIMITS, SIZE_BYTES, runs)}
    assert verdicts == {
        "latency_p99_ms": "inconclusive",
        "size_mb": "pass",
        "memory_mb": "inconclusive",
        "cpu_percent": "inconclusive",
    }
    assert {name for name, budget in judged(None).items() if budget.measured is None} == set(verdicts) - {"size_mb"}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "inconclusive"], "inconclusive"),
        (["inconclusive", "fail", "pass"], "fail"),
        (["fail"], "fail"),
        ([], "inconclusive"),
    ],
)
def test_the_worst_verdict_counts_and_nothing_judged_is_no_pass(verdicts: list, expected: str) -> None:
    assert overall(verdicts) == expected


def test_limits_are_the_defaults_the_models_own_latency_and_what_is_set() -> None:
    assert parse_limits([], 7.0) == Limits(7.0, 50.0, 500.0, 10.0)
    assert parse_limits(["size_mb=2", "latency_p99_ms=0.5", "size_mb=3"], 7.0) == Limits(0.5, 3.0, 500.0, 10.0)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("colour=5", "expected one of latency_p99_ms, size_mb, memory_mb, cpu_percent"),
        ("=5", "names no budget"),
        ("", "names no budget"),
        ("Size_mb=5", "names no budget"),
        ("size_mb", "'' is not a number"),
        ("size_mb=", "'' is not a number"),
        ("size_mb=5MB", "'5MB' is not a number"),
        ("size_mb=1=2", "'1=2' is not a number"),
        ("size_mb=0", "expected a positive number"),
        ("size_mb=-1", "expected a positive number"),
        ("size_mb=nan", "expected a positive number"),
        ("size_mb=inf", "expected a positive number"),
    ],
)
def test_refuses_a_limit_that_is_none(setting: str, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_limits(["memory_mb=5", setting], 5.0)
    assert f"--budget {setting}" in str(refused.value)
    assert reason in str(refused.value)
