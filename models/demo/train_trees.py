"""Train the demonstration trees and write them beside this file: `python models/demo/train_trees.py`.

A row is a window's mean and standard deviation of each metric. An isolation forest sees normal rows alone; an XGBoost
classifier learns to tell them from rows with a fault. Both are trained on rows scaled by one RobustScaler.
"""

import argparse
import json
from pathlib import Path
from typing import Final

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import RobustScaler
from xgboost import XGBClassifier

from dwcpc.models.demo.simulate import METRICS, faulty_windows, normal_windows

SEED: Final = 7
NORMAL_WINDOWS: Final = 4096
FAULTY_WINDOWS: Final = 2048
STATISTICS: Final = ("mean", "std")
NAMES: Final = tuple(f"{metric.name}_{statistic}" for statistic in STATISTICS for metric in METRICS)

HERE: Final = Path(__file__).parent
FOREST: Final = "isolation_demo.pkl"
CLASSIFIER: Final = "fault_demo.ubj"
SCALER: Final = "trees_demo_scaler.json"


def rows(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean and the standard deviation of each metric [windows, 2 · metrics]."""
    return np.concatenate([windows.mean(axis=1), windows.std(axis=1)], axis=1).astype(np.float32)


def fit_scaler(normal: NDArray[np.float32]) -> RobustScaler:
    """Return the scaler of the normal rows."""
    return RobustScaler().fit(normal)


def fit_forest(scaled: NDArray[np.float32], seed: int = SEED) -> IsolationForest:
    """Return an isolation forest whose trees see three quarters of the features each."""
    forest = IsolationForest(n_estimators=40, max_samples=128, max_features=0.75, contamination=0.02, random_state=seed)
    return forest.fit(scaled)


def fit_classifier(scaled: NDArray[np.float32], faulty: NDArray[np.bool_], seed: int = SEED) -> XGBClassifier:
    """Return a classifier of normal (0) and faulty (1) rows."""
    classifier = XGBClassifier(n_estimators=60, max_depth=4, learning_rate=0.2, random_state=seed, n_jobs=1)
    classifier.fit(scaled, faulty.astype(int))
    classifier.get_booster().feature_names = list(NAMES)
    return classifier


def main() -> None:
    """Train and write all three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=SEED)
    seed: int = parser.parse_args().seed
    normal, faulty = (
        rows(normal_windows(NORMAL_WINDOWS, seed=seed)),
        rows(faulty_windows(FAULTY_WINDOWS, seed=seed + 1)),
    )
    scaler = fit_scaler(normal)
    both = scaler.transform(np.concatenate([normal, faulty]))
    is_faulty = np.arange(len(both)) >= len(normal)
    joblib.dump(fit_forest(both[~is_faulty], seed), HERE / FOREST, compress=9)
    fit_classifier(both, is_faulty, seed).save_model(HERE / CLASSIFIER)
    content = {
        "type": "RobustScaler",
        "center": scaler.center_.tolist(),
        "scale": scaler.scale_.tolist(),
        "feature_names": NAMES,
    }
    (HERE / SCALER).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
