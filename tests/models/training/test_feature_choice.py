from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.reading import read_spec
from dwcpc.compiler.features.shipped import shipped_names, shipped_spec
from dwcpc.models.data.nodes import Fleet, simulate_nodes
from dwcpc.models.training.feature_choice import best_features, narrowed, spec_document

SPEC = shipped_spec("node_reliability_123")


@pytest.mark.parametrize("name", shipped_names())
def test_a_specification_written_as_json_reads_as_itself(name: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec_document(shipped_spec(name))), encoding="utf-8")
    assert read_spec(path) == shipped_spec(name)


def test_a_narrowed_specification_computes_the_same_features_and_no_others() -> None:
    table = simulate_nodes(Fleet(4, 40))
    every = run_spec(SPEC, table)
    names = ("latency_p99_rolling_std_15", "cpu_usage_acceleration", "latency_ratio", "mode_fallback")
    narrow = narrowed(SPEC, names, "best")
    found = run_spec(narrow, table)
    assert found.names == tuple(name for name in every.names if name in names)
    assert np.array_equal(found.values, every.values[:, [every.names.index(name) for name in found.names]])
    assert {column.name for column in narrow.columns} == {"latency_p50", "latency_p99", "cpu_usage", "mode"}


def test_a_step_that_only_serves_others_is_kept_without_an_output() -> None:
    spec = shipped_spec("bandwidth_predictor")
    serving = {source for step in spec.steps for source in step.sources} & {step.name for step in spec.steps}
    name = next(step.name for step in spec.steps if serving & set(step.sources) and step.name not in serving)
    narrow = narrowed(spec, (name,), "best")
    assert narrow.features == (name,)
    assert len(narrow.steps) > 1


def informed(rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Return rows whose label depends on two hidden figures: 0 and 1 show the first, 2 the other."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, 8)).astype(np.float32)
    first = rng.normal(size=rows)
    x[:, 0], x[:, 1] = first + 0.1 * x[:, 0], np.exp(first + 0.1 * x[:, 1])
    return x, first + 0.7 * x[:, 2] > 0


def test_the_best_features_inform_and_one_of_two_that_say_the_same_is_left_out() -> None:
    assert best_features(*informed(), seed=1, count=2).tolist() in ([0, 2], [1, 2])


def test_without_the_limit_on_likeness_both_would_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dwcpc.models.training.feature_choice.SAME", 1.0)
    assert best_features(*informed(), seed=1, count=3).tolist() == [0, 1, 2]
