"""`gate` and `bench`: what passes, what fails and why, what nobody can know, and what cannot even be read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from dwcpc.bench import protocol
from dwcpc.bench.protocol import Protocol

Run = Callable[..., Any]
Exchange = Callable[[Path, Callable[[onnx.ModelProto], None]], None]
NAME = "consensus_demo"
HEAVY = ("torch", "sklearn", "xgboost", "joblib", "skl2onnx", "pandas")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the whole protocol, which decides, be as little as can bound p99."""
    few = Protocol(3, 1, calls=460, seconds=0.0, attempts=1, block_seconds=0.005, load_seconds=0.2)
    monkeypatch.setattr(protocol, "FULL", few)


def only(findings: Any) -> Any:
    assert len(findings["bundles"]) == 1
    return findings["bundles"][0]


@pytest.mark.usefixtures("small")
def test_a_good_bundle_passes(run: Run, registry: Path, tmp_path: Path) -> None:
    ran = run("--json", "gate", registry / NAME / "v1.0", "--json-file", tmp_path / "gate.json")
    assert ran.code == 0, ran
    found = ran.json
    bundle = only(found)
    assert (found["verdict"], found["decisive"], found["command"]) == ("pass", True, "gate")
    assert (bundle["verdict"], bundle["reasons"], bundle["parity"]["verdict"]) == ("pass", [], "pass")
    assert {runs["runtime"]: len(runs["processes"]) for runs in bundle["runs"]} == {"python": 1, "go": 3}
    assert {budget["name"]: budget["verdict"] for budget in bundle["budgets"]} == dict.fromkeys(
        ("latency_p99_ms", "size_mb", "memory_mb", "cpu_percent"), "pass"
    )
    assert bundle["budgets"][0]["limit"] == 1000  # that it was compiled with
    assert {(profile["runtime"], profile["output"]) for profile in bundle["errors"]} == {
        (runtime, output) for runtime in ("python", "go") for output in ("reconstruction", "anomaly_score")
    }
    assert found["together"] is None
    assert found["environment"]["versions"]["go"].startswith("go1.")
    assert json.loads((tmp_path / "gate.json").read_text(encoding="utf-8")) == found


def test_quick_never_passes_and_says_so(run: Run, registry: Path) -> None:
    ran = run("gate", registry, "--quick")
    assert ran.code == 4
    assert "--quick is not decisive" in ran.out
    assert "inconclusive: 1 bundle, 1 inconclusive" in ran.out
    assert "consensus_demo v1.0 in go, process 3" in ran.err


@pytest.mark.usefixtures("small")
def test_over_a_budget_fails_quick_or_not(run: Run, registry: Path) -> None:
    for budget, reason in (("latency_p99_ms=0.001", "a typical call takes"), ("size_mb=0.001", "bytes on disk")):
        for how in ([], ["--quick"]):
            ran = run("gate", registry, "--budget", budget, *how)
            assert ran.code == 1
            assert reason in ran.out


@pytest.mark.usefixtures("small")
def test_another_model_is_never_timed_and_never_passes(
    run: Run, registry: Path, exchange: Exchange, perturbed: Callable[[onnx.ModelProto], None]
) -> None:
    exchange(registry / NAME / "v1.0", perturbed)
    ran = run("--json", "gate", registry)
    bundle = only(ran.json)
    assert ran.code == 1
    assert (bundle["verdict"], bundle["runs"]) == ("fail", [])
    assert any(reason.startswith("parity: closeness of") for reason in bundle["reasons"])


