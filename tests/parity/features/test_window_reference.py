"""From raw windows to predictions: a graph with its features passes, and one that computes another feature does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.lowering.prepend import prepend_features
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.use import FeatureUse
from dwcpc.compiler.metadata import BundledFeatures, FeatureGolden, HashedFile
from dwcpc.parity.cases import BOUNDARY, LABEL_CHANGE, MISSING, SHORT, THRESHOLD
from dwcpc.parity.features.source import WindowSource
from dwcpc.parity.features.vectors import feature_vectors
from dwcpc.parity.reference import CaseRequest, Reference, golden_part, make_reference
from dwcpc.parity.runners.estimator_source import EstimatorSource
from dwcpc.parity.runners.python_ort import PythonRuntime
from dwcpc.parity.verify import Verification, verify

ROWS = 512
DOCUMENT: dict[str, Any] = {
    "schema": "dwcpc.features/1",
    "name": "five",
    "columns": [
        {"name": "a"},
        {"name": "b"},
        {"name": "mode", "type": "category", "categories": ["x", "y"], "unknown": "missing"},
    ],
    "steps": [
        {"name": "a", "op": "copy", "of": "a"},
        {"name": "a_mean", "op": "rolling_mean", "of": "a", "window": 4},
        {"name": "b_max", "op": "rolling_max", "of": "b", "window": 3},
        {"name": "change", "op": "difference", "of": "b", "fill": 0},
        {"name": "mode_y", "op": "one_hot", "of": "mode", "category": "y"},
    ],
}
USE = FeatureUse(checked_spec(DOCUMENT, "five"), DOCUMENT, embedded=True, timesteps=None)
SOMEWHERE = HashedFile("golden/x.npy", "0" * 64)

Made = tuple[Bundle, Reference]
Make = Callable[..., Made]


@pytest.fixture
def make(bundle_of: Any, tree_source: Any) -> Make:
    """Return `make(change=…, **of the source)`: the bundle that embeds, changed, and its reference."""

    def made(change: Callable[[onnx.ModelProto], None] | None = None, **given: Any) -> Made:
        inner: EstimatorSource = tree_source(**given)
        bundle: Bundle = bundle_of(inner)
        model = prepend_features(onnx.load(bundle.model_path), USE.spec, None)
        if change is not None:
            change(model)
        bundle.model_path.write_bytes(model.SerializeToString())
        tensor = dataclasses.replace(bundle.metadata.inputs[0], shape=("batch", *USE.raw_shape))
        features = BundledFeatures(DOCUMENT, embedded=True, timesteps=None, golden=FeatureGolden(SOMEWHERE, SOMEWHERE))
        metadata = dataclasses.replace(bundle.metadata, inputs=(tensor,), features=features)
        return Bundle(bundle.path, metadata), make_reference(WindowSource(inner, USE), CaseRequest(ROWS, 5))

    return made


def verified(made: Made) -> Verification:
    return verify(made[0], made[1], (PythonRuntime(),))


def failed(verification: Verification) -> set[str]:
    return {result.check for result in verification.parity.results if not result.passed}


def changed_constant(model: onnx.ModelProto, what: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change the constant of the feature part that is named after `what`."""
    (tensor,) = (each for each in model.graph.initializer if each.name.startswith(f"dwcpc_feature_{what}"))
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), tensor.name))


def rounding(model: onnx.ModelProto) -> onnx.NodeProto:
    """Return the node that rounds the features to float32."""
    return next(node for node in model.graph.node if node.name.startswith("dwcpc_feature_rounded_"))


@pytest.mark.parametrize("link", ["isolation", "average", "identity"])
@pytest.mark.parametrize("non_finite", ["answered", "propagated"])
def test_the_graph_with_its_features_is_the_executor_before_the_source(make: Make, link: str, non_finite: str) -> None:
    made = make(link=link, non_finite=non_finite, classes=3)
    verification = verified(made)
    assert failed(verification) == set()
    names = {group.name for group in made[1].groups}
    assert {SHORT, MISSING, BOUNDARY} <= names
    assert (THRESHOLD in names, LABEL_CHANGE in names) == (link == "isolation", link == "average")
    assert (len(made[1].non_finite) > 0) == (non_finite == "propagated")
    assert "leaf_paths" in {result.check for result in verification.parity.results}


def test_windows_begin_late_lose_values_and_have_unknown_categories(make: Make) -> None:
    _, reference = make(link="isolation")
    short, missing = ({group.name: group for group in reference.groups}[name].rows for name in (SHORT, MISSING))
    assert np.isnan(short[:, 0]).all(axis=1).any()
    assert not np.isnan(short[:, -1]).all(axis=1).any()
    assert np.isnan(missing[..., :2]).any()
    assert np.isinf(missing).any()
    assert {-1.0, 0.5, 2.0} <= set(missing[..., 2].reshape(-1).tolist())


