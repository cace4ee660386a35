"""`dwcpc retrain` as its user sees it: exports of a collector and a log of incidents in, a published version out."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.bench import protocol
from dwcpc.bench.protocol import Protocol
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands.retrain.consensus import Consensus
from dwcpc.compiler.commands.retrain.model import Job
from dwcpc.compiler.harness import runtime_library
from dwcpc.models.data.consensus.metrics import FEATURES
from dwcpc.models.data.consensus.simulate import ConsensusSimulation, simulate_consensus
from dwcpc.models.data.table import Table, taken
from dwcpc.models.retraining import comparison

Run = Callable[..., Any]
REPOSITORY = Path(__file__).resolve().parents[2]
QUICK = REPOSITORY / "tests" / "fixtures" / "quick_dwcpc.py"
GO_MODULE = REPOSITORY / "go_harness"
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # several would wait for each other on a busy machine
BEGIN_S = 1_772_323_200  # 2026-03-01T00:00:00Z
NODES, STEPS = 8, 5000
TINY = ("--set", "units=tiny", "--set", "encoding=8", "--set", "epochs=1", "--set", "batch_rows=32", "--cases", 256)
WIDE = ("--budget", "latency_p99_ms=1000")


@pytest.fixture(autouse=True)
def small(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the protocol be short, as the models are a hundred times faster than their budgets, and few incidents do."""
    monkeypatch.setattr(comparison, "LEAST_LABELLED", 30)
    monkeypatch.setattr(comparison, "LEAST_BLOCKS", 10)
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


@dataclass(frozen=True, slots=True)
class Served:
    """A registry that serves what was trained on the table, and how that went."""

    table: Table
    log: Path
    registry: Path
    out: Path
    order: tuple[object, ...]
    first: Any


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Retrain once, in a process of its own, from exports of eight nodes and a log of their incidents."""
    folder = tmp_path_factory.mktemp("retrained")
    table = simulate_consensus(ConsensusSimulation(3, NODES, STEPS))
    log = write_log(folder / "log.csv", table)
    registry, out = folder / "registry", folder / "out"
    order = ("retrain", "consensus", "--registry", registry, "--incidents", log, *TINY, *WIDE, "--out", out)
    exports = write_exports(folder / "exports", table)
    first = quick_process(*order, "--data", exports, "--minimum", "roc_auc=0.5")
    return Served(table, log, registry, out, order, first)


def quick_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(QUICK), *map(str, arguments)]
    return subprocess.run(argv, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=False)


def test_collected_rows_are_trained_on_and_published(run: Run, served: Served) -> None:
    first, registry = served.first, served.registry
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"published: {registry}/consensus_latency/v1.0; latest is v1.0" in first.stdout
    assert f"{NODES * STEPS:,} rows of {NODES} files" in first.stderr
    for step in ("collect: reading", "train: epoch 1 of 1", "compile: ", "judge: the candidate", "publish: gate on"):
        assert f"s  {step}" in first.stderr, step
    training = open_bundle(registry / "consensus_latency" / "v1.0").metadata.source.training
    assert training is not None
    assert (training.kind, training.rows, training.seed) == ("file", round(0.8 * NODES * STEPS), 43)
    assert training.until == BEGIN_S + served.table["timestamp"][round(0.8 * STEPS) - 1]
    assert "trained on" in run("inspect", registry / "consensus_latency" / "v1.0").out


def test_what_is_served_is_judged_on_rows_later_than_what_trained_it(run: Run, served: Served, tmp_path: Path) -> None:
    bundle = open_bundle(served.registry / "consensus_latency" / "v1.0")
    assert bundle.metadata.source.training is not None
    until = f"those later than {bundle.metadata.source.training.until:.15g}"
    looked = Consensus().look(Job(served.out / "data.csv", tmp_path, 44, bundle, ()))
    report = json.loads((served.out / "retrain.json").read_text(encoding="utf-8"))
    assert looked.fresh.figures(bundle)(None) == report["figures"]
    assert looked.fresh.note.endswith(until)

    time = served.table["timestamp"]
    earlier = write_exports(tmp_path / "earlier", taken(served.table, time < 0.7 * time.max()))
    stale = run("-q", *served.order, "--data", earlier, "--out", tmp_path / "out")
    assert stale.code == 4
    assert f"{until}: 0 of 0 fresh rows are labelled" in stale.out


def one_after_another(table: Table) -> Table:
    """Return the nodes' rows as one series that begins when the table's time is over, with a gap after each node."""
    length = table["timestamp"].max() + 3600
    node = np.unique(table["node_id"], return_inverse=True)[1]
    moved = {**table, "timestamp": table["timestamp"] + (node + 1) * length, "node_id": np.full(len(node), "")}
    return taken(moved, np.argsort(moved["timestamp"], kind="stable"))


@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go, which is not on PATH")
def test_a_go_service_retrains_by_the_command_and_serves_what_it_published(served: Served, tmp_path: Path) -> None:
    folder = tmp_path / "service"
    shutil.copytree(served.registry, folder / "registry", symlinks=True)
    series = one_after_another(served.table)
    write_exports(folder / "exports", series)
    shutil.copy(folder / "exports" / "week.csv", folder / "samples.csv")
    given = (
        "--incidents",
        write_log(folder / "log.csv", series),
        *TINY,
        *WIDE,
        "--tolerance",
        1,
        "--out",
        folder / "out",
    )
    command = (sys.executable, QUICK, "retrain", "--registry", folder / "registry", *given)
    (folder / "command").write_text("\n".join(map(str, command)), encoding="utf-8")
    library = {"DWCPC_ORT_LIB": str(runtime_library()), "DWCPC_TEST_RETRAIN": str(folder)}
    argv = ["go", "test", "-count=1", "-v", "-run", "TestAWatcherServesWhatDwcpcRetrainPublished", "./service"]
    done = subprocess.run(
        argv, cwd=GO_MODULE, env={**os.environ, **ONE_THREAD, **library}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "--- PASS: TestAWatcherServesWhatDwcpcRetrainPublished" in done.stdout
    training = open_bundle(folder / "registry" / "consensus_latency").metadata.source.training
    assert training is not None
    assert training.seed == 44
    assert not training.note.startswith("simulated")


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
