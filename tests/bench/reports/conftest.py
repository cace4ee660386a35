"""Findings to render: of a gate that passed, of one that failed in every way, and of names that mean harm."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dwcpc.bench.findings import (
    SCHEMA,
    BundleFindings,
    Environment,
    ErrorProfile,
    Findings,
    Load,
    ProcessRun,
    Published,
    Regression,
    RuntimeRuns,
)
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.metadata import Budget, CheckResult, LatencyRatio, Metadata, Parity

GOOD = Path(__file__).resolve().parents[2] / "fixtures" / "bundles" / "good"
HOSTILE = "<script>alert(1)</script>\"'&|=1+1 $\\frac{ ]]> \x00\x1b\u202e " + "long" * 40
MEDIANS = {"go": 0.108, "python": 0.121}


def samples(runtime: str, slower: float, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draw what calls take: a body, and a tail of what the machine does meanwhile."""
    draw = np.random.default_rng(seed)
    body = MEDIANS[runtime] * slower * draw.lognormal(0, 0.06, 5000)
    tail = draw.random(5000) < 0.02
    return np.sort(np.where(tail, body * (1 + draw.exponential(0.5, 5000)), body))


def process(runtime: str, slower: float, seed: int) -> ProcessRun:
    calls = samples(runtime, slower, seed)
    p50, p90, p99, p999 = np.quantile(calls, (0.5, 0.9, 0.99, 0.999)).tolist()
    return ProcessRun(
        calls=len(calls),
        settled=True,
        load_ms=7.2,
        first_call_ms=0.33,
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p999_ms=p999,
        max_ms=float(calls[-1]),
        p99_upper_ms=float(calls[-34]),
        cpu_p50_ms=p50 * 0.99,
        cpu_mean_ms=float(calls.mean()),
        cpu_p99_upper_ms=float(calls[-34]) * 0.97,
        peak_memory_bytes=44_900_352 if runtime == "go" else 77_246_464,
        probe_before_ms=12.31,
        probe_after_ms=12.42,
    )


def runs(runtime: str, slower: float = 1.0) -> RuntimeRuns:
    calls = np.sort(np.concatenate([samples(runtime, slower, seed) for seed in range(5)]))
    shares = np.unique(np.concatenate([np.linspace(0, 0.99, 100), 1 - np.geomspace(1e-2, 1 / len(calls), 60), [1.0]]))
    ecdf = tuple((float(np.quantile(calls, share)), float(share)) for share in shares)
    return RuntimeRuns(runtime, "1.32.0", tuple(process(runtime, slower, seed) for seed in range(5)), ecdf)


def profile(runtime: str, output: str, axis: str, positions: int) -> ErrorProfile:
    worst = tuple(0.004 * (1 + math.sin(position / 4) ** 2) for position in range(positions))
    return ErrorProfile(runtime, output, axis, worst, tuple(0.0118 for _ in worst))


def bundle_findings(metadata: Metadata, slower: float = 1.0) -> BundleFindings:
    """A bundle that passed everything."""
    budgets = (
        Budget(
            "latency_p99_ms",
            10.0,
            0.192 * slower,
            "pass",
            "5 of 5 bounds of p99 are within",
        ),
        Budget("size_mb", 50.0, 0.36957, "pass", "bytes on disk of the bundle"),
        Budget("memory_mb", 500.0, 44.900352, "pass", "VmHWM of the Go process"),
        Budget("cpu_percent", 10.0, 0.1156, "pass", "of one core at 10 predictions/s"),
    )
    errors = tuple(
        profile(runtime, output, axis, positions)
        for output, axis, positions in (("reconstruction", "timestep", 30), ("anomaly_score", "row", 1))
        for runtime in ("python", "go")
    )
    regression = Regression(
        "registry/consensus_demo/v1.0",
        LatencyRatio(1.004 * slower, 0.981 * slower, 1.022 * slower),
        0.984 * slower,
        LatencyRatio(1.001, 0.985, 1.019),
        0.988,
        0.0004,
        "pass",
        "its time is not above 1.05 of the baseline's with 99 % confidence",
    )
    return BundleFindings(
        path=f"dist/{metadata.name}/v{metadata.version}",
        metadata=metadata,
        files={"metadata.json": 61_000, "model.onnx": 55_562, "golden/input.npy": 92_288},
        parity=metadata.parity or parity(),
        errors=errors,
        runs=(runs("python", slower), runs("go", slower)),
        loads=(
            Load("concurrent", 4, None, 20_000, 16_800.0, 0.21, 0.47, 2.2),
            Load("open", 2, 1000.0, 10_000, 999.6, 0.12, 0.31, 1.4),
        ),
        budgets=budgets,
        regression=regression,
        verdict="pass",
        reasons=(),
    )


def parity() -> Parity:
    results = (
        CheckResult("closeness", "python", "reconstruction", "typical", 1e-7, 1e-6, 8, passed=True),
        CheckResult("closeness", "go", "reconstruction", "typical", 5e-7, 1e-6, 8, passed=True),
        CheckResult("decisions", "go", "anomaly_score", "typical", 0, 0, 8, passed=True, note="nearest row 0.1"),
    )
    return Parity("pass", "float64", 20260101, {"typical": 8}, results)


def environment() -> Environment:
    versions = {"dwcpc": "0.1.0", "onnxruntime": "1.32.0", "python": "3.11.7", "go": "1.26.8"}
    flags = ("avx2", "fma", "avx512_vnni")
    return Environment("AMD EPYC 7B13", 2, flags, "Linux x86_64", "performance", 0.42, 0.12, 0, versions)


