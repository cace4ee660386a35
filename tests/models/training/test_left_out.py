"""Kinds that a model is never shown are in none of what it is made of, and in all that judges it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.windows import Windows
from dwcpc.models.training.consensus import ConsensusRecipe, train_consensus
from dwcpc.models.training.folds import ConsensusSizes, Folds, simulated_folds
from dwcpc.models.training.left_out import without_kinds
from dwcpc.models.training.options import FitOptions

HIDDEN = "byzantine_leader"


@pytest.fixture(scope="module")
def folds() -> Folds:
    return simulated_folds(1, 0.3, 20, ConsensusSizes(train_nodes=4, other_nodes=3, steps=900))


def of_kind(windows: Windows, kind: str) -> int:
    return int((windows.anomalous & (windows.kind == kind)).sum())


def nameless(windows: Windows) -> Windows:
    return dataclasses.replace(windows, kind=np.full(len(windows), ""))


def test_what_is_left_out_is_in_no_window_to_train_on_or_choose_by(folds: Folds) -> None:
    left = without_kinds(folds, [HIDDEN])
    assert of_kind(folds.train, HIDDEN) > 0 < of_kind(folds.validation, HIDDEN)
    for before, after in ((folds.train, left.train), (folds.validation, left.validation)):
        assert of_kind(after, HIDDEN) == 0
        assert len(after) == len(before) - of_kind(before, HIDDEN)
        assert (~after.anomalous).sum() == (~before.anomalous).sum()
    assert left.tests is folds.tests
    assert sum(of_kind(test.windows, HIDDEN) for test in folds.tests) > 0


def test_nothing_left_out_changes_nothing(folds: Folds) -> None:
    assert without_kinds(folds, ()) is folds


def test_training_is_as_without_those_windows(folds: Folds, tmp_path: Path) -> None:
    recipe = ConsensusRecipe(units="tiny", encoding=8, timesteps=20, fit=FitOptions(epochs=1, batch_rows=32))
    told = dataclasses.replace(recipe, leave_out=(HIDDEN,))
    a = train_consensus(folds, told, tmp_path / "a", lambda _: None)
    b = train_consensus(without_kinds(folds, [HIDDEN]), recipe, tmp_path / "b", lambda _: None)
    assert a.threshold == b.threshold
    assert a.train_windows == len(folds.train) - of_kind(folds.train, HIDDEN)
    calibration = [np.load(tmp_path / run / "calibration.npy") for run in "ab"]
    assert np.array_equal(*calibration)


def test_a_kind_that_there_is_not_is_told_with_those_there_are(folds: Folds) -> None:
    with pytest.raises(InputError, match=r"of the kind 'byzantine', expected one of: .*byzantine_leader"):
        without_kinds(folds, ["byzantine"])
    unnamed = dataclasses.replace(folds, train=nameless(folds.train), validation=nameless(folds.validation))
    with pytest.raises(InputError, match="--kind"):
        without_kinds(unnamed, [HIDDEN])
