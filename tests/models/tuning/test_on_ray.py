"""Trials as tasks of a local cluster of two processors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tuning_example
from tuning_example import ABOUT, example_job

from dwcpc.compiler.errors import InputError
from dwcpc.models.tuning.executors import Limits
from dwcpc.models.tuning.findings import findings_of
from dwcpc.models.tuning.on_ray import OnRay
from dwcpc.models.tuning.storage import Place, known_study, open_study
from dwcpc.models.tuning.trial import Told


def test_tasks_of_a_cluster_work_on_one_study(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(tuning_example.__file__).parent))  # of the tasks' processes
    place, ended = Place(url, "example"), list[Told]()
    open_study(place, ABOUT, [])
    OnRay(processors=2)(place, example_job(tuning_example.sometimes), Limits(8), ended.append)
    study = findings_of(known_study(place), "goodness")
    assert sorted(trial.number for trial in ended) == list(range(8))
    failed = {trial.number for trial in study.trials if trial.params["size"] == 4}
    assert {trial.number for trial in ended if trial.ended == "failed"} == failed
    assert study.ended("finished") == 8 - len(failed) > 0
    processes = {trial.facts["process"] for trial in study.trials if trial.state == "finished"}
    assert os.getpid() not in processes
    assert len(study.front) >= 1


def test_a_cluster_that_is_not_there_is_one_sentence(url: str) -> None:
    place = Place(url, "example")
    open_study(place, ABOUT, [])
    with pytest.raises(InputError, match="--ray-address auto: no Ray cluster can be reached there"):
        OnRay("auto")(place, example_job(), Limits(1), print)
