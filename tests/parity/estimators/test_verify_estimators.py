"""Verification of estimators in onnxruntime: the compiled model passes, and each slip a compiler can make is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.scalers import Scaler
from dwcpc.parity.estimators.onnx_trees import attributes, tree_node
from dwcpc.parity.failure import read_failure, write_failure
from dwcpc.parity.reference import CaseRequest, make_reference
from dwcpc.parity.runners.base import Outputs, RunnerOutput
from dwcpc.parity.runners.estimator_source import EstimatorSource
from dwcpc.parity.runners.python_ort import PythonRuntime
from dwcpc.parity.verify import Verification, verify

SCALER = Scaler("RobustScaler", (0.0, 12.0, -3.0, 5e6, 0.25), (1.0, 0.5, 73.9, 2e6, 1e-3))
REQUEST = CaseRequest(rows=256, seed=5)
KINDS = {
    "regression": {"target_scaler": Scaler("StandardScaler", (100.0,), (3.0,))},
    "anomaly": {"link": "isolation", "scaler": SCALER},
    "anomaly, guarded": {"link": "isolation", "non_finite": "propagated"},
    "two classes": {"link": "average", "classes": 2, "scalers": (SCALER,)},
    "two classes, guarded": {"link": "average", "classes": 2, "non_finite": "propagated"},
    "three classes": {"link": "average", "missing": 0.5},
    "three classes, guarded": {"link": "average", "non_finite": "propagated", "scaler": SCALER},
}
Change = Callable[[onnx.ModelProto], None]


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Python's onnxruntime, whose outputs `spoil` changes."""

    spoil: Callable[[Outputs], None]
    name: str = "go"

    def run(self, bundle: Bundle, rows: np.ndarray, batch: int) -> RunnerOutput:
        """Run, then spoil."""
        answered = PythonRuntime().run(bundle, rows, batch)
        outputs = {name: values.copy() for name, values in answered.outputs.items()}
        self.spoil(outputs)
        return RunnerOutput(outputs, answered.onnxruntime)


def failed(verification: Verification) -> set[str]:
    return {result.check for result in verification.parity.results if not result.passed}


def verified(source: EstimatorSource, bundle: Bundle, *runners: Any) -> Verification:
    return verify(bundle, make_reference(source, REQUEST), (PythonRuntime(), *runners))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_compiled_model_passes(kind: dict, tree_source: Callable, bundle_of: Callable) -> None:
    source = tree_source(**kind)
    parity = verified(source, bundle_of(source)).parity
    assert parity.verdict == "pass", [result for result in parity.results if not result.passed]
    checks = {result.check for result in parity.results}
    assert {"closeness", "finiteness", "batch_invariance", "leaf_paths", "boundary_reached"} <= checks
    assert ("nan_policy" in checks) is not source.answers_non_finite
    assert ("labels" in checks) is ("link" in kind)
    assert ("decisions" in checks) is (kind.get("link") == "isolation")
    assert ("non_finite" in parity.rows) is not source.answers_non_finite


def test_a_linear_classifier_passes(fake_estimator: Any, bundle_of: Callable) -> None:
    core = LinearModel(np.random.default_rng(1).normal(size=(5, 1)), np.array([0.3]), "logistic", ("no", "yes"))
    source = EstimatorSource(fake_estimator(core, non_finite="propagated"), SCALER, None, None)
    parity = verified(source, bundle_of(source)).parity
    assert parity.verdict == "pass", [result for result in parity.results if not result.passed]


def set_tensor(name: str, change: Callable[[np.ndarray], None]) -> Change:
    """Return the change of a tensor of the model's tree node, in place."""

    def changed(model: onnx.ModelProto) -> None:
        node = tree_node(model)
        values = attributes(node)[name].copy()
        change(values)
        kept = [each for each in node.attribute if each.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, numpy_helper.from_array(values))])

    return changed


def one_threshold(splits: np.ndarray) -> None:
    at = np.flatnonzero(splits)[0]
    splits[at] = np.nextafter(np.float32(splits[at]), np.float32(np.inf))


def less_than(modes: np.ndarray) -> None:
    modes[:] = 1


def one_leaf(weights: np.ndarray) -> None:
    weights[weights.argmax()] *= 1 + 1e-4