def published(name: str, minor: int, p99_ms: float | None) -> Published:
    memory = None if p99_ms is None else 44_000_000 + 900_000 * minor
    return Published(
        name=name,
        version=f"1.{minor}",
        created=f"2026-01-{minor + 1:02}T00:00:00Z",
        target="cpu-int8",
        latest=minor == 5,
        verdict="fail" if minor == 3 else "pass",
        size_bytes=612_000 - 40_000 * minor,
        go_p50_ms=None if p99_ms is None else p99_ms * 0.6,
        go_p99_ms=p99_ms,
        go_peak_memory_bytes=memory,
    )


def passed(metadata: Metadata) -> Findings:
    """What a gate over one good bundle finds."""
    history = [published(metadata.name, minor, p99) for minor, p99 in enumerate((0.44, 0.41, None, 0.47, 0.28, 0.19))]
    return Findings(
        schema=SCHEMA,
        created="2026-01-07T12:30:00Z",
        compiler="dwcpc 0.1.0",
        command="gate",
        decisive=True,
        environment=environment(),
        bundles=(bundle_findings(metadata),),
        together=None,
        history=tuple(history),
        verdict="pass",
        reasons=(),
    )


def failing(bundle: BundleFindings) -> BundleFindings:
    """The bundle with a failed check, budget and regression."""
    bad = CheckResult("closeness", "go", "anomaly_score", "wide", math.inf, 1e-6, 8, passed=False, note="far off")
    assert bundle.parity is not None
    assert bundle.regression is not None
    budgets = (
        replace(bundle.budgets[0], measured=31.0, verdict="fail", reason="even the median is 27 ms of 26.8 ms CPU"),
        replace(bundle.budgets[1], measured=61.2, verdict="fail"),
        replace(bundle.budgets[2], measured=None, verdict="inconclusive", reason="VmHWM is not told here"),
        bundle.budgets[3],
    )
    slower = replace(
        bundle.regression, ratio=LatencyRatio(1.31, 1.27, 1.36), at_least=1.28, verdict="fail", reason="31 % slower"
    )
    return replace(
        bundle,
        metadata=replace(bundle.metadata, name="slow_model"),
        parity=replace(bundle.parity, verdict="fail", results=(*bundle.parity.results, bad)),
        budgets=budgets,
        regression=slower,
        verdict="fail",
        reasons=("latency, p99: even the median is 27 ms of 26.8 ms CPU", "31 % slower than its baseline"),
    )


def failed(metadata: Metadata) -> Findings:
    """What a gate over three bundles finds: one good, one bad in every way, one of which nothing is known."""
    good = bundle_findings(metadata)
    unknown = replace(
        good,
        metadata=replace(metadata, name="unproven", precision_search=None, precision=(), measurements=None),
        parity=None,
        errors=(),
        runs=(),
        loads=(),
        budgets=tuple(
            replace(each, measured=None, verdict="inconclusive", reason="not measured") for each in good.budgets
        ),
        regression=None,
        verdict="inconclusive",
        reasons=("the Go harness is not there",),
    )
    bundles = (good, failing(good), unknown)
    together = Budget("memory_mb", 500.0, 121.3, "pass", "VmHWM of one Go process with all bundles loaded")
    reasons = ("slow_model v1.0 fails its budgets, parity and against its baseline",)
    return replace(passed(metadata), bundles=bundles, together=together, verdict="fail", reasons=reasons)


def hostile(metadata: Metadata) -> Findings:
    """Findings whose every free text means harm."""
    findings = failed(metadata)
    first, bad, _ = findings.bundles
    source = replace(metadata.source, file=HOSTILE, notes=(HOSTILE,))
    evil = replace(
        bad,
        path=HOSTILE,
        metadata=replace(metadata, source=source, target=HOSTILE, compiler=HOSTILE),
        files={HOSTILE: 1},
        errors=tuple(replace(each, output=HOSTILE, axis=HOSTILE, runtime=HOSTILE) for each in first.errors[:2]),
        runs=tuple(replace(each, runtime=HOSTILE) for each in first.runs[:1]),
        budgets=(Budget(HOSTILE, 1.0, 2.0, "fail", HOSTILE), *first.budgets),
        regression=replace(bad.regression, baseline=HOSTILE, reason=HOSTILE) if bad.regression else None,
        reasons=(HOSTILE,),
    )
    history = tuple(replace(each, name=HOSTILE, version=HOSTILE, target=HOSTILE) for each in findings.history)
    where = replace(environment(), cpu=HOSTILE, flags=(HOSTILE,), versions={HOSTILE: HOSTILE})
    return replace(
        findings, bundles=(first, evil), reasons=(HOSTILE,), history=history, environment=where, compiler=HOSTILE
    )


@pytest.fixture(scope="session")
def good_metadata() -> Metadata:
    return open_bundle(GOOD).metadata


@pytest.fixture(scope="session")
def passed_findings(good_metadata: Metadata) -> Findings:
    return passed(good_metadata)


@pytest.fixture(scope="session")
def failed_findings(good_metadata: Metadata) -> Findings:
    return failed(good_metadata)


@pytest.fixture(scope="session")
def hostile_findings(good_metadata: Metadata) -> Findings:
    return hostile(good_metadata)
