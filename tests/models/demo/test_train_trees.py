"""The trees that ship beside `train_trees.py` are those that it trains, and they tell faults from normal rows."""

import json
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.models.demo.simulate import faulty_windows, normal_windows
from dwcpc.models.demo.train_trees import (
    CLASSIFIER,
    FAULTY_WINDOWS,
    FOREST,
    NAMES,
    NORMAL_WINDOWS,
    SCALER,
    SEED,
    fit_classifier,
    fit_forest,
    fit_scaler,
    rows,
)

DEMO = Path(__file__).resolve().parents[3] / "models" / "demo"


@pytest.fixture(scope="module")
def normal():
    return rows(normal_windows(NORMAL_WINDOWS, seed=SEED))


@pytest.fixture(scope="module")
def scaler(normal):
    return fit_scaler(normal)


@pytest.fixture(scope="module")
def unseen(scaler):
    made = [rows(normal_windows(500, seed=SEED + 50)), rows(faulty_windows(500, seed=SEED + 51))]
    return scaler.transform(np.concatenate(made)), np.arange(1000) >= 500


def shipped(name):
    artifact = read_artifact(DEMO / name)
    return source_of(artifact).load(artifact, LoadOptions())


def test_the_scaler_file_holds_the_scaler_of_the_normal_rows(scaler):
    written = json.loads((DEMO / SCALER).read_text())
    assert written["feature_names"] == list(NAMES)
    np.testing.assert_allclose(written["center"], scaler.center_, rtol=1e-4)
    np.testing.assert_allclose(written["scale"], scaler.scale_, rtol=1e-4)


def test_the_forest_is_the_one_that_is_trained(scaler, normal, unseen):
    again = fit_forest(scaler.transform(normal))
    scores = shipped(FOREST).answers(unseen[0])["anomaly_score"]
    np.testing.assert_allclose(scores, again.score_samples(unseen[0]), rtol=1e-3)
    other = fit_forest(scaler.transform(normal), seed=SEED + 1)
    assert np.abs(scores / other.score_samples(unseen[0]) - 1).max() > 1e-2


def test_the_classifier_is_the_one_that_is_trained_and_finds_faults(scaler, normal, unseen):
    faulty = rows(faulty_windows(FAULTY_WINDOWS, seed=SEED + 1))
    both = scaler.transform(np.concatenate([normal, faulty]))
    again = fit_classifier(both, np.arange(len(both)) >= len(normal))
    model = shipped(CLASSIFIER)
    assert model.spec.feature_names == NAMES
    answers = model.answers(unseen[0])
    np.testing.assert_allclose(answers["probability"], again.predict_proba(unseen[0]), atol=1e-3)
    assert (answers["label"] == unseen[1]).mean() > 0.85
