"""The recipe in miniature: what it leaves behind, and that a table trains as the simulator does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.scalers import load_scaler
from dwcpc.models.data.consensus.simulate import ConsensusSimulation, simulate_consensus
from dwcpc.models.training.augment import balanced_by_kind
from dwcpc.models.training.consensus import ConsensusRecipe, Trained, train_consensus
from dwcpc.models.training.ensemble import evaluate_ensemble, members_of
from dwcpc.models.training.folds import (
    CONSENSUS_COLUMNS,
    ConsensusSizes,
    Folds,
    folds_of_table,
    simulated_folds,
)
from dwcpc.models.training.options import FitOptions
from dwcpc.models.training.run_files import read_threshold
from dwcpc.models.training.sizes import ENCODINGS, TIMESTEPS, UNITS, autoencoder_config

RECIPE = ConsensusRecipe(units="tiny", encoding=8, timesteps=20, fit=FitOptions(epochs=2, batch_rows=32))


def silent(_step: str) -> None:
    pass


@pytest.fixture(scope="module")
def folds() -> Folds:
    return simulated_folds(1, 0.3, 20, ConsensusSizes(train_nodes=4, other_nodes=3, steps=900))


@pytest.fixture(scope="module")
def trained(folds: Folds, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    folder = tmp_path_factory.mktemp("run")
    return train_consensus(folds, RECIPE, folder, silent), folder


def test_the_files_are_what_was_trained(trained: tuple[Trained, Path], folds: Folds) -> None:
    result, folder = trained
    state = torch.load(folder / "consensus.pth", weights_only=True)
    assert all(torch.equal(state[name], value) for name, value in result.module.state_dict().items())
    assert load_scaler(folder / "consensus_scaler.json").scaler == result.scaler
    assert result.scaler.feature_names == CONSENSUS_COLUMNS.features
    assert read_threshold(folder) == result.threshold
    assert np.load(folder / "calibration.npy").shape[1:] == (20, 12)


def test_the_scaler_is_fitted_on_normal_training_windows_alone(trained: tuple[Trained, Path], folds: Folds) -> None:
    rows = folds.train.x[~folds.train.anomalous].reshape(-1, 12)
    assert np.allclose(trained[0].scaler.center, np.median(rows, axis=0), rtol=1e-5)


def test_the_threshold_comes_from_validation(trained: tuple[Trained, Path], folds: Folds, tmp_path: Path) -> None:
    """Other tests change nothing; other validation windows do."""
    without_tests = dataclasses.replace(folds, tests=())
    assert train_consensus(without_tests, RECIPE, tmp_path / "a", silent).threshold == trained[0].threshold
    half = dataclasses.replace(folds, validation=folds.validation.taken(np.arange(len(folds.validation)) % 2 == 0))
    assert train_consensus(half, RECIPE, tmp_path / "b", silent).threshold != trained[0].threshold


def test_no_window_is_in_two_parts(folds: Folds) -> None:
    later = next(test.windows for test in folds.tests if test.name == "later")
    for node in np.unique(folds.train.group):
        last = folds.train.begin[folds.train.group == node].max() + 20 * 30
        validation = folds.validation.begin[folds.validation.group == node]
        assert last <= validation.min()
        assert validation.max() + 20 * 30 <= later.begin[later.group == node].min()
    others = [set(np.unique(test.windows.group)) for test in folds.tests if test.name != "later"]
    assert not set.union(*others) & {*folds.train.group, *folds.validation.group}
    assert sum(map(len, others)) == len(set.union(*others))


def test_without_labels_it_trains_by_reconstruction_and_a_quantile(tmp_path: Path) -> None:
    table = simulate_consensus(ConsensusSimulation(2, 3, 900))
    columns = dataclasses.replace(CONSENSUS_COLUMNS, label=None, kind=None)
    folds = folds_of_table(table, columns, 20, split="time", seed=0)
    with pytest.raises(InputError, match="no window to train on is labelled"):
        train_consensus(folds, RECIPE, tmp_path, silent)
    recipe = dataclasses.replace(RECIPE, objective="reconstruction", share_normal=0.9)
    result = train_consensus(folds, recipe, tmp_path, silent)
    assert 0.08 < (result.score(folds.validation) > result.threshold).mean() < 0.12


@pytest.mark.parametrize("row", [50, 700, 850])
def test_a_column_with_a_hole_is_refused_by_its_name_in_whichever_part_it_is(row: int) -> None:
    table = dict(simulate_consensus(ConsensusSimulation(2, 3, 900)))
    table["fsync_ms"] = np.where(np.arange(2700) == row, np.nan, table["fsync_ms"])
    with pytest.raises(InputError, match="'fsync_ms' holds NaN"):
        folds_of_table(table, CONSENSUS_COLUMNS, 20, split="time", seed=0)


def test_augmentation_brings_each_kind_to_the_most_frequent_ones_count(folds: Folds) -> None:
    more = balanced_by_kind(folds.train, seed=0)
    counts = np.unique(more.kind[more.anomalous], return_counts=True)[1]
    before = np.unique(folds.train.kind[folds.train.anomalous], return_counts=True)[1]
    assert set(counts.tolist()) == {before.max()}
    assert np.array_equal(more.x[: len(folds.train)], folds.train.x)
    assert more.x.dtype == np.float32


def test_members_of_an_ensemble_differ_in_the_seed_and_answer_together(
    trained: tuple[Trained, Path], folds: Folds
) -> None:
    assert [seed for seed, _ in members_of(ConsensusRecipe(), 5)] == [42, 43, 44, 45, 46]
    alone = evaluate_ensemble(folds.tests, [trained[0], trained[0]])
    score = trained[0].score(folds.tests[0].windows)
    assert alone[0].confusion.true_positives == int(
        ((score > trained[0].threshold) & folds.tests[0].windows.anomalous).sum()
    )


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("timesteps", TIMESTEPS)
def test_the_owners_sizes_are_offered(units: str, timesteps: int) -> None:
    config = autoencoder_config(units, 20, timesteps, 12)  # type: ignore[arg-type]
    assert (config.timesteps, config.features) == (timesteps, 12)
    if units == "current":
        assert (config.encoder_units1, config.encoder_units2, config.decoder_units2) == (128, 64, 128)
    assert {8, 16, 24, 32} <= set(ENCODINGS)
