"""The terminal says of each bundle the verdict, both runtimes' latency, every budget and why it did not pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dwcpc.bench.findings import (
    SCHEMA,
    BundleFindings,
    Environment,
    Findings,
    Load,
    ProcessRun,
    Regression,
    RuntimeRuns,
)
from dwcpc.bench.reports.terminal_findings import render
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.metadata import Budget, LatencyRatio

GOOD = open_bundle(Path(__file__).resolve().parents[2] / "fixtures" / "bundles" / "good")
RUN = ProcessRun(
    calls=2000,
    settled=True,
    load_ms=8.0,
    first_call_ms=1.5,
    p50_ms=0.05,
    p90_ms=0.06,
    p99_ms=0.25,
    p999_ms=0.5,
    max_ms=0.9,
    p99_upper_ms=0.3,
    cpu_p50_ms=0.04,
    cpu_mean_ms=0.045,
    cpu_p99_upper_ms=0.06,
    peak_memory_bytes=45_000_000,
    probe_before_ms=1.0,
    probe_after_ms=1.0,
    others_cores=0.0,
)
BUDGETS = (
    Budget("latency_p99_ms", 5.0, 0.25, "pass", "p99 is at most 0.3 ms"),
    Budget("size_mb", 50.0, 0.5, "pass", "bytes on disk of the bundle"),
    Budget("memory_mb", 500.0, None, "inconclusive", "the Go runtime was not measured"),
    Budget("cpu_percent", 10.0, 0.045, "pass", "of one core at 10 predictions/s"),
)
BUNDLE = BundleFindings(
    path="dist/m/v1.0",
    metadata=replace(GOOD.metadata, name="m", version="1.0"),
    files={"model.onnx": 400_000, "metadata.json": 100_000},
    parity=GOOD.metadata.parity,
    errors=(),
    runs=(
        RuntimeRuns("python", "1.32.0", (replace(RUN, p50_ms=0.2),), ()),
        RuntimeRuns("go", "1.32.0", (RUN,) * 5, ()),
    ),
    loads=(),
    budgets=BUDGETS,
    regression=None,
    verdict="inconclusive",
    reasons=("memory_mb: the Go runtime was not measured",),
)
FINDINGS = Findings(
    schema=SCHEMA,
    created="2026-01-01T00:00:00Z",
    compiler="dwcpc 0.1.0",
    command="gate",
    decisive=True,
    environment=Environment("A CPU", 2, (), "Linux x86_64", "powersave", 0.5, 0.25, 3, {}),
    bundles=(BUNDLE,),
    together=None,
    history=(),
    verdict="inconclusive",
    reasons=(),
)


def lines(findings: Findings) -> list[str]:
    return [line.strip() for line in render(findings).splitlines()]


def test_a_bundle_is_told_in_a_few_lines() -> None:
    told = lines(FINDINGS)
    assert told[0].startswith("m v1.0   ? inconclusive   cpu-fp32   0.5 MB   ")
    assert (
        "latency   go     p50 50 µs  p99 0.25 ms  cpu 40 µs   budget 5 ms ✔   load 8 ms, first call 1.5 ms, 5 processes"
        in told
    )
    assert "python p50 0.2 ms  p99 0.25 ms  cpu 40 µs   load 8 ms, first call 1.5 ms, 1 process" in told
    assert (
        "budgets   size 0.5 of 50 MB ✔   memory not measured of 500 MB ?   "
        "cpu 0.045 of 10 % of one core at 10 predictions/s ✔" in told
    )
    assert "?         memory_mb: the Go runtime was not measured" in told
    assert told[-1] == "inconclusive: 1 bundle, 1 inconclusive"


def test_where_it_was_measured_is_told() -> None:
    assert "on A CPU, 2 cores, governor powersave, load 0.5, steal 0.25 %, throttled 3 times" in lines(FINDINGS)
    calm = replace(FINDINGS, environment=Environment("A CPU", 2, (), "Linux x86_64", None, 0.5, 0.0, None, {}))
    assert "on A CPU, 2 cores, load 0.5, steal 0 %" in lines(calm)


def test_who_else_was_busy_is_told() -> None:
    busy = RuntimeRuns("go", "1.32.0", (replace(RUN, others_cores=1.75),), ())
    assert any(
        line.endswith("others used 1.8 cores")
        for line in lines(replace(FINDINGS, bundles=(replace(BUNDLE, runs=(busy,)),)))
    )


def test_the_baseline_and_its_control_are_told() -> None:
    regression = Regression(
        "m v0.9", LatencyRatio(1.2, 1.1, 1.3), 1.1, LatencyRatio(1.0, 0.99, 1.01), 0.99, 0.2, "fail", "slower"
    )
    told = lines(replace(FINDINGS, bundles=(replace(BUNDLE, regression=regression, notes=("a note",)),)))
    assert "baseline  1.200 [1.100, 1.300] of the time of m v0.9 ✘   itself 1.000 [0.990, 1.010]" in told
    assert "note      a note" in told


def test_load_is_told() -> None:
    loads = (
        Load("concurrent", 8, None, 2000, 1234.0, 0.5, 2.0, 9.0),
        Load("open", 2, 250.0, 500, 250.0, 0.05, 0.2, 9.0),
    )
    told = lines(replace(FINDINGS, bundles=(replace(BUNDLE, loads=loads),)))
    assert "load      8 callers at once: 1234 served a second, p50 0.5 ms  p99 2 ms  max 9 ms" in told
    assert "load      250 calls due a second: 250 served a second, p50 50 µs  p99 0.2 ms  max 9 ms" in told


def test_all_bundles_and_their_reasons_come_last() -> None:
    findings = replace(
        FINDINGS,
        bundles=(BUNDLE, replace(BUNDLE, verdict="pass", reasons=())),
        together=Budget("memory_together_mb", 500.0, 600.0, "fail", "VmHWM of one Go process"),
        verdict="fail",
        reasons=("dist/x/v1.0/model.onnx: is 0 bytes",),
    )
    told = lines(findings)
    assert "✘ all bundles in one process: memory together 600 of 500 MB" in told
    assert told[-2:] == ["✘ dist/x/v1.0/model.onnx: is 0 bytes", "fail: 2 bundles, 1 pass, 1 inconclusive"]


def test_a_bundle_that_was_never_timed_is_told_too() -> None:
    told = lines(replace(FINDINGS, bundles=(replace(BUNDLE, runs=(), parity=None, verdict="fail"),)))
    assert told[0].startswith("m v1.0   ✘ fail")
    assert not any(line.startswith("latency") for line in told)
