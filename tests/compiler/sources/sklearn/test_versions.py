"""Files of older scikit-learns, made by giving today's pickles the states that those wrote."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from dwcpc.compiler.errors import InputError

FEW = {"n_estimators": 5, "random_state": 4}


def without(nodes: np.ndarray, *names: str) -> np.ndarray:
    kept = [name for name in nodes.dtype.names if name not in names]
    older = np.zeros(len(nodes), [(name, nodes.dtype[name]) for name in kept])
    for name in kept:
        older[name] = nodes[name]
    return older


def by_1_2(name: str, state: dict[str, Any]) -> None:
    """Counts in the leaves, no word on NaN, no path lengths of isolation trees."""
    if name == "Tree":
        nodes = state["nodes"]
        if state["values"].shape[2] > 1:
            state["values"] = state["values"] * nodes["weighted_n_node_samples"][:, np.newaxis, np.newaxis]
        state["nodes"] = without(nodes, "missing_go_to_left")
    elif "_sklearn_version" in state:
        state["_sklearn_version"] = "1.2.2"
    for new in ("_decision_path_lengths", "_average_path_length_per_tree"):
        state.pop(new, None)


@pytest.mark.parametrize(
    "model", [RandomForestClassifier(max_depth=3, **FEW), DecisionTreeClassifier(max_depth=3)], ids=lambda m: str(m)[:6]
)
def test_counts_are_divided_by_their_sum(model, data, edited, load, walk) -> None:
    fitted = model.fit(data["x"], data["three"], sample_weight=data["weight"])
    loaded = load(edited(fitted, by_1_2))
    trees = getattr(fitted, "estimators_", [fitted])
    expected = np.zeros((len(data["x"]), 3))
    for tree in trees:
        counts = tree.tree_.predict(data["x"]) * tree.tree_.weighted_n_node_samples[tree.apply(data["x"])][:, None]
        expected += counts / counts.sum(axis=1, keepdims=True)
    expected /= len(trees)
    np.testing.assert_array_equal(loaded.answers(data["x"])["probability"], expected)
    np.testing.assert_array_equal(walk(loaded.core, data["x"])[1], expected)
    assert loaded.spec.non_finite == "propagated"
    assert loaded.spec.notes[0].startswith("written by scikit-learn 1.2.2, compared with ")
    assert "counts" in loaded.spec.notes[1]


def test_a_leaf_that_counts_nothing_stays_zero(data, edited, load) -> None:
    fitted = DecisionTreeClassifier(max_depth=1).fit(data["x"], data["two"])

    def edit(name: str, state: dict[str, Any]) -> None:
        by_1_2(name, state)
        if name == "Tree":
            state["values"][1] = 0

    model = load(edited(fitted, edit))
    leaf = model.answers(data["x"])["probability"][model.leaves(data["x"])[:, 0] == 1]
    assert len(leaf)
    assert not leaf.any()


def test_counts_in_a_file_that_claims_to_be_new_are_refused(data, edited, load) -> None:
    fitted = RandomForestClassifier(max_depth=3, **FEW).fit(data["x"], data["three"])

    def edit(name: str, state: dict[str, Any]) -> None:
        if name == "Tree":
            state["values"] = state["values"] * 31

    with pytest.raises(InputError, match="do not add up to 1"):
        load(edited(fitted, edit))


@pytest.mark.parametrize("options", [{}, {"max_features": 0.5, "max_samples": 40}], ids=str)
def test_path_lengths_are_made_where_the_file_has_none(options, data, edited, load, walk) -> None:
    fitted = IsolationForest(**options, **FEW).fit(data["x"])
    model = load(edited(fitted, by_1_2))
    expected = fitted.score_samples(data["x"])
    np.testing.assert_array_equal(model.answers(data["x"])["anomaly_score"], expected)
    np.testing.assert_array_equal(-(2.0 ** -walk(model.core, data["x"])[1][:, 0]), expected)


def test_boosting_before_1_1_had_other_names_for_its_losses(data, edited, load) -> None:
    fitted = GradientBoostingClassifier(**FEW).fit(data["x"], data["two"])
    model = load(edited(fitted, lambda name, state: state.update(loss="deviance") if "loss" in state else None))
    np.testing.assert_array_equal(model.answers(data["x"])["probability"], fitted.predict_proba(data["x"]))


def test_a_baseline_that_is_a_number_is_taken_for_every_output(data, edited, load) -> None:
    fitted = HistGradientBoostingRegressor(max_iter=3).fit(data["x"], data["number"])

    def edit(name: str, state: dict[str, Any]) -> None:
        if "_baseline_prediction" in state:
            state["_baseline_prediction"] = state["_baseline_prediction"].reshape(())[()]

    model = load(edited(fitted, edit))
    np.testing.assert_array_equal(model.answers(data["x"])["prediction"][:, 0], fitted.predict(data["x"]))


def test_nodes_of_another_word_size_and_byte_order_are_the_same_trees(data, edited, load) -> None:
    fitted = RandomForestRegressor(max_depth=5, **FEW).fit(data["x"], data["number"])

    def edit(name: str, state: dict[str, Any]) -> None:
        if name == "Tree":
            narrow = [(n, t.str.replace("i8", "i4")) for n, (t, _) in state["nodes"].dtype.fields.items()]
            state["nodes"] = state["nodes"].astype(np.dtype(narrow).newbyteorder(">"))
            state["values"] = state["values"].astype(">f8")

    model = load(edited(fitted, edit))
    np.testing.assert_array_equal(model.answers(data["x"])["prediction"][:, 0], fitted.predict(data["x"]))


@pytest.mark.parametrize(("version", "is_rounded"), [("1.7.2", False), ("1.8.0", True)])
def test_a_standard_scaler_of_a_pipeline_rounds_as_its_version_did(version, is_rounded, data, edited, load) -> None:
    fitted = make_pipeline(StandardScaler(), RandomForestClassifier(**FEW)).fit(data["x"] * 3 + 0.1, data["two"])
    model = load(edited(fitted, lambda _, state: state.update(_sklearn_version=version)))
    mean = fitted[0].mean_
    assert np.array_equal(model.scalers[0].center, mean.astype(np.float32) if is_rounded else mean)
    scaled = model.scalers[0].transform(data["x"])
    np.testing.assert_array_equal(model.leaves(data["x"]), fitted[-1].apply(scaled))


def test_the_version_that_is_installed_is_not_worth_a_note(data, kept) -> None:
    assert kept(RandomForestRegressor(**FEW).fit(data["x"], data["number"])).spec.notes == ()


def test_a_prior_of_nothing_or_everything_is_kept_off_the_limits(data, edited, load, walk) -> None:
    fitted = GradientBoostingClassifier(**FEW).fit(data["x"], data["two"])

    def edit(name: str, state: dict[str, Any]) -> None:
        if name == DummyClassifier.__name__:
            state["class_prior_"] = np.array([1.0, 0.0])

    fitted.init_.class_prior_ = np.array([1.0, 0.0])
    model = load(edited(fitted, edit))
    np.testing.assert_array_equal(walk(model.core, data["x"])[1], fitted._raw_predict(data["x"]))
    np.testing.assert_array_equal(model.answers(data["x"])["probability"], fitted.predict_proba(data["x"]))
