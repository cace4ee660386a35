"""Bad input: exit code 2, one sentence that names it, no traceback, and nothing written anywhere."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"
MODEL, SCALER = DEMO / "consensus_demo.pth", DEMO / "consensus_demo_scaler.json"


class Hostile:
    """Unpickled, it makes a folder where `marker` says."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def refused(ran: Any, *fragments: str) -> None:
    """Assert that the run ended as bad input must, in a sentence that holds the fragments."""
    assert ran.code == 2, ran
    assert ran.out == ""
    assert "Traceback" not in ran.err
    lines = ran.err.splitlines()
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("dwcpc: ")
    assert "a bug in dwcpc" not in lines[0]
    for fragment in fragments:
        assert fragment in lines[0]


def state_dict() -> dict[str, Any]:
    """Return the demo's weights."""
    import torch

    return dict(torch.load(MODEL, weights_only=True))


def saved(content: object) -> bytes:
    """Return what torch.save writes."""
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def with_nan() -> bytes:
    weights = state_dict()
    weights["output_fc.bias"][3] = float("nan")
    return saved(weights)


def zip_of_texts() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("letter.txt", "hello")
    return buffer.getvalue()


def scaler_json(**changes: object) -> bytes:
    return json.dumps({**json.loads(SCALER.read_bytes()), **changes}).encode()


CENTERS = json.loads(SCALER.read_bytes())["center"]

MODELS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "text": (lambda: b"weights: 3\n", "no model file that dwcpc knows"),
    "truncated": (lambda: MODEL.read_bytes()[:-5000], "truncated"),
    "one byte changed": (lambda: MODEL.read_bytes().replace(b"output_fc.bias", b"output_fc.bibs", 1), "altered"),
    "zip without a checkpoint": (zip_of_texts, "letter.txt"),
    "only the zip's magic": (lambda: b"PK\x03\x04", "archive is broken"),
    "NaN weights": (with_nan, "output_fc.bias"),
    "no weights": (lambda: saved({}), "model.pth"),
    "a number": (lambda: saved(3), "model.pth"),
    "one weight missing": (
        lambda: saved({key: value for key, value in state_dict().items() if key != "output_fc.bias"}),
        "output_fc.bias",
    ),
}

SCALERS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "text": (lambda: b"center 3\n", "scaler"),
    "one feature too many": (lambda: scaler_json(center=[0.0] * 13, scale=[1.0] * 13, feature_names=None), "13"),
    "scale shorter than center": (lambda: scaler_json(scale=[1.0] * 11), "11"),
    "zero scale": (lambda: scaler_json(scale=[1.0] * 11 + [0.0]), "scale of feature 11 is 0.0"),
    "negative scale": (lambda: scaler_json(scale=[1.0] * 11 + [-1.0]), "scale of feature 11 is -1.0"),
    "NaN": (lambda: scaler_json(center=[float("nan"), *CENTERS[1:]]), "NaN"),
    "unknown type": (lambda: scaler_json(type="MinMaxScaler"), "MinMaxScaler"),
    "a model": (MODEL.read_bytes, "scaler"),
}

OPTIONS: dict[str, tuple[list[str], str]] = {
    "unknown target": (["--target", "tpu"], "--target is 'tpu'"),
    "budget without a number": (["--budget", "latency_p99_ms"], "--budget latency_p99_ms"),
    "budget of words": (["--budget", "latency_p99_ms=fast"], "'fast'"),
    "budget unknown": (["--budget", "colour=5"], "--budget colour=5"),
    "budget zero": (["--budget", "size_mb=0"], "--budget size_mb=0"),
    "budget NaN": (["--budget", "size_mb=nan"], "--budget size_mb=nan"),
    "shape of words": (["--input-shape", "wide"], "'wide' is not a shape"),
    "shape with zero": (["--input-shape", "30,0"], "'30,0' is not a shape"),
    "shape negative": (["--input-shape", "30,-12"], "'30,-12' is not a shape"),
    "shape empty": (["--input-shape", ""], "'' is not a shape"),
    "shape with a superscript": (["--input-shape", "30,²"], "'30,²' is not a shape"),
    "threshold of words": (["--threshold", "high"], "high"),
    "threshold NaN": (["--threshold", "nan"], "nan"),
    "threshold infinite": (["--threshold", "-inf"], "-inf"),
    "no cases": (["--cases", "0"], "--cases"),
    "negative seed": (["--seed", "-1"], "--seed"),
    "seed beyond int64": (["--seed", str(2**63)], "--seed"),
    "unknown architecture": (["--arch", "transformer"], "transformer"),
    "architecture of a missing package": (["--arch", "no_such_package:make"], "no_such_package"),
    "option that does not exist": (["--quantize"], "--quantize"),
}

