"""`dwcpc train nodes` as its user sees it, on miniatures."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.cli import main
from dwcpc.compiler.commands import train_nodes as command
from dwcpc.compiler.features.reading import read_spec
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.nodes import LABEL, Fleet, simulate_nodes
from dwcpc.models.evaluation.bundle_answers import BundleAnswers
from dwcpc.models.training.node_artifacts import read_report
from dwcpc.models.training.node_table import table

SMALL = ("--nodes", 16, "--samples", 500, "--trees", 15, "--depth", 4)


def ran(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        main(["-q", "train", "nodes", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(done.value.code or 0), out, err


def test_a_run_leaves_the_model_its_report_and_a_bundle_that_decides_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = ran(capsys, *SMALL, "--features", "best", "--compile", "--out", tmp_path / "run")
    assert code == 0
    assert "0 decisions changed" in out
    report = read_report(tmp_path / "run")
    (served,) = report.served
    assert served.fall == 0.0
    assert served.judged.evaluation == report.test.evaluation
    assert len(report.elsewhere) == 3
    assert (tmp_path / "run" / served.bundle / "model.onnx").is_file()
    assert read_spec(tmp_path / "run" / "features.json").features == report.feature_names
    history = json.loads((tmp_path / "run" / "training_history.json").read_text(encoding="utf-8"))
    assert {len(figures) for figures in history.values()} == {15}
    assert (tmp_path / "run" / "plots" / "history.png").is_file()
    assert (tmp_path / "run" / "plots" / "detection-test.png").is_file()
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    assert table([report, report]).count("through Go") == 2


@pytest.mark.parametrize("model", ["forest", "isolation"])
def test_forests_are_compiled_from_what_our_own_reader_takes(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ran(capsys, *SMALL, "--model", model, "--compile", "--out", tmp_path / "run")
    assert (code, err) == (0, "")
    report = read_report(tmp_path / "run")
    (served,) = report.served
    assert served.decisions_changed == 0
    assert served.fall < 1e-6
    bundle = tmp_path / "run" / served.bundle / "metadata.json"
    threshold = json.loads(bundle.read_text(encoding="utf-8"))["decision"]["threshold"]
    assert threshold == (-report.threshold if model == "isolation" else report.threshold)


def test_a_bundle_that_answers_otherwise_fails_and_its_report_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(bundle: Path, rows: np.ndarray) -> BundleAnswers:
        answers = honest(bundle, rows)
        found = np.flatnonzero(answers.flagged)
        answers.flagged[found[: max(1, len(found) // 50)]] = False  # one of fifty is lost on the way
        return answers

    honest = command.bundle_answers
    monkeypatch.setattr(command, "bundle_answers", wrong)
    code, _, err = ran(capsys, *SMALL, "--compile", "--out", tmp_path / "run")
    assert code == 1
    assert "falls by" in err
    assert "at most 0.002 is allowed" in err
    (served,) = read_report(tmp_path / "run").served
    assert served.decisions_changed > 0


def test_a_table_of_ones_own_is_trained_on_by_the_names_of_its_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"timestamp": "at", "node_id": "host", LABEL: "failed"}
    simulated = simulate_nodes(Fleet(12, 500))
    with (tmp_path / "own.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names.get(name, name) for name in simulated)
        writer.writerows(zip(*(column.tolist() for column in simulated.values()), strict=True))
    keys = ("--label", "failed", "--time", "at", "--group", "host")
    code, _, err = ran(
        capsys, "--data", tmp_path / "own.csv", *keys, "--trees", 10, "--depth", 4, "--out", tmp_path / "run"
    )
    assert (code, err) == (0, "")
    report = read_report(tmp_path / "run")
    assert (report.data, report.elsewhere, report.test.recall_by_cause) == ("own.csv", (), {})
    assert report.feature_names == shipped_spec("node_reliability_123").features
    assert read_spec(tmp_path / "run" / "features.json").group == "host"


def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = ran(capsys, *SMALL, "--out", tmp_path / "run")
    assert code == 2
    assert "needs scikit-learn, which is not installed; install dwcpc[sklearn,xgboost]" in err


def test_a_folder_of_an_earlier_run_keeps_none_of_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("xgboost", "isolation"):
        assert ran(capsys, *SMALL, "--model", model, "--out", tmp_path)[0] == 0
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"model.pkl", "scaler.json", "features.json", "TRAINING_REPORT.json", "plots"}
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["detection-test.png"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--label", "x"), "--label: belongs to --data; give --data too"),
        (("--data", "a.csv", "--nodes", "5"), "--nodes: belongs to a simulated fleet; omit it"),
        (("--data", "absent.csv"), "absent.csv: cannot be read"),
        (("--spec", "nope"), "nope: no specification of that name is shipped"),
        (("--out", __file__), "is a file, expected a folder"),
    ],
)
def test_bad_usage_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = ran(capsys, "--out", tmp_path / "run", *arguments)
    assert code == 2
    assert sentence in err
    assert not (tmp_path / "run").exists()
