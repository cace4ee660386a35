"""A specification whose features bear the demonstration model's names, over columns that lie where those do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
SCALER = REPOSITORY / "models" / "demo" / "consensus_demo_scaler.json"


def demo_features() -> dict[str, Any]:
    """Return it: most features are copies, three look back, one is a sum of two columns."""
    names = json.loads(SCALER.read_text(encoding="utf-8"))["feature_names"]
    steps: list[dict[str, Any]] = [{"name": name, "op": "copy", "of": name} for name in names]
    steps[0] = {"name": names[0], "op": "rolling_mean", "of": "first", "window": 3}
    steps[1] = {"name": names[1], "op": "clip", "of": "second", "low": -1e9}
    steps[2] = {"name": names[2], "op": "lag", "of": "third", "samples": 2}
    terms = [{"of": "fourth", "weight": 0.5}, {"of": "fifth", "weight": 2.0, "per": 4.0}]
    steps[3] = {"name": names[3], "op": "weighted_sum", "terms": terms}
    columns = ["first", "second", "third", "fourth", "fifth", *names[4:]]
    return {
        "schema": "dwcpc.features/1",
        "name": "demo",
        "columns": [{"name": name} for name in columns],
        "steps": steps,
    }
