"""The command line in a process of its own, played by a script: each exit code, and what is handed to it."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from dwcpc.bench.precision_compile import compile_for, failures
from dwcpc.bench.precision_models import TableModel
from dwcpc.compiler.errors import DwcpcError, InputError

MODEL = TableModel(
    name="some",
    title="Some",
    weights="",
    rows="",
    artifact=Path("model.pth"),
    scaler=Path("scaler.json"),
    target_scaler=None,
    threshold=0.25,
    calibration=Path("calibration.npy"),
    evaluation=Path("evaluation.npy"),
)
METADATA: dict[str, Any] = {"precision": [], "parity": {"results": []}, "budgets": []}


def playing(folder: Path, code: int, answer: object, stderr: str = "") -> list[str]:
    """Return the command of a script that keeps its arguments, says `answer` and ends with `code`."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    script = folder / "dwcpc.py"
    script.write_text(
        "import json, pathlib, sys\n"
        f"pathlib.Path({str(folder / 'arguments.json')!r}).write_text(json.dumps(sys.argv[1:]))\n"
        f"sys.stderr.write({stderr!r})\nsys.stdout.write({text!r})\nsys.exit({code})\n"
    )
    return [sys.executable, str(script)]


def placed(folder: Path, at: str = "some/v1.0") -> dict[str, Any]:
    """Return the answer of a compilation whose bundle is `at`."""
    (folder / at).mkdir(parents=True)
    (folder / at / "metadata.json").touch()
    return {"verdict": "pass", "path": str(folder / "some" / "v1.0"), "metadata": METADATA}


def test_a_bundle_is_found_where_the_answer_says(tmp_path: Path) -> None:
    answer = placed(tmp_path)
    outcome = compile_for("cpu-fp16", MODEL, tmp_path / "out", playing(tmp_path, 0, answer))
    assert (outcome.verdict, outcome.reason) == ("pass", "")
    assert outcome.bundle == tmp_path / "some" / "v1.0"
    assert outcome.metadata == METADATA


def test_everything_that_belongs_to_the_model_is_handed_over(tmp_path: Path) -> None:
    command = playing(tmp_path, 0, placed(tmp_path))
    compile_for("cpu-int8", MODEL, tmp_path / "out", command)
    given = json.loads((tmp_path / "arguments.json").read_text())
    assert given[:4] == ["--json", "-q", "compile", "model.pth"]
    assert dict(zip(given[4::2], given[5::2], strict=True)) == {
        "--target": "cpu-int8",
        "--scaler": "scaler.json",
        "--threshold": "0.25",
        "--calibration": "calibration.npy",
        "--name": "some",
        "--version": "1.0",
        "--out": str(tmp_path / "out"),
    }
    regressor = dataclasses.replace(MODEL, target_scaler=Path("y.json"), threshold=None, calibration=None)
    compile_for("cpu-fp32", regressor, tmp_path / "out", command)
    given = json.loads((tmp_path / "arguments.json").read_text())
    assert given[given.index("--target-scaler") + 1] == "y.json"
    assert not {"--threshold", "--calibration"} & set(given)


def test_what_an_earlier_run_left_is_gone(tmp_path: Path) -> None:
    (tmp_path / "out" / "some" / "v1.0").mkdir(parents=True)
    compile_for("cpu-fp32", MODEL, tmp_path / "out", playing(tmp_path, 0, placed(tmp_path)))
    assert not (tmp_path / "out").exists()


def test_a_refusal_is_an_outcome_with_its_sentence(tmp_path: Path) -> None:
    answer = {"error": {"message": "no int8 candidate reaches 30 dB", "exit_code": 1}}
    outcome = compile_for("cpu-int8", MODEL, tmp_path / "out", playing(tmp_path, 1, answer))
    assert (outcome.verdict, outcome.bundle) == ("refused", None)
    assert outcome.reason == "no int8 candidate reaches 30 dB"


def test_a_bundle_that_failed_is_found_in_its_failure_folder_with_what_failed(tmp_path: Path) -> None:
    answer = placed(tmp_path, "some/v1.0/bundle")
    answer["verdict"] = "fail"
    check = {
        "check": "noise",
        "output": "prediction",
        "group": "typical",
        "runtime": "go",
        "worst": -20.5,
        "limit": -30,
    }
    good = {**check, "check": "ranking", "passed": True}
    answer["metadata"] = {**METADATA, "parity": {"results": [{**check, "passed": False}, good]}}
    outcome = compile_for("cpu-int8", MODEL, tmp_path / "out", playing(tmp_path, 1, answer))
    assert outcome.verdict == "fail"
    assert outcome.bundle == tmp_path / "some" / "v1.0" / "bundle"
    assert outcome.reason == "noise of prediction on typical rows in go: -20.5 of -30"


def test_an_inconclusive_bundle_is_there_and_says_why(tmp_path: Path) -> None:
    answer = placed(tmp_path)
    answer["verdict"] = "inconclusive"
    budget = {"name": "latency_p99_ms", "verdict": "inconclusive", "reason": "the machine is noisy"}
    answer["metadata"] = {**METADATA, "budgets": [budget, {"name": "size_mb", "verdict": "pass", "reason": ""}]}
    outcome = compile_for("cpu-fp32", MODEL, tmp_path / "out", playing(tmp_path, 4, answer))
    assert (outcome.verdict, outcome.reason) == ("inconclusive", "latency_p99_ms inconclusive: the machine is noisy")
    assert outcome.bundle is not None


def test_metadata_without_a_proof_has_no_failures() -> None:
    assert failures({"parity": None, "budgets": []}) == ""


@pytest.mark.parametrize(("code", "kind"), [(2, InputError), (3, DwcpcError)])
def test_bad_usage_and_bugs_end_the_command(code: int, kind: type[DwcpcError], tmp_path: Path) -> None:
    answer = {"error": {"message": "--target is 'cpu-int3'", "exit_code": code}}
    with pytest.raises(kind, match=rf"compiling some for cpu-int3 ended with exit code {code}: --target is"):
        compile_for("cpu-int3", MODEL, tmp_path / "out", playing(tmp_path, code, answer))


def test_a_process_that_says_nothing_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(DwcpcError, match="no JSON and exit code 1: killed"):
        compile_for("cpu-fp32", MODEL, tmp_path / "out", playing(tmp_path, 1, "", "killed"))


def test_the_command_line_itself_refuses_a_target_that_it_does_not_know(
    small_predictor: TableModel, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="--target is 'cpu-int3'"):
        compile_for("cpu-int3", small_predictor, tmp_path / "out")
