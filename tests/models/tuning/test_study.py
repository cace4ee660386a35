"""Studies of a model that is a formula: what is kept, shared, pruned, marked as failed, and on the front."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tuning_example
from tuning_example import ABOUT, STEPS, example_job, explode, run_example

from dwcpc.compiler.errors import InputError
from dwcpc.models.tuning.findings import StudyFindings, TrialFindings, findings_of
from dwcpc.models.tuning.plots import plot_study
from dwcpc.models.tuning.space import Artifact, Latency, Params, Space, Trained
from dwcpc.models.tuning.storage import Place, hidden, known_study, open_study
from dwcpc.models.tuning.told import told
from dwcpc.models.tuning.trial import Job


def found(url: str) -> StudyFindings:
    return findings_of(known_study(Place(url, "example")), "goodness")


def test_a_study_goes_on_where_it_was(url: str) -> None:
    run_example(url, 3)
    first = found(url)
    run_example(url, 2)
    second = found(url)
    assert [trial.number for trial in second.trials] == [0, 1, 2, 3, 4]
    assert second.trials[:3] == first.trials


def test_two_processes_share_a_study_from_its_first_moment(url: str) -> None:
    argv = [sys.executable, tuning_example.__file__, url, "8"]
    running = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in running:
        assert process.communicate()[1] == ""
        assert process.returncode == 0
    study = found(url)
    assert sorted(trial.number for trial in study.trials) == list(range(16))
    assert study.ended("finished") == 16
    assert len({trial.params["x"] for trial in study.trials}) == 16  # of one seed, and yet not the same
    assert len({trial.facts["process"] for trial in study.trials}) == 2


def test_the_front_is_what_no_trial_dominates(url: str) -> None:
    run_example(url, 20)
    study = found(url)
    points = {trial.number: (trial.quality, trial.latency) for trial in study.trials}

    def dominated(own: tuple[Any, Any]) -> bool:
        others = (other for other in points.values() if other != own)
        return any(other[0] >= own[0] and other[1] <= own[1] for other in others)

    wanted = {number for number, own in points.items() if not dominated(own)}
    assert {trial.number for trial in study.front} == wanted
    assert [trial.latency for trial in study.front] == [1.0, 2.0, 4.0]  # the noise of the timing is rounded away


def test_trials_behind_no_slower_ones_are_pruned_and_the_fast_ones_are_not(url: str) -> None:
    run_example(url, 25, example_job(prune=True))
    study = found(url)
    pruned = [trial for trial in study.trials if trial.state == "pruned"]
    assert len(pruned) >= 3
    assert all(trial.steps < STEPS and "no slower ones" in trial.reason for trial in pruned)
    assert {trial.latency for trial in study.front} == {1.0, 2.0, 4.0}
    assert study.front[0].quality < study.front[1].quality < study.front[2].quality  # type: ignore[operator]
    run_example(url, 5, example_job(prune=False))
    assert found(url).ended("pruned") == len(pruned)


def test_a_trial_that_fails_is_marked_and_the_study_goes_on(url: str) -> None:
    def trouble(params: Params, step: int) -> None:
        if params["size"] == 4:
            explode(params, step)

    ended = run_example(url, 12, example_job(trouble))
    study = found(url)
    failed = {trial.number for trial in study.trials if trial.params["size"] == 4}
    assert failed
    assert {trial.number for trial in ended if trial.ended == "failed"} == failed
    assert study.ended("failed") == len(failed)
    assert study.ended("finished") == 12 - len(failed) > 0
    assert f"trial {min(failed)} failed: epoch 2: the loss is not finite" in told(study)


@pytest.mark.parametrize(("error", "reason"), [(KeyboardInterrupt, "interrupted"), (ZeroDivisionError, "a bug: Zero")])
def test_an_interruption_and_a_bug_are_raised_and_leave_what_is_done(
    url: str, error: type[BaseException], reason: str
) -> None:
    steps: list[int] = []

    def trouble(_params: Params, step: int) -> None:
        steps.append(step)
        if len(steps) > 2 * STEPS + 1:
            raise error("on purpose")

    with pytest.raises(error):
        run_example(url, 5, example_job(trouble))
    study = found(url)
    assert [trial.state for trial in study.trials] == ["finished", "finished", "failed"]
    assert study.trials[2].reason.startswith(reason)
    assert len(run_example(url, 1)) == 1


def test_the_latency_of_a_shape_is_measured_once(url: str) -> None:
    timed: list[str] = []

    def counting(artifact: Artifact, space: Space) -> Latency:
        timed.append(artifact.path.name)
        return tuning_example.timing(artifact, space)

    def job(*, by_shape: bool) -> Job:
        return Job(tuning_example.ExampleSpace(), tuning_example.no_data, counting, by_shape, 1, prune=False)

    run_example(url, 10, job(by_shape=True))
    assert sorted(timed) == ["1", "2", "4"]
    run_example(url, 3, job(by_shape=True))
    assert len(timed) == 3
    run_example(url, 4, job(by_shape=False))
    assert len(timed) == 7


def test_the_seed_decides_the_first_trials(url: str) -> None:
    def drawn(name: str, seed: int) -> list[Params]:
        return [trial.params for trial in run_example(url.replace("study", name), 3, example_job(seed=seed))]

    assert drawn("a", 1) == drawn("b", 1) != drawn("c", 2)


def test_a_study_of_something_else_is_refused(url: str) -> None:
    run_example(url, 1)
    with pytest.raises(InputError, match=r"'example' was begun with data: nodes 3, expected 5; go on with the same"):
        open_study(Place(url, "example"), {**ABOUT, "data": {"nodes": 5}}, [])


def test_an_unknown_study_is_refused_and_the_known_ones_are_named(url: str) -> None:
    run_example(url, 1)
    with pytest.raises(InputError, match=r"study 'other' is not in sqlite:.*study.db, which holds 'example'"):
        known_study(Place(url, "other"))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nonsense", "nonsense: cannot be used as a study's storage"),
        ("sqlite:////absent/folder/study.db", "unable to open database file"),
        ("oracle+nothing://me:secret@host/x", r"oracle\+nothing://me:…@host/x: cannot be used"),
    ],
)
def test_a_storage_that_cannot_be_used_is_one_sentence_without_a_password(address: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        open_study(Place(address, "x"), ABOUT, [])
    assert "secret" not in str(refused.value)
    assert hidden("mysql://me@host/x") == "mysql://me@host/x"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("not a database at all, but text\n" * 100, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be used as a study's storage"):
        open_study(Place(f"sqlite:///{tmp_path / 'study.db'}", "x"), ABOUT, [])


def test_plots_show_what_there_is(url: str, tmp_path: Path) -> None:
    run_example(url, 7)
    assert [path.name for path in plot_study(tmp_path / "few", found(url))] == ["front.png", "history.png"]
    assert found(url).importance_absent == "7 trials finished, and it takes 8 to tell"
    run_example(url, 1)
    study = found(url)
    drawn = plot_study(tmp_path / "all", study)
    assert [path.name for path in drawn] == ["front.png", "history.png", "importance.png"]
    assert all(path.stat().st_size > 5000 for path in drawn)
    assert study.importance["latency"]["size"] > 0.9  # which the latency is
    assert study.importance["quality"]["x"] > study.importance["latency"]["x"]
    nothing = StudyFindings("x", "goodness", {}, (), (), (), {})
    assert plot_study(tmp_path / "none", nothing) == ()


def test_the_table_has_a_line_for_each_point_of_the_front(url: str) -> None:
    run_example(url, 8)
    study = found(url)
    text = told(study).splitlines()
    assert text[0] == f"study example: 8 trials, 8 finished; {len(study.front)} on the front"
    head = next(at for at, line in enumerate(text) if line.split()[:1] == ["trial"])
    assert text[head].split()[:3] == ["trial", "goodness", "latency"]
    for line, trial in zip(text[head + 1 :], study.front, strict=False):
        assert line.split()[:3] == [str(trial.number), f"{trial.quality:.4f}", f"{trial.latency:.2f}"]


def test_trials_without_values_have_none(url: str) -> None:
    run_example(url, 1, example_job(explode))
    (trial,) = found(url).trials
    assert isinstance(trial, TrialFindings)
    assert (trial.quality, trial.latency, trial.state) == (None, None, "failed")


def test_a_quality_that_is_no_number_is_told_by_its_name(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(self: tuning_example.ExampleSpace, params: Params, *_: Any) -> Trained:
        return Trained(math.nan, self.yardstick(Path()), {})

    monkeypatch.setattr(tuning_example.ExampleSpace, "train", train)
    (ended,) = run_example(url, 1)
    assert (ended.ended, ended.quality) == ("failed", None)
    assert "there is no goodness; give more data" in ended.reason
