"""The reference of estimators: the framework's own answers and leaves, on rows that lie where it decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.cases import NON_FINITE_ROWS
from dwcpc.parity.estimators import reference as estimator_reference
from dwcpc.parity.reference import CaseRequest, Reference, golden_part, make_reference
from dwcpc.parity.runners.estimator_source import EstimatorSource

SCALER = Scaler("RobustScaler", (0.0, 12.0, -3.0, 5e6, 0.25), (1.0, 0.5, 73.9, 2e6, 1e-3))
REQUEST = CaseRequest(rows=256, seed=5)
ALL = {"typical": 128, "wide": 32, "special": 32, "missing": 16}


def sizes(reference: Reference) -> dict[str, int]:
    return {group.name: len(group.rows) for group in reference.groups}


def test_classifiers_have_rows_where_the_label_changes_and_on_the_splits(tree_source: Callable) -> None:
    reference = make_reference(tree_source("average", scaler=SCALER), REQUEST)
    found = sizes(reference)
    assert {name: found[name] for name in (*ALL, "label_change")} == {**ALL, "label_change": 48}
    assert list(found)[-1] == "boundary"
    assert 1000 < found["boundary"] <= 25 * 256
    assert len(set(reference.groups[0].outputs["label"].tolist())) == 3
    assert reference.notes == ()


def test_anomaly_detectors_have_rows_at_the_threshold_on_both_sides(tree_source: Callable) -> None:
    reference = make_reference(tree_source("isolation"), REQUEST)
    (near,) = (group for group in reference.groups if group.name == "threshold")
    assert set(near.outputs["anomaly"].tolist()) == {0, 1}
    assert near.outputs["anomaly"].dtype == np.int64
    np.testing.assert_array_equal(near.outputs["decision_value"], near.outputs["anomaly_score"] + 0.7)
    np.testing.assert_array_equal(near.outputs["anomaly"] == 1, near.outputs["decision_value"] <= 0)


def test_a_side_of_the_threshold_that_no_drawn_row_is_on_is_searched_for(tree_source: Callable) -> None:
    source = tree_source("isolation")
    scores = source.score(make_reference(source, REQUEST).groups[0].rows)
    far = replace(source, decision=replace(source.decision, threshold=float(scores.max()) + 1e-3))
    reference = make_reference(far, replace(REQUEST, seed=6))
    (near,) = (group for group in reference.groups if group.name == "threshold")
    assert set(near.outputs["anomaly"].tolist()) == {0, 1}
    never = replace(source, decision=replace(source.decision, threshold=-0.01))
    reference = make_reference(never, REQUEST)
    assert "threshold" not in sizes(reference)
    assert "decisions near it were not tested" in reference.notes[0]


def test_regressions_have_no_decision(tree_source: Callable) -> None:
    reference = make_reference(tree_source(), REQUEST)
    assert sizes(reference).keys() == {*ALL, "boundary"}
    assert reference.groups[0].outputs["prediction"].shape == (128, 1)


@pytest.mark.parametrize("link", ["identity", "average", "isolation"])
def test_outputs_and_leaves_are_the_frameworks_behind_the_scaler(
    link: str, tree_source: Callable, ends: Callable
) -> None:
    target = Scaler("StandardScaler", (100.0,), (3.0,)) if link == "identity" else None
    source = tree_source(link, scaler=SCALER, target_scaler=target)
    for group in make_reference(source, REQUEST).groups:
        scaled = SCALER.transform(group.rows)
        np.testing.assert_array_equal(group.leaves, ends(source.forest, scaled) - source.forest.roots)
        for name, values in source.estimator.answers(scaled).items():
            expected = values * 3.0 + 100.0 if target else values
            np.testing.assert_array_equal(group.outputs[name], expected)
            assert group.tolerance[name].shape == expected.shape


def test_leaves_take_as_few_bytes_as_their_numbers_need(tree_source: Callable, random_forest: Callable) -> None:
    assert make_reference(tree_source(), REQUEST).groups[0].leaves.dtype == np.uint8
    deep = tree_source(forest=random_forest(3, 12, 5))
    assert deep.leaves(np.zeros((2, 5), np.float32)).dtype == np.uint16


def test_models_that_refuse_nan_are_asked_for_finite_rows_alone(tree_source: Callable) -> None:
    steep = Scaler("RobustScaler", (0.0,) * 5, (1e-30,) * 5)  # which takes large values to infinity
    source = tree_source("average", non_finite="propagated", scaler=steep)
    reference = make_reference(source, REQUEST)
    assert "missing" not in sizes(reference)
    for group in reference.groups:
        assert np.isfinite(group.rows).all()
        assert np.isfinite(steep.transform(group.rows)).all()
    assert reference.non_finite.shape == (NON_FINITE_ROWS, 5)
    assert len(make_reference(tree_source("average"), REQUEST).non_finite) == 0


def test_calibration_stands_in_for_typical_rows_also_around_the_splits(tree_source: Callable) -> None:
    calibration = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
    calibration[:, 4] = 7.125
    source = tree_source(non_finite="propagated")
    first, *_, boundary = make_reference(source, replace(REQUEST, calibration=calibration)).groups
    assert (first.name, len(first.rows)) == ("calibration", 64)
    assert (boundary.rows[:, 4] == 7.125).mean() > 0.3  # wherever no split on the path says otherwise


def test_the_same_seed_makes_the_same_reference(tree_source: Callable) -> None:
    source = tree_source("average")
    for left, right in zip(make_reference(source, REQUEST).groups, make_reference(source, REQUEST).groups, strict=True):
        np.testing.assert_array_equal(left.rows, right.rows)


def separated(reference: Reference) -> Any:
    (result,) = reference.source_checks
    assert result.check == "boundary_reached"
    return result


def test_the_source_itself_separates_the_two_sides_of_every_split(tree_source: Callable) -> None:
    result = separated(make_reference(tree_source(scaler=SCALER), REQUEST))
    assert result.passed
    assert result.rows > 500
    assert "splits" in result.note


def test_rows_that_are_not_on_the_splits_fail(tree_source: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    made = estimator_reference.boundary_cases

    def at_random(surface: Any, contexts: int, seed: int) -> Any:
        cases = made(surface, contexts, seed)
        rows = surface.ordinary(np.random.default_rng(seed), len(cases.case.rows))
        return replace(cases, case=replace(cases.case, rows=rows))

    monkeypatch.setattr(estimator_reference, "boundary_cases", at_random)
    result = separated(make_reference(tree_source(), REQUEST))
    assert not result.passed
    assert result.worst > 0.1 * result.rows


def test_a_description_that_is_one_float32_off_its_framework_fails(tree_source: Callable) -> None:
    source = tree_source()
    walked = replace(source.forest, threshold=np.nextafter(source.forest.threshold, np.float32(np.inf)))
    assert not separated(make_reference(tree_source(walked=walked), REQUEST)).passed


def test_fewer_splits_than_asked_for_are_said(tree_source: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimator_reference, "MOST_VISITS", 12 * 100)
    source = tree_source()
    reference = make_reference(source, REQUEST)
    assert sizes(reference)["boundary"] <= 100
    assert reference.notes[0].startswith(f"rows on 32 of {source.forest.is_split.sum()} splits")


def test_a_forest_of_leaves_has_no_splits_to_test(tree_source: Callable, random_forest: Callable) -> None:
    reference = make_reference(tree_source(forest=random_forest(1, 0, 5)), REQUEST)
    assert "boundary" not in sizes(reference)
    assert reference.source_checks == ()


def linear(fake_estimator: Any, scaler: Scaler | None = SCALER) -> EstimatorSource:
    weights = np.random.default_rng(1).normal(size=(5, 1))
    core = LinearModel(weights, np.array([0.3]), "logistic", ("no", "yes"))
    return EstimatorSource(fake_estimator(core, non_finite="propagated"), scaler, None, None)


def test_linear_classifiers_have_rows_near_their_boundary(fake_estimator: Any) -> None:
    source = linear(fake_estimator)
    reference = make_reference(source, REQUEST)
    assert list(sizes(reference)) == ["typical", "wide", "extreme", "special", "zero", "label_change"]
    assert set(reference.groups[0].outputs["label"].tolist()) == {0, 1}
    far, near = (
        np.abs(group.outputs["probability"][:, 1] - 0.5) for group in (reference.groups[0], reference.groups[-1])
    )
    assert np.median(near) < 1e-4 * np.median(far)
    assert reference.forest is None
    assert reference.groups[0].leaves is None


def test_golden_rows_are_of_every_kind_with_one_tolerance_a_channel(tree_source: Callable) -> None:
    reference = make_reference(tree_source("average", scaler=SCALER), REQUEST)
    golden = golden_part(reference)
    assert sizes(golden) == {
        "typical": 32, "wide": 8, "special": 8, "missing": 8, "label_change": 16, "boundary": 32
    }  # fmt: skip
    for group in golden.groups:
        assert group.tolerance["label"].tolist() == [0.0]
        assert group.tolerance["probability"].shape == (3,)
        assert (group.tolerance["probability"] <= 1e-6).all()


def test_golden_rows_are_none_in_which_the_source_is_undecided(tree_source: Callable) -> None:
    reference = make_reference(tree_source("average"), REQUEST)
    first = reference.groups[0]
    undecided = np.where(np.arange(len(first.rows)) % 2, np.inf, 0.0)
    tied = replace(first, tolerance={**first.tolerance, "label": undecided})
    golden = golden_part(replace(reference, groups=(tied,)))
    np.testing.assert_array_equal(golden.groups[0].rows, first.rows[::2][:32])
    assert golden.groups[0].tolerance["label"].tolist() == [0.0]
