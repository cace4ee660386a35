"""A bundle's feature specification is held against its input, and its golden feature vectors against the executor."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.bundled import SLACK, feature_use, loose_features, vector_problem

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "bundles"
GOOD = FIXTURES / "features"
BAD: list[dict[str, Any]] = json.loads((FIXTURES / "bad_features.json").read_bytes())
VECTORS: list[dict[str, Any]] = json.loads((FIXTURES / "bad_vectors.json").read_bytes())


def test_the_good_bundle_says_how_its_features_are_computed() -> None:
    metadata = open_bundle(GOOD).metadata
    use = feature_use(metadata)
    assert use is not None
    assert (use.embedded, use.timesteps, use.raw_shape, use.model_shape) == (True, 3, (4, 3), (3, 2))
    assert metadata.inputs[0].channels == use.column_names == ("latency", "jitter", "mode")
    assert metadata.inputs[0].units == ("ms", "ms", "")
    assert len(metadata.scaler.center) == 2


@pytest.mark.parametrize("case", [*BAD, *VECTORS], ids=lambda case: case["name"])
def test_refuses_with_the_reason(
    case: dict[str, Any], tmp_path: Path, apply_edits: Callable[[Path, list[dict[str, Any]]], None]
) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "model" / "v1.0"))
    apply_edits(folder, case["edits"])
    with pytest.raises(InputError) as refused:
        open_bundle(folder)
    assert case["reason_contains"] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_cosine_may_differ_by_its_last_digits_and_a_sum_by_nothing() -> None:
    bundle = open_bundle(GOOD)
    use = feature_use(bundle.metadata)
    assert use is not None
    assert bundle.metadata.features is not None
    files = bundle.metadata.features.golden
    raw, computed = (np.load(bundle.path / file.file) for file in (files.raw, files.features))
    assert loose_features(use) == [False, True]
    assert vector_problem(use, raw, computed) is None
    assert vector_problem(use, raw, computed + np.array([0.0, SLACK / 2])) is None
    assert "'wave'" in (vector_problem(use, raw, computed + np.array([0.0, 3 * SLACK])) or "")
    assert "'level'" in (vector_problem(use, raw, computed * np.array([1 + 4e-16, 1.0])) or "")
