"""A classifier with a threshold says 1 exactly where its framework's own probability reaches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

from dwcpc.compiler.class_threshold import decided, largest_margin_below
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.pipeline import CompileRequest, compile_artifact
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32

MODELS = {
    "trees": XGBClassifier(n_estimators=20, max_depth=3, random_state=0, n_jobs=1),
    "linear": XGBClassifier(n_estimators=5, booster="gblinear", random_state=0, n_jobs=1),
    "forest": RandomForestClassifier(7, max_depth=4, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=10, random_state=0),
    "logistic": LogisticRegression(),
}
EXACT = ("trees", "forest")  # whose probabilities take the same bits on every machine that adds in the trees' order
ROWS = np.random.default_rng(0).normal(size=(600, 4)).astype(np.float32)
LABELS = (ROWS[:, 0] + ROWS[:, 1] ** 2 + np.random.default_rng(1).normal(size=600) > 1).astype(int)


def saved(model: Any, folder: Path, labels: np.ndarray = LABELS) -> Path:
    model.fit(ROWS, labels)
    path = folder / ("model.ubj" if isinstance(model, XGBClassifier) else "model.pkl")
    if isinstance(model, XGBClassifier):
        model.save_model(path)
    else:
        joblib.dump(model, path)
    return path


def compiled_labels(path: Path, threshold: float) -> np.ndarray:
    compiled = compile_artifact(CompileRequest(path, CPU_FP32, threshold=threshold))
    assert [output.name for output in compiled.built.outputs] == ["label", "probability"]
    session = open_session(compiled.built.model.SerializeToString(), SessionSettings())
    answered: np.ndarray = session.run(["label"], {"input": ROWS})[0]
    return answered


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("quantile", [0.03, 0.4, 0.9])
def test_it_says_1_from_the_threshold_on(name: str, quantile: float, tmp_path: Path) -> None:
    model = MODELS[name]
    path = saved(model, tmp_path)
    probability = np.sort(model.predict_proba(ROWS)[:, 1].astype(np.float64))
    at = int(quantile * len(ROWS))
    while probability[at + 1] - probability[at] < 1e-6:
        at += 1
    threshold = (probability[at] + probability[at + 1]) / 2
    expected = model.predict_proba(ROWS)[:, 1] >= threshold
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(compiled_labels(path, threshold), expected)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("row", [0, 100, 200])
def test_a_probability_on_the_threshold_is_1_and_one_just_below_is_not(name: str, row: int, tmp_path: Path) -> None:
    model = MODELS[name]
    path = saved(model, tmp_path)
    on = float(model.predict_proba(ROWS)[row, 1])
    assert compiled_labels(path, on)[row] == 1
    assert compiled_labels(path, float(np.nextafter(on, 2)))[row] == 0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("threshold", [1e-6, 0.2, 0.5, 0.75, 1 - 1e-7, 1.0])
def test_the_bound_is_the_last_margin_below(name: str, threshold: float, tmp_path: Path) -> None:
    core = compile_artifact(CompileRequest(saved(MODELS[name], tmp_path), CPU_FP32)).loaded.core  # type: ignore[union-attr]
    kind: Any = np.float32 if core.adds_in == "float32" else np.float64
    bound = kind(largest_margin_below(core, threshold))
    above = np.nextafter(bound, kind(np.inf))

    def probability(margin: Any) -> float:
        if core.link == "average":
            return float(margin)
        power = kind(np.exp(np.float64(-margin)))
        return float(kind(1) / (power + kind(1)))

    assert probability(bound) < threshold <= probability(above)


def test_without_a_threshold_the_label_is_the_frameworks(tmp_path: Path) -> None:
    compiled = compile_artifact(CompileRequest(saved(MODELS["trees"], tmp_path), CPU_FP32))
    assert compiled.decision is None
    core = compiled.loaded.core  # type: ignore[union-attr]
    assert decided(core, None) is core


@pytest.mark.parametrize(
    ("labels", "threshold", "sentence"),
    [
        (LABELS + 3, 0.5, "the classes are 3, 4, expected 0 and 1"),
        (LABELS + (ROWS[:, 2] > 0), 0.5, "the classes are 0, 1, 2, expected 0 and 1"),
        (LABELS, 0.0, "expected a probability above 0 and up to 1"),
        (LABELS, 1.01, "expected a probability above 0 and up to 1"),
    ],
)
def test_other_classes_and_what_is_no_probability_are_refused(
    labels: np.ndarray, threshold: float, sentence: str, tmp_path: Path
) -> None:
    path = saved(RandomForestClassifier(3, max_depth=2, random_state=0), tmp_path, labels)
    with pytest.raises(InputError, match=sentence):
        compile_artifact(CompileRequest(path, CPU_FP32, threshold=threshold))
