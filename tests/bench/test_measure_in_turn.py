"""Processes take turns; what is undecided is measured once more and judged by that; a crash is one bundle's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dwcpc.bench.budgets import LATENCY, Limits
from dwcpc.bench.measure_in_turn import GO, PYTHON, Job, fresh_process, measure_in_turn, turns
from dwcpc.bench.protocol import FULL, QUICK, Protocol, cut_seconds
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import DwcpcError, InputError

BUNDLE = open_bundle(Path(__file__).resolve().parents[1] / "fixtures" / "bundles" / "good")
ROWS = BUNDLE.golden("input")["x"].astype(np.float32)
LIMIT_MS = 5.0
JOB = Job(BUNDLE, ROWS, Limits(latency_p99_ms=LIMIT_MS), 10.0)
ANSWER = {
    "onnxruntime": "1.32.0",
    "stable": True,
    "load_ms": 5.0,
    "first_call_ms": 1.0,
    "peak_memory_bytes": 45_000_000,
    "probe_before_ms": 1.0,
    "probe_after_ms": 1.0,
    "others_cores": 1.0,
}


def silent(_step: str) -> None:
    """Say nothing."""


class Scripted:
    """Answers with the wall times of a script, in order, and the last one for ever."""

    def __init__(self, *wall_ms: float, cpu_ms: float = 1.0) -> None:
        self.wall_ms, self.cpu_ms = list(wall_ms), cpu_ms
        self.asked: list[tuple[Job, str]] = []

    def take(self, job: Job, runtime: str, protocol: Protocol) -> tuple[dict[str, Any], NDArray[np.float64]]:
        """Answer."""
        self.asked.append((job, runtime))
        wall = self.wall_ms.pop(0) if len(self.wall_ms) > 1 else self.wall_ms[0]
        return ANSWER, np.tile([wall, self.cpu_ms], (protocol.calls, 1))


def test_each_round_begins_one_place_further_on() -> None:
    order = list(turns(Protocol(processes=3, python_processes=2), 2, [PYTHON, GO]))
    assert [place[1:] for place in order if place[0] == 0] == [(0, PYTHON), (0, GO), (1, PYTHON), (1, GO)]
    assert [place[1:] for place in order if place[0] == 1] == [(0, GO), (1, PYTHON), (1, GO), (0, PYTHON)]
    assert [place[1:] for place in order if place[0] == 2] == [(1, GO), (0, GO)]


def test_nothing_to_measure_takes_no_turns() -> None:
    assert list(turns(FULL, 0, [PYTHON, GO])) == []
    assert list(turns(FULL, 2, [])) == []
    assert measure_in_turn([], FULL, silent) == []


def test_every_process_is_kept_and_a_pass_is_measured_once() -> None:
    script = Scripted(2.0)
    (measured,) = measure_in_turn([JOB], FULL, silent, take=script.take)
    assert {runs.runtime: len(runs.processes) for runs in measured.runs} == {PYTHON: 3, GO: 5}
    assert {budget.verdict for budget in measured.budgets} == {"pass"}
    assert len(script.asked) == 8


def test_what_is_undecided_is_measured_once_more_and_judged_by_that() -> None:
    script = Scripted(*[40.0] * 5, 2.0)
    (measured,) = measure_in_turn([JOB], FULL, silent, [GO], script.take)
    assert len(measured.runs[0].processes) == 10
    assert measured.budgets[0].verdict == "pass"
    assert "5 of 5 processes within" in measured.budgets[0].reason


def test_what_stays_undecided_is_inconclusive_after_the_second_time() -> None:
    script = Scripted(40.0)
    (measured,) = measure_in_turn([JOB], FULL, silent, [GO], script.take)
    assert len(script.asked) == 10
    assert measured.budgets[0].verdict == "inconclusive"


def test_a_failure_is_not_measured_again() -> None:
    script = Scripted(40.0, cpu_ms=30.0)
    (measured,) = measure_in_turn([JOB], FULL, silent, [GO], script.take)
    assert len(script.asked) == 5
    assert measured.budgets[0].verdict == "fail"


def test_only_the_undecided_bundle_is_measured_again() -> None:
    tight = replace(JOB, limits=Limits(latency_p99_ms=0.5))
    script = Scripted(0.9, cpu_ms=0.3)
    measured = measure_in_turn([JOB, tight], FULL, silent, [GO], script.take)
    assert [each.budgets[0].verdict for each in measured] == ["pass", "inconclusive"]
    assert sum(job is JOB for job, _ in script.asked) == 5
    assert sum(job is tight for job, _ in script.asked) == 10


def test_a_quick_run_measures_once() -> None:
    script = Scripted(40.0)
    measure_in_turn([JOB], QUICK, silent, [GO], script.take)
    assert len(script.asked) == 3


def test_without_go_every_budget_of_the_runtime_is_inconclusive() -> None:
    (measured,) = measure_in_turn([JOB], FULL, silent, [PYTHON], Scripted(1.0).take)
    verdicts = {budget.name: budget.verdict for budget in measured.budgets}
    assert verdicts == {
        LATENCY: "inconclusive",
        "size_mb": "pass",
        "memory_mb": "inconclusive",
        "cpu_percent": "inconclusive",
    }


def test_a_crash_leaves_that_bundle_unmeasured_and_the_others_judged() -> None:
    other = replace(JOB, rate_per_s=20.0)
    good = Scripted(1.0)

    def take(job: Job, runtime: str, protocol: Protocol) -> tuple[dict[str, Any], NDArray[np.float64]]:
        if job is other:
            raise DwcpcError("the harness ended with -11 and no answer")
        return good.take(job, runtime, protocol)

    first, second = measure_in_turn([JOB, other], FULL, silent, [GO], take)
    assert {budget.verdict for budget in first.budgets} == {"pass"}
    assert second.failure == "the harness ended with -11 and no answer"
    assert second.runs == ()
    assert second.budgets[0].verdict == "inconclusive"


def test_a_machine_that_cannot_measure_is_no_verdict() -> None:
    def take(*_: object) -> tuple[dict[str, Any], NDArray[np.float64]]:
        raise InputError("the Go harness is missing")

    with pytest.raises(InputError, match="harness is missing"):
        measure_in_turn([JOB], FULL, silent, [GO], take)


@pytest.mark.parametrize("runtime", [PYTHON, GO])
def test_a_fresh_process_answers_with_all_that_a_run_needs(runtime: str) -> None:
    protocol = Protocol(calls=460, seconds=0.0)
    (measured,) = measure_in_turn([JOB], replace(protocol, processes=1, python_processes=1), silent, [runtime])
    (run,) = measured.runs[0].processes
    assert run.calls == 460
    assert 0 < run.p50_ms <= run.p90_ms <= run.p99_ms <= run.p999_ms <= run.max_ms
    assert run.p99_upper_ms is not None
    assert run.cpu_p99_lower_ms is not None
    assert run.cpu_p99_upper_ms is not None
    assert 0 < run.cpu_p50_ms <= run.cpu_p99_lower_ms <= run.cpu_p99_upper_ms
    assert run.probe_before_ms > 0.05
    assert run.probe_after_ms > 0.05
    assert run.others_cores is None or 0 <= run.others_cores < 1000
    assert run.peak_memory_bytes > 1_000_000


@pytest.mark.parametrize("runtime", [PYTHON, GO])
def test_a_hopeless_process_is_cut_short(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dwcpc.bench.protocol.LEAST_CUT_S", 0.01)
    hopeless = replace(JOB, limits=Limits(latency_p99_ms=1e-9))
    _, samples = fresh_process(hopeless, runtime, Protocol(calls=10_000_000, seconds=60.0))
    assert 1 <= len(samples) < 10_000_000


def test_a_model_within_twice_its_budget_always_makes_enough_calls_for_a_bound() -> None:
    for limit_ms in (1.0, 5.0, 50.0, 500.0):
        assert cut_seconds(limit_ms) >= 459 * 2 * limit_ms / 1e3
    assert cut_seconds(1.0) == 20
    assert cut_seconds(1e9) == 3600


def test_fewer_processes_or_calls_than_the_protocol_decide_nothing() -> None:
    assert FULL.changed(None, None) == FULL
    assert FULL.changed(7, 5000).decisive
    assert FULL.changed(7, None).processes_of(PYTHON) == 7
    for fewer in (FULL.changed(4, None), FULL.changed(None, 1999), QUICK, QUICK.changed(9, 9000)):
        assert not fewer.decisive
        assert "not decisive" in fewer.shortfall
