"""scikit-learn's own boosted estimators, made from checked arrays alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.sources.sklearn.content import BoostingContent, HistBoostingContent
from dwcpc.compiler.sources.sklearn.rebuilt_trees import fitted, tree_regressors

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rebuilt_boosting(name: str, content: BoostingContent, classes: tuple[int, ...]) -> Any:
    """Return the fitted GradientBoostingClassifier or Regressor, which predicts `classes`."""
    from sklearn import ensemble
    from sklearn._loss import loss
    from sklearn.tree import DecisionTreeRegressor

    losses = {"log_loss": loss.HalfBinomialLoss, "exponential": loss.ExponentialLoss}
    # Of the losses of regression only the link is used, and it is the identity for all of them.
    chosen = losses.get(content.loss, loss.HalfSquaredError)() if content.outputs == 1 else None
    members = np.empty(content.trees.forest.trees, object)
    members[:] = tree_regressors(content.trees, DecisionTreeRegressor)
    attributes: dict[str, object] = {"n_features_in_": content.trees.forest.features}
    if classes:
        attributes |= {"classes_": np.array(classes, np.int64), "n_classes_": len(classes)}
    return fitted(
        getattr(ensemble, name)(learning_rate=content.learning_rate),
        estimators_=members.reshape(-1, content.outputs),
        init_=_initial(content, classes),
        n_trees_per_iteration_=content.outputs,
        _loss=chosen or loss.HalfMultinomialLoss(n_classes=len(classes)),
        **attributes,
    )


def _initial(content: BoostingContent, classes: tuple[int, ...]) -> Any:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if content.initial is None:
        return "zero"
    if not classes:
        return fitted(DummyRegressor(), constant_=content.initial.reshape(1, 1), n_outputs_=1)
    return fitted(
        DummyClassifier(strategy="prior"),
        class_prior_=content.initial,
        classes_=np.array(classes, np.int64),
        n_classes_=len(classes),
        n_outputs_=1,
        sparse_output_=False,
        _strategy="prior",
    )


def rebuilt_hist_boosting(name: str, content: HistBoostingContent, classes: tuple[int, ...]) -> Any:
    """Return the fitted HistGradientBoostingClassifier or Regressor, which predicts `classes`."""
    from sklearn import ensemble
    from sklearn._loss import loss

    losses = {"gamma": loss.HalfGammaLoss, "poisson": loss.HalfPoissonLoss}
    # All other losses of regression have the identity for a link, and only the link is used.
    chosen: Any = losses.get(content.loss, loss.HalfSquaredError)
    if classes:
        chosen = loss.HalfBinomialLoss if content.outputs == 1 else loss.HalfMultinomialLoss
    features = content.trees.forest.features
    return fitted(
        getattr(ensemble, name)(),
        _predictors=_by_stage(_predictors(content, content.trees.forest.value[:, 0]), content.outputs),
        _baseline_prediction=content.baseline.reshape(1, -1),
        _bin_mapper=_mapper(features),
        _preprocessor=None,
        _loss=chosen(n_classes=len(classes)) if content.outputs > 1 else chosen(),
        n_trees_per_iteration_=content.outputs,
        is_categorical_=None,
        n_features_in_=features,
        _n_features=features,
        **({"classes_": np.array(classes, np.int64)} if classes else {}),
    )


def hist_leaves(content: HistBoostingContent) -> Callable[[NDArray[np.float32]], NDArray[np.integer]]:
    """Return what gives the leaves [rows, trees]: predictors whose values are their own node numbers."""
    forest = content.trees.forest
    number = np.arange(len(forest.feature)) - np.repeat(forest.roots, content.trees.sizes)
    known, positions = _mapper(forest.features).make_known_categories_bitsets()
    predictors = _predictors(content, number.astype(np.float64))

    def leaves(x: NDArray[np.float32]) -> NDArray[np.integer]:
        wide = x.astype(np.float64)
        reached = np.empty((len(x), forest.trees), np.int32)
        for tree, predictor in enumerate(predictors):
            reached[:, tree] = predictor.predict(wide, known, positions, n_threads=1)
        return reached

    return leaves


def _predictors(content: HistBoostingContent, values: NDArray[np.float64]) -> list[Any]:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    forest = content.trees.forest
    inner = forest.is_split
    root = np.repeat(forest.roots, content.trees.sizes)
    nodes = np.zeros(len(values), PREDICTOR_RECORD_DTYPE)
    nodes["value"] = values
    nodes["feature_idx"] = np.where(inner, forest.feature, 0)
    nodes["num_threshold"] = np.where(inner, content.trees.threshold, 0.0)
    nodes["missing_go_to_left"] = forest.missing_left
    nodes["left"] = np.where(inner, forest.left - root, 0)
    nodes["right"] = np.where(inner, forest.right - root, 0)
    nodes["is_leaf"] = ~inner
    no_sets = np.zeros((0, 8), np.uint32)
    return [TreePredictor(own.copy(), no_sets, no_sets) for own in np.split(nodes, forest.roots[1:])]


def _by_stage(predictors: list[Any], outputs: int) -> list[list[Any]]:
    return [predictors[start : start + outputs] for start in range(0, len(predictors), outputs)]


def _mapper(features: int) -> Any:
    from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper

    return fitted(_BinMapper(), is_categorical_=np.zeros(features, np.uint8), bin_thresholds_=[])
