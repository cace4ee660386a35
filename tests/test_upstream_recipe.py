"""What a hand-written script gets from the libraries' own converters, on the rows where trees decide.

If one of these begins to fail because the library's model agrees, the library has been corrected: say so in the
changelog and drop the case.
"""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler

from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.pipeline import CompileRequest, compile_artifact
from dwcpc.compiler.targets import target_named
from dwcpc.parity.reference import CaseRequest, make_reference
from dwcpc.parity.runners.estimator_source import EstimatorSource

FEATURES = 12


@pytest.fixture(scope="module")
def data():
    """Rows of magnitudes from 1e-6 to 1e5, some features whole numbers, and a label."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, FEATURES)) * 10.0 ** np.linspace(-6, 5, FEATURES) + 3 * 10.0 ** np.linspace(
        -6, 5, FEATURES
    )
    x[:, 8:] = np.round(x[:, 8:] / x[:, 8:].std(axis=0) * 5)
    return x.astype(np.float32), (x[:, 2] / x[:, 2].std() + x[:, 9] / x[:, 9].std() > 3).astype(int)


def boundary(compiled):
    """Return the rows on the model's own splits, and what scikit-learn answers to them."""
    source = EstimatorSource(compiled.loaded, None, None, compiled.decision)
    groups = {group.name: group for group in make_reference(source, CaseRequest(rows=512)).groups}
    return groups["boundary"]


def differing(found, group, tolerance=1e-6):
    """Count the rows whose probability of the second class is another."""
    return int((np.abs(found[:, 1] - group.outputs["probability"][:, 1]) > tolerance).sum())


@pytest.mark.parametrize("scaler", [RobustScaler(), MinMaxScaler()], ids=["RobustScaler", "MinMaxScaler"])
def test_skl2onnx_scales_by_other_arithmetic_and_takes_other_leaves(scaler, data, tmp_path):
    """It multiplies by 1 / scale where scikit-learn divides, and rounds once where it rounds twice."""
    pipeline = make_pipeline(scaler, RandomForestClassifier(30, max_depth=8, random_state=0)).fit(*data)
    joblib.dump(pipeline, tmp_path / "model.pkl")
    compiled = compile_artifact(CompileRequest(tmp_path / "model.pkl", target_named("cpu-fp32")))
    group = boundary(compiled)
    assert len(group.rows) > 10_000
    assert np.isfinite(group.rows).mean() > 0.99

    types = [("input", FloatTensorType([None, FEATURES]))]
    plain = to_onnx(pipeline, initial_types=types, options={"zipmap": False}, target_opset={"": 20, "ai.onnx.ml": 3})
    theirs = open_session(plain.SerializeToString(), SessionSettings()).run(None, {"input": group.rows})[1]
    ours = open_session(compiled.built.model.SerializeToString(), SessionSettings())
    assert differing(theirs, group) > len(group.rows) // 100
    assert differing(ours.run(["probability"], {"input": group.rows})[0], group) == 0
    assert np.array_equal(ours.run(["label"], {"input": group.rows})[0], group.outputs["label"])


def test_skl2onnx_refuses_an_isolation_forest_that_sees_a_part_of_the_features(data, tmp_path):
    forest = IsolationForest(n_estimators=20, max_features=0.75, random_state=0).fit(data[0])
    types = [("input", FloatTensorType([None, FEATURES]))]
    with pytest.raises(RuntimeError, match="features"):
        to_onnx(forest, initial_types=types, target_opset={"": 20, "ai.onnx.ml": 3})
    joblib.dump(forest, tmp_path / "model.pkl")
    compiled = compile_artifact(CompileRequest(tmp_path / "model.pkl", target_named("cpu-fp32")))
    group = boundary(compiled)
    session = open_session(compiled.built.model.SerializeToString(), SessionSettings())
    score, flag = session.run(["anomaly_score", "anomaly"], {"input": group.rows})
    assert np.abs(score / group.outputs["anomaly_score"] - 1).max() < 1e-6
    assert np.array_equal(flag, group.outputs["anomaly"])
