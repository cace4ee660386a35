"""Trees through the command line: compiled, proven on their own splits in both runtimes, inspected, refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import RobustScaler
from xgboost import XGBClassifier

Run = Callable[..., Any]
Exchange = Callable[[Path, Callable[[onnx.ModelProto], None]], None]

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "models" / "demo"
REAL = REPOSITORY / ".." / "shared" / "real" / "node_reliability"
FOREST, CLASSIFIER, SCALER = (
    DEMO / name for name in ("isolation_demo.pkl", "fault_demo.ubj", "trees_demo_scaler.json")
)
WIDE_BUDGET = "latency_p99_ms=1000"
THRESHOLD = "-0.6"


@dataclass(frozen=True, slots=True)
class Bundles:
    """Both demonstration models, compiled once."""

    out: Path

    def metadata(self, name: str) -> dict[str, Any]:
        """Return a bundle's metadata."""
        read: dict[str, Any] = json.loads((self.out / name / "v1.0" / "metadata.json").read_bytes())
        return read


@pytest.fixture(scope="module")
def bundles(process: Run, tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    out = tmp_path_factory.mktemp("trees")
    options = ("--scaler", SCALER, "--cases", "256", "--budget", WIDE_BUDGET, "--out", out)
    for artifact, more in ((FOREST, ("--threshold", THRESHOLD)), (CLASSIFIER, ())):
        ran = process("-q", "compile", artifact, *options, *more)
        assert ran.code == 0, ran.err + ran.out
    return Bundles(out)


def results(metadata: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [result for result in metadata["parity"]["results"] if result["check"] == check]


def moved_threshold(model: onnx.ModelProto) -> None:
    """Move every threshold to the next float32 above."""
    (node,) = (node for node in model.graph.node if node.op_type == "TreeEnsemble")
    (splits,) = (each for each in node.attribute if each.name == "nodes_splits")
    values = numpy_helper.to_array(splits.t)
    above = np.nextafter(values.astype(np.float32), np.float32(np.inf)).astype(values.dtype)
    splits.t.CopyFrom(numpy_helper.from_array(above, splits.t.name))


def test_an_isolation_forest_gives_score_decision_value_and_flag(bundles: Bundles) -> None:
    metadata = bundles.metadata("isolation_demo")
    assert (metadata["task"], metadata["model_type"]) == ("anomaly_detection", "isolation_forest")
    outputs = {tensor["name"]: tensor["dtype"] for tensor in metadata["outputs"]}
    assert outputs == {"anomaly_score": "float32", "decision_value": "float32", "anomaly": "int64"}
    decision = metadata["decision"]
    assert (decision["threshold"], decision["comparison"], decision["flag"]) == (float(THRESHOLD), "<=", "anomaly")
    assert metadata["non_finite"] == "answered"
    assert len(metadata["inputs"][0]["channels"]) == 24


def test_a_classifier_gives_a_label_and_a_tensor_of_probabilities(bundles: Bundles) -> None:
    metadata = bundles.metadata("fault_demo")
    label, probability = metadata["outputs"]
    assert (label["name"], label["dtype"], label["shape"]) == ("label", "int64", ["batch"])
    assert (probability["name"], probability["shape"]) == ("probability", ["batch", 2])
    assert (probability["channels"], probability["units"]) == (["0", "1"], ["probability", "probability"])
    assert metadata["decision"] is None


@pytest.mark.parametrize("name", ["isolation_demo", "fault_demo"])
def test_no_leaf_path_and_no_decision_differs_on_the_splits(bundles: Bundles, name: str) -> None:
    metadata = bundles.metadata(name)
    (paths,) = results(metadata, "leaf_paths")
    assert paths["worst"] == 0
    assert paths["rows"] > 5_000
    (reached,) = results(metadata, "boundary_reached")
    assert reached["passed"]
    assert reached["rows"] > 1_000
    assert all(result["worst"] == 0 for result in results(metadata, "labels"))
    assert {result["runtime"] for result in results(metadata, "labels")} == {"python", "go"}
    assert all(result["worst"] == 0 for result in results(metadata, "bit_equality"))
    (folded,) = metadata["passes"]
    assert folded["name"] == "fold_scaler_into_thresholds"
    assert folded["changed"] > 500


@pytest.mark.parametrize(("name", "artifact"), [("isolation_demo", FOREST), ("fault_demo", CLASSIFIER)])
def test_thresholds_moved_by_one_float32_are_caught_against_the_source(
    bundles: Bundles, name: str, artifact: Path, run: Run, exchange: Exchange, tmp_path: Path
) -> None:
    shutil.copytree(bundles.out / name, tmp_path / name, symlinks=True)
    good = run("-q", "--json", "verify", tmp_path / name, "--source", artifact, "--cases", "64")
    assert good.code == 0, good.err
    exchange(tmp_path / name / "v1.0", moved_threshold)
    ran = run("-q", "--json", "verify", tmp_path / name, "--source", artifact, "--cases", "64")
    assert ran.code == 1, ran.err
    failed = {r["check"] for r in ran.json["bundles"][0]["parity"]["results"] if not r["passed"]}
    assert "leaf_paths" in failed
    alone = run("-q", "--json", "verify", tmp_path / name)
    assert alone.code == 1, "golden rows lie on splits too"


def test_without_a_threshold_the_forest_keeps_the_one_it_was_fitted_with(run: Run, tmp_path: Path) -> None:
    ran = run("-q", "--json", "compile", FOREST, "--scaler", SCALER, "--no-verify", "--out", tmp_path)
    assert ran.code == 4, ran.err
    decision = ran.json["metadata"]["decision"]
    assert decision["comparison"] == "<"
    assert -0.8 < decision["threshold"] < -0.4


def moved_bound(model: onnx.ModelProto) -> None:
    """Let the label be 1 from a margin on that is 2 % farther from 0."""
    (bound,) = (each for each in model.graph.initializer if "label_above" in each.name)
    values = numpy_helper.to_array(bound)
    bound.CopyFrom(numpy_helper.from_array((values * 1.02).astype(values.dtype), bound.name))


def test_a_classifiers_threshold_is_in_its_label_and_another_one_is_found_out(
    run: Run, exchange: Exchange, tmp_path: Path
) -> None:
    options = ("--scaler", SCALER, "--cases", "128", "--budget", WIDE_BUDGET, "--threshold", "0.2")
    ran = run("-q", "--json", "compile", CLASSIFIER, *options, "--out", tmp_path)
    assert ran.code == 0, ran.err + ran.out
    metadata = ran.json["metadata"]
    assert metadata["decision"] == {
        "score": "probability",
        "definition": "probability of class 1",
        "threshold": 0.2,
        "comparison": ">=",
        "flag": "label",
    }
    judged = [each for each in results(metadata, "decisions") if each["group"] in {"label_change", "threshold"}]
    assert {(each["runtime"], each["group"]) for each in judged} == {
        (runtime, group) for runtime in ("python", "go") for group in ("label_change", "threshold")
    }
    assert all(each["rows"] >= 16 and each["worst"] == 0 for each in judged)
    exchange(tmp_path / "fault_demo" / "v1.0", moved_bound)
    again = run("-q", "--json", "verify", tmp_path / "fault_demo", "--source", CLASSIFIER, "--cases", "64")
    assert again.code == 1, again.err
    assert "decisions" in {r["check"] for r in again.json["bundles"][0]["parity"]["results"] if not r["passed"]}


def test_inspect_says_which_features_the_trees_use(run: Run) -> None:
    forest = dict(run("-q", "--json", "inspect", FOREST).json)
    assert forest["estimator"] == "IsolationForest"
    assert sum(" splits in " in text for text in forest.values()) == 24
    assert not any("gain" in text for text in forest.values())
    classifier = dict(run("-q", "--json", "inspect", CLASSIFIER).json)
    gains = [float(text.split(", ")[1].split(" ")[0]) for text in classifier.values() if text.endswith("of the gain")]
    assert gains == sorted(gains, reverse=True)
    assert abs(sum(gains) - 100) < 0.5


def test_what_cannot_be_compiled_is_named_with_what_can(run: Run, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3))
    joblib.dump(KNeighborsClassifier().fit(rows, rows[:, 0] > 0), tmp_path / "neighbours.pkl")
    joblib.dump(RobustScaler().fit(rows), tmp_path / "scaler.pkl")
    ran = run("-q", "compile", tmp_path / "neighbours.pkl", "--out", tmp_path / "dist")
    assert ran.code == 2
    assert "KNeighborsClassifier" in ran.err
    assert "RandomForestClassifier" in ran.err
    ran = run("-q", "compile", tmp_path / "scaler.pkl", "--out", tmp_path / "dist")
    assert ran.code == 2
    assert "give it with --scaler" in ran.err
    assert not (tmp_path / "dist").exists()
    assert run("-q", "inspect", tmp_path / "scaler.pkl").code == 0


@pytest.mark.parametrize(
    ("artifact", "option"),
    [
        (CLASSIFIER, ("--target-scaler", SCALER)),
        (CLASSIFIER, ("--input-shape", "24")),
        (FOREST, ("--missing", "0")),
        (FOREST, ("--arch", "bandwidth_predictor")),
    ],
)
def test_options_that_a_model_has_no_use_for_are_refused(
    artifact: Path, option: tuple[Any, ...], run: Run, tmp_path: Path
) -> None:
    ran = run("-q", "compile", artifact, *option, "--out", tmp_path / "dist")
    assert ran.code == 2, ran
    assert option[0] in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (tmp_path / "dist").exists()


@pytest.mark.skipif(not REAL.exists(), reason="the owners' trained forest is not beside this checkout")
@pytest.mark.usefixtures("quick")
def test_the_owners_forest_decides_as_it_did_on_a_hundred_thousand_boundary_rows(run: Run, tmp_path: Path) -> None:
    artifact, scaler = REAL / "isolation_forest_node_reliability.pkl", REAL / "scaler_node_reliability.pkl"
    options = ("--scaler", scaler, "--name", "node_reliability", "--threshold", "-0.377", "--budget", WIDE_BUDGET)
    ran = run("-q", "--json", "compile", artifact, *options, "--out", tmp_path)
    assert ran.code == 0, ran.err
    metadata = ran.json["metadata"]
    assert metadata["parity"]["rows"]["boundary"] >= 100_000
    for check in ("labels", "decisions", "leaf_paths", "bit_equality"):
        assert results(metadata, check), check
        assert all(result["worst"] == 0 for result in results(metadata, check)), check
    scores = [result for result in results(metadata, "closeness") if result["output"] == "anomaly_score"]
    assert max(result["worst"] for result in scores) < 1e-6 * 0.3  # relative: no score is nearer to 0 than −0.3
    assert "written by scikit-learn 1.6.1" in " ".join(metadata["source"]["notes"])


@pytest.mark.skipif(not REAL.exists(), reason="the owners' trained forest is not beside this checkout")
def test_the_owners_forest_agrees_with_what_they_recorded(run: Run, tmp_path: Path) -> None:
    import onnxruntime

    artifact = REAL / "isolation_forest_node_reliability.pkl"
    options = ("--name", "node", "--threshold", "-0.377", "--no-verify", "--out", tmp_path)
    assert run("-q", "compile", artifact, *options).code == 4  # without the scaler: theirs was applied in float64
    session = onnxruntime.InferenceSession((tmp_path / "node" / "v1.0" / "model.onnx").read_bytes())
    with np.load(REAL / "expected.npz") as expected:
        score, flag = session.run(["anomaly_score", "anomaly"], {"input": expected["X_scaled"].astype(np.float32)})
        assert np.abs(score / expected["score_samples"] - 1).max() < 1e-6
        assert np.array_equal(flag, expected["score_samples"] <= -0.377)


@pytest.mark.usefixtures("quick")
def test_a_value_that_stands_for_a_missing_one_is_compiled_and_verified(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 5)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = -999
    label = (np.where(rows[:, 0] == -999, 1.0, rows[:, 0]) + rows[:, 1] * (rows[:, 1] != -999) > 0.3).astype(int)
    XGBClassifier(n_estimators=8, max_depth=3, missing=-999).fit(rows, label).save_model(tmp_path / "holes.json")
    options = ("--missing", "-999", "--cases", "64", "--budget", WIDE_BUDGET, "--out", tmp_path / "dist")
    ran = run("-q", "--json", "compile", tmp_path / "holes.json", *options)
    assert ran.code == 0, ran.err
    assert ran.json["metadata"]["source"]["missing"] == -999
    source = ("--source", tmp_path / "holes.json", "--cases", "64")
    ran = run("-q", "--json", "verify", tmp_path / "dist" / "holes", *source)
    assert ran.code == 0, ran.err
