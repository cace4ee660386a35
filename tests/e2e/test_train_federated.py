"""`dwcpc train consensus --federated` in Flower's simulation: the run folder, its bundle, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.models.data.consensus.simulate import ConsensusSimulation, simulate_consensus
from dwcpc.models.data.table_csv import write_csv
from dwcpc.models.training.folds import CONSENSUS_COLUMNS

Run = Callable[..., Any]

TINY = ("--units", "tiny", "--encoding", "8", "--timesteps", "20", "--rounds", "2", "--local-epochs", "1")
COLUMNS = ("--label", "anomaly", "--time", "timestamp", "--group", "node_id")


def no_row_is_in(folder: Path, rows: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """Refuse two neighbouring values of a row, as float32 or as float64, in any file."""
    content = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    for kind in (np.float32, np.float64):
        sent = [row[:2].astype(kind).tobytes() for row in rows[::7]]
        assert not any(each in data for data in content for each in sent)


@pytest.mark.slow
def test_a_table_is_trained_on_among_clients_and_its_run_is_compiled(process: Run, tmp_path: Path) -> None:
    table, folder = tmp_path / "metrics.csv", tmp_path / "run"
    simulated = simulate_consensus(ConsensusSimulation(1, 3, 900))
    write_csv(table, simulated)
    told = process("train", "consensus", "--federated", *TINY, "--data", table, *COLUMNS, "--out", folder)
    assert told.code == 0, told.err
    assert "3 clients train on" in told.err
    assert "round 2 of 2" in told.err
    assert "DEPRECATED" not in told.err
    assert "Warning" not in told.err
    assert "--calibration" not in told.out
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {path for path in files if not path.startswith("tensorboard/")} == {
        "consensus.pth",
        "consensus_scaler.json",
        "threshold.txt",
        "training_history.json",
        "TRAINING_REPORT.json",
        "evaluation.json",
        "federation.json",
        "plots/history.png",
        "plots/detection-test.png",
    }
    federation = json.loads((folder / "federation.json").read_text(encoding="utf-8"))
    assert [client["number"] for client in federation["clients"]] == [0, 1, 2]
    assert federation["traffic"]["train"]["messages"] == 6
    report = json.loads((folder / "TRAINING_REPORT.json").read_text(encoding="utf-8"))
    assert report["recipe"]["federated"]["strategy"] == "fedavg"
    assert report["recipe"]["fit"]["batch_rows"] == 32
    assert [each["data"] for each in report["evaluations"]] == ["test"]
    no_row_is_in(folder, np.stack([simulated[name] for name in CONSENSUS_COLUMNS.features], axis=1))

    threshold = (folder / "threshold.txt").read_text(encoding="utf-8").strip()
    given = ("--scaler", folder / "consensus_scaler.json", "--threshold", threshold, "--cases", "256")
    wide = ("--budget", "latency_p99_ms=1000")
    compiled = process(
        "compile", folder / "consensus.pth", *given, *wide, "--name", "together", "--out", tmp_path / "dist"
    )
    assert compiled.code == 0, compiled.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--clients", "3"), "--clients belongs to a federation; give --federated too"),
        (("--federated", "--epochs", "3"), "--epochs is for training in one place; with --federated give --rounds"),
        (("--federated", "--resume", "x"), "--resume is for training in one place"),
        (("--federated", "--ensemble", "2"), "--ensemble is for training in one place"),
        (("--federated", "--proximal-mu", "1"), "--proximal-mu is FedProx's; give --strategy fedprox"),
        (("--federated", "--data", "absent.csv"), "absent.csv: cannot be read"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_sentence(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    ran = run("train", "consensus", *arguments)
    assert ran.code == 2
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_without_flower_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    ran = run("train", "consensus", "--federated")
    assert ran.code == 2
    assert "flwr is not installed; install dwcpc[federated]" in ran.err
