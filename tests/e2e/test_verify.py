"""A bundle is verified alone and against its source, and one whose model was exchanged is caught."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

Run = Callable[..., Any]
Change = Callable[[onnx.ModelProto], None]
Exchange = Callable[[Path, Change], None]
NAME = "consensus_demo"
# Of 64 golden rows no group is large enough for a rank correlation to mean anything.
GOLDEN_CHECKS = {"finiteness", "closeness", "decisions", "batch_invariance", "nan_policy", "bit_equality"}


def before_input(model: onnx.ModelProto, nodes: list[onnx.NodeProto], last: str) -> None:
    """Put `nodes` between the graph's input and those that took it; the last one's output is `last`."""
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == "input":
                node.input[index] = last
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])


def mix_rows(model: onnx.ModelProto) -> None:
    """Add each row's distance from the mean of its batch: nothing at batch 1."""
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "first_axis"))
    nodes = [
        onnx.helper.make_node("ReduceMean", ["input", "first_axis"], ["mean_of_rows"]),
        onnx.helper.make_node("Sub", ["input", "mean_of_rows"], ["off_mean"]),
        onnx.helper.make_node("Add", ["input", "off_mean"], ["mixed"]),
    ]
    before_input(model, nodes, "mixed")


def freeze_batch(model: onnx.ModelProto) -> None:
    """Reshape the input to batch 1, as a careless export does."""
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 30, 12], np.int64), "frozen_shape"))
    before_input(model, [onnx.helper.make_node("Reshape", ["input", "frozen_shape"], ["frozen"])], "frozen")


def test_verifies_a_bundle_alone_by_its_golden_vectors(run: Run, compiled: Any) -> None:
    ran = run("-q", "--json", "verify", compiled.out / NAME, compiled.folder)
    assert ran.code == 0, ran.err
    assert [entry["verdict"] for entry in ran.json["bundles"]] == ["pass", "pass"]
    parity = ran.json["bundles"][0]["parity"]
    assert parity["reference"] == "golden"
    assert {result["check"] for result in parity["results"]} == GOLDEN_CHECKS
    assert set(ran.json["bundles"][0]["onnxruntime"]) == {"python", "go"}


def test_verifies_a_bundle_against_its_source_on_fewer_rows(run: Run, compiled: Any, demo_model: Path) -> None:
    ran = run("-q", "--json", "verify", compiled.folder, "--source", demo_model, "--cases", "64", "--seed", "7")
    assert ran.code == 0, ran.err
    parity = ran.json["bundles"][0]["parity"]
    assert (parity["verdict"], parity["reference"], parity["seed"]) == ("pass", "float64", 7)
    assert "threshold" in parity["rows"]


def test_refuses_another_source(run: Run, compiled: Any, demo_scaler: Path) -> None:
    ran = run("-q", "verify", compiled.folder, "--source", demo_scaler)
    assert ran.code == 2
    assert "has SHA-256" in ran.err


@pytest.mark.parametrize("runtime", ["python", "go", "python,go"])
def test_a_model_that_was_exchanged_for_one_slightly_different_is_caught(
    run: Run, registry: Path, runtime: str, perturbed: Change, exchange: Exchange
) -> None:
    exchange(registry / NAME / "v1.0", perturbed)
    ran = run("-q", "--json", "verify", registry / NAME, "--runtime", runtime)
    assert ran.code == 1, ran.err
    assert ran.json["verdict"] == "fail"
    results = ran.json["bundles"][0]["parity"]["results"]
    failed = {(result["check"], result["runtime"]) for result in results if not result["passed"]}
    assert {("closeness", each) for each in runtime.split(",")} <= failed
    assert ran.err == ""


def test_a_model_that_mixes_the_rows_of_a_batch_is_caught(run: Run, registry: Path, exchange: Exchange) -> None:
    exchange(registry / NAME / "v1.0", mix_rows)
    ran = run("-q", "--json", "verify", registry / NAME)
    assert ran.code == 1, ran.err
    results = ran.json["bundles"][0]["parity"]["results"]
    assert {result["check"] for result in results if not result["passed"]} == {"batch_invariance"}


def test_a_model_that_takes_one_row_only_is_caught(run: Run, registry: Path, exchange: Exchange) -> None:
    exchange(registry / NAME / "v1.0", freeze_batch)
    ran = run("-q", "verify", registry / NAME)
    assert ran.code == 1, ran.err
    assert "cannot run it in calls of 2 rows" in ran.err
    assert len(ran.err.splitlines()) == 1
