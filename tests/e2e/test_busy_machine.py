"""The gate on a machine whose cores are all loaded on purpose: no good model fails, no slow one passes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dwcpc.bench.findings import BundleFindings
from dwcpc.bench.gate_limits import gate_limits
from dwcpc.bench.protocol import Protocol
from dwcpc.compiler.commands.gate import GateOptions, gate

pytestmark = pytest.mark.slow

Run = Callable[..., Any]
WIDTH, PRODUCTS = 256, 20
SHORT = Protocol(3, 1, calls=460, seconds=0.0, attempts=1)


def burner() -> onnx.ModelProto:
    """Return a model that does nothing but take its time: products with the same matrix, one after the other."""
    weights = np.random.default_rng(1).normal(size=(WIDTH, WIDTH)).astype(np.float32) / WIDTH**0.5
    names = ["x", *(f"h{index}" for index in range(2 * PRODUCTS - 1)), "y"]
    nodes = []
    for index in range(0, 2 * PRODUCTS, 2):
        nodes.append(helper.make_node("MatMul", [names[index], "w"], [names[index + 1]]))
        nodes.append(helper.make_node("Tanh", [names[index + 1]], [names[index + 2]]))
    ends = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", WIDTH]) for name in ("x", "y"))
    start, end = ends
    graph = helper.make_graph(nodes, "burner", [start], [end], [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def slow_bundle(process: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The burner as a bundle."""
    folder = tmp_path_factory.mktemp("burner")
    onnx.save(burner(), folder / "burner.onnx")
    ran = process("compile", folder / "burner.onnx", "--no-verify", "--name", "burner", "--out", folder / "dist")
    assert ran.code == 4, ran.err
    return folder / "dist" / "burner" / "v1.0"


@pytest.fixture(scope="module")
def cpu_ms(slow_bundle: Path) -> float:
    """What one call of the burner takes of a processor."""
    bundle = gated(slow_bundle, "latency_p99_ms=1000")
    (go,) = (runs for runs in bundle.runs if runs.runtime == "go")
    return min(run.cpu_p50_ms for run in go.processes)


@pytest.fixture
def all_cores_loaded() -> Iterator[None]:
    """Keep every core busy with another process."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    yield
    for each in processes:
        each.kill()
        each.wait()


def gated(path: Path, *budgets: str) -> BundleFindings:
    (bundle,) = gate([path], GateOptions(gate_limits(budgets), SHORT), lambda _: None).findings.bundles
    return bundle


@pytest.mark.usefixtures("all_cores_loaded")
def test_a_good_model_does_not_fail(compiled: Any) -> None:
    bundle = gated(compiled.folder, "latency_p99_ms=10")
    assert bundle.verdict in {"pass", "inconclusive"}, bundle.reasons


@pytest.mark.usefixtures("all_cores_loaded")
def test_a_good_model_near_its_budget_does_not_fail(slow_bundle: Path, cpu_ms: float) -> None:
    bundle = gated(slow_bundle, f"latency_p99_ms={1.3 * cpu_ms}", "cpu_percent=90")
    assert bundle.verdict in {"pass", "inconclusive"}, bundle.reasons


@pytest.mark.usefixtures("all_cores_loaded")
@pytest.mark.parametrize("share", [0.9, 0.2])
def test_a_model_that_burns_more_than_its_budget_never_passes(slow_bundle: Path, cpu_ms: float, share: float) -> None:
    bundle = gated(slow_bundle, f"latency_p99_ms={share * cpu_ms}", "cpu_percent=90")
    latency = next(budget for budget in bundle.budgets if budget.name == "latency_p99_ms")
    assert latency.verdict in {"fail", "inconclusive"}, latency
    assert bundle.verdict == latency.verdict
    if share == 0.2:
        assert latency.verdict == "fail"  # five times its budget, by its own processor time


def test_a_model_that_burns_more_than_its_budget_never_passes_on_a_quiet_machine_either(
    slow_bundle: Path, cpu_ms: float
) -> None:
    assert gated(slow_bundle, f"latency_p99_ms={0.9 * cpu_ms}", "cpu_percent=90").verdict in {"fail", "inconclusive"}
    assert gated(slow_bundle, f"latency_p99_ms={0.3 * cpu_ms}", "cpu_percent=90").verdict == "fail"
