"""Logistic regressions: the margins and the way from them to probabilities, of every scikit-learn that has another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.linear import LinearModel

MODELS = {
    "two": lambda data: LogisticRegression().fit(data["x"].astype(float), data["two"]),
    "three": lambda data: LogisticRegression(C=30).fit(data["x"].astype(float), data["three"]),
    "text": lambda data: LogisticRegression().fit(data["x"].astype(float), np.array(["b", "a", "c"])[data["three"]]),
    "without intercept": lambda data: LogisticRegression(fit_intercept=False).fit(
        data["x"].astype(float), data["three"]
    ),
    "standardised": lambda data: make_pipeline(StandardScaler(), MinMaxScaler(), LogisticRegression()).fit(
        data["x"].astype(float), data["two"]
    ),
}


def probabilities(core: LinearModel, m: np.ndarray) -> np.ndarray:
    if core.link == "softmax":
        powers = np.exp(m - m.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    each = 1 / (1 + np.exp(-m))
    return np.hstack([1 - each, each]) if core.link == "logistic" else each / each.sum(axis=1, keepdims=True)


def check(model: Any, x: np.ndarray) -> None:
    """The core's formula gives what the rebuilt estimator answers."""
    core = model.core
    scaled = x
    for scaler in model.scalers:
        scaled = scaler.transform(scaled)
    m = scaled.astype(np.float64) @ core.weights + core.intercept
    answers = model.answers(x)
    np.testing.assert_allclose(answers["probability"], probabilities(core, m), rtol=1e-11, atol=1e-15)
    chosen = m.argmax(axis=1) if m.shape[1] > 1 else (m[:, 0] > 0).astype(int)
    np.testing.assert_array_equal(answers["label"], np.array(core.label_values)[chosen])
    assert model.leaves(x) is None


@pytest.mark.parametrize("name", MODELS)
def test_the_reference_and_the_core_are_the_fitted_model(name, data, kept, rows) -> None:
    fitted = MODELS[name](data)
    model = kept(fitted)
    x = rows(None, nan=False)
    x = x[(np.abs(x) < 1e30).all(axis=1)]
    check(model, x)
    with sklearn.config_context(assume_finite=True):
        np.testing.assert_array_equal(model.answers(x)["probability"], fitted.predict_proba(x))
    assert model.spec.non_finite == "propagated"
    assert (model.spec.task, model.spec.model_type) == ("classification", "logistic_regression")


def test_coefficients_of_float32_are_computed_with_in_float64(data, kept) -> None:
    fitted = LogisticRegression().fit(data["x"], data["three"])
    assert fitted.coef_.dtype == np.float32
    model = kept(fitted)
    assert any("float32" in note for note in model.spec.notes)
    check(model, data["x"])
    np.testing.assert_allclose(model.answers(data["x"])["probability"], fitted.predict_proba(data["x"]), atol=1e-5)


def written_by_1_6(multi_class: str, solver: str = "lbfgs") -> Any:
    def edit(name: str, state: dict[str, Any]) -> None:
        if name == "LogisticRegression":
            state.update(multi_class=multi_class, solver=solver, _sklearn_version="1.6.1")

    return edit


@pytest.mark.parametrize(
    ("target", "parameters", "link"),
    [
        ("three", ("ovr", "lbfgs"), "one_vs_rest"),
        ("three", ("auto", "liblinear"), "one_vs_rest"),
        ("three", ("deprecated", "lbfgs"), "softmax"),
        ("three", ("multinomial", "lbfgs"), "softmax"),
        ("two", ("ovr", "liblinear"), "logistic"),
        ("two", ("deprecated", "lbfgs"), "logistic"),
    ],
)
def test_older_files_say_how_probabilities_are_made(target, parameters, link, data, edited, load) -> None:
    fitted = LogisticRegression().fit(data["x"].astype(float), data[target])
    model = load(edited(fitted, written_by_1_6(*parameters)))
    assert model.core.link == link
    check(model, data["x"])
    same = np.allclose(model.answers(data["x"])["probability"], fitted.predict_proba(data["x"]), atol=1e-6)
    assert same == (link != "one_vs_rest")
    np.testing.assert_array_equal(model.answers(data["x"])["label"], fitted.predict(data["x"]))


def test_two_classes_fitted_as_multinomial_have_a_softmax_of_both_signs(data, edited, load) -> None:
    fitted = LogisticRegression().fit(data["x"].astype(float), data["two"])
    model = load(edited(fitted, written_by_1_6("multinomial")))
    m = fitted.decision_function(data["x"])
    both = np.exp(np.stack([-m, m], axis=1))
    np.testing.assert_allclose(
        model.answers(data["x"])["probability"], both / both.sum(axis=1, keepdims=True), rtol=1e-12, atol=1e-15
    )
    check(model, data["x"])
    assert any("doubled" in note for note in model.spec.notes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"coef_": np.zeros((2, 6))}, r"coef_ of the LogisticRegression is an array of float64 with shape \(2, 6\)"),
        ({"coef_": np.full((1, 6), np.nan)}, "expected finite numbers"),
        ({"coef_": None}, "is not fitted, for it has no coef_"),
        ({"intercept_": np.zeros(4)}, "intercept_ of the LogisticRegression"),
        ({"intercept_": "x"}, "intercept_ of the LogisticRegression is 'x', expected an array"),
        ({"n_features_in_": -1}, "expected a whole number from 1"),
        ({"n_features_in_": 10**400}, "is a huge number"),
        ({"multi_class": "other"}, "multi_class of the LogisticRegression is unknown"),
        ({"classes_": np.array([1, 1])}, "expected classes that differ"),
        ({"classes_": np.array([1])}, "knows 1 class"),
        ({"coef_": np.full((1, 6), 1e308), "multi_class": "multinomial"}, "half the range"),
    ],
    ids=str,
)
def test_refuses_numbers_that_no_fit_gives(change, reason, data, edited, load) -> None:
    fitted = LogisticRegression().fit(data["x"].astype(float), data["two"])
    with pytest.raises(InputError, match=reason) as failure:
        load(edited(fitted, lambda _, state: state.update(change)))
    assert "\n" not in str(failure.value)