def test_windows_at_the_threshold_lie_at_it_with_whole_categories(make: Make) -> None:
    _, reference = make(link="isolation")
    (near,) = (group for group in reference.groups if group.name == THRESHOLD)
    assert np.abs(near.outputs["anomaly_score"] + 0.7).max() < 0.02 * 0.7
    assert set(near.rows[..., 2].reshape(-1).tolist()) <= {0.0, 1.0}
    decisions = near.outputs["anomaly"]
    assert 0 < decisions.mean() < 1


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("limit", lambda limit: np.where(np.arange(len(limit))[:, None] == 1, -np.inf, limit)),  # a shorter window
        ("categories", lambda places: places - 1),
        ("late_fills", lambda fills: fills + 0.5),
        ("window_rows", lambda rows: np.maximum(rows - 1, 0)),
    ],
    ids=["window", "category", "fill", "sample"],
)
def test_another_feature_is_found(make: Make, what: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    made = make(lambda model: changed_constant(model, what, change), link="identity")
    assert "closeness" in failed(verified(made))


def test_one_unit_in_the_last_place_of_a_feature_moves_a_leaf(make: Make) -> None:
    """A row on a split is what tells: the mean is divided by its count, and then by a little more."""

    def a_little_less(model: onnx.ModelProto) -> None:
        cast = rounding(model)
        model.graph.initializer.append(numpy_helper.from_array(np.float64(1 - 2**-23), "less"))
        at = list(model.graph.node).index(cast)
        model.graph.node.insert(at, onnx.helper.make_node("Mul", [cast.input[0], "less"], ["dwcpc_feature_less"]))
        cast.input[0] = "dwcpc_feature_less"

    assert "leaf_paths" in failed(verified(make(a_little_less, link="identity")))


def test_a_graph_that_answers_features_that_are_not_finite_is_found(make: Make) -> None:
    def never_refuse(model: onnx.ModelProto) -> None:
        cast = rounding(model)
        at = list(model.graph.node).index(cast)
        model.graph.initializer.append(numpy_helper.from_array(np.float64(0), "zero"))
        added = [
            onnx.helper.make_node("IsNaN", [cast.input[0]], ["is_nan"]),
            onnx.helper.make_node("Where", ["is_nan", "zero", cast.input[0]], ["never_nan"]),
        ]
        for node in reversed(added):
            model.graph.node.insert(at, node)
        cast.input[0] = "never_nan"

    made = make(never_refuse, link="identity", non_finite="propagated")
    assert "nan_policy" in failed(verified(made))


def test_golden_rows_are_raw_windows_of_each_kind(make: Make) -> None:
    _, reference = make(link="isolation")
    golden = golden_part(reference)
    assert {SHORT, MISSING, THRESHOLD, BOUNDARY} <= {group.name for group in golden.groups}
    assert all(group.rows.shape[1:] == USE.raw_shape for group in golden.groups)


def test_golden_features_are_the_executors_with_places_for_categories(tree_source: Any) -> None:
    vectors = feature_vectors(tree_source(), USE, 3)
    again = feature_vectors(tree_source(), USE, 3)
    np.testing.assert_array_equal(vectors.raw, again.raw)
    np.testing.assert_array_equal(vectors.features, USE.features(vectors.raw))
    places = vectors.raw[..., 2]
    assert set(np.unique(places[~np.isnan(places)]).tolist()) == {0.0, 1.0}
    assert np.isnan(places).any()
    assert vectors.features.shape == (len(vectors.raw), 1, 5)


def test_a_source_behind_features_is_the_source_on_them(tree_source: Any, tmp_path: Path) -> None:
    inner = tree_source()
    source = WindowSource(inner, USE)
    windows = np.random.default_rng(1).normal(size=(9, *USE.raw_shape)).astype(np.float32)
    windows[..., 2] = 1
    np.testing.assert_array_equal(source.run(windows)["prediction"], inner.run(USE.rows(windows))["prediction"])
    np.testing.assert_array_equal(source.scaled(windows), inner.scaled(USE.rows(windows)))


def test_windows_whose_features_are_never_finite_are_told_of(tree_source: Any) -> None:
    zero = {"name": "zero", "op": "clip", "of": "a", "low": 0, "high": 0, "output": False}
    never = {"name": "never", "op": "ratio", "of": "zero", "by": "zero"}
    document = {**DOCUMENT, "steps": [zero, *DOCUMENT["steps"][:-1], never]}
    use = FeatureUse(checked_spec(document, "never"), document, embedded=True, timesteps=None)
    with pytest.raises(InputError, match="five: the features of ordinary windows are not finite"):
        make_reference(WindowSource(tree_source(non_finite="propagated"), use), CaseRequest(64, 5))
