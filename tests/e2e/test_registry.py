"""`publish`, `list` and `rollback`: only what passes is written, once, and what is refused leaves nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from dwcpc.bench import protocol
from dwcpc.bench.protocol import Protocol
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands.publish import Gated, PublishOrder, publish_bundle
from dwcpc.compiler.metadata import Verdict
from dwcpc.compiler.seal import sealed

Run = Callable[..., Any]
ApplyEdits = Callable[[Path, list[dict[str, Any]]], None]
BUNDLES = Path(__file__).resolve().parents[1] / "fixtures" / "bundles"
GOOD, PROVEN = BUNDLES / "good", BUNDLES / "proven"
NAME = "tiny_proven"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the whole protocol, which decides, be short: the model is a hundred times faster than its budget."""
    few = Protocol(3, 1, calls=2000, seconds=0.0, attempts=2, pairs=7, block_seconds=0.005)
    monkeypatch.setattr(protocol, "FULL", few)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A registry that is not there yet."""
    return tmp_path / "registry"


def changed(folder: Path, **changes: Any) -> Path:
    """Copy the proven bundle, with other values at the top of its metadata."""
    shutil.copytree(PROVEN, folder)
    path = folder / "metadata.json"
    path.write_text(sealed(json.loads(path.read_bytes()) | changes), encoding="utf-8")
    return folder


@pytest.fixture
def mismatch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apply_edits: ApplyEdits, mismatch_cases: list[dict[str, Any]]
) -> Path:
    """A bundle in the working folder, of which every hash agrees and one golden score is another."""
    monkeypatch.chdir(tmp_path)
    folder = Path(shutil.copytree(PROVEN, tmp_path / "mismatch"))
    apply_edits(folder, mismatch_cases[0]["edits"])
    return folder


@pytest.fixture
def damaged(tmp_path: Path, apply_edits: ApplyEdits) -> Path:
    """A bundle with a byte of that golden score inverted, so that its hash does not agree."""
    folder = Path(shutil.copytree(PROVEN, tmp_path / "damaged"))
    apply_edits(folder, [{"file": "golden/output_anomaly_score.npy", "op": "flip", "offset": 140}])
    return folder


def assert_one_sentence(ran: Any) -> None:
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1, ran.err
    assert ran.err.startswith("dwcpc: ")
    assert "a bug in dwcpc" not in ran.err


def test_publishes_lists_and_rolls_back(run: Run, shelf: Path) -> None:
    first = run("-q", "publish", PROVEN, "--registry", shelf)
    assert (first.code, first.err) == (0, "")
    assert first.out == f"{NAME} v1.0   pass\npublished: {shelf}/{NAME}/v1.0; latest is v1.0\n"
    assert run("-q", "publish", PROVEN, "--registry", shelf, "--version", "1.1").code == 0
    listed = run("list", "--registry", shelf)
    assert listed.code == 0
    size = f"{open_bundle(PROVEN).size_bytes / 1e6:.3g}"
    assert [line.split()[:3] for line in listed.out.splitlines()] == [
        [NAME],
        ["→", "v1.1", "pass"],
        ["v1.0", "pass", size],
    ]
    back = run("rollback", NAME, "--registry", shelf)
    assert (back.code, back.out) == (0, f"{NAME}: latest is v1.0, was v1.1\n")
    assert "withdrawn" in run("list", "--registry", shelf).out.splitlines()[1]
    again = run("-q", "publish", PROVEN, "--registry", shelf, "--version", "1.1")
    assert again.code == 0
    assert (
        f"v1.1 is withdrawn by a rollback; point it there with: dwcpc rollback {NAME} --registry {shelf} --to 1.1"
        in (again.out)
    )
    assert "is there already, with the same bytes" in again.out
    assert run("rollback", NAME, "--registry", shelf).code == 2
    assert run("rollback", NAME, "--registry", shelf, "--to", "1.1").code == 0
    assert run("-q", "verify", shelf / NAME).code == 0


def test_tells_machines_the_same(run: Run, shelf: Path) -> None:
    published = run("-q", "--json", "publish", PROVEN, "--registry", shelf).json
    assert published == {
        "name": NAME,
        "version": "1.0",
        "verdict": "pass",
        "reasons": [],
        "path": f"{shelf}/{NAME}/v1.0",
        "placed": True,
        "latest": "1.0",
        "notes": [],
    }
    run("-q", "publish", PROVEN, "--registry", shelf, "--version", "1.1")
    assert run("--json", "rollback", NAME, "--registry", shelf).json == {
        "name": NAME,
        "before": "1.1",
        "latest": "1.0",
        "skipped": [],
    }
    (line,) = run("--json", "list", "--registry", shelf).json
    assert (line["name"], line["latest"], line["problem"]) == (NAME, "1.0", None)
    versions = [(each["version"], each["latest"], each["withdrawn"]) for each in line["versions"]]
    assert versions == [("1.1", False, True), ("1.0", True, False)]
    assert line["versions"][1]["go_p99_ms"] == 0.02
    refused = run("--json", "rollback", "absent", "--registry", shelf)
    assert refused.json["error"]["exit_code"] == refused.code == 2


def test_a_compiled_bundle_is_published_under_another_version_and_is_still_the_same_model(
    run: Run, compiled: Any, shelf: Path
) -> None:
    ran = run("-q", "publish", compiled.out / "consensus_demo", "--registry", shelf, "--version", "3.2")
    assert ran.code == 0, ran.err
    folder = shelf / "consensus_demo" / "v3.2"
    properties = {entry.key: entry.value for entry in onnx.load(folder / "model.onnx").metadata_props}
    assert properties["dwcpc.version"] == "3.2"
    assert run("-q", "verify", folder).code == 0
    assert compiled.metadata["version"] == "1.0"


def test_no_latest_leaves_it_and_a_lower_version_does_too(run: Run, shelf: Path) -> None:
    assert run("-q", "publish", PROVEN, "--registry", shelf, "--version", "1.5").code == 0
    kept = run("-q", "publish", PROVEN, "--registry", shelf, "--version", "1.6", "--no-latest")
    assert "v1.6; latest is v1.5" in kept.out
    lower = run("-q", "publish", PROVEN, "--registry", shelf)
    assert lower.code == 0
    assert "latest stays, as it is higher" in lower.out


def test_other_bytes_under_a_published_version_are_refused_before_the_gate(
    run: Run, shelf: Path, tmp_path: Path, snapshot: Callable[[Path], dict[str, bytes | str]]
) -> None:
    run("-q", "publish", PROVEN, "--registry", shelf)
    before = snapshot(shelf)
    ran = run("publish", changed(tmp_path / "other", created="2025-01-01T00:00:00Z"), "--registry", shelf)
    assert ran.code == 2
    assert_one_sentence(ran)
    assert "v1.0: is published with other bytes, and never changes; --version 1.1 is free" in ran.err
    assert snapshot(shelf) == before


def test_of_two_processes_with_different_bundles_one_wins(shelf: Path, tmp_path: Path) -> None:
    bundles = [changed(tmp_path / name, created=f"2025-01-0{name}T00:00:00Z") for name in "12"]
    dwcpc = str(Path(sys.executable).with_name("dwcpc"))
    argv = [[dwcpc, "-q", "publish", str(bundle), "--registry", str(shelf)] for bundle in bundles]
    racers = [subprocess.Popen(each, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for each in argv]
    answers = [racer.communicate() for racer in racers]
    codes = [racer.returncode for racer in racers]
    assert sorted(codes) == [0, 2], answers
    assert "--version 1.1 is free" in answers[codes.index(2)][1]
    winner = bundles[codes.index(0)]
    assert (shelf / NAME / "v1.0" / "metadata.json").read_bytes() == (winner / "metadata.json").read_bytes()


def test_a_bundle_of_another_model_fails_and_nothing_is_written(
    run: Run, shelf: Path, tmp_path: Path, apply_edits: ApplyEdits, mismatch_cases: list[dict[str, Any]]
) -> None:
    """A golden mismatch is a verdict, exit code 1, and not bad input: every file is the one that the metadata names."""
    for number, case in enumerate(mismatch_cases):
        folder = Path(shutil.copytree(PROVEN, tmp_path / str(number)))
        apply_edits(folder, case["edits"])
        ran = run("-q", "publish", folder, "--registry", shelf)
        assert ran.code == 1, (case["name"], ran)
        assert f"of {case['reason_contains']} on typical rows in " in ran.out, case["name"]
        assert "not published; no latest" in ran.out
        assert run("-q", "verify", folder).code == 1
    assert not shelf.exists()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["verify"], 1),
        (["gate"], 1),
        (["gate", "--quick"], 1),
        (["publish", "--registry", "registry"], 1),
        (["bench"], 2),
        (["bench", "--runtime", "go", "--concurrency", "2"], 2),
        (["bench", "--compare", PROVEN], 2),
        (["bench", PROVEN, "--compare"], 2),
    ],
)
def test_a_golden_mismatch_is_a_verdict_to_who_asks_for_parity_and_bad_input_to_the_others(
    run: Run, mismatch: Path, damaged: Path, command: list[Any], code: int
) -> None:
    """A golden file that is not the one that the metadata names is bad input to all of them."""
    ran = run("-q", *command, mismatch)
    assert ran.code == code, ran
    if code == 2:
        assert_one_sentence(ran)
        assert f"{mismatch}: golden row 3 (group typical), output anomaly_score[0] is 0.0534" in ran.err
        assert "within 1e-06, apart by 9.99e-06" in ran.err
        assert "it is not what its compiler wrote, compile it again" in ran.err
    else:
        assert "closeness of anomaly_score on typical rows in go" in ran.out
        assert "9.99e-06, allowed 1e-06" in ran.out

    refused = run("-q", *command, damaged)
    assert refused.code == 2, refused
    assert_one_sentence(refused)
    assert "output_anomaly_score.npy: has SHA-256" in refused.err
    assert not Path("registry").exists()


def test_every_corrupt_bundle_is_refused_with_the_reason_and_nothing_is_written(
    run: Run,
    shelf: Path,
    tmp_path: Path,
    apply_edits: ApplyEdits,
    bad_cases: list[dict[str, Any]],
    corrupt_edits: list[tuple[dict[str, Any], str]],
) -> None:
    cases = [(case["edits"], case["reason_contains"]) for case in bad_cases]
    cases += [([edit], reason) for edit, reason in corrupt_edits]
    for number, (edits, reason) in enumerate(cases):
        folder = Path(shutil.copytree(GOOD, tmp_path / str(number) / "v1.0"))
        apply_edits(folder, edits)
        ran = run("publish" if number % 2 else "verify", folder, *(["--registry", shelf] if number % 2 else []))
        assert ran.code == 2, (edits, ran)
        assert_one_sentence(ran)
        assert str(folder) in ran.err
        assert reason in ran.err
    assert not shelf.exists()


@pytest.mark.parametrize(("verdict", "code"), [("fail", 1), ("inconclusive", 4)])
def test_what_the_gate_does_not_pass_is_not_written(shelf: Path, verdict: Verdict, code: int) -> None:
    order = PublishOrder(PROVEN, shelf, None, latest=True)
    outcome = publish_bundle(order, lambda _: Gated(verdict, ("it burns",)), lambda _: None)
    assert (outcome.verdict, outcome.reasons, outcome.path, outcome.placed) == (verdict, ("it burns",), None, False)
    assert not shelf.exists()


def test_a_standing_version_is_gated_again_before_latest_moves_to_it(shelf: Path) -> None:
    shutil.copytree(PROVEN, shelf / NAME / "v1.0")
    order = PublishOrder(shelf / NAME / "v1.0", shelf, None, latest=True)
    assert publish_bundle(order, lambda _: Gated("fail", ()), lambda _: None).verdict == "fail"
    assert not (shelf / NAME / "latest").exists()
    done = publish_bundle(order, lambda _: Gated("pass", ()), lambda _: None)
    assert (done.placed, done.latest) == (False, "1.0")


@pytest.mark.parametrize(
    ("parity", "code", "reason"),
    [(None, 4, "was compiled with --no-verify"), ("fail", 1, "its metadata says that parity is fail")],
)
def test_what_was_never_proven_equal_to_its_source_is_not_published(
    run: Run, shelf: Path, tmp_path: Path, parity: str | None, code: int, reason: str
) -> None:
    document = json.loads((PROVEN / "metadata.json").read_bytes())
    stated = None if parity is None else document["parity"] | {"verdict": parity}
    ran = run("-q", "publish", changed(tmp_path / "bundle", parity=stated), "--registry", shelf)
    assert ran.code == code
    assert reason in ran.out
    assert not shelf.exists()


def test_rollback_passes_over_what_did_not_pass_and_gives_it_to_who_asks(run: Run, shelf: Path, tmp_path: Path) -> None:
    budget = {"name": "latency_p99_ms", "limit": 5.0, "measured": 9.0, "reason": ""}
    for version, verdict in (("1.0", "pass"), ("1.1", "inconclusive"), ("1.2", "fail"), ("1.3", "pass")):
        budgets = [budget | {"verdict": verdict}]
        bundle = changed(tmp_path / version, version=version, budgets=budgets)
        assert run("-q", "publish", bundle, "--registry", shelf).code == 0
    back = run("rollback", NAME, "--registry", shelf)
    assert back.out.splitlines() == [
        "  skipped v1.2 is fail by its own metadata",
        "  skipped v1.1 is inconclusive by its own metadata",
        f"{NAME}: latest is v1.0, was v1.3",
    ]
    assert run("rollback", NAME, "--registry", shelf, "--to", "1.1").code == 0
    refused = run("rollback", NAME, "--registry", shelf, "--to", "1.2")
    assert refused.code == 2
    assert_one_sentence(refused)
    assert "v1.2: is fail by its own metadata" in refused.err


def test_list_tells_of_damage_and_exits_with_2(run: Run, shelf: Path) -> None:
    for version in ("1.0", "1.1"):
        run("-q", "publish", PROVEN, "--registry", shelf, "--version", version)
    (shelf / NAME / "v1.1" / "golden" / "input_x.npy").write_bytes(b"")
    ran = run("list", "--registry", shelf)
    assert (ran.code, ran.err) == (2, "")
    assert "→ v1.1    ✘ damaged: " in ran.out
    assert "input_x.npy: has SHA-256" in ran.out
    assert "v1.0     pass" in ran.out


def test_list_of_an_empty_folder_says_so_and_of_none_is_refused(run: Run, shelf: Path) -> None:
    assert_one_sentence(run("list", "--registry", shelf))
    shelf.mkdir()
    ran = run("list", "--registry", shelf)
    assert (ran.code, ran.out) == (0, "no version is published here\n")
    assert run("--json", "list", "--registry", shelf).json == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--version", "1"], "--version is '1'"),
        (["--version", "v1.0"], "--version is 'v1.0'"),
    ],
)
def test_a_version_that_is_none_is_refused(run: Run, shelf: Path, arguments: list[str], reason: str) -> None:
    ran = run("-q", "publish", PROVEN, "--registry", shelf, *arguments)
    assert ran.code == 2
    assert_one_sentence(ran)
    assert reason in ran.err
    assert not shelf.exists()
