"""The README of the demonstration model, with the figures of the run that wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Training:
    """What was trained; losses are mean squared errors on scaled values."""

    seed: int
    windows: int
    epochs: int
    parameters: int
    train_loss: float
    validation_loss: float
    threshold: float
    threshold_quantile: float


@dataclass(frozen=True, slots=True)
class Detection:
    """The confusion matrix on test windows; an anomaly is a positive."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int

    @classmethod
    def count(cls, normal_flagged: NDArray[np.bool_], faulty_flagged: NDArray[np.bool_]) -> Detection:
        """Count the windows of either kind that were called an anomaly."""
        false_positives, true_positives = int(normal_flagged.sum()), int(faulty_flagged.sum())
        return cls(
            true_negatives=len(normal_flagged) - false_positives,
            false_positives=false_positives,
            false_negatives=len(faulty_flagged) - true_positives,
            true_positives=true_positives,
        )

    @property
    def recall(self) -> float:
        """Share of the faulty windows that were found."""
        return self.true_positives / (self.true_positives + self.false_negatives)

    @property
    def precision(self) -> float:
        """Share of the windows called an anomaly that are faulty."""
        return self.true_positives / (self.true_positives + self.false_positives)

    @property
    def false_positive_rate(self) -> float:
        """Share of the normal windows that were called an anomaly."""
        return self.false_positives / (self.false_positives + self.true_negatives)

    @property
    def accuracy(self) -> float:
        """Share of all windows that were told right."""
        right = self.true_negatives + self.true_positives
        return right / (right + self.false_positives + self.false_negatives)


def render(training: Training, detection: Detection) -> str:
    """Return the README as Markdown."""
    return f"""# The demonstration model

A small `bilstm_attention_autoencoder` ({training.parameters:,} parameters) that watches a **simulated** consensus group
(`simulate.py`): windows of 30 timesteps × 12 metrics in raw units, normal or with an overloaded leader, a partition
or a stalled follower. It exists so that the compiler can be tried without anybody's data; its figures say
nothing about a real system. `python models/demo/train.py` writes everything here again, this page included.

| file | content |
|---|---|
| `consensus_demo.pth` | state dict; `torch.load(..., weights_only=True)` reads it |
| `consensus_demo_scaler.json` | RobustScaler: centre and scale per feature, feature names in order |
| `threshold.txt` | a window is an anomaly when the mean of (x − y)² on scaled values exceeds it |
| `calibration.npy` | 256 raw float32 windows of the test split: 192 normal, then 64 faulty |
| `isolation_demo.pkl` | an IsolationForest on mean and deviation of each metric of a window, by `train_trees.py` |
| `fault_demo.ubj` | an XGBClassifier on the same, 0 normal and 1 faulty |
| `trees_demo_scaler.json` | RobustScaler of both |

Losses are mean squared errors on scaled values. The threshold is a quantile of the scores of normal validation
windows; no faulty window was used to choose it.

| training | |
|---|---|
| seed | {training.seed} |
| normal windows, epochs | {training.windows:,}, {training.epochs} |
| loss in the last epoch | {training.train_loss:.4f} |
| loss on validation windows | {training.validation_loss:.4f} |
| threshold | {training.threshold:.4f}, the {training.threshold_quantile:.0%} quantile |

| on test windows, seen by neither training nor threshold | |
|---|---|
| normal, not flagged / flagged | {detection.true_negatives} / {detection.false_positives} |
| faulty, missed / found | {detection.false_negatives} / {detection.true_positives} |
| recall | {detection.recall:.2%} |
| precision | {detection.precision:.2%} |
| false positive rate | {detection.false_positive_rate:.2%} |
| accuracy | {detection.accuracy:.2%} |
| (precision + recall) / 2 | {(detection.precision + detection.recall) / 2:.2%} |
"""
