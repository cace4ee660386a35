"""A forecaster is trained in miniature, from the simulator and from tables, compiled, and judged beside its bundle."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.commands import train_bandwidth as command
from dwcpc.compiler.features.reading import read_spec
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.bandwidth.simulate import MEASURED, BandwidthSimulation, simulate_bandwidth
from dwcpc.models.data.table_csv import write_csv

Run = Callable[..., Any]

TINY = ("train", "bandwidth", "--units", "tiny", "--epochs", "2", "--batch-rows", "32")
ROWS = 256
"""Four in the smallest group: one alone has no spread, and its noise is one draw that may be 0 by chance."""
SIMULATED = ("--links", "3", "--steps", "260")


def stated(folder: Path, name: str = "TRAINING_REPORT.json") -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_a_run_leaves_everything_and_its_bundle_is_as_good_through_go(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PROOF_ROWS", ROWS)
    folder = tmp_path / "run"
    ran = run(*TINY, *SIMULATED, "--compile", "--out", folder)
    assert ran.code == 0, ran.err
    assert "epoch 2 of 2" in ran.err
    assert f"compile it: dwcpc compile {folder / 'bandwidth.pth'} --scaler" in ran.out
    for name in (
        "bandwidth.pth",
        "bandwidth_scaler.json",
        "bandwidth_target_scaler.json",
        "calibration.npy",
        "training_history.json",
        "checkpoints/best.pt",
        "checkpoints/last.pt",
        "plots/history.png",
        "plots/forecast-later.png",
        "plots/forecast-other-links-errors.png",
    ):
        assert (folder / name).stat().st_size > 0, name
    assert list((folder / "tensorboard").iterdir())
    assert read_spec(folder / "features.json") == shipped_spec("bandwidth_predictor")
    report = stated(folder)
    assert report["windows"]["train"] == 3 * 136 + 12 * 240
    assert [each["model"] for each in report["evaluations"][:3]] == ["persistence", "linear", "tiny LSTM"]
    assert {each["data"] for each in report["evaluations"]} == {"later", "other links", "harder, 0.7", "easier, 0.3"}
    assert report["served"][0]["fall"] < 1e-4
    assert report["bypass"]["loss_after"] < report["bypass"]["loss_before"]
    assert "with a bypass" in ran.err
    assert stated(folder, "evaluation.json") == report["evaluations"]

    ran = run("--json", "evaluate", folder, folder / "dist" / "cpu-fp32" / "bandwidth", *SIMULATED)
    assert ran.code == 0, ran.err
    later = {each["model"]: each["targets"] for each in ran.json if each["data"] == "later"}
    assert list(later) == ["persistence", "run (source)", "bandwidth cpu-fp32 (go)"]
    said = next(each["targets"] for each in report["evaluations"] if each["model"] == "tiny LSTM")
    for target in said:
        for model in ("run (source)", "bandwidth cpu-fp32 (go)"):
            found = later[model][target]["figures"]
            assert found["rmse"] == pytest.approx(said[target]["figures"]["rmse"], rel=1e-3)


def test_the_go_collectors_export_trains_and_is_evaluated(run: Run, tmp_path: Path) -> None:
    """One series, times as RFC 3339, an empty cell where a value is missing; what is predicted are its own columns."""
    samples = simulate_bandwidth(BandwidthSimulation(1, 1, 900))
    begun = datetime(2026, 1, 31, 12, tzinfo=UTC)
    channels = (*MEASURED, "queue_depth")
    lines = ["time," + ",".join(channels)]
    for at in range(900):
        cells = ["" if at == 500 and name == "rtt_ms" else f"{samples[name][at]:.7g}" for name in channels]
        moment = (begun + timedelta(minutes=at)).isoformat().replace("+00:00", "Z")
        lines.append(",".join([moment, *cells]))
    table = tmp_path / "samples.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    columns = ("--data", table, "--features", ",".join(channels), "--targets", ",".join(MEASURED), "--time", "time")
    folder = tmp_path / "run"
    ran = run(*TINY, *columns, "--horizon", "2", "--out", folder)
    assert ran.code == 0, ran.err
    assert "training: 21 windows are left out" in ran.err
    report = stated(folder)
    assert report["data"]["data"] == "samples.csv"
    assert report["forecast"] == {"targets": list(MEASURED), "last": list(MEASURED), "horizon": 2}
    assert [each["data"] for each in report["evaluations"]] == ["test"] * 3
    assert read_spec(folder / "features.json").features == channels
    out = tmp_path / "evaluation"
    ran = run("--json", "evaluate", folder, "--data", table, "--out", out)
    assert ran.code == 0, ran.err
    assert [(each["data"], each["model"]) for each in ran.json] == [
        ("samples.csv", "persistence"),
        ("samples.csv", "run (source)"),
    ]
    assert stated(out, "evaluation.json") == ran.json
    assert (out / "plots" / "forecast-samples-csv-errors.png").exists()


def test_a_table_with_the_raw_columns_takes_the_shipped_features_and_a_split_by_link(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "links.csv"
    write_csv(table, simulate_bandwidth(BandwidthSimulation(1, 5, 120)))
    targets = ",".join(f"true_{name}" for name in MEASURED)
    given = ("--data", table, "--targets", targets, "--last", ",".join(MEASURED), "--split", "group")
    folder = tmp_path / "run"
    ran = run(*TINY, *given, "--out", folder)
    assert ran.code == 0, ran.err
    assert stated(folder)["features"] == "bandwidth_predictor"
    again = run(*TINY, *given, "--out", tmp_path / "again", "--resume", folder)
    assert again.code == 0, again.err
    assert "epoch" not in again.err
    first, second = (stated(each, "evaluation.json") for each in (folder, tmp_path / "again"))
    assert first == second
    without = run(*TINY, *given, "--no-bypass", "--out", tmp_path / "without", "--resume", folder)
    assert without.code == 0, without.err
    assert stated(tmp_path / "without")["bypass"] is None
    assert stated(tmp_path / "without", "evaluation.json") != first


def test_a_bundle_that_answers_otherwise_fails_and_its_report_stays(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*given: Any) -> np.ndarray:
        return np.asarray(honest(*given) * np.random.default_rng(0).choice([0.9, 1.1]) + 5)

    honest = command.bundle_forecast
    monkeypatch.setattr(command, "bundle_forecast", wrong)
    monkeypatch.setattr(command, "plot_forecasts", lambda *_: None)
    monkeypatch.setattr(command, "PROOF_ROWS", ROWS)
    table = tmp_path / "links.csv"
    write_csv(table, simulate_bandwidth(BandwidthSimulation(1, 1, 300)))
    ran = run(*TINY, "--data", table, "--targets", ",".join(MEASURED), "--compile", "--out", tmp_path / "run")
    assert ran.code == 1
    assert "points, at most 0.2 are allowed" in ran.err
    assert stated(tmp_path / "run")["served"][0]["fall"] > 0.002


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "bandwidth", "--targets", "a,b,c,d"), "--targets: belongs to --data"),
        (("train", "bandwidth", "--data", "x.csv", "--links", "4"), "--links: belongs to the simulator"),
        (("train", "bandwidth", "--data", "x.csv", "--varied", "0"), "--varied: belongs to the simulator"),
        (("train", "bandwidth", "--data", "x.csv"), "x.csv: nothing says what is to be predicted"),
        (("train", "bandwidth", "--data", "x.csv", "--targets", "a,b,c,d"), "x.csv: cannot be read"),
        (("train", "bandwidth", "--data", "x.csv", "--targets", "a,b", "--last", "a"), "--last names 1 columns"),
        (("train", "bandwidth", "--spec", "a", "--features", "b"), "give one of them"),
        (("train", "bandwidth", "--spec", "nothing"), "no specification of that name"),
        (("train", "bandwidth", "--compile", "--target", "tpu"), "tpu"),
        (("evaluate", "models/trained/consensus", "--horizon", "3"), "--horizon: belongs to forecasters"),
        (("evaluate", "models/trained/bandwidth_predictor", "--nodes", "3"), "--nodes: belongs to detectors"),
        (("evaluate", "models/trained/consensus", "models/trained/bandwidth_predictor"), "evaluate them apart"),
    ],
)
def test_bad_usage_is_one_sentence(run: Run, arguments: tuple[str, ...], message: str) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_other_than_four_targets_are_refused_with_what_is_meant(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "links.csv"
    write_csv(table, simulate_bandwidth(BandwidthSimulation(1, 1, 200)))
    ran = run(*TINY, "--data", table, "--targets", "rtt_ms,jitter_ms", "--out", tmp_path / "run")
    assert ran.code == 2
    assert "2 targets are named, expected 4, in this order: bandwidth [Mbps], latency [ms]" in ran.err
