"""Models of the size that node reliability has, to measure with: 300 trees on 123 features.

    python -m dwcpc.bench.node_models FOLDER

writes `xgboost_300x8.ubj`, `random_forest_300x8.pkl` and `…x16.pkl` and the `scaler.json` of all into FOLDER. The rows
are simulated: features of magnitudes from 1e-6 to 1e6 that move together, a label that depends on a few of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEATURES = 123
TREES = 300
XGBOOST_DEPTH = 8
FOREST_DEPTHS = (8, 16)
ROWS = 8000
HIDDEN = 12
NOISE = 1.0  # of a risk whose standard deviation is about 1.2
SEED = 20260101


def main() -> None:
    """Fit and write all three files."""
    import joblib
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.preprocessing import RobustScaler
    from xgboost import XGBClassifier

    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    raw, label = simulated()
    scaler = RobustScaler().fit(raw)
    scaled = scaler.transform(raw)
    # Without regularisation the trees grow as deep as they may.
    classifier: Any = XGBClassifier(
        n_estimators=TREES, max_depth=XGBOOST_DEPTH, min_child_weight=0, reg_lambda=0, n_jobs=1, random_state=SEED
    )
    classifier.fit(scaled, label).save_model(folder / "xgboost_300x8.ubj")
    for depth in FOREST_DEPTHS:
        forest = RandomForestClassifier(n_estimators=TREES, max_depth=depth, random_state=SEED, n_jobs=-1)
        joblib.dump(forest.fit(scaled, label), folder / f"random_forest_300x{depth}.pkl", compress=3)
    content = {"type": "RobustScaler", "center": scaler.center_.tolist(), "scale": scaler.scale_.tolist()}
    (folder / "scaler.json").write_text(json.dumps(content), encoding="utf-8")


def simulated() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return raw rows [rows, FEATURES] and labels 0 or 1."""
    rng = np.random.default_rng(SEED)
    hidden = rng.normal(size=(ROWS, HIDDEN))
    mixed = hidden @ rng.normal(size=(HIDDEN, FEATURES)) + rng.normal(size=(ROWS, FEATURES))
    magnitude = 10.0 ** rng.uniform(-6, 6, FEATURES)
    raw = (mixed * magnitude + magnitude * rng.normal(size=FEATURES)).astype(np.float32)
    risk = hidden[:, 0] * hidden[:, 1] + np.abs(hidden[:, 2]) - 1 + NOISE * rng.normal(size=ROWS)
    return raw, (risk > 0).astype(np.int64)


if __name__ == "__main__":
    main()
