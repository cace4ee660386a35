"""The demo's model from artifact to bundle, through the real command line and both runtimes.

Whether this machine is quiet enough for a latency verdict is not tested: the budget is wide.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands import compile as command

Run = Callable[..., Any]
REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "consensus_demo"
CASES = "256"
WIDE_BUDGET = "latency_p99_ms=1000"
CREATED_S = "1767225600"
CREATED = "2026-01-01T00:00:00Z"
FILES = {
    "model.onnx",
    "metadata.json",
    "golden/input.npy",
    "golden/reconstruction.npy",
    "golden/anomaly_score.npy",
}
CHECKS = {
    "finiteness",
    "closeness",
    "decisions",
    "ranking",
    "batch_invariance",
    "nan_policy",
    "bit_equality",
    "noise_level",
}


def test_compiles_the_demo_to_a_whole_bundle(compiled: Any) -> None:
    assert compiled.ran.code == 0, compiled.ran.err
    files = {path.relative_to(compiled.folder).as_posix() for path in compiled.folder.rglob("*") if path.is_file()}
    assert files == FILES
    assert sorted(path.name for path in (compiled.out / NAME).iterdir()) == ["latest", "v1.0", "v1.0.report.md"]
    assert (compiled.out / NAME / "latest").readlink() == Path("v1.0")
    assert open_bundle(compiled.out / NAME).path == compiled.folder


def test_the_metadata_is_valid_and_says_what_was_asked(compiled: Any, demo_threshold: str) -> None:
    metadata = compiled.metadata
    schema = json.loads((REPOSITORY / "compiler" / "bundle.schema.json").read_bytes())
    jsonschema.validate(metadata, schema)
    assert (metadata["name"], metadata["version"], metadata["created"]) == (NAME, "1.0", CREATED)
    assert metadata["model_type"] == "lstm_autoencoder"
    assert metadata["target"] == "cpu-fp32"
    assert metadata["inputs"][0]["shape"] == ["batch", 30, 12]
    assert metadata["inputs"][0]["channels"][0] == "proposal_latency_ms"
    assert metadata["scaler"]["applied"] == "graph"
    assert metadata["decision"]["threshold"] == float(demo_threshold)
    assert metadata["decision"]["comparison"] == ">"
    assert {budget["name"]: budget["limit"] for budget in metadata["budgets"]}["latency_p99_ms"] == 1000
    assert [run["runtime"] for run in metadata["measurements"]["runs"]] == ["python", "go"]


def test_parity_is_proven_in_both_runtimes_and_they_agree_bit_for_bit(compiled: Any) -> None:
    parity = compiled.metadata["parity"]
    assert parity["verdict"] == "pass"
    assert parity["reference"] == "float64"
    assert sum(parity["rows"].values()) >= int(CASES)
    assert {result["check"] for result in parity["results"]} == CHECKS
    assert all(result["passed"] for result in parity["results"])
    assert set(compiled.metadata["runtime"]["verified"]) == {"python", "go"}
    equality = [result for result in parity["results"] if result["check"] == "bit_equality"]
    assert {result["output"] for result in equality} == {"reconstruction", "anomaly_score"}
    assert all(result["worst"] == 0 and result["rows"] >= int(CASES) for result in equality)
    decided = [result for result in parity["results"] if result["check"] == "decisions"]
    assert "threshold" in {result["group"] for result in decided}


def test_the_model_alone_explains_itself(compiled: Any) -> None:
    properties = {entry.key: entry.value for entry in onnx.load(compiled.folder / "model.onnx").metadata_props}
    metadata = compiled.metadata
    assert properties["dwcpc.name"] == NAME
    assert properties["dwcpc.version"] == "1.0"
    assert json.loads(properties["dwcpc.features"]) == metadata["inputs"][0]["channels"]
    assert json.loads(properties["dwcpc.scaler"]) == metadata["scaler"]
    assert json.loads(properties["dwcpc.decision"]) == metadata["decision"]
    assert properties["dwcpc.golden_sha256"] == metadata["golden"]["sha256"]


def test_the_golden_vectors_hold_rows_on_both_sides_of_the_threshold(compiled: Any) -> None:
    bundle = open_bundle(compiled.folder)
    assert bundle.metadata.decision is not None
    scores = bundle.golden("output")["anomaly_score"]
    (near,) = (group for group in bundle.metadata.golden.groups if group.name == "threshold")
    above = scores[near.start : near.stop] > bundle.metadata.decision.threshold
    assert above.any()
    assert not above.all()


def test_json_holds_the_verdict_the_place_and_the_metadata(compiled: Any) -> None:
    data = compiled.ran.json
    assert data["verdict"] == "pass"
    assert Path(data["path"]) == compiled.folder
    assert data["size_bytes"] == sum(path.stat().st_size for path in compiled.folder.rglob("*.*"))
    assert data["metadata"] | {"checksum": compiled.metadata["checksum"]} == compiled.metadata  # the text's, that one


@pytest.mark.usefixtures("quick")
def test_a_second_compile_makes_the_next_version_and_moves_latest(
    run: Run, arguments: list[str], registry: Path, snapshot: Run
) -> None:
    first = snapshot(registry / NAME / "v1.0")
    ran = run(*arguments, "--out", registry)
    assert ran.code == 0, ran.err
    assert "parity in go" in ran.err  # progress
    assert f"{NAME} v1.1" in ran.out
    assert "go = python bit for bit" in ran.out
    assert f"pass: {registry / NAME / 'v1.1'}" in ran.out.splitlines()
    report = registry / NAME / "v1.1.report.md"
    assert f"report: {report}" in ran.out.splitlines()
    assert report.read_text(encoding="utf-8").startswith(f"# {NAME} v1.1: ✔ pass\n")
    assert (registry / NAME / "latest").readlink() == Path("v1.1")
    assert snapshot(registry / NAME / "v1.0") == first
    assert open_bundle(registry / NAME / "v1.1").metadata.version == "1.1"


@pytest.mark.usefixtures("quick")
def test_force_replaces_the_version_by_the_same_bytes(
    run: Run, arguments: list[str], registry: Path, compiled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = registry / NAME / "v1.0"
    (folder / "left over").write_bytes(b"")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", CREATED_S)
    ran = run("-q", *arguments, "--out", registry, "--version", "1.0", "--force")
    assert ran.code == 0, ran.err
    assert not (folder / "left over").exists()
    for name in FILES - {"metadata.json"}:
        assert (folder / name).read_bytes() == (compiled.folder / name).read_bytes(), name
    metadata = [json.loads((path / "metadata.json").read_bytes()) for path in (folder, compiled.folder)]
    for each in metadata:
        assert each.pop("measurements")["runs"]
        assert each.pop("checksum")
        for budget in each["budgets"]:
            del budget["measured"], budget["reason"]
        for step in each["passes"]:
            del step["effect"]  # measured as well
    assert metadata[0] == metadata[1]
    assert sorted(path.name for path in registry.joinpath(NAME).iterdir()) == ["latest", "v1.0", "v1.0.report.md"]


def test_an_unproven_version_follows_by_number_and_never_becomes_latest(
    run: Run, arguments: list[str], registry: Path
) -> None:
    (registry / NAME / "v1.9").mkdir()
    ran = run("-q", "--json", *arguments, "--out", registry, "--no-verify")
    assert ran.code == 4, ran.err
    assert ran.json["verdict"] == "inconclusive"
    assert Path(ran.json["path"]) == registry / NAME / "v1.10"
    assert ran.json["metadata"]["parity"] is None
    assert (registry / NAME / "latest").readlink() == Path("v1.0")
    assert run("-q", "verify", registry / NAME / "v1.10").code == 0  # the golden vectors prove it afterwards


def test_a_model_whose_caller_scales_is_the_same_model(
    run: Run, arguments: list[str], tmp_path: Path, demo_model: Path
) -> None:
    ran = run("-q", "--json", *arguments, "--scaler-applied", "host", "--no-verify", "--out", tmp_path)
    assert ran.code == 4, ran.err
    assert ran.json["metadata"]["scaler"]["applied"] == "host"
    assert run("-q", "verify", ran.json["path"], "--source", demo_model, "--cases", "64").code == 0


def test_a_miscompiled_model_is_kept_with_its_rows_and_placed_nowhere(
    run: Run, arguments: list[str], registry: Path, monkeypatch: pytest.MonkeyPatch, snapshot: Run, perturbed: Run
) -> None:
    before = snapshot(registry)
    real = command.compile_artifact

    def miscompiled(*args: Any) -> Any:
        result = real(*args)
        perturbed(result.built.model)
        return result

    monkeypatch.setattr(command, "compile_artifact", miscompiled)
    ran = run("-q", "--json", *arguments, "--out", registry)
    assert ran.code == 1, ran.err
    assert ran.json["verdict"] == "fail"
    failure = registry / NAME / "failed-v1.1"
    assert Path(ran.json["path"]) == failure
    after = snapshot(registry)
    assert {name: content for name, content in after.items() if "failed-v1.1" not in name} == before

    description = json.loads((failure / "failure.json").read_bytes())
    assert any(line.startswith("closeness go reconstruction typical") for line in description["failed"])
    rows, wanted, answered, tolerance = (
        np.load(failure / f"typical.{part}.npy")
        for part in ("input", "reference.reconstruction", "go.reconstruction", "tolerance.reconstruction")
    )
    assert len(rows) == len(wanted) == len(answered) > 0
    assert (np.abs(answered - wanted) > tolerance).any(axis=(1, 2)).all()  # failing rows, and no others

    (line,) = (text for text in (failure / "README.txt").read_text(encoding="utf-8").splitlines() if "dwcpc " in text)
    again = run("-q", "--json", *shlex.split(line)[1:])
    assert again.code == 1, again.err
    assert {r["check"] for r in again.json["bundles"][0]["parity"]["results"] if not r["passed"]} >= {"closeness"}
    good = run("-q", "--json", "verify", registry / NAME / "v1.0", "--replay", failure)
    assert good.code == 0, good.err  # the rows refute the miscompiled model alone


REAL = REPOSITORY / ".." / "shared" / "real" / "consensus_latency"


@pytest.mark.skipif(not REAL.exists(), reason="the owners' trained model is not beside this checkout")
@pytest.mark.usefixtures("quick")
def test_compiles_the_owners_model_and_agrees_with_what_they_computed(run: Run, tmp_path: Path) -> None:
    model, scaler = REAL / "consensus_latency_autoencoder.pth", REAL / "consensus_scaler.pkl"
    options = ["--scaler", scaler, "--threshold", "0.2918", "--name", "consensus_latency", "--cases", "64"]
    ran = run("-q", "--json", "compile", model, *options, "--budget", WIDE_BUDGET, "--out", tmp_path)
    assert ran.code == 0, ran.err
    assert ran.json["metadata"]["parity"]["verdict"] == "pass"
    assert ran.json["metadata"]["source"]["pickled_classes"]


def test_what_latest_names_is_replaced_by_nothing_unproven(
    run: Run, compiled: Any, demo_model: Path, demo_scaler: Path, tmp_path: Path
) -> None:
    folder = tmp_path / compiled.folder.parent.name
    shutil.copytree(compiled.folder.parent, folder, symlinks=True)
    (folder / "latest").unlink(missing_ok=True)
    (folder / "latest").symlink_to("v1.0")
    before = (folder / "v1.0" / "metadata.json").read_bytes()
    options = ("--scaler", demo_scaler, "--name", folder.name, "--out", tmp_path, "--version", "1.0", "--force")

    unverified = run("-q", "compile", demo_model, *options, "--no-verify")
    too_slow = run("-q", "compile", demo_model, *options, "--cases", "64", "--budget", "latency_p99_ms=0.000001")

    assert unverified.code == 2
    assert "--no-verify cannot replace it" in unverified.err
    assert too_slow.code == 1
    assert (folder / "v1.0" / "metadata.json").read_bytes() == before
    assert (folder / "failed-v1.0" / "bundle" / "metadata.json").exists()
    assert "even the median" in (folder / "failed-v1.0" / "report.md").read_text(encoding="utf-8")
