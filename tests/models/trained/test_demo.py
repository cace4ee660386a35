"""What `make demo` compiles is what was trained: files that ship, small together, at the thresholds chosen then."""

from __future__ import annotations

import json
from pathlib import Path

from dwcpc.compiler.commands.config import read_config
from dwcpc.compiler.commands.configured import orders

TRAINED = Path(__file__).resolve().parents[3] / "models" / "trained"
MOST_BYTES = 15e6


def test_each_trained_model_is_compiled_from_files_that_ship() -> None:
    config = read_config(TRAINED / "dwcpc.toml")
    assert set(config.models) == {folder.name for folder in TRAINED.iterdir() if folder.is_dir()}
    for model in config.models.values():
        for path in (model.artifact, model.scaler, model.target_scaler, model.calibration, model.features):
            assert path is None or path.is_file(), path
    assert len(orders(config, (), None, replace=True, verify=True)) == 4


def test_the_thresholds_are_those_that_training_chose() -> None:
    models = read_config(TRAINED / "dwcpc.toml").models
    for name in ("node_reliability", "node_detector"):
        chosen = json.loads((TRAINED / name / "evaluation.json").read_text(encoding="utf-8"))["threshold"]
        assert models[name].threshold == chosen
    assert models["consensus"].threshold == float((TRAINED / "consensus" / "threshold.txt").read_text(encoding="utf-8"))


def test_they_are_small_together() -> None:
    assert sum(path.stat().st_size for path in TRAINED.rglob("*") if path.is_file()) < MOST_BYTES
