"""`dwcpc tune` as its user sees it, on miniatures: real trainings, real bundles, latencies from Go."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dwcpc.bench import paired
from dwcpc.compiler.cli import main
from dwcpc.models.data.bandwidth.simulate import MEASURED, BandwidthSimulation, simulate_bandwidth
from dwcpc.models.data.table_csv import write_csv
from dwcpc.models.tuning.consensus import ConsensusSpace
from dwcpc.models.tuning.space import Params, Trained

Run = Callable[..., Any]

TINY = ("--units", "tiny", "--encoding", "8", "--timesteps", "20", "--epochs", "2", "--batch-rows", "32")
SIMULATED = ("--nodes", "3", "--steps", "900")
CONSENSUS = ("tune", "consensus", *TINY, *SIMULATED)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return the folder of a study of two trials, and the commands that the Go harness was called with."""
    folder, called = tmp_path_factory.mktemp("study"), list[str]()
    honest = paired.call_harness

    def counting(command: str, arguments: list[str]) -> dict[str, Any]:
        called.append(command)
        return honest(command, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired, "call_harness", counting)
        with pytest.raises(SystemExit) as ended:
            main(["-q", *CONSENSUS, "--trials", "2", "--out", str(folder)])
    assert ended.value.code == 0
    return folder, called


def study_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    return found


def test_latency_comes_from_go_once_a_shape(tuned: tuple[Path, list[str]]) -> None:
    folder, called = tuned
    assert called == ["pair"]  # two trials of one shape
    study = study_of(folder)
    assert [trial["state"] for trial in study["trials"]] == ["finished", "finished"]
    for trial in study["trials"]:
        assert 0.3 < trial["latency"] < 1.0  # of the small network's
        assert trial["latency_bounds"][0] <= trial["latency_bounds"][1]
        assert 0 < trial["p50_ms"] < 50
    assert {path.name for path in (folder / "plots").iterdir()} == {"front.png", "history.png"}


def test_the_command_of_a_point_trains_exactly_its_model(
    run: Run, tuned: tuple[Path, list[str]], tmp_path: Path
) -> None:
    (point, *_) = study_of(tuned[0])["front"]
    dwcpc, *arguments = shlex.split(point["command"])
    assert dwcpc == "dwcpc"
    ran = run(*arguments, "--out", tmp_path / "run")
    assert ran.code == 0, ran.err
    report = json.loads((tmp_path / "run" / "TRAINING_REPORT.json").read_text(encoding="utf-8"))
    assert report["validation_loss"] == point["facts"]["validation_loss"]


