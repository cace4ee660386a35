"""Leaves: the model's own are found to be the source's, and what moves a row to another one is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from dwcpc.compiler.metadata import CheckResult
from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.estimators.leaf_paths import leaf_paths
from dwcpc.parity.estimators.onnx_trees import attributes, tree_node
from dwcpc.parity.reference import CaseRequest, make_reference

SCALER = Scaler("RobustScaler", (0.0, 12.0, -3.0, 5e6, 0.25), (1.0, 6.4e-7, 73.9, 2e6, 1e-3))
FINE = Scaler("RobustScaler", SCALER.center, (1.0, 20.0, 73.9, 2e6, 2.0))  # so that few drawn values are the same
REQUEST = CaseRequest(rows=64, seed=5)
SOURCES = {
    "regression": {},
    "anomaly": {"link": "isolation", "scaler": SCALER},
    "two classes": {"link": "average", "classes": 2, "scalers": (SCALER,)},
    "three classes": {"link": "average", "classes": 3},
    "three classes, guarded": {"link": "average", "classes": 3, "non_finite": "propagated"},
    "missing": {"missing": 0.5, "scaler": SCALER},
}
Change = Callable[[onnx.ModelProto], None]


def judged(make: tuple[Callable, Callable], change: Change | None = None, **kind: Any) -> CheckResult:
    tree_source, bundle_of = make
    source = tree_source(**kind)
    (result,) = leaf_paths(bundle_of(source, change=change), make_reference(source, REQUEST))
    return result


@pytest.fixture
def make(tree_source: Callable, bundle_of: Callable) -> tuple[Callable, Callable]:
    """What sources and bundles are made by."""
    return tree_source, bundle_of


def put(node: onnx.NodeProto, name: str, value: Any) -> None:
    """Set an attribute to a list or a tensor."""
    kept = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    value = numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def with_attribute(name: str, changed: Callable[[np.ndarray], Any]) -> Change:
    """Return the change of one attribute of the model's tree node."""

    def change(model: onnx.ModelProto) -> None:
        node = tree_node(model)
        put(node, name, changed(attributes(node)[name].copy()))

    return change


def less_than(modes: np.ndarray) -> Any:
    return np.ones_like(modes)  # BRANCH_LT


@pytest.mark.parametrize("kind", SOURCES.values(), ids=SOURCES)
def test_the_compiled_model_reaches_the_sources_leaves(make: tuple[Callable, Callable], kind: dict) -> None:
    result = judged(make, **kind)
    assert result.passed, result.note
    assert result.rows > 500


@pytest.mark.parametrize("kind", [{}, {"link": "average"}], ids=["sums", "leaves"])
def test_a_threshold_moved_by_one_float32_is_seen(make: tuple[Callable, Callable], kind: dict) -> None:
    def move_a_split(splits: np.ndarray) -> np.ndarray:
        at = np.flatnonzero(splits)[0]  # a root: constant trees have 0
        splits[at] = np.nextafter(np.float32(splits[at]), np.float32(np.inf))
        return splits

    result = judged(make, with_attribute("nodes_splits", move_a_split), **kind)
    assert not result.passed
    assert result.worst < 100  # of all rows and trees
    assert "ends in leaf" in result.note


@pytest.mark.parametrize("kind", [{}, {"link": "average"}, {"scaler": FINE}], ids=["sums", "leaves", "scaled"])
def test_less_taken_for_less_or_equal_is_seen_on_the_splits_and_nowhere_else(
    make: tuple[Callable, Callable], kind: dict
) -> None:
    tree_source, bundle_of = make
    source = tree_source(**kind)
    bundle, reference = (
        bundle_of(source, change=with_attribute("nodes_modes", less_than)),
        make_reference(source, REQUEST),
    )
    (result,) = leaf_paths(bundle, reference)
    assert result.worst >= len(reference.groups[-1].rows) / 8
    drawn = tuple(group for group in reference.groups if group.name in ("typical", "wide"))
    (blind,) = leaf_paths(bundle, replace(reference, groups=drawn))
    assert blind.passed


