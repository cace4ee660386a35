"""A model is trained in miniature, from the simulator and from a table, compiled, and judged beside its bundle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dwcpc.models.data.consensus.metrics import FEATURES
from dwcpc.models.data.consensus.simulate import ConsensusSimulation, simulate_consensus
from dwcpc.models.data.table_csv import write_csv

Run = Callable[..., Any]

TINY = ("--units", "tiny", "--encoding", "8", "--timesteps", "20", "--epochs", "2", "--batch-rows", "32")
SIMULATED = ("--nodes", "3", "--steps", "900")
COLUMNS = ("--features", ",".join(FEATURES), "--label", "anomaly", "--time", "timestamp", "--group", "node_id")


@pytest.fixture
def trained(run: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    ran = run("train", "consensus", *TINY, *SIMULATED, "--out", folder)
    assert ran.code == 0, ran.err
    assert "epoch 2 of 2" in ran.err
    assert f"compile it: dwcpc compile {folder / 'consensus.pth'}" in ran.out
    return folder


def test_a_run_leaves_everything_and_its_bundle_is_as_good_through_go(run: Run, trained: Path, tmp_path: Path) -> None:
    for name in (
        "consensus.pth",
        "consensus_scaler.json",
        "threshold.txt",
        "training_history.json",
        "TRAINING_REPORT.json",
        "evaluation.json",
        "checkpoints/best.pt",
        "checkpoints/last.pt",
        "plots/history.png",
        "plots/detection-other-nodes.png",
    ):
        assert (trained / name).stat().st_size > 0, name
    assert list((trained / "tensorboard").iterdir())
    report = json.loads((trained / "TRAINING_REPORT.json").read_text(encoding="utf-8"))
    assert report["recipe"]["units"] == "tiny"
    assert [each["data"] for each in report["evaluations"]][:2] == ["later", "other nodes"]

    threshold = (trained / "threshold.txt").read_text(encoding="utf-8").strip()
    given = ("--scaler", trained / "consensus_scaler.json", "--threshold", threshold, "--cases", "256")
    dist = tmp_path / "dist"
    wide = ("--budget", "latency_p99_ms=1000")
    compiled = run("compile", trained / "consensus.pth", *given, *wide, "--name", "tiny", "--out", dist)
    assert compiled.code == 0, compiled.err

    out = tmp_path / "evaluation"
    both = ("--runtime", "go,python", "--out", out)
    ran = run("--json", "evaluate", trained, dist / "tiny", *SIMULATED, *both)
    assert ran.code == 0, ran.err
    later = [each for each in ran.json if each["data"] == "later"]
    names = ["run (source)", "tiny cpu-fp32 (python)", "tiny cpu-fp32 (go)"]
    assert [each["model"] for each in later] == names
    assert later[0]["confusion"] == later[1]["confusion"] == later[2]["confusion"]
    stated = next(each for each in report["evaluations"] if each["data"] == "later")
    assert later[0]["confusion"] == stated["confusion"]
    assert later[0]["figures"]["roc_auc"] == pytest.approx(later[2]["figures"]["roc_auc"], abs=1e-4)
    assert json.loads((out / "evaluation.json").read_text(encoding="utf-8")) == ran.json
    assert (out / "plots" / "reconstruction-run-later.png").exists()


def test_any_table_trains_and_is_evaluated(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "metrics.csv"
    write_csv(table, simulate_consensus(ConsensusSimulation(1, 4, 900)))
    folder = tmp_path / "run"
    ran = run("train", "consensus", *TINY, "--data", table, *COLUMNS, "--kind", "kind", "--out", folder)
    assert ran.code == 0, ran.err
    report = json.loads((folder / "TRAINING_REPORT.json").read_text(encoding="utf-8"))
    assert report["data"]["data"] == "metrics.csv"
    assert [each["data"] for each in report["evaluations"]] == ["test"]
    ran = run("evaluate", folder, "--data", table, *COLUMNS)
    assert ran.code == 0, ran.err
    assert "metrics.csv" in ran.out


def test_a_finished_run_is_resumed_and_an_ensemble_is_trained(run: Run, trained: Path, tmp_path: Path) -> None:
    again = run("train", "consensus", *TINY, *SIMULATED, "--out", tmp_path / "again", "--resume", trained)
    assert again.code == 0, again.err
    assert "epoch" not in again.err
    first, second = ((folder / "threshold.txt").read_text(encoding="utf-8") for folder in (trained, tmp_path / "again"))
    assert first == second
    ran = run("train", "consensus", *TINY, *SIMULATED, "--epochs", "1", "--ensemble", "2", "--out", tmp_path / "both")
    assert ran.code == 0, ran.err
    assert "ensemble" in ran.out
    members = json.loads((tmp_path / "both" / "ensemble.json").read_text(encoding="utf-8"))["members"]
    assert [member["folder"] for member in members] == ["seed-42", "seed-43"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "consensus", "--label", "bad"), "--label names a column of a table"),
        (("train", "consensus", "--resume", "x", "--ensemble", "2"), "omit --ensemble"),
        (("train", "consensus", "--data", "absent.csv"), "absent.csv: cannot be read"),
        (("train", "nothing"), "No such command 'nothing'"),
        (("evaluate", "absent"), "absent"),
    ],
)
def test_bad_usage_is_one_sentence(run: Run, arguments: tuple[str, ...], message: str) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert message in ran.err
    assert "Traceback" not in ran.err
