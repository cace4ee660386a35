"""Who ran meanwhile, and how fast the processor was."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dwcpc.bench import environment
from dwcpc.bench.disturbance import fastest_probe_ms, median_allowance, p99_allowance, slowdown
from dwcpc.bench.environment import Begun, busy_ticks, describe_environment
from dwcpc.bench.findings import ProcessRun
from dwcpc.bench.probe import probe_ms
from dwcpc.bench.processor_time import ProcessorTime

RUN = ProcessRun(
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
    probe_after_ms=1.2,
    others_cores=0.0,
)


def test_the_slower_probe_counts_against_the_fastest_of_the_job() -> None:
    assert fastest_probe_ms([RUN, replace(RUN, probe_after_ms=0.8)]) == 0.8
    assert slowdown(RUN, 0.8) == pytest.approx(1.5)
    assert slowdown(RUN, 2.0) == 1.0  # never an accusation


@pytest.mark.parametrize(
    ("others", "median", "p99"), [(0.0, 1, 1), (0.009, 1, 1), (0.01, 1, 2), (0.24, 1, 2), (0.25, 2, 2), (None, 2, 2)]
)
def test_what_others_can_have_struck_is_asked_for_twice(others: float | None, median: float, p99: float) -> None:
    run = replace(RUN, probe_after_ms=1.0, others_cores=others)
    assert median_allowance(run, 1.0) == median
    assert p99_allowance(run, 1.0) == p99


def test_the_probe_is_the_same_work_each_time() -> None:
    probe_ms()
    taken = [probe_ms() for _ in range(5)]
    assert min(taken) > 0.05
    assert max(taken) < 4 * min(taken)


def test_the_machines_ticks_without_ones_own_are_others() -> None:
    before, after = ProcessorTime(0.0, 5.0, 1.0), ProcessorTime(2.0, 8.0, 3.0)
    assert after.others_cores(before) == 0.5
    assert ProcessorTime(1.0, 5.0, 2.0).others_cores(before) == 0.0  # ticks are coarse
    assert ProcessorTime(1.0, None, 2.0).others_cores(before) is None


def test_a_busy_neighbour_is_seen() -> None:
    if not busy_ticks():
        pytest.skip("this system counts no processor time")
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
        time.sleep(0.2)
        before = ProcessorTime.now()
        time.sleep(0.5)
        others = ProcessorTime.now().others_cores(before)
        neighbour.kill()
    assert others is not None
    assert others > 0.3


def test_where_the_system_does_not_count_nothing_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (None, "", "cpu 1 2\n", "cpu  0 0 0 0 0 0 0 0 0 0\n"):
        stat = tmp_path / "stat"
        stat.unlink(missing_ok=True)
        if content is not None:
            stat.write_text(content, encoding="ascii")
        monkeypatch.setattr(environment, "STAT", stat)
        assert busy_ticks() == 0
        assert ProcessorTime.now().machine_s is None


def test_time_that_the_hypervisor_took_is_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stat").write_text("cpu  1 2 3 1000 2000 4 5 6 7 8\n", encoding="ascii")
    monkeypatch.setattr(environment, "STAT", tmp_path / "stat")
    assert busy_ticks() == 1 + 2 + 3 + 4 + 5 + 6


def test_throttling_counts_heat_and_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PROCESSORS", tmp_path / "cpu")
    monkeypatch.setattr(environment, "CGROUP_STAT", tmp_path / "cpu.stat")
    assert describe_environment(Begun.now(), {}).throttled is None
    assert describe_environment(Begun.now(), {}).governor is None
    for name, count in (("cpu0", 3), ("cpu1", 4)):
        folder = tmp_path / "cpu" / name / "thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "core_throttle_count").write_text(f"{count}\n", encoding="ascii")
    begun = Begun.now()
    (tmp_path / "cpu.stat").write_text("usage_usec 9\nnr_throttled 5\n", encoding="ascii")
    frequency = tmp_path / "cpu" / "cpu0" / "cpufreq"
    frequency.mkdir()
    (frequency / "scaling_governor").write_text("powersave\n", encoding="ascii")
    described = describe_environment(begun, {"go": "go1.26"})
    assert begun.throttled == 7
    assert (described.throttled, described.governor, described.versions) == (5, "powersave", {"go": "go1.26"})
    assert described.cores >= 1
