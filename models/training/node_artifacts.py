"""What a run of the node recipe leaves behind: the files that `dwcpc compile` takes, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.labelled import LabelledRows
from dwcpc.models.data.series_split import Split
from dwcpc.models.evaluation.grouped_classification import Evaluation
from dwcpc.models.training.feature_choice import spec_document
from dwcpc.models.training.node_estimators import FILES
from dwcpc.models.training.node_model import TrainedNodes
from dwcpc.models.training.report import versions
from dwcpc.models.training.run_files import EVALUATION_FILE, write_json

REPORT = "TRAINING_REPORT.json"
SCALER, FEATURES = "scaler.json", "features.json"
NETWORK = "model.pth"
LIBRARIES = ("numpy", "scikit-learn", "xgboost")


@dataclass(frozen=True, slots=True)
class Judged:
    """An evaluation, what it was made on, and the share of rows found for each cause where causes are known."""

    on: str
    evaluation: Evaluation
    recall_by_cause: dict[str, float]


@dataclass(frozen=True, slots=True)
class Served:
    """The compiled bundle on the test's rows, and the metric that fell by most against the source model's."""

    bundle: str
    verdict: str  # of the compile; `inconclusive` is about its time alone
    judged: Judged
    metric_that_fell_most: str
    fall: float
    decisions_changed: int


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """Everything that is known of a run."""

    model: str
    features: str
    feature_names: tuple[str, ...]
    hyperparameters: dict[str, Any]
    seed: int
    data: str
    rows: dict[str, int]  # by part of the split
    labelled_share: dict[str, float]
    threshold: float
    threshold_rule: str
    training_seconds: float
    artifact: str
    artifact_bytes: int
    libraries: dict[str, str]
    validation: Judged
    test: Judged
    elsewhere: tuple[Judged, ...] = ()
    served: tuple[Served, ...] = ()


def save_artifacts(trained: TrainedNodes, folder: Path) -> Path:
    """Write model, scaler and feature specification into `folder`; return the model's file."""
    names = trained.spec.features
    content = {
        "type": "RobustScaler",
        "center": trained.scaler.center_.tolist(),
        "scale": trained.scaler.scale_.tolist(),
        "feature_names": names,
    }
    write_json(folder / SCALER, content)
    write_json(folder / FEATURES, spec_document(trained.spec))
    for stale in {*FILES.values(), NETWORK}:  # of an earlier run with another model
        (folder / stale).unlink(missing_ok=True)
    return trained.model.save(folder, names)


def compiled_threshold(model: str, threshold: float) -> float:
    """Return what `dwcpc compile --threshold` takes: a probability, or an isolation forest's own score."""
    return -threshold if model == "isolation" else threshold


def report(
    trained: TrainedNodes, artifact: Path, rows: LabelledRows, split: Split, judged: Sequence[Judged], data: str
) -> TrainingReport:
    """Put the report together; `judged` are validation, test, and whatever else there was."""
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    recipe = trained.recipe
    served_by = "score_samples ≤ −threshold" if recipe.model == "isolation" else "probability ≥ threshold"
    return TrainingReport(
        model=recipe.model,
        features=recipe.features,
        feature_names=trained.spec.features,
        hyperparameters=trained.hyperparameters,
        seed=recipe.seed,
        data=data,
        rows={name: len(part) for name, part in parts.items()},
        labelled_share={name: float(rows.label[part].mean()) for name, part in parts.items()},
        threshold=trained.threshold,
        threshold_rule=f"{served_by}; the lowest that flags at most {recipe.false_positives:g} of the validation rows "
        "without label",
        training_seconds=round(trained.seconds, 1),
        artifact=artifact.name,
        artifact_bytes=artifact.stat().st_size,
        libraries=versions((*LIBRARIES, "torch") if artifact.name == NETWORK else LIBRARIES),
        validation=judged[0],
        test=judged[1],
        elsewhere=tuple(judged[2:]),
    )


def is_node_run(folder: Path) -> bool:
    """Return whether `folder` is where a model of node reliability was trained."""
    return (folder / SCALER).is_file() and any((folder / name).is_file() for name in (*FILES.values(), NETWORK))


def read_report(folder: Path) -> TrainingReport:
    """Read the report of a run, or of a model that ships, whose report is its evaluation."""
    path = folder / REPORT if (folder / REPORT).exists() else folder / EVALUATION_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainingReport)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path}: cannot be read ({error}), expected the run's report; train again") from error


def write_report(found: TrainingReport, folder: Path) -> None:
    """Write TRAINING_REPORT.json."""
    write_json(folder / REPORT, asdict(found))