def all_leaves_by_a_little(weights: np.ndarray) -> None:
    weights[:] *= 1 + 1.2e-6


@pytest.mark.parametrize(
    ("name", "change", "checks"),
    [
        ("nodes_splits", one_threshold, {"leaf_paths", "closeness"}),
        ("nodes_modes", less_than, {"leaf_paths", "closeness"}),
        ("leaf_weights", one_leaf, {"closeness"}),
        ("leaf_weights", all_leaves_by_a_little, {"closeness"}),
    ],
)
def test_a_slip_in_the_trees_is_found(
    name: str, change: Callable, checks: set[str], tree_source: Callable, bundle_of: Callable
) -> None:
    source = tree_source()
    assert checks <= failed(verified(source, bundle_of(source, change=set_tensor(name, change))))


def test_a_missing_value_sent_the_other_way_is_found(tree_source: Callable, bundle_of: Callable) -> None:
    def never_left(model: onnx.ModelProto) -> None:
        node = tree_node(model)
        kept = [each for each in node.attribute if each.name != "nodes_missing_value_tracks_true"]
        del node.attribute[:]
        node.attribute.extend(kept)

    source = tree_source()
    assert {"leaf_paths", "closeness"} <= failed(verified(source, bundle_of(source, change=never_left)))


def test_one_flipped_label_is_found(tree_source: Callable, bundle_of: Callable) -> None:
    def flip(outputs: Outputs) -> None:
        outputs["label"][-1] = 11 if outputs["label"][-1] == 10 else 10

    source = tree_source("average")
    verification = verified(source, bundle_of(source), Spoiled(flip))
    assert {"labels", "bit_equality"} <= failed(verification)
    assert all(result.runtime != "python" for result in verification.parity.results if not result.passed)


def test_one_flipped_decision_is_found_although_the_scores_agree(tree_source: Callable, bundle_of: Callable) -> None:
    def flip(outputs: Outputs) -> None:
        outputs["anomaly"][-1] = 1 - outputs["anomaly"][-1]

    source = tree_source("isolation")
    assert {"labels", "decisions"} <= failed(verified(source, bundle_of(source), Spoiled(flip)))


def test_a_label_instead_of_the_refusal_of_nan_is_found(tree_source: Callable, bundle_of: Callable) -> None:
    def answer(outputs: Outputs) -> None:
        outputs["label"][outputs["label"] == -1] = 10

    source = tree_source("average", non_finite="propagated")
    assert "nan_policy" in failed(verified(source, bundle_of(source), Spoiled(answer)))


def test_a_label_of_another_type_is_not_the_same_model(tree_source: Callable, bundle_of: Callable) -> None:
    def narrow(outputs: Outputs) -> None:
        outputs["label"] = outputs["label"].astype(np.int32)

    source = tree_source("average")
    with pytest.raises(Exception, match=r"is int32 .*, expected int64"):
        verified(source, bundle_of(source), Spoiled(narrow))


def test_a_failure_keeps_whole_numbers_and_undecided_rows_as_they_are(
    tree_source: Callable, bundle_of: Callable, tmp_path: Path
) -> None:
    def flip(outputs: Outputs) -> None:
        outputs["label"][3] = 11 if outputs["label"][3] == 10 else 10

    source = tree_source("average")
    bundle, reference = bundle_of(source), make_reference(source, REQUEST)
    reference.groups[0].tolerance["label"][5] = np.inf
    verification = verify(bundle, reference, (PythonRuntime(), Spoiled(flip)))
    write_failure(tmp_path, reference, verification, None, "again")
    np.testing.assert_array_equal(np.load(tmp_path / "typical.input.npy"), reference.groups[0].rows[[3]])
    for what in ("reference", "python", "go"):
        assert np.load(tmp_path / f"typical.{what}.label.npy").dtype == np.int64
    read = read_failure(tmp_path)
    assert read.groups[0].outputs["label"].dtype == np.int64
    assert verify(bundle, read, (PythonRuntime(),)).parity.verdict == "pass"
    assert "labels" in failed(verify(bundle, read, (Spoiled(lambda outputs: outputs["label"].__iadd__(1)),)))