def test_a_study_is_shown_without_a_trial(run: Run, tuned: tuple[Path, list[str]]) -> None:
    ran = run("tune", "consensus", "--trials", "0", "--out", tuned[0])
    assert ran.code == 0, ran.err
    assert "study consensus: 2 trials, 2 finished" in ran.out
    assert "train one:\n" in ran.out
    assert "no plot of importance: 2 trials finished, and it takes 8 to tell" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("tune", "consensus", "--epochs", "3", "--trials", "1"),
            "was begun with data: sizes: other_nodes 3, expected 12; go on with the same",
        ),
        (("tune", "nodes", "--trials", "0", "--study", "consensus"), "is of 'consensus', expected 'nodes'"),
        (("tune", "consensus", "--trials", "0", "--study", "absent"), "study 'absent' is not in sqlite:"),
        (("tune", "consensus", "--storage", "mysql+absent://x/y"), "cannot be used as a study's storage"),
        (("tune", "consensus", "--ray-address", "auto"), "--ray-address: belongs to --executor ray"),
        (("tune", "nodes", "--least-depth", "9", "--most-depth", "3"), "--least-depth is above --most-depth"),
        (("tune", "nothing"), "No such command 'nothing'"),
    ],
)
def test_bad_usage_is_one_sentence(
    run: Run, tuned: tuple[Path, list[str]], arguments: tuple[str, ...], message: str
) -> None:
    ran = run(*arguments, *(("--out", tuned[0]) if arguments[1] != "nothing" else ()))
    assert ran.code == 2
    assert message in ran.err
    assert len(ran.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("absent", "arguments", "message"),
    [
        ("optuna", (), "tuning needs optuna, which is not installed; install dwcpc[tune]"),
        ("ray", ("--executor", "ray"), "--executor ray needs ray, which is not installed; install dwcpc[tune,ray]"),
    ],
)
def test_a_library_that_is_not_installed_is_named(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    absent: str,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    ran = run("-q", *CONSENSUS, *arguments, "--out", tmp_path / "study")
    assert (ran.code, ran.err) == (2, f"dwcpc: {message}\n")


def test_where_every_trial_fails_so_does_the_command(run: Run, tmp_path: Path) -> None:
    large = ("tune", "consensus", *TINY[:-1], "4096", *SIMULATED)
    ran = run("-q", *large, "--trials", "2", "--out", tmp_path, "--target", "cpu-int8")
    assert ran.code == 2
    assert "all of 2 trials failed, the last because training has " in ran.err
    assert [trial["state"] for trial in study_of(tmp_path)["trials"]] == ["failed", "failed"]


def test_an_interrupted_study_keeps_what_is_done_and_says_how_to_go_on(
    run: Run, tuned: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, out = ConsensusSpace.train, tmp_path / "study"
    shutil.copytree(tuned[0], out)  # its shape is known, so nothing is compiled

    def once(space: ConsensusSpace, params: Params, *rest: Any) -> Trained:
        monkeypatch.setattr(ConsensusSpace, "train", interrupted)
        return honest(space, params, *rest)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ConsensusSpace, "train", once)
    ran = run("-q", *CONSENSUS, "--trials", "5", "--out", out)
    assert ran.code == 130
    last = ran.out.splitlines()[-1]
    assert last.startswith("interrupted; what is done is kept, go on with: dwcpc tune consensus ")
    trials = study_of(out)["trials"]
    assert [trial["state"] for trial in trials] == ["finished", "finished", "finished", "failed"]
    assert trials[3]["reason"] == "interrupted"
    again = shlex.split(last.partition("go on with: ")[2])
    assert again[-2:] == ["--trials", "4"]
    assert sorted(again[1:-2]) == sorted([*CONSENSUS, "--out", str(out)])


def test_trees_are_timed_as_they_were_trained_and_retrained_by_the_command(run: Run, tmp_path: Path) -> None:
    fleet = ("--nodes", "16", "--samples", "500")
    few = ("--least-trees", "5", "--most-trees", "20", "--least-depth", "2", "--most-depth", "4")
    ran = run("-q", "tune", "nodes", *fleet, *few, "--trials", "2", "--out", tmp_path / "study")
    assert ran.code == 0, ran.err
    study = study_of(tmp_path / "study")
    assert [trial["state"] for trial in study["trials"]] == ["finished", "finished"]
    point = study["front"][0]
    _, *arguments = shlex.split(point["command"])
    ran = run("-q", *arguments, "--out", tmp_path / "run")
    assert ran.code == 0, ran.err
    report = json.loads((tmp_path / "run" / "TRAINING_REPORT.json").read_text(encoding="utf-8"))
    assert report["validation"]["evaluation"]["figures"]["pr_auc"] == pytest.approx(point["quality"], abs=1e-12)


def test_a_forecaster_is_timed_by_its_shape_and_retrained_by_the_command(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called, honest = list[str](), paired.call_harness

    def counting(command: str, arguments: list[str]) -> dict[str, Any]:
        called.append(command)
        return honest(command, arguments)

    monkeypatch.setattr(paired, "call_harness", counting)
    samples = simulate_bandwidth(BandwidthSimulation(1, 3, 200))
    write_csv(tmp_path / "links.csv", {name: samples[name] for name in ("link_id", "timestamp", *MEASURED)})
    columns = ("--features", ",".join(MEASURED), "--targets", ",".join(MEASURED))
    given = ("--data", str(tmp_path / "links.csv"), *columns, "--time", "timestamp", "--group", "link_id")
    few = (*given, "--units", "tiny", "--epochs", "1", "--batch-rows", "32")
    ran = run("-q", "tune", "bandwidth", *few, "--trials", "2", "--out", tmp_path / "study")
    assert ran.code == 0, ran.err
    assert called == ["pair"]  # two trials of one shape
    study = study_of(tmp_path / "study")
    assert (study["quality"], [trial["state"] for trial in study["trials"]]) == ("skill", ["finished", "finished"])
    assert ran.out.splitlines()[1].split()[:3] == ["trial", "skill", "latency"]
    point = study["front"][0]
    skills = [value for name, value in point["facts"].items() if name.endswith("_skill")]
    assert len(skills) == 4
    assert point["quality"] == pytest.approx(sum(skills) / 4)
    assert 0.2 < point["latency"] < 1.0  # of the small network's
    _, *arguments = shlex.split(point["command"])
    assert arguments[:2] == ["train", "bandwidth"]
    ran = run("-q", *arguments, "--out", tmp_path / "run")
    assert ran.code == 0, ran.err
    report = json.loads((tmp_path / "run" / "TRAINING_REPORT.json").read_text(encoding="utf-8"))
    assert report["validation_loss"] == point["facts"]["validation_loss"]
