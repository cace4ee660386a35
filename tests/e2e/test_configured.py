"""`dwcpc compile` without an artifact: all models of dwcpc.toml, and none kept back by another's mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dwcpc.compiler.bundle import open_bundle

DEMO = Path(__file__).resolve().parents[2] / "models/demo"
MODELS = f"""
[budgets]
latency_p99_ms = 1000

[models.nodes]
artifact = "{DEMO}/isolation_demo.pkl"
scaler = "{DEMO}/trees_demo_scaler.json"
threshold = -0.57
cases = 64
budgets = {{memory_mb = 400}}

[models.absent]
artifact = "nothing.pth"

[models.faults]
artifact = "{DEMO}/fault_demo.ubj"
cases = 64
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a dwcpc.toml in it."""
    (tmp_path / "dwcpc.toml").write_text(MODELS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_models_mistake_does_not_keep_the_others_back(project: Path, run: Any) -> None:
    done = run("--json", "compile", "--no-verify")
    told = {model["name"]: model for model in json.loads(done.out)["models"]}
    assert done.code == 2
    assert list(told) == ["nodes", "absent", "faults"]
    assert told["absent"]["error"]["exit_code"] == 2
    assert {told[name]["verdict"] for name in ("nodes", "faults")} == {"inconclusive"}
    for name in ("nodes", "faults"):
        assert open_bundle(project / "dist" / name / "v1.0").metadata.name == name


@pytest.mark.slow
def test_what_the_file_says_is_what_is_judged(project: Path, run: Any) -> None:
    done = run("compile", "--only", "nodes", "--out", "elsewhere")
    bundle = open_bundle(project / "elsewhere/nodes/v1.0")
    limits = {budget.name: budget.limit for budget in bundle.metadata.budgets}
    assert done.code == 0, done.err
    assert (limits["latency_p99_ms"], limits["memory_mb"], limits["size_mb"]) == (1000, 400, 50)
    assert bundle.metadata.decision is not None
    assert bundle.metadata.decision.threshold == -0.57


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--target", "cpu-int8"], "--target: belongs to one model"),
        (["--threshold", "1", "--seed", "3"], "--seed, --threshold: belongs to one model"),
        (["--only", "other"], "has no other"),
        (["--config", "other.toml"], "other.toml: no such file"),
    ],
)
def test_bad_usage_is_told_before_any_work(project: Path, run: Any, options: list[str], told: str) -> None:
    done = run("compile", *options)
    assert done.code == 2
    assert told in done.err
    assert not (project / "dist").exists()
