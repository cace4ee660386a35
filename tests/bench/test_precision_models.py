"""The models of the table as files: which there are, that they are made once, and that they load."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from dwcpc.bench import precision_models
from dwcpc.bench.precision_models import REAL, Plan, TableModel, chosen_plans, drawn_windows, make_model, plans
from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.scalers import Scaler, load_scaler
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions, Network

NOWHERE = Path("absent")
SCALER = Scaler("RobustScaler", (1e6, 5.0), (100.0, 0.1))


def loaded(model: TableModel) -> Network:
    artifact = read_artifact(model.artifact)
    network = source_of(artifact).load(artifact, LoadOptions())
    assert isinstance(network, Network)
    return network


def test_both_architectures_are_there_with_random_and_with_trained_weights() -> None:
    assert [plan.name for plan in plans(NOWHERE)] == [
        "autoencoder_trained",
        "autoencoder_random",
        "predictor_trained",
        "predictor_random",
    ]


def test_the_owners_model_comes_first_where_its_files_are(tmp_path: Path) -> None:
    assert [plan.name for plan in plans(tmp_path)] == ["consensus_real", *(plan.name for plan in plans(NOWHERE))]


def test_models_are_chosen_by_name_and_keep_their_order() -> None:
    known = plans(NOWHERE)
    assert chosen_plans((), known) == known
    assert [plan.name for plan in chosen_plans(("predictor_random", "autoencoder_random"), known)] == [
        "autoencoder_random",
        "predictor_random",
    ]
    with pytest.raises(InputError, match=r"--only nope: .* expected one of autoencoder_trained, "):
        chosen_plans(("nope",), known)


def test_a_model_is_made_once_and_found_again(tmp_path: Path, small_predictor: TableModel) -> None:
    makings: list[Path] = []
    steps: list[str] = []

    def make(plan: Plan, folder: Path) -> TableModel:
        makings.append(folder)
        return dataclasses.replace(small_predictor, name=plan.name, calibration=None)

    plan = Plan("some", "Some", make)
    first, again = (make_model(plan, tmp_path / "some", steps.append) for _ in range(2))
    assert makings == [tmp_path / "some"]
    assert first == again
    assert first.calibration is None
    assert steps[-1] == f"some: taken from {tmp_path / 'some'}"


def test_a_model_whose_making_broke_off_is_made_again(tmp_path: Path, small_predictor: TableModel) -> None:
    def breaking(plan: Plan, folder: Path) -> TableModel:
        (folder / "model.pth").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_model(Plan("some", "Some", breaking), tmp_path, lambda _: None)
    whole = Plan("some", "Some", lambda plan, folder: small_predictor)
    assert make_model(whole, tmp_path, lambda _: None) == small_predictor


def test_the_predictor_loads_with_both_of_its_scalers(small_predictor: TableModel) -> None:
    network = loaded(small_predictor)
    assert network.spec.architecture == "bandwidth_predictor"
    assert load_scaler(small_predictor.scaler).scaler.features == 45
    assert small_predictor.target_scaler is not None
    assert load_scaler(small_predictor.target_scaler).scaler.features == 4
    assert small_predictor.threshold is None


def test_the_autoencoder_loads_and_has_a_threshold(small_autoencoder: TableModel) -> None:
    network = loaded(small_autoencoder)
    assert network.spec.architecture == "lstm_attention_autoencoder"
    assert load_scaler(small_autoencoder.scaler).scaler.features == 12
    assert small_autoencoder.target_scaler is None
    assert small_autoencoder.threshold is not None
    assert "random weights" in small_autoencoder.weights


def test_drawn_windows_are_half_smooth_and_told_by_the_seed() -> None:
    windows = drawn_windows(SCALER, 2000, seed=1)
    np.testing.assert_array_equal(windows, drawn_windows(SCALER, 2000, seed=1))
    assert not np.array_equal(windows, drawn_windows(SCALER, 2000, seed=2))
    assert (windows.shape, windows.dtype) == ((2000, 30, 2), np.float32)
    z = (windows.astype(np.float64) - SCALER.center) / SCALER.scale
    smooth, independent = (
        np.corrcoef(part[:, 1:, 1].ravel(), part[:, :-1, 1].ravel())[0, 1] for part in np.split(z, 2)
    )
    assert smooth == pytest.approx(0.9, abs=0.03)
    assert independent == pytest.approx(0, abs=0.03)


@pytest.mark.skipif(not REAL.is_dir(), reason="the owners' artifact in ../shared/real is absent")
def test_the_owners_model_is_judged_on_both_sides_of_its_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dwcpc.bench.precision_accuracy import reference_of

    monkeypatch.setattr(precision_models, "REAL_EVALUATION_ROWS", 64)
    model = make_model(plans()[0], tmp_path, lambda _: None)
    reference = reference_of(model)
    assert model.threshold is not None
    assert reference.score is not None
    assert 0.1 < (reference.score > model.threshold).mean() < 0.9
