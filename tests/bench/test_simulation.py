"""The gate on machines that are not quiet, simulated: the same code as for real measurements, but for the processes.

A machine turns the CPU time that a call takes when it is let alone into samples, as one fresh process would bring them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dwcpc.bench.budgets import Limits
from dwcpc.bench.measure_in_turn import GO, Job, measure_in_turn
from dwcpc.bench.protocol import FULL, QUICK, Protocol
from dwcpc.bench.regression_rule import judge_regression
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.metadata import Verdict

GOOD = Path(__file__).resolve().parents[1] / "fixtures" / "bundles" / "good"
BUNDLE = open_bundle(GOOD)
pytestmark = pytest.mark.slow

LIMIT_MS = 5.0
GATES = 40  # of each case; nine machines times three models are a thousand that may not fail one in a hundred
PROBE_MS = 1.0
NOISE = 0.02
DRIFT = 0.04
CALLS = 2000

Rng = np.random.Generator
Times = NDArray[np.float64]
# CPU times of calls in ms when the machine is quiet.
Model = Callable[[Rng, int], Times]


@dataclass(frozen=True, slots=True)
class Machine:
    """What it does to calls.

    All calls take `slower` times their CPU time, from the process `slower_from` on, and the probe too, where it
    `shows`. A share `struck` of the calls takes up to `by` times its CPU time, and one `waits` of them waits for up to
    `wait_ms` without any. Sharing a core fairly with `sharing` others multiplies wall time.
    """

    others: float
    slower: float = 1.0
    slower_from: int = 0
    shows: bool = True
    struck: float = 0.002
    by: float = 1.2
    waits: float = 0.002
    wait_ms: float = 0.5
    sharing: int = 0


MACHINES = {
    "quiet": Machine(others=0.0),
    "interrupted": Machine(others=0.3, struck=0.05, by=1.8, waits=0.05, wait_ms=5.0),
    "both cores loaded": Machine(others=2.0, struck=0.10, by=1.6, waits=0.05, wait_ms=8.0, sharing=1),
    "three a core": Machine(others=6.0, struck=0.15, by=1.8, waits=0.10, wait_ms=20.0, sharing=3),
    "a sibling busy throughout": Machine(others=1.0, slower=1.7, shows=False),
    "a sibling busy now and then": Machine(others=0.15, struck=0.15, by=1.9),
    "throttled by heat halfway": Machine(others=0.0, slower=1.6, slower_from=2),
    "its processor taken away": Machine(others=0.5, struck=0.02, by=1.3, waits=0.2, wait_ms=10.0),
    "nobody tells": Machine(others=-1.0, struck=0.10, by=1.6, waits=0.05, wait_ms=8.0, sharing=1),
}


@dataclass(slots=True)
class Simulated:
    """One job on one machine, process by process."""

    machine: Machine
    model: Model
    rng: Rng
    started: int = 0

    def take(self, job: Job, runtime: str, protocol: Protocol) -> tuple[dict[str, Any], Times]:
        """Answer as a fresh process does."""
        machine, rng = self.machine, self.rng
        slower = machine.slower if self.started >= machine.slower_from else 1.0
        self.started += 1
        speed = slower * (1 + DRIFT * rng.uniform(0, 1))  # a machine never is faster than when it is let alone
        calls = max(protocol.calls, 459)
        cpu = self.model(rng, calls) * speed * (1 + np.abs(rng.normal(0, NOISE, calls)))
        cpu *= np.where(rng.random(calls) < machine.struck, rng.uniform(1, machine.by, calls), 1)
        wall = cpu * (1 + machine.sharing * rng.uniform(0.8, 1.2, calls))
        wall += np.where(rng.random(calls) < machine.waits, rng.uniform(0, machine.wait_ms, calls), 0)
        shown = speed if machine.shows else speed / slower
        answer = {
            "onnxruntime": "1.32.0",
            "stable": True,
            "load_ms": 5.0,
            "first_call_ms": 1.0,
            "peak_memory_bytes": 45_000_000,
            "probe_before_ms": PROBE_MS * shown,
            "probe_after_ms": PROBE_MS * shown * (1 + rng.uniform(0, NOISE)),
            "others_cores": None if machine.others < 0 else machine.others,
        }
        return answer, np.stack([wall, cpu], axis=1)


def steady(cpu_ms: float) -> Model:
    """Return a model of which every call takes the same."""
    return lambda _, calls: np.full(calls, cpu_ms)


def tailed(cpu_ms: float, tail_ms: float, share: float) -> Model:
    """Return a model of which a share of the rows takes longer."""
    return lambda rng, calls: np.where(rng.random(calls) < share, tail_ms, cpu_ms)


def gated(machine: Machine, model: Model, seed: int, protocol: Protocol = FULL) -> Verdict:
    """Return the verdict on latency of one simulated gate, with its second attempt."""
    simulated = Simulated(machine, model, np.random.default_rng(seed))
    job = Job(BUNDLE, np.zeros((1, 3, 2), np.float32), Limits(latency_p99_ms=LIMIT_MS, cpu_percent=100.0), 10.0)
    (measured,) = measure_in_turn([job], protocol, lambda _: None, [GO], simulated.take)
    return measured.budgets[0].verdict


def verdicts(machine: str, model: Model, gates: int = GATES, protocol: Protocol = FULL) -> list[Verdict]:
    return [gated(MACHINES[machine], model, seed, protocol) for seed in range(gates)]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.85])
@pytest.mark.parametrize("machine", MACHINES)
def test_a_good_model_never_fails_because_the_machine_is_noisy(machine: str, share: float) -> None:
    assert verdicts(machine, steady(share * LIMIT_MS)).count("fail") == 0


@pytest.mark.parametrize("machine", MACHINES)
def test_a_good_model_whose_slow_rows_are_within_never_fails(machine: str) -> None:
    model = tailed(0.3 * LIMIT_MS, 0.85 * LIMIT_MS, 0.02)
    assert verdicts(machine, model).count("fail") == 0


@pytest.mark.parametrize("share", [1.001, 1.05, 1.3, 2.0, 5.0])
@pytest.mark.parametrize("machine", MACHINES)
def test_a_model_over_its_budget_never_passes(machine: str, share: float) -> None:
    assert verdicts(machine, steady(share * LIMIT_MS)).count("pass") == 0


@pytest.mark.parametrize("machine", MACHINES)
def test_a_model_with_two_slow_rows_in_a_hundred_never_passes(machine: str) -> None:
    assert verdicts(machine, tailed(0.2 * LIMIT_MS, 1.1 * LIMIT_MS, 0.02)).count("pass") == 0


def test_a_model_exactly_at_its_budget_passes_no_more_often_than_the_bound_says() -> None:
    # A call in a hundred over the limit, and not one more: the hardest case there is.
    found = verdicts("quiet", tailed(0.2 * LIMIT_MS, 1.2 * LIMIT_MS, 0.0101), gates=300)
    assert found.count("pass") <= 3


@pytest.mark.parametrize("share", [1.2, 2.0])
def test_a_slow_model_fails_on_a_quiet_machine(share: float) -> None:
    assert verdicts("quiet", steady(share * LIMIT_MS)).count("fail") == GATES


@pytest.mark.parametrize("machine", MACHINES)
def test_a_model_far_over_its_budget_fails_on_any_machine(machine: str) -> None:
    assert verdicts(machine, steady(3.5 * LIMIT_MS)).count("fail") == GATES


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_good_model_passes_on_a_quiet_machine(share: float) -> None:
    assert verdicts("quiet", steady(share * LIMIT_MS)).count("pass") == GATES


def test_a_small_model_passes_although_both_cores_are_loaded() -> None:
    wide = tailed(0.002 * LIMIT_MS, 0.002 * LIMIT_MS, 0)
    calm = Machine(others=2.0, struck=0.1, by=1.6, waits=0.05, wait_ms=0.9 * LIMIT_MS, sharing=1)
    assert [gated(calm, wide, seed) for seed in range(20)] == ["pass"] * 20


@pytest.mark.parametrize("machine", MACHINES)
def test_quick_measurements_keep_both_promises(machine: str) -> None:
    assert verdicts(machine, steady(0.85 * LIMIT_MS), protocol=QUICK).count("fail") == 0
    assert verdicts(machine, steady(1.05 * LIMIT_MS), protocol=QUICK).count("pass") == 0


def pairs_of(rng: Rng, ratio: float, noise: float = NOISE, spikes: float = 0.05, a_ms: float = 1.0) -> Times:
    """Return block medians [20, (A, B, A again), (wall, CPU)] of a machine that drifts, is noisy and has spikes."""
    phase = rng.uniform(0, 2 * np.pi)
    drift = 1 + DRIFT * np.sin(phase + np.linspace(0, 2 * np.pi, 60)).reshape(20, 3)
    blocks = a_ms * np.array([1.0, ratio, 1.0]) * drift * np.exp(rng.normal(0, noise, (20, 3)))
    blocks *= np.where(rng.random((20, 3)) < spikes, rng.uniform(1.1, 2.5, (20, 3)), 1)
    return np.stack([blocks, blocks], axis=2)


def compared(ratio: float, comparisons: int = 1000, **machine: float) -> list[Verdict]:
    rng = np.random.default_rng(6)
    return [judge_regression("a v1.0", pairs_of(rng, ratio, **machine)).verdict for _ in range(comparisons)]


@pytest.mark.parametrize("noise", [0.02, 0.08, 0.25])
def test_no_change_is_no_regression(noise: float) -> None:
    assert compared(1.0, noise=noise, spikes=0.1).count("fail") <= 10


def test_ten_per_cent_slower_is_caught() -> None:
    assert compared(1.10).count("fail") >= 900


def test_twice_as_slow_is_caught_on_a_noisy_machine() -> None:
    assert compared(2.0, noise=0.15, spikes=0.1).count("fail") >= 990


def test_faster_is_no_regression() -> None:
    assert compared(0.9).count("fail") == 0
