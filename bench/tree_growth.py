"""How compile time and size grow with the number of trees and of features: XGBoost files of 100 to 5,000 trees.

    python -m dwcpc.bench.tree_growth

One booster is fitted a number of features, and its trees are written again and again until the file has as many as
wanted: what is timed is reading, checking, folding a scaler and lowering, which do not care what the trees say.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dwcpc.compiler.pipeline import CompileRequest, compile_artifact
from dwcpc.compiler.targets import target_named

FITTED_TREES = 50
DEPTH = 8
ROWS = 8_000
TREES = (100, 200, 500, 1000, 2000, 5000)
FEATURES = (10, 100, 1000)
FEATURES_OF_TREES = 123  # the node models'
TREES_OF_FEATURES = 300
SEED = 20260101


@dataclass(frozen=True, slots=True)
class Size:
    """One compilation."""

    trees: int
    features: int
    splits: int
    file_bytes: int
    seconds: float
    model_bytes: int


def main() -> None:
    """Print one line a compilation, and the exponents of growth: 1 is linear."""
    sys.stdout.write("  trees  features    splits  file MB  compile s  µs a split  model MB  bytes a split\n")
    by_trees = [_shown(size) for size in _sizes(FEATURES_OF_TREES, TREES)]
    for features in FEATURES:
        for size in _sizes(features, (TREES_OF_FEATURES,)):
            _shown(size)
    splits = np.log([size.splits for size in by_trees])
    for what, values in (
        ("compile time", [size.seconds for size in by_trees]),
        ("model size", [size.model_bytes for size in by_trees]),
    ):
        exponent = np.polyfit(splits, np.log(values), 1)[0]
        sys.stdout.write(f"{what} ~ splits^{exponent:.2f}\n")


def _shown(size: Size) -> Size:
    sys.stdout.write(
        f"{size.trees:7d}  {size.features:8d}  {size.splits:8d}  {size.file_bytes / 1e6:7.1f}  {size.seconds:9.2f}  "
        f"{size.seconds / size.splits * 1e6:10.2f}  {size.model_bytes / 1e6:8.2f}  "
        f"{size.model_bytes / size.splits:13.1f}\n"
    )
    sys.stdout.flush()
    return size


def _sizes(features: int, counts: tuple[int, ...]) -> list[Size]:
    fitted = _fitted(features)
    with tempfile.TemporaryDirectory(prefix="dwcpc-growth-") as name:
        scaler = Path(name) / "scaler.json"
        scaler.write_text(json.dumps({"type": "RobustScaler", "center": [0.1] * features, "scale": [1.7] * features}))
        model = Path(name) / "model.json"
        _compiled(model, fitted, FITTED_TREES, scaler)  # what the first one imports is not growth
        return [_compiled(model, fitted, count, scaler) for count in counts]


def _fitted(features: int) -> dict[str, Any]:
    """Return a fitted booster as its JSON."""
    import xgboost

    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(ROWS, features)).astype(np.float32)
    y = rng.integers(0, 2, ROWS)
    parameters = {
        "objective": "binary:logistic",
        "max_depth": DEPTH,
        "min_child_weight": 0,  # full trees: 255 splits each
        "lambda": 0,
        "seed": SEED,
    }
    booster = xgboost.train(parameters, xgboost.DMatrix(x, y), num_boost_round=FITTED_TREES)
    content: dict[str, Any] = json.loads(booster.save_raw("json"))
    return content


def _repeated(fitted: dict[str, Any], count: int) -> bytes:
    """Return the JSON of `count` trees, the fitted ones again and again."""
    content = json.loads(json.dumps(fitted))
    model = content["learner"]["gradient_booster"]["model"]
    trees = model["trees"]
    model["trees"] = [{**trees[index % len(trees)], "id": index} for index in range(count)]
    model["tree_info"] = [0] * count
    model["iteration_indptr"] = list(range(count + 1))
    model["gbtree_model_param"]["num_trees"] = str(count)
    return json.dumps(content).encode()


def _compiled(path: Path, fitted: dict[str, Any], count: int, scaler: Path) -> Size:
    data = _repeated(fitted, count)
    path.write_bytes(data)
    start = time.perf_counter()
    compiled = compile_artifact(CompileRequest(path, target_named("cpu-fp32"), scaler))
    model = compiled.built.model.SerializeToString()
    seconds = time.perf_counter() - start
    trees = next(node for node in compiled.built.model.graph.node if node.op_type == "TreeEnsemble")
    splits = len(next(each.ints for each in trees.attribute if each.name == "nodes_featureids"))
    return Size(count, compiled.spec.input_shape[0], splits, len(data), seconds, len(model))


if __name__ == "__main__":
    main()
