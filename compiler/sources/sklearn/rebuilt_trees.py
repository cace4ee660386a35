"""scikit-learn's own trees and forests, made from checked arrays alone, so that its C code walks within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.sources.sklearn.content import ForestContent, IsolationContent

if TYPE_CHECKING:
    from dwcpc.compiler.sources.sklearn.flat_trees import Trees


def fitted(estimator: Any, **attributes: object) -> Any:
    """Return `estimator` with what fitting would have given it."""
    vars(estimator).update(attributes)
    return estimator


def rebuilt_trees(trees: Trees) -> list[Any]:
    """Return each tree as a `sklearn.tree._tree.Tree` with its float64 thresholds."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    forest = trees.forest
    nodes = np.zeros(len(forest.feature), NODE_DTYPE)
    root = np.repeat(forest.roots, trees.sizes)
    inner = forest.is_split
    nodes["left_child"] = np.where(inner, forest.left - root, -1)
    nodes["right_child"] = np.where(inner, forest.right - root, -1)
    nodes["feature"] = np.where(inner, forest.feature, -2)
    nodes["threshold"] = np.where(inner, trees.threshold, -2.0)
    nodes["n_node_samples"] = trees.samples
    nodes["weighted_n_node_samples"] = trees.samples
    nodes["missing_go_to_left"] = forest.missing_left
    width = forest.value.shape[1]
    rebuilt = []
    for own, values in zip(np.split(nodes, forest.roots[1:]), np.split(forest.value, forest.roots[1:]), strict=True):
        tree = Tree(forest.features, np.array([width], np.intp), 1)
        content = np.ascontiguousarray(values.reshape(len(own), 1, width))
        tree.__setstate__({"max_depth": 0, "node_count": len(own), "nodes": own.copy(), "values": content})
        rebuilt.append(tree)
    return rebuilt


def tree_regressors(trees: Trees, kind: Any) -> list[Any]:
    """Return each tree inside a fitted estimator of class `kind`, a regressor."""
    features = trees.forest.features
    return [fitted(kind(), tree_=tree, n_features_in_=features, n_outputs_=1) for tree in rebuilt_trees(trees)]


def rebuilt_forest(name: str, content: ForestContent, classes: tuple[int, ...]) -> Any:
    """Return the fitted forest or decision tree of class `name`, which predicts `classes`."""
    from sklearn import ensemble, tree

    features = content.trees.forest.features
    attributes: dict[str, object] = {"n_features_in_": features, "n_outputs_": 1}
    if classes:
        attributes |= {"classes_": np.array(classes, np.int64), "n_classes_": len(classes)}
    if hasattr(tree, name):
        return fitted(getattr(tree, name)(), tree_=rebuilt_trees(content.trees)[0], **attributes)
    member = type(getattr(ensemble, name)().estimator)
    members = [fitted(member(), tree_=own, **attributes) for own in rebuilt_trees(content.trees)]
    return fitted(getattr(ensemble, name)(n_estimators=len(members)), estimators_=members, **attributes)


def rebuilt_isolation_forest(content: IsolationContent, features: int) -> Any:
    """Return the fitted IsolationForest over `features` features."""
    from sklearn.ensemble import IsolationForest
    from sklearn.tree import ExtraTreeRegressor

    forest = content.trees.forest
    columns = content.columns or (np.arange(features),) * forest.trees
    ends = forest.roots[1:]
    return fitted(
        IsolationForest(n_estimators=forest.trees),
        estimators_=tree_regressors(content.trees, ExtraTreeRegressor),
        estimators_features_=list(columns),
        n_features_in_=features,
        offset_=content.offset,
        max_samples_=content.max_samples,
        _max_samples=content.max_samples,
        _max_features=forest.features,
        _decision_path_lengths=np.split(content.depth, ends),
        _average_path_length_per_tree=np.split(content.average, ends),
    )
