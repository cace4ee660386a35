from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.labelled import LabelledRows, labelled_rows
from dwcpc.models.data.nodes import CAUSE, KINDS, LABEL, Fleet, simulate_nodes
from dwcpc.models.data.series_split import Split, split_rows
from dwcpc.models.training.node_estimators import parameters
from dwcpc.models.training.node_model import TrainedNodes
from dwcpc.models.training.nodes import NodeRecipe, judge, recall_by_cause, time_blocks, train

SMALL = NodeRecipe(trees=40, depth=5)


@pytest.fixture(scope="module")
def rows() -> LabelledRows:
    table = simulate_nodes(Fleet(nodes=40, samples=700, seed=3))
    return labelled_rows(shipped_spec("node_reliability_123"), table, LABEL, CAUSE)


@pytest.fixture(scope="module")
def split(rows: LabelledRows) -> Split:
    return split_rows(rows.time, rows.group, 1)


def suspicion(trained: TrainedNodes, rows: LabelledRows) -> NDArray[np.float64]:
    return trained.model.suspicion(rows, np.arange(len(rows.x)))


def test_a_small_supervised_model_finds_most_incidents_on_nodes_it_never_saw(rows: LabelledRows, split: Split) -> None:
    trained = train(rows, split, SMALL)
    scores = trained.model.suspicion(rows, split.test)
    flagged = scores >= trained.threshold
    found = judge(scores, flagged, rows, split.test)
    assert found.figures.recall > 0.9
    assert found.figures.false_positive_rate < 0.06
    assert found.groups == len(set(rows.group[split.test]))  # type: ignore[index]
    assert set(recall_by_cause(flagged, rows, split.test)) <= set(KINDS)


def test_whoever_watches_sees_each_tree_and_may_end_the_training(rows: LabelledRows, split: Split) -> None:
    seen: list[tuple[int, float]] = []

    def watch(tree: int, loss: float) -> None:
        seen.append((tree, loss))
        if tree == 7:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train(rows, split, SMALL, watch=watch)
    assert [tree for tree, _ in seen] == [1, 2, 3, 4, 5, 6, 7]
    trained = train(rows, split, dataclasses.replace(SMALL, trees=7))
    assert seen[-1][1] == 1 - trained.model.history["validation_aucpr"][-1]


def test_shuffled_labels_teach_nothing(rows: LabelledRows, split: Split) -> None:
    label = rows.label.copy()
    label[split.train] = np.random.default_rng(0).permutation(label[split.train])
    trained = train(dataclasses.replace(rows, label=label), split, SMALL)
    scores = trained.model.suspicion(rows, split.test)
    assert judge(scores, scores >= trained.threshold, rows, split.test).figures.recall < 0.5


def test_the_test_rows_have_no_part_in_training(rows: LabelledRows, split: Split) -> None:
    x, label = rows.x.copy(), rows.label.copy()
    x[split.test] *= 3
    label[split.test] = ~label[split.test]
    recipe = NodeRecipe(features="best", trees=10, depth=4)
    here, there = train(rows, split, recipe), train(dataclasses.replace(rows, x=x, label=label), split, recipe)
    assert here.threshold == there.threshold
    assert here.spec == there.spec
    assert np.array_equal(suspicion(here, rows), suspicion(there, rows))


def test_the_threshold_keeps_its_limit_on_validation_rows(rows: LabelledRows, split: Split) -> None:
    shares = []
    for limit in (0.01, 0.1):
        trained = train(rows, split, NodeRecipe(trees=10, depth=4, false_positives=limit))
        normal = split.validation[~rows.label[split.validation]]
        shares.append((trained.model.suspicion(rows, normal) >= trained.threshold).mean())
    assert 0 < shares[0] <= 0.01 < shares[1] <= 0.1


@pytest.mark.parametrize(
    "recipe", [NodeRecipe(trees=10), NodeRecipe("forest", trees=20), NodeRecipe("isolation", trees=20)]
)
def test_the_seed_reproduces_a_model_bit_for_bit(recipe: NodeRecipe, rows: LabelledRows, split: Split) -> None:
    first, again = train(rows, split, recipe), train(rows, split, recipe)
    other = train(rows, split, dataclasses.replace(recipe, seed=7))
    assert np.array_equal(suspicion(first, rows), suspicion(again, rows))
    assert not np.array_equal(suspicion(first, rows), suspicion(other, rows))


def test_an_isolation_forest_sees_no_label(rows: LabelledRows, split: Split) -> None:
    label = rows.label.copy()
    label[split.train] = np.random.default_rng(0).permutation(label[split.train])
    recipe = NodeRecipe("isolation", trees=20)
    here, there = train(rows, split, recipe), train(dataclasses.replace(rows, label=label), split, recipe)
    assert np.array_equal(suspicion(here, rows), suspicion(there, rows))


def test_hyperparameters_are_the_owners() -> None:
    assert parameters("xgboost", None, None).items() >= {"n_estimators": 300, "max_depth": 8}.items()
    isolation = {"n_estimators": 100, "max_samples": 256, "max_features": 0.75}
    assert parameters("isolation", None, 4, 0.5) == isolation
    assert parameters("xgboost", None, None, 0.05)["learning_rate"] == 0.05


def test_a_part_without_incidents_is_refused(rows: LabelledRows, split: Split) -> None:
    label = rows.label.copy()
    label[split.validation] = False
    with pytest.raises(InputError, match="all labels of the validation rows are 0"):
        train(dataclasses.replace(rows, label=label), split, SMALL)


def test_a_feature_that_is_no_number_is_named(rows: LabelledRows, split: Split) -> None:
    x = rows.x.copy()
    x[split.test[3], 7] = np.nan
    with pytest.raises(InputError, match=f"feature '{rows.names[7]}' is not finite in the test rows"):
        train(dataclasses.replace(rows, x=x), split, SMALL)


def test_without_groups_stretches_of_time_are_drawn() -> None:
    blocks = time_blocks(np.arange(300.0), 30)
    assert np.array_equal(np.bincount(blocks), np.full(30, 10))
