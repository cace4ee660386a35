"""A specification belongs to a model: the first difference is named, and nothing is embedded that cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.embedding import EMBED_FEATURES, embedded
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.use import FeatureUse, require_names, timesteps_of
from dwcpc.compiler.pipeline import Compiled, CompileRequest, compile_artifact
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32

DEMO = Path(__file__).resolve().parents[3] / "models" / "demo"
FOREST, SCALER = DEMO / "isolation_demo.pkl", DEMO / "trees_demo_scaler.json"
NAMES: list[str] = json.loads(SCALER.read_text(encoding="utf-8"))["feature_names"]


def document(names: list[str], **changed: Any) -> dict[str, Any]:
    steps = [{"name": name, "op": "copy", "of": name} for name in names]
    columns = [{"name": name, "unit": "ms"} for name in names]
    return {"schema": "dwcpc.features/1", "name": "s", "columns": columns, "steps": steps, **changed}


Compile = Callable[..., Compiled]


@pytest.fixture
def compile_forest(tmp_path: Path) -> Compile:
    """Return `compile_forest(document, embed=…, **of the request)`: the demonstration's forest with features."""

    def compiled(spec: dict[str, Any] | None, *, embed: bool = True, **more: Any) -> Compiled:
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(spec), encoding="utf-8")
        features = None if spec is None else str(path)
        return compile_artifact(
            CompileRequest(FOREST, CPU_FP32, SCALER, features=features, embed_features=embed, **more)
        )

    return compiled


def test_the_features_name_the_channels_without_being_embedded(compile_forest: Compile) -> None:
    compiled = compile_forest(document(NAMES), embed=False)
    assert embedded(compiled) is compiled
    assert compiled.inputs[0].channels == tuple(NAMES)
    assert compiled.inputs[0].shape == ("batch", len(NAMES))


def test_what_is_embedded_takes_raw_windows_and_says_so(compile_forest: Compile) -> None:
    spec = document(NAMES)
    spec["steps"][0] = {"name": NAMES[0], "op": "rolling_mean", "of": "raw", "window": 4}
    spec["columns"][0] = {"name": "raw"}
    compiled = embedded(compile_forest(spec))
    assert compiled.inputs[0].shape == ("batch", 4, len(NAMES))
    assert compiled.inputs[0].channels == ("raw", *NAMES[1:])
    assert compiled.inputs[0].units == ("", *["ms"] * (len(NAMES) - 1))
    record = compiled.built.passes[-1]
    assert record.name == EMBED_FEATURES
    assert record.changed == sum(node.name.startswith("dwcpc_feature_") for node in compiled.built.model.graph.node)
    assert record.nodes == len(compiled.built.model.graph.node)


def test_the_first_difference_of_names_is_told(compile_forest: Compile) -> None:
    with pytest.raises(InputError, match=rf"spec\.json: feature 1 is '{NAMES[2]}', expected '{NAMES[1]}', which"):
        compile_forest(document([NAMES[0], NAMES[2], NAMES[1], *NAMES[3:]]))
    with pytest.raises(InputError, match=rf"computes {len(NAMES) - 1} features, expected {len(NAMES)}"):
        compile_forest(document(NAMES[:-1]))


def test_names_that_nobody_knows_are_counted_alone() -> None:
    spec = checked_spec(document(["a", "b"]), "s")
    require_names(spec, 2, (), "s")
    with pytest.raises(InputError, match="s: computes 2 features, expected 3"):
        require_names(spec, 3, (), "s")


def test_refuses_to_embed_what_the_caller_scales_and_what_is_not_there(compile_forest: Compile) -> None:
    with pytest.raises(InputError, match="--embed-features: the caller cannot scale"):
        compile_forest(document(NAMES), scaler_applied="host")
    compile_forest(document(NAMES), embed=False, scaler_applied="host")
    with pytest.raises(InputError, match="--embed-features: there are no features to embed"):
        compile_forest(None)


def test_refuses_a_step_that_cannot_be_told_from_inside_the_graph(compile_forest: Compile) -> None:
    spec = document(NAMES)
    spec["steps"].insert(0, {"name": "is_high", "op": "indicator", "of": NAMES[0], "above": 1, "output": False})
    spec["columns"][1] = {"name": "other"}
    spec["steps"][2] = {"name": NAMES[1], "op": "rolling_mean", "of": "is_high", "window": 3}
    compile_forest(spec, embed=False)
    with pytest.raises(InputError, match=f"step '{NAMES[1]}': looks back at 'is_high'"):
        compile_forest(spec)


def test_rows_of_features_are_flat_or_windows_and_nothing_else() -> None:
    assert timesteps_of((5,), "s") is None
    assert timesteps_of((30, 5), "s") == 30
    with pytest.raises(InputError, match=r"s: computes rows of features, the model takes rows of shape \[3, 4, 5\]"):
        timesteps_of((3, 4, 5), "s")


def test_what_is_no_place_of_a_category_counts_as_missing() -> None:
    steps = [{"name": "mode", "op": "label", "of": "m", "fill": -1}]
    columns = [{"name": "m", "type": "category", "categories": ["x", "y"]}]
    spec = {"schema": "dwcpc.features/1", "name": "s", "columns": columns, "steps": steps}
    use = FeatureUse(checked_spec(spec, "s"), spec, embedded=True, timesteps=None)
    codes = np.array([0, 1, 2, -1, 0.5, np.nan, np.inf], np.float32)[:, None, None]
    assert use.rows(codes)[:, 0].tolist() == [0, 1, -1, -1, -1, -1, -1]
