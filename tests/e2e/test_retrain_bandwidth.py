"""`dwcpc retrain bandwidth` on miniatures: raw samples of links in, a published forecaster with its features out."""

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
from dwcpc.compiler.commands.retrain.bandwidth import Bandwidth
from dwcpc.compiler.commands.retrain.model import Job
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.bandwidth.simulate import TRUE, BandwidthSimulation, simulate_bandwidth
from dwcpc.models.data.table import Table, taken
from dwcpc.models.retraining import comparison
from dwcpc.models.retraining.comparison import compare

Run = Callable[..., Any]
BEGIN_S = 1_772_323_200  # 2026-03-01T00:00:00Z
LINKS, STEPS = 4, 400
TINY = ("--set", "units=tiny", "--set", "epochs=1", "--set", "batch_rows=32", "--cases", 64)
WIDE = ("--budget", "latency_p99_ms=1000")


@pytest.fixture(autouse=True)
def small(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the protocol be short, and few windows decide."""
    monkeypatch.setattr(comparison, "LEAST_WINDOWS", 100)
    monkeypatch.setattr(comparison, "LEAST_BLOCKS", 6)
    monkeypatch.setattr(protocol, "FULL", Protocol(3, 1, calls=500, seconds=0.0, pairs=7, block_seconds=0.005))


def write_exports(folder: Path, table: Table) -> Path:
    """Write each link's samples as a service does: dates, no link and no truth."""
    for link in np.unique(table["link_id"]):
        own = taken(table, table["link_id"] == link)
        path = folder / str(link) / "week.csv"
        path.parent.mkdir(parents=True)
        columns = [name for name in own if name not in {"link_id", "timestamp", *TRUE}]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["time", *columns])
            for at, seconds in enumerate(own["timestamp"]):
                moment = datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
                writer.writerow([moment, *(str(own[name][at]) for name in columns)])
    return folder


def test_collected_samples_are_trained_on_and_what_is_published_is_judged_on_later_ones(
    run: Run, tmp_path: Path
) -> None:
    simulated = simulate_bandwidth(BandwidthSimulation(3, LINKS, STEPS))
    table = {**simulated, "timestamp": np.tile(BEGIN_S + 60.0 * np.arange(STEPS), LINKS)}  # all of the same hours
    registry, out = tmp_path / "registry", tmp_path / "out"
    order = ("retrain", "bandwidth", "--registry", registry, *TINY, *WIDE, "--out", out)
    first = run(*order, "--data", write_exports(tmp_path / "exports", table), "--minimum", "jitter_correlation=-1")
    assert first.code == 0, first.err
    assert f"published: {registry}/bandwidth_predictor/v1.0; latest is v1.0" in first.out
    assert f"data      {LINKS * STEPS:,} rows of {LINKS} files; 0 repeated" in first.out

    bundle = open_bundle(registry / "bandwidth_predictor")
    training, features = bundle.metadata.source.training, bundle.metadata.features
    assert training is not None
    assert features is not None
    assert (training.kind, training.rows, training.seed) == ("file", round(0.8 * LINKS * STEPS), 43)
    assert features.spec["name"] == shipped_spec("bandwidth_predictor").name
    assert features.timesteps == 20
    assert bundle.metadata.target_scaler is not None
    assert bundle.metadata.target_scaler.type == "StandardScaler"
    assert bundle.metadata.scaler.type == "StandardScaler"

    model = Bandwidth()
    looked = model.look(Job(out / "data.csv", tmp_path / "run", 44, bundle, ()))
    assert looked.fresh.note.endswith(f"those later than {training.until:.15g}")
    figures = looked.fresh.figures(bundle)
    report = json.loads((out / "retrain.json").read_text(encoding="utf-8"))
    assert figures(None) == report["figures"]
    compared = compare(looked.fresh.block, figures, figures, model.deciding, tolerance=0.0)
    assert [(each.verdict, each.low) for each in compared] == [("pass", 0.0)] * 4

    earlier = write_exports(tmp_path / "earlier", taken(table, table["timestamp"] < training.until - 3600))
    stale = run("-q", *order, "--data", earlier, "--out", tmp_path / "again")
    assert stale.code == 4
    assert "no sample is fresh: collect for longer" in stale.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--incidents", "log.csv"), "--incidents tells when something was wrong, and this model learns from what"),
        (("--set", "targets=a,b,c,d"), "--set targets and last name columns of a table, and there is none"),
        (("--set", "links=1"), "--set links=1: Expected `int` >= 3"),
    ],
)
def test_bad_usage_is_one_sentence(run: Run, arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    ran = run("-q", "retrain", "bandwidth", "--registry", tmp_path / "r", "--out", tmp_path / "out", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (tmp_path / "r").exists()
