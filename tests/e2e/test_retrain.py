"""`dwcpc retrain` as its user sees it: exports of a collector and a log of incidents in, a published version out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.bench import protocol
from dwcpc.bench.protocol import Protocol
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands.retrain_consensus import Consensus
from dwcpc.compiler.commands.retrain_model import Job
from dwcpc.models.data.consensus.metrics import FEATURES
from dwcpc.models.data.consensus.simulate import ConsensusSimulation, simulate_consensus
from dwcpc.models.data.table import Table, taken

Run = Callable[..., Any]
BEGIN_S = 1_772_323_200  # 2026-03-01T00:00:00Z
NODES, STEPS = 8, 5000
TINY = ("--set", "units=tiny", "--set", "encoding=8", "--set", "epochs=1", "--set", "batch_rows=32", "--cases", 256)
WIDE = ("--budget", "latency_p99_ms=1000")


@pytest.fixture(autouse=True)
def small(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the whole protocol, which decides, be short: the models are a hundred times faster than their budgets."""
    monkeypatch.setattr(protocol, "FULL", Protocol(3, 1, calls=500, seconds=0.0, pairs=7, block_seconds=0.005))


def date(seconds: float) -> str:
    return datetime.fromtimestamp(BEGIN_S + seconds, UTC).isoformat().replace("+00:00", "Z")


def write_exports(folder: Path, table: Table) -> Path:
    """Write each node's rows as its collector does: dates, float32, no node and no label."""
    for node in np.unique(table["node_id"]):
        own = taken(table, table["node_id"] == node)
        path = folder / str(node) / "week.csv"
        path.parent.mkdir(parents=True)
        columns = [own[name].astype(np.float32) for name in FEATURES]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["time", *FEATURES])
            for at, seconds in enumerate(own["timestamp"]):
                writer.writerow([date(seconds), *(str(column[at]) for column in columns)])
    return folder


def write_log(path: Path, table: Table) -> Path:
    """Write when something was wrong, as those who mended it would."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["begin", "end", "group", "kind"])
        for node in np.unique(table["node_id"]):
            own = taken(table, table["node_id"] == node)
            borders = np.flatnonzero(np.diff(own["anomaly"], prepend=0, append=0))
            for first, stop in borders.reshape(-1, 2):
                ends = date(own["timestamp"][first]), date(own["timestamp"][stop - 1])
                writer.writerow([*ends, node, own["kind"][first]])
    return path


def test_collected_rows_are_trained_on_published_and_compared_with(run: Run, tmp_path: Path) -> None:
    table = simulate_consensus(ConsensusSimulation(3, NODES, STEPS))
    log = write_log(tmp_path / "log.csv", table)
    registry, out = tmp_path / "registry", tmp_path / "out"
    order = ("retrain", "consensus", "--registry", registry, "--incidents", log, *TINY, *WIDE, "--out", out)
    exports = write_exports(tmp_path / "exports", table)
    first = run(*order, "--data", exports, "--minimum", "roc_auc=0.5")
    assert first.code == 0, first.out + first.err
    assert f"published: {registry}/consensus_latency/v1.0; latest is v1.0" in first.out
    assert f"{NODES * STEPS:,} rows of {NODES} files" in first.err
    for step in ("collect: reading", "train: epoch 1 of 1", "compile: ", "judge: the candidate", "publish: gate on"):
        assert f"s  {step}" in first.err, step
    training = open_bundle(registry / "consensus_latency").metadata.source.training
    assert training is not None
    assert (training.kind, training.rows, training.seed) == ("file", round(0.8 * NODES * STEPS), 43)
    assert training.until == BEGIN_S + table["timestamp"][round(0.8 * STEPS) - 1]
    assert "trained on" in run("inspect", registry / "consensus_latency").out

    report = json.loads((out / "retrain.json").read_text(encoding="utf-8"))
    served = open_bundle(registry / "consensus_latency")
    looked = Consensus().look(Job(out / "data.csv", out, 44, served, ()))
    again = looked.fresh.figures(served)(None)  # published, and judged as what is served would be
    assert again == report["figures"]
    assert looked.fresh.note.endswith(f"those later than {training.until:.15g}")

    earlier = write_exports(tmp_path / "earlier", taken(table, table["timestamp"] < 0.7 * table["timestamp"].max()))
    stale = run("-q", *order, "--data", earlier)
    assert stale.code == 4
    assert f"those later than {training.until:.15g}: 0 of 0 fresh rows are labelled" in stale.out


def test_nodes_are_retrained_on_another_fleet(run: Run, tmp_path: Path) -> None:
    small = ("--set", "nodes=50", "--set", "samples=500", "--set", "trees=10", "--set", "depth=4", "--cases", 256)
    order = (
        "retrain",
        "node_reliability",
        "--registry",
        tmp_path / "registry",
        *small,
        *WIDE,
        "--out",
        tmp_path / "out",
    )
    ran = run("--json", *order, "--minimum", "recall_at_5_percent_false_positives=0.1", "--dry-run")
    assert ran.code == 0, ran.err
    assert ran.json["figures"]["recall_at_5_percent_false_positives"] > 0.3
    assert (ran.json["version"], ran.json["training"]["kind"]) == (None, "simulated")
    assert not (tmp_path / "registry").exists()
    strict = run(*order, "--minimum", "recall_at_5_percent_false_positives=1.01")
    assert strict.code == 1
    assert "expected 1.01 or more" in strict.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("retrain", "weather", "--registry", "r"), "NAME is 'weather', expected one of consensus"),
        (("retrain", "consensus"), "Missing option '--registry'"),
        (("retrain", "consensus", "--registry", "r", "--minimum", "recall"), "expected NAME=NUMBER"),
        (("retrain", "consensus", "--registry", "r", "--target", "tpu"), "--target is 'tpu'"),
        (("retrain", "consensus", "--registry", "r", "--data", "absent.csv"), "absent.csv: cannot be read"),
    ],
)
def test_bad_usage_is_one_sentence(
    run: Run, arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("-q", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (tmp_path / "r").exists()


def test_a_services_data_and_model_come_from_its_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DWCPC_MODEL", "consensus_latency")
    monkeypatch.setenv("DWCPC_TRAINING_DATA", str(tmp_path / "of-the-service.csv"))
    ran = run("retrain", "--registry", tmp_path / "registry", "--out", tmp_path / "out")
    assert ran.code == 2
    assert "of-the-service.csv: cannot be read" in ran.err