@pytest.mark.parametrize("kind", [{}, {"link": "average"}], ids=["sums", "leaves"])
def test_a_missing_value_that_goes_the_other_way_is_seen(make: tuple[Callable, Callable], kind: dict) -> None:
    def all_the_other_way(missing: np.ndarray) -> list[int]:
        return (1 - missing).tolist()

    assert not judged(make, with_attribute("nodes_missing_value_tracks_true", all_the_other_way), **kind).passed


def test_children_that_are_exchanged_are_seen_although_all_leaves_hold_the_same(
    make: tuple[Callable, Callable], random_forest: Callable
) -> None:
    forest = random_forest(4, 3, 5)
    forest.value[:] = np.where(forest.is_split, 0.0, 1.0)[:, None]  # sums cannot tell the leaves apart

    def exchange_children(model: onnx.ModelProto) -> None:
        node = tree_node(model)
        given = attributes(node)
        for kind in ("nodeids", "leafs"):
            put(node, f"nodes_true{kind}", given[f"nodes_false{kind}"].tolist())
            put(node, f"nodes_false{kind}", given[f"nodes_true{kind}"].tolist())

    assert judged(make, forest=forest).passed
    assert not judged(make, exchange_children, forest=forest).passed


def test_another_feature_is_seen(make: tuple[Callable, Callable]) -> None:
    changed = with_attribute("nodes_featureids", lambda ids: ((ids + 1) % 5).tolist())
    assert not judged(make, changed).passed


def test_leaves_that_are_shared_are_told_apart(make: tuple[Callable, Callable]) -> None:
    def share(model: onnx.ModelProto) -> None:
        """Make every leaf one and the same: wrong sums, right paths."""
        node = tree_node(model)
        given = attributes(node)
        for side in ("true", "false"):
            ids = np.where(given[f"nodes_{side}leafs"] != 0, 0, given[f"nodes_{side}nodeids"])
            put(node, f"nodes_{side}nodeids", ids.tolist())

    assert judged(make, share).passed


def test_trees_of_another_structure_are_refused_with_the_place(make: tuple[Callable, Callable]) -> None:
    tree_source, bundle_of = make
    source, other = tree_source(), tree_source(forest=None)
    reference = make_reference(source, REQUEST)
    core = other.estimator.core
    fewer = replace(core, forest=replace(core.forest, roots=core.forest.roots[:-1]))
    (result,) = leaf_paths(bundle_of(replace(other, estimator=replace(other.estimator, core=fewer))), reference)
    assert not result.passed
    assert "expected the source's 12" in result.note
    turned = core.forest.roots.copy()
    turned[[1, 2]] = turned[[2, 1]]
    (result,) = leaf_paths(bundle_of(source), replace(reference, forest=replace(core.forest, roots=turned)))
    assert not result.passed
    assert "in the source only" in result.note


def test_a_model_without_trees_is_refused(make: tuple[Callable, Callable]) -> None:
    def rename(model: onnx.ModelProto) -> None:
        tree_node(model).op_type = "Other"

    result = judged(make, rename)
    assert not result.passed
    assert "0 tree nodes" in result.note


def test_nothing_compared_does_not_pass(make: tuple[Callable, Callable]) -> None:
    tree_source, bundle_of = make
    source = tree_source()
    reference = make_reference(source, REQUEST)
    groups = tuple(replace(group, leaves=None) for group in reference.groups)
    (result,) = leaf_paths(bundle_of(source), replace(reference, groups=groups))
    assert not result.passed


def test_a_base_before_the_trees_is_no_tree_of_the_source(make: tuple[Callable, Callable]) -> None:
    tree_source, bundle_of = make
    source = tree_source()
    core = replace(source.estimator.core, base=(2.5,))
    based = replace(source, estimator=replace(source.estimator, core=core))
    (result,) = leaf_paths(bundle_of(based), make_reference(source, REQUEST))
    assert result.passed, result.note
