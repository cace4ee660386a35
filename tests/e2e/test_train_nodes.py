"""Node reliability is trained in miniature by trees and by a network, compiled, and judged through Go."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.models.data.nodes import Fleet, simulate_nodes
from dwcpc.models.data.table_csv import write_csv

Run = Callable[..., Any]

TRAINED = Path(__file__).resolve().parents[2] / "models" / "trained"
FLEET = ("--nodes", "16", "--samples", "400", "--seed", "5")
NETWORK = ("--model", "conv-lstm", "--timesteps", "16", "--epochs", "2", "--batch-rows", "64")


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """The simulated fleet as a table, with a node's rows in order of time."""
    path = tmp_path / "fleet.csv"
    write_csv(path, simulate_nodes(Fleet(nodes=16, samples=400, seed=5)))
    return path


def test_a_network_is_trained_compiled_and_as_good_through_go(run: Run, tmp_path: Path, fleet: Path) -> None:
    out = tmp_path / "nodes"
    ran = run("--json", "train", "nodes", *FLEET, *NETWORK, "--compile", "--out", out)
    assert ran.code == 0, ran.err
    assert "epoch 2 of 2" in ran.err
    report = json.loads((out / "TRAINING_REPORT.json").read_text(encoding="utf-8"))
    assert report == ran.json
    assert (report["model"], report["artifact"], report["features"]) == ("conv-lstm", "model.pth", "momentary")
    (served,) = report["served"]
    assert served["judged"]["on"] == "test, cpu-fp32 through Go"
    assert served["decisions_changed"] == 0
    assert served["judged"]["evaluation"]["figures"] == pytest.approx(report["test"]["evaluation"]["figures"], abs=1e-4)
    assert np.load(out / "calibration.npy").shape[1:] == (16, len(report["feature_names"]))

    metadata = json.loads((out / served["bundle"] / "metadata.json").read_text(encoding="utf-8"))
    assert (metadata["task"], metadata["source"]["architecture"]) == ("anomaly_detection", "conv_lstm_detector")
    assert metadata["decision"]["score"] == "anomaly_score"
    assert (metadata["decision"]["comparison"], metadata["decision"]["threshold"]) == (">=", report["threshold"])
    assert metadata["inputs"][0]["channels"] == report["feature_names"]

    evaluated = run("--json", "evaluate", out, out / served["bundle"], "--data", fleet, "--seed", "5")
    assert evaluated.code == 0, evaluated.err
    assert [each["model"] for each in evaluated.json] == ["nodes (source)", "node_reliability cpu-fp32 (go)"]
    for each in evaluated.json:
        assert each["data"] == "fleet.csv"
        assert each["evaluation"]["confusion"] == report["test"]["evaluation"]["confusion"]

    trees = run("train", "nodes", *FLEET, "--trees", "5", "--out", out)
    assert trees.code == 0, trees.err
    left = {path.name for path in out.iterdir()}
    assert "model.ubj" in left
    assert not left & {"model.pth", "calibration.npy", "checkpoints"}
    assert "train_logloss" in json.loads((out / "training_history.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "conv-lstm", "--trees", "9"), "--trees: belongs to trees, and the model is conv-lstm; omit it"),
        (("--epochs", "9"), "--epochs: belongs to --model conv-lstm, and the model is xgboost; omit it"),
        (("--model", "forest", "--batch-rows", "9"), "--batch-rows: belongs to --model conv-lstm"),
    ],
)
def test_options_of_another_model_are_refused(run: Run, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    ran = run("train", "nodes", *FLEET, *options, "--out", tmp_path / "nodes")
    assert ran.code == 2
    assert said in ran.err
    assert not (tmp_path / "nodes").exists()


def test_windows_longer_than_a_nodes_history_are_refused(run: Run, tmp_path: Path) -> None:
    ran = run("train", "nodes", *FLEET, "--model", "conv-lstm", "--timesteps", "401", "--out", tmp_path / "nodes")
    assert ran.code == 2
    assert "expected windows of 401; give longer histories or fewer --timesteps" in ran.err
    assert not (tmp_path / "nodes").exists()


def test_trees_are_evaluated_beside_each_other_and_in_plots(run: Run, tmp_path: Path, fleet: Path) -> None:
    ran = run("train", "nodes", "--data", fleet, "--trees", "5", "--depth", "3", "--out", tmp_path / "small")
    assert ran.code == 0, ran.err
    out = tmp_path / "evaluation"
    ran = run("evaluate", TRAINED / "node_reliability", tmp_path / "small", "--data", fleet, "--out", out)
    assert ran.code == 0, ran.err
    assert "fleet.csv: 500 rows of 5 groups" in ran.out
    assert "node_reliability (source)" in ran.out
    found = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert [each["model"] for each in found] == ["node_reliability (source)", "small (source)"]
    assert (out / "plots" / "detection-small--source--fleet-csv.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("paths", "options", "said"),
    [
        (("node_reliability", "consensus"), (), "says whether a node fails, and .*consensus does not; evaluate them"),
        (("node_reliability",), ("--kind", "cause"), "--kind: belongs to other models than those of node reliability"),
        (("node_reliability",), ("--spec", "bandwidth_predictor"), "has no column 'link_id'"),
    ],
)
def test_what_does_not_fit_a_model_of_nodes_is_refused(
    run: Run, paths: tuple[str, ...], options: tuple[str, ...], said: str, fleet: Path
) -> None:
    ran = run("evaluate", *(TRAINED / name for name in paths), "--data", fleet, *options)
    assert ran.code == 2
    assert re.search(said, ran.err), ran.err