LEAVING_NAMES = ["../x", "a/b", "..", ".", "/absolute", "a\\b", "a b", ".hidden", "-", "x" * 65, "v1.0\n"]
LEAVING_VERSIONS = ["1.0/../..", "../1.0", "/1.0", "v1", "v1.0", "1", "1.0.0", "01.0", "-1.0", "1.0 ", "latest"]


@pytest.mark.parametrize("case", MODELS)
def test_refuses_a_model_that_is(case: str, run: Run, tmp_path: Path) -> None:
    make, fragment = MODELS[case]
    (tmp_path / "model.pth").write_bytes(make())
    refused(run("-q", "compile", tmp_path / "model.pth", "--out", tmp_path / "out"), "model.pth", fragment)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", SCALERS)
def test_refuses_a_scaler_that_is(case: str, run: Run, tmp_path: Path) -> None:
    make, fragment = SCALERS[case]
    path = tmp_path / "scaler.json"
    path.write_bytes(make())
    refused(run("-q", "compile", MODEL, "--scaler", path, "--out", tmp_path / "out"), str(path), fragment)
    assert not (tmp_path / "out").exists()


def test_refuses_a_calibration_that_does_not_fit_the_model(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    np.save(path, np.zeros((64, 29, 12), np.float32))
    arguments = ("-q", "compile", MODEL, "--scaler", SCALER, "--calibration", path, "--out", tmp_path / "out")
    refused(run(*arguments), "rows.npy", "(64, 29, 12)", "(rows, 30, 12)")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", OPTIONS)
def test_refuses_an_option(case: str, run: Run, tmp_path: Path) -> None:
    options, fragment = OPTIONS[case]
    refused(run("-q", "compile", MODEL, *options, "--out", tmp_path / "out"), fragment)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", LEAVING_NAMES)
def test_refuses_a_name_that_is_not_one_folder(name: str, run: Run, tmp_path: Path, snapshot: Run) -> None:
    refused(run("-q", "compile", MODEL, "--name", name, "--out", tmp_path / "deep" / "out"), "--name is ")
    assert snapshot(tmp_path) == {}


@pytest.mark.parametrize("version", LEAVING_VERSIONS)
def test_refuses_a_version_that_is_not_two_numbers(version: str, run: Run, tmp_path: Path, snapshot: Run) -> None:
    refused(run("-q", "compile", MODEL, "--version", version, "--out", tmp_path / "deep" / "out"), "--version is ")
    assert snapshot(tmp_path) == {}


def test_refuses_the_name_of_a_file_that_no_bundle_can_have(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "my model.v2.pth"
    path.write_bytes(MODEL.read_bytes())
    refused(run("-q", "compile", path, "--out", tmp_path / "out"), "--name is 'my model.v2'")


@pytest.mark.parametrize("path", ["missing.pth", ".", "x" * 300, "line\nbreak.pth"])
def test_refuses_a_path_without_a_file(path: str, run: Run, tmp_path: Path) -> None:
    refused(run("-q", "compile", tmp_path / path, "--name", "m", "--out", tmp_path / "out"), str(tmp_path))
    refused(run("-q", "compile", MODEL, "--scaler", tmp_path / path, "--out", tmp_path / "out"), str(tmp_path))
    assert not (tmp_path / "out").exists()


def test_executes_nothing_from_a_hostile_model(run: Run, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    for data in (saved({"w": Hostile(marker)}), pickle.dumps(Hostile(marker)), saved(Hostile(marker))):
        (tmp_path / "model.pth").write_bytes(data)
        refused(run("-q", "compile", tmp_path / "model.pth", "--out", tmp_path / "out"), "model.pth")
        refused(run("-q", "inspect", tmp_path / "model.pth"), "model.pth")
        assert not marker.exists()
        assert not (tmp_path / "out").exists()
    pickle.loads(data := pickle.dumps(Hostile(marker)))  # noqa: S301 - the proof that the file would have done it
    assert data
    assert marker.exists()


def test_executes_nothing_from_a_hostile_scaler(run: Run, tmp_path: Path) -> None:
    marker, path = tmp_path / "executed", tmp_path / "scaler.pkl"
    path.write_bytes(pickle.dumps(Hostile(marker)))
    refused(run("-q", "compile", MODEL, "--scaler", path, "--out", tmp_path / "out"), "scaler.pkl", "mkdir")
    refused(run("-q", "inspect", path), "scaler.pkl")
    assert not marker.exists()
    assert not (tmp_path / "out").exists()


def test_refuses_a_threshold_for_a_model_without_a_score(run: Run, tmp_path: Path) -> None:
    from dwcpc.models.bandwidth_predictor import BandwidthPredictor, BandwidthPredictorConfig

    config = BandwidthPredictorConfig(timesteps=4, features=3, units1=4, units2=4, units3=4)
    (tmp_path / "bandwidth.pth").write_bytes(saved(BandwidthPredictor(config).state_dict()))
    ran = run("-q", "compile", tmp_path / "bandwidth.pth", "--threshold", "0.5", "--out", tmp_path / "out")
    refused(ran, "--threshold 0.5", "without an anomaly score")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("below", ["taken", "taken/below", "taken/a/b"])
def test_refuses_an_output_folder_with_a_file_in_its_way(below: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"mine")
    refused(run("-q", "compile", MODEL, "--out", tmp_path / below), "taken: is not a folder")
    assert (tmp_path / "taken").read_bytes() == b"mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place where not even root can write: /proc")
def test_refuses_an_output_folder_that_not_even_root_can_write_to(run: Run) -> None:
    refused(run("-q", "compile", MODEL, "--out", "/proc/dist"), "/proc: cannot be written to", "--out")


def test_refuses_an_output_folder_that_is_a_dangling_link(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    refused(run("-q", "compile", MODEL, "--out", tmp_path / "out"), "out")
    assert not (tmp_path / "nowhere").exists()


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A registry that holds v1.0 of consensus_demo and `latest`."""
    version = tmp_path / "registry" / "consensus_demo" / "v1.0"
    version.mkdir(parents=True)
    (version / "model.onnx").write_bytes(b"proven")
    (version.parent / "latest").symlink_to("v1.0")
    return tmp_path / "registry"


@pytest.mark.parametrize(
    "options",
    [
        ["--version", "1.0"],
        ["--force", "--version", "1.0", "--target", "tpu"],
        ["--force", "--version", "1.0", "--scaler", str(MODEL)],
        ["--force", "--version", "1.0", "--budget", "colour=5"],
        ["--timesteps", "29"],
    ],
)
def test_leaves_versions_and_latest_as_they_were(options: list[str], run: Run, registry: Path, snapshot: Run) -> None:
    before = snapshot(registry)
    refused(run("-q", "compile", MODEL, *options, "--out", registry))
    assert snapshot(registry) == before


def test_says_how_to_replace_a_version(run: Run, registry: Path) -> None:
    ran = run("-q", "compile", MODEL, "--version", "1.0", "--out", registry)
    refused(ran, "v1.0: exists already", "--force")


@pytest.mark.parametrize("broken", ["a folder", "another name"])
def test_refuses_a_latest_that_names_no_version_before_any_work(broken: str, run: Run, registry: Path) -> None:
    latest = registry / "consensus_demo" / "latest"
    latest.unlink()
    if broken == "a folder":
        latest.mkdir()
    else:
        latest.write_text("stable\n", encoding="utf-8")
    refused(run("-q", "compile", MODEL, "--out", registry), "latest")
    assert not (registry / "consensus_demo" / "v1.1").exists()


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["verify", "missing"], "missing: no such folder"),
        (["verify", str(DEMO)], "holds no metadata.json"),
        (["verify", str(MODEL)], "is not a folder"),
        (["verify", "x", "--runtime", "java"], "--runtime is 'java'"),
        (["verify", "x", "--runtime", ""], "--runtime is ''"),
        (["verify"], "BUNDLE"),
        (["inspect", "missing"], "missing: no such file"),
        (["inspect", str(DEMO)], "holds no metadata.json"),
        (["inspect", str(DEMO / "README.md")], "README.md"),
        (["serve"], "serve"),
        (["publish"], "BUNDLE"),
        (["publish", "missing"], "--registry"),
        (["publish", "missing", "--registry", "absent"], "missing: no such folder"),
        (["list"], "--registry"),
        (["list", "--registry", "absent"], "absent: no such folder"),
        (["rollback"], "NAME"),
        (["rollback", "missing", "--registry", "absent"], "holds no version"),
        (["compile"], "ARTIFACT"),
    ],
)
def test_refuses_the_usage(arguments: list[str], fragment: str, run: Run) -> None:
    refused(run("-q", *arguments), fragment)


def test_reports_the_error_as_json(run: Run, tmp_path: Path) -> None:
    ran = run("-q", "--json", "compile", tmp_path / "missing.pth", "--out", tmp_path / "out")
    assert ran.code == 2
    assert ran.json["error"]["exit_code"] == 2
    assert "missing.pth: no such file" in ran.json["error"]["message"]
    assert run("--json", "-q", "compile", MODEL, "--target", "tpu").json["error"]["exit_code"] == 2
    assert run("--json", "-q", "compile", "--nope").json["error"]["exit_code"] == 2


def test_shows_the_traceback_only_when_asked(run: Run, tmp_path: Path) -> None:
    arguments = ("compile", tmp_path / "missing.pth", "--out", tmp_path / "out")
    assert "Traceback" not in run("-q", *arguments).err
    ran = run("-q", "-v", *arguments)
    assert "Traceback" in ran.err
    assert ran.err.splitlines()[-1].startswith("dwcpc: ")
    assert ran.code == 2


def test_calls_its_own_bug_a_bug(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dwcpc.compiler.commands import compile as command

    def broken(*_: object) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(command, "compile_artifact", broken)
    ran = run("-q", "compile", MODEL, "--out", tmp_path / "out")
    assert ran.code == 3
    assert ran.err.splitlines() == [
        "dwcpc: a bug in dwcpc: RuntimeError: first line second line; run again with -v and report it"
    ]
    assert not (tmp_path / "out").exists()


def test_an_interrupt_is_no_bug(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dwcpc.compiler.commands import compile as command

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "compile_artifact", interrupted)
    ran = run("-q", "compile", MODEL, "--out", tmp_path / "out")
    assert ran.code == 130
    assert ran.err.splitlines()[-1] == "dwcpc: interrupted"
    assert not (tmp_path / "out").exists()


def test_without_arguments_shows_the_help(run: Run) -> None:
    ran = run()
    assert ran.code == 0
    assert "compile" in ran.out
    assert "verify" in ran.out


def test_a_real_process_prints_one_line_and_no_warning_of_a_library(process: Run, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(with_nan())
    refused(process("-q", "compile", tmp_path / "model.pth", "--out", tmp_path / "out"), "model.pth", "output_fc.bias")
    refused(process("-q", "compile", tmp_path / "missing.pth", "--out", tmp_path / "out"), "missing.pth")
    assert not (tmp_path / "out").exists()
