"""Verification against the real frameworks: what they train and save passes, with their own answers and leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler
from xgboost import XGBClassifier, XGBRegressor

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.metadata import Decision
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.parity.reference import CaseRequest, make_reference
from dwcpc.parity.runners.estimator_source import EstimatorSource
from dwcpc.parity.runners.python_ort import PythonRuntime
from dwcpc.parity.verify import verify

RNG = np.random.default_rng(3)
X = (RNG.normal(size=(400, 8)) * np.logspace(-3, 5, 8) + 7).astype(np.float32)
Z = (X - 7) / np.logspace(-3, 5, 8)
VALUE = Z[:, 0] * Z[:, 1] + Z[:, 2]
THREE = np.digitize(VALUE, [-0.7, 0.7])
HOLES = np.where(RNG.random(X.shape) < 0.1, np.float32(np.nan), X)
SMALL = {"n_estimators": 12, "random_state": 1}
MODELS = {
    "isolation": lambda: IsolationForest(**SMALL, max_samples=64, max_features=0.75).fit(X),
    "forest of two classes": lambda: RandomForestClassifier(**SMALL, max_depth=6).fit(HOLES, VALUE > 0),
    "forest of three classes": lambda: RandomForestClassifier(**SMALL).fit(X, THREE),
    "forest of values": lambda: make_pipeline(RobustScaler(), RandomForestRegressor(**SMALL, max_depth=6)).fit(
        X, VALUE
    ),
    "boosted classes": lambda: GradientBoostingClassifier(**SMALL, max_depth=3).fit(X, THREE),
    "logistic": lambda: make_pipeline(MinMaxScaler(), LogisticRegression()).fit(X, THREE),
    "xgboost of two classes": lambda: XGBClassifier(**SMALL, max_depth=5).fit(HOLES, VALUE > 0),
    "xgboost of three classes": lambda: XGBClassifier(**SMALL, max_depth=4).fit(X, THREE),
    "xgboost of counts": lambda: XGBRegressor(**SMALL, objective="count:poisson").fit(X, np.round(np.exp(VALUE / 2))),
}


def loaded(model: Any, folder: Path) -> EstimatorSource:
    path = folder / ("model.ubj" if hasattr(model, "save_model") else "model.pkl")
    if path.suffix == ".ubj":
        model.save_model(path)
    else:
        joblib.dump(model, path)
    artifact = read_artifact(path)
    estimator = source_of(artifact).load(artifact, LoadOptions())
    decision = None
    if isinstance(model, IsolationForest):
        decision = Decision("anomaly_score", "score_samples", float(model.offset_), "<", "anomaly")
    return EstimatorSource(estimator, None, None, decision)


@pytest.mark.parametrize("kind", MODELS)
def test_what_a_framework_trains_passes(kind: str, tmp_path: Path, bundle_of: Callable) -> None:
    source = loaded(MODELS[kind](), tmp_path)
    reference = make_reference(source, CaseRequest(rows=256, seed=5))
    parity = verify(bundle_of(source), reference, (PythonRuntime(),)).parity
    assert parity.verdict == "pass", [result for result in parity.results if not result.passed]
    checks = {result.check for result in parity.results}
    assert {"leaf_paths", "boundary_reached"} <= checks or kind == "logistic"