@pytest.mark.usefixtures("small")
def test_a_model_that_cannot_run_fails(run: Run, registry: Path, exchange: Exchange) -> None:
    def look_beyond_the_end(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            node.input[:] = ["beyond" if name == "input" else name for name in node.input]
        features = model.graph.input[0].type.tensor_type.shape.dim[2].dim_value
        index = onnx.helper.make_tensor("index", onnx.TensorProto.INT64, [features], [features] * features)
        model.graph.initializer.append(index)
        model.graph.node.insert(0, onnx.helper.make_node("Gather", ["input", "index"], ["beyond"], axis=2))

    exchange(registry / NAME / "v1.0", look_beyond_the_end)
    ran = run("--json", "gate", registry)
    bundle = only(ran.json)
    assert ran.code == 1
    assert bundle["parity"] is None
    assert "cannot run it" in bundle["reasons"][0]


@pytest.mark.usefixtures("small")
def test_a_bundle_that_cannot_be_read_is_refused_and_the_others_are_judged(run: Run, registry: Path) -> None:
    shutil.copytree(registry / NAME / "v1.0", registry / "broken" / "v1.0")
    (registry / "broken" / "v1.0" / "model.onnx").write_bytes(b"")
    ran = run("--json", "gate", registry)
    assert ran.code == 2
    assert only(ran.json)["verdict"] == "pass"
    assert ran.json["verdict"] == "fail"
    assert "broken/v1.0/model.onnx: is 0 bytes" in ran.json["reasons"][0]
    alone = run("gate", registry / "broken")
    assert alone.code == 2
    assert "model.onnx: is 0 bytes" in alone.err


@pytest.mark.usefixtures("small")
def test_all_bundles_share_one_memory_budget(run: Run, registry: Path) -> None:
    shutil.copytree(registry / NAME, registry / "again")
    ran = run("--json", "gate", registry, "--budget", "memory_together_mb=1")
    assert ran.code == 1
    assert [bundle["verdict"] for bundle in ran.json["bundles"]] == ["pass", "pass"]
    assert (ran.json["together"]["name"], ran.json["together"]["verdict"]) == ("memory_together_mb", "fail")
    assert ran.json["reasons"][0].startswith("memory_together_mb: ")


@pytest.mark.usefixtures("small")
def test_the_baseline_runs_again_in_the_same_job(run: Run, registry: Path) -> None:
    ran = run("--json", "gate", registry / NAME, "--baseline", registry)
    regression = only(ran.json)["regression"]
    assert ran.code in {0, 4}  # the same bundle: nothing but noise can tell it from itself
    assert regression["verdict"] in {"pass", "inconclusive"}
    assert regression["baseline"].startswith(f"{NAME} v1.0 (")
    assert regression["ratio"]["low"] <= regression["ratio"]["ratio"] <= regression["ratio"]["high"]


@pytest.mark.usefixtures("small")
def test_a_model_new_to_the_registry_is_compared_with_nothing(run: Run, registry: Path, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    ran = run("gate", registry, "--baseline", tmp_path / "registry")
    assert ran.code == 0
    assert f"serves no {NAME} yet, so there is nothing to compare it with" in ran.out


@pytest.mark.usefixtures("small")
def test_a_baseline_that_cannot_be_read_is_bad_input_and_no_pass(run: Run, registry: Path, tmp_path: Path) -> None:
    shutil.copytree(registry, tmp_path / "registry", symlinks=True)
    (tmp_path / "registry" / NAME / "v1.0" / "model.onnx").write_bytes(b"")
    ran = run("--json", "gate", registry, "--baseline", tmp_path / "registry")
    assert ran.code == 2
    assert only(ran.json)["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--budget", "latency=5"], "names no budget"),
        (["--budget", "size_mb=nan"], "expected a positive number"),
        (["--baseline", "absent"], "--baseline absent: is no folder"),
        (["--rate", "0"], "--rate"),
    ],
)
def test_bad_usage_is_told_before_anything_is_measured(
    run: Run, registry: Path, options: list[str], reason: str
) -> None:
    ran = run("gate", registry, *options)
    assert ran.code == 2
    assert reason in ran.err
    assert "process 1" not in ran.err


@pytest.mark.usefixtures("small")
def test_bench_measures_load_and_compares(run: Run, registry: Path) -> None:
    options = ["--runtime", "go", "--concurrency", "2", "--rate", "200", "--compare", registry / NAME]
    ran = run("--json", "bench", registry / NAME, *options)
    bundle = only(ran.json)
    assert ran.code in {0, 4}
    assert (ran.json["command"], bundle["parity"]) == ("bench", None)
    concurrent, open_loop = bundle["loads"]
    assert (concurrent["kind"], concurrent["concurrency"], concurrent["rate_per_s"]) == ("concurrent", 2, None)
    assert (open_loop["kind"], open_loop["rate_per_s"], open_loop["calls"]) == ("open", 200, 40)
    for load in bundle["loads"]:
        assert 0 < load["p50_ms"] <= load["p99_ms"] <= load["max_ms"]
        assert load["served_per_s"] > 0
    assert bundle["regression"] is not None


def test_bench_of_python_alone_knows_nothing_of_go(run: Run, registry: Path) -> None:
    ran = run("bench", registry / NAME, "--runtime", "python", "--processes", "1", "--calls", "460")
    assert ran.code == 4
    assert "latency_p99_ms: the Go runtime was not measured" in ran.out
    assert "--processes 1 is fewer than 5, which is not decisive" in ran.out
    assert run("bench", registry / NAME, "--runtime", "java").code == 2


def test_a_gate_needs_no_framework(registry: Path) -> None:
    program = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {HEAVY!r}:\n"
        "            raise ImportError(name + ' is not installed here')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from dwcpc.compiler.cli import main\n"
        f"main(['gate', {str(registry)!r}, '--quick', '--baseline', {str(registry)!r}])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 4, done.stderr
    assert "inconclusive: 1 bundle" in done.stdout
