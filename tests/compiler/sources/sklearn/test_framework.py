"""What is taken for a scikit-learn file, what is said of it, and the real isolation forest."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler
from sklearn.svm import SVC

from dwcpc.compiler.artifact import Artifact, read_artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.base import Estimator, LoadOptions
from dwcpc.compiler.sources.sklearn.framework import ScikitLearn

ROOT = Path(__file__).resolve().parents[4]
REAL = ROOT.parent / "shared" / "real" / "node_reliability"
SHIPPED_THRESHOLD = -0.377
FEW = {"n_estimators": 5, "random_state": 4}


def file(data: bytes) -> Artifact:
    return Artifact(Path("model.pkl"), data, "")


@pytest.fixture(scope="module")
def forest(data) -> RandomForestClassifier:
    return RandomForestClassifier(**FEW).fit(data["x"], data["three"])


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_pickle_protocol_gives_the_same_answers(protocol, forest, data, load) -> None:
    content = pickle.dumps(forest, protocol)
    assert ScikitLearn().detect(file(content))
    np.testing.assert_array_equal(load(content).answers(data["x"])["probability"], forest.predict_proba(data["x"]))


@pytest.mark.parametrize(
    "options", [{}, {"compress": 3}, {"compress": ("xz", 2)}, {"compress": ("gzip", 1), "protocol": 2}], ids=str
)
def test_joblib_files_give_the_same_answers(options, data, joblib_bytes, load) -> None:
    fitted = GradientBoostingRegressor(**FEW).fit(data["x"], data["number"])
    content = joblib_bytes(fitted, **options)
    assert ScikitLearn().detect(file(content))
    np.testing.assert_array_equal(load(content).answers(data["x"])["prediction"][:, 0], fitted.predict(data["x"]))


@pytest.mark.parametrize("protocol", [2, 5])
def test_random_states_and_sets_are_passed_over(protocol, data, load) -> None:
    random = np.random.RandomState(1)
    fitted = IsolationForest(n_estimators=3, random_state=random).fit(data["x"])
    assert load(pickle.dumps(fitted, protocol)).core.forest.trees == 3


def test_other_files_are_not_its_own() -> None:
    for content in (
        b"PK\x03\x04 sklearn.ensemble",
        b'{"learner": "sklearn.ensemble"}',
        pickle.dumps({"a": 1}),
        pickle.dumps("xgboost.sklearn"),
        b"\x1f\x8b broken",
        b"",
    ):
        assert not ScikitLearn().detect(file(content))


def test_a_lone_scaler_is_told_where_it_belongs(data) -> None:
    artifact = file(pickle.dumps(RobustScaler().fit(data["x"])))
    assert ScikitLearn().detect(artifact)
    for attempt in (lambda: ScikitLearn().load(artifact, LoadOptions()), lambda: ScikitLearn().describe(artifact)):
        with pytest.raises(InputError, match=r"is a RobustScaler, which is a scaler, expected a model; .* --scaler"):
            attempt()


def test_an_unsupported_estimator_is_named_beside_what_is_supported(data) -> None:
    artifact = file(pickle.dumps(SVC().fit(data["x"], data["two"])))
    assert ScikitLearn().detect(artifact)
    with pytest.raises(InputError, match=r"sklearn\.svm\._classes\.SVC, expected IsolationForest, .* or a Pipeline of"):
        ScikitLearn().load(artifact, LoadOptions())


def test_what_it_is_and_is_called(data, kept) -> None:
    names = ["cpu", "memory", "läuft", "a b", "", "x"]
    frame = pandas.DataFrame(data["x"], columns=names)
    model = kept(make_pipeline(MinMaxScaler(), RandomForestClassifier(**FEW)).fit(frame, data["two"]))
    assert isinstance(model, Estimator)
    spec = model.spec
    assert (spec.framework, spec.kind, spec.task) == ("scikit-learn", "pickle", "classification")
    assert (spec.model_type, spec.input_shape, spec.non_finite) == ("random_forest_classifier", (6,), "answered")
    assert spec.feature_names == tuple(names)
    assert "sklearn.tree._tree.Tree" in spec.pickled_classes
    assert [scaling.type for scaling in model.scalers] == ["MinMaxScaler"]
    lone = kept(RandomForestClassifier(**FEW).fit(frame, data["two"]))
    assert (lone.spec.feature_names, lone.scalers) == (tuple(names), ())


def test_it_is_described_without_importing_scikit_learn(tmp_path, data) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(make_pipeline(RobustScaler(), IsolationForest(**FEW)).fit(data["x"]), 5))
    code = (
        "import sys; from pathlib import Path; from dwcpc.compiler.artifact import read_artifact\n"
        "from dwcpc.compiler.sources.sklearn.framework import ScikitLearn\n"
        f"a = read_artifact(Path({str(path)!r})); print(dict(ScikitLearn().describe(a)))\n"
        "assert not {'sklearn', 'scipy', 'joblib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "RobustScaler → IsolationForest" in done.stdout
    assert "'trees': '5, " in done.stdout
    assert "6, without names" in done.stdout


def test_rows_are_answered_chunk_by_chunk(forest, data, kept) -> None:
    many = np.random.default_rng(1).normal(size=(20_000, 6)).astype(np.float32)
    model = kept(forest)
    np.testing.assert_array_equal(model.answers(many)["probability"], forest.predict_proba(many))
    np.testing.assert_array_equal(model.leaves(many), forest.apply(many))


@pytest.fixture(scope="module")
def real() -> tuple[Artifact, dict[str, np.ndarray]]:
    if not REAL.is_dir():
        pytest.skip("the folder shared/real is absent")
    with np.load(REAL / "expected.npz") as expected:
        return read_artifact(REAL / "isolation_forest_node_reliability.pkl"), dict(expected)


def test_the_real_isolation_forest_scores_as_its_owners_recorded(real, walk) -> None:
    artifact, expected = real
    model = ScikitLearn().load(artifact, LoadOptions())
    x = expected["X_scaled"].astype(np.float32)
    scores = model.answers(x)["anomaly_score"]
    np.testing.assert_allclose(scores, expected["score_samples"], rtol=1e-15)
    np.testing.assert_array_equal(scores < SHIPPED_THRESHOLD, expected["score_samples"] < SHIPPED_THRESHOLD)
    leaves, m = walk(model.core, x)
    np.testing.assert_array_equal(-(2.0 ** -m[:, 0]), scores)
    np.testing.assert_array_equal(model.leaves(x), leaves)
    assert model.spec.notes[0].startswith("written by scikit-learn 1.6.1")
    assert model.core.offset == pytest.approx(-0.614, abs=1e-3)
    np.testing.assert_allclose(scores - model.core.offset, expected["decision_function"], rtol=1e-12, atol=1e-15)


def test_each_tree_of_the_real_forest_sees_its_own_features(real) -> None:
    forest = ScikitLearn().load(real[0], LoadOptions()).core.forest
    assert (forest.trees, forest.features) == (100, 123)
    used = forest.feature[forest.is_split]
    assert used.max() > 92  # trees number 92 features from 0; their own numbers reach beyond
    assert len(np.unique(used)) > 100
    assert forest.gain is not None
    assert (forest.gain[forest.is_split] != 0).any()
