"""The consensus model, as `dwcpc retrain` trains and judges it: windows of a collected table, or of another seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.commands.retrain.model import Candidate, Fresh, Job, Looked, Progress, changed, fit_of
from dwcpc.compiler.commands.train import TrainOrder, train_consensus_model
from dwcpc.compiler.commands.training_data import DataOptions
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Training
from dwcpc.models.data.consensus.metrics import FEATURES
from dwcpc.models.data.consensus.simulate import DIFFICULTY, GROUP, KIND, LABEL, TIME
from dwcpc.models.data.splits import split_by_time
from dwcpc.models.data.table import row_count
from dwcpc.models.data.table_csv import read_csv
from dwcpc.models.data.windows import Windows, cut_windows
from dwcpc.models.evaluation.answers import bundle_score
from dwcpc.models.evaluation.bootstrap import blocks_of
from dwcpc.models.evaluation.classification import Judge
from dwcpc.models.retraining.comparison import TOLERANCE, Figures, Weights, enough
from dwcpc.models.retraining.exports import ExportColumns, Key
from dwcpc.models.training.folds import CONSENSUS_COLUMNS, ConsensusSizes, unseen_tables
from dwcpc.models.training.run_files import CALIBRATION_FILE, SCALER_FILE, WEIGHTS_FILE
from dwcpc.parity.runners.go import GoRuntime

if TYPE_CHECKING:
    from dwcpc.models.training.consensus import ConsensusRecipe

JUDGED = ("recall", "detection_accuracy", "accuracy", "precision", "f1", "roc_auc", "pr_auc")
TIMESTEPS = 30
SIZES = ConsensusSizes()
SHARE_KNOWN = 0.8  # of the simulated time: what trains and what chooses, models/data/splits.py


@dataclass(frozen=True, slots=True)
class ConsensusSettings:
    """What `--set` may change: options of `dwcpc train consensus`, with its defaults."""

    objective: Literal["exposure", "reconstruction"] = "exposure"
    units: Literal["tiny", "small", "current", "large"] = "small"
    encoding: int = 16
    epochs: int = 14
    batch_rows: int = 128
    learning_rate: float = 4e-3
    patience: int = 6
    threads: int = 1
    difficulty: float = DIFFICULTY
    nodes: int = SIZES.train_nodes
    steps: int = SIZES.steps


@dataclass(frozen=True, slots=True)
class Consensus:
    """Consensus latency: an anomaly is a window whose score exceeds the threshold that is in the bundle."""

    name: str = "consensus"
    published: str = "consensus_latency"
    deciding: tuple[str, ...] = ("recall", "detection_accuracy")
    minimum: tuple[Mapping[str, float], ...] = ({"recall": 0.97}, {"detection_accuracy": 0.98})
    tolerance: float = TOLERANCE

    def columns(self, _job: Job) -> ExportColumns:
        """Twelve metrics of a node; the Go collector calls their time `time`."""
        return ExportColumns(
            numbers=FEATURES,
            texts=(),
            time=Key(TIME, (TIME, "time")),
            group=Key(GROUP, (GROUP, "group")),
            label=Key(LABEL, (LABEL, "label")),
            kind=KIND,
        )

    def check(self, settings: tuple[str, ...]) -> None:
        """Refuse settings that training does not have."""
        changed(ConsensusSettings(), settings)

    def look(self, job: Job) -> Looked:
        """Return the windows to judge on, as long as those of what is served."""
        return _simulated(_data(job), _timesteps(job)) if job.data is None else _of_table(job, _timesteps(job))

    def train(self, job: Job, progress: Progress) -> Candidate:
        """Train as `dwcpc train consensus` does."""
        trained = train_consensus_model(TrainOrder(_recipe(job), _data(job), job.folder), progress)
        return Candidate(
            artifact=job.folder / WEIGHTS_FILE,
            scaler=job.folder / SCALER_FILE,
            threshold=trained.reports[0].threshold,
            calibration=job.folder / CALIBRATION_FILE,
        )


def _data(job: Job) -> DataOptions:
    settings = changed(ConsensusSettings(), job.settings)
    sizes = ConsensusSizes(settings.nodes, min(settings.nodes, SIZES.other_nodes), settings.steps)
    return DataOptions(job.data, CONSENSUS_COLUMNS, "time", job.seed, settings.difficulty, sizes)


def _timesteps(job: Job) -> int:
    return TIMESTEPS if job.served is None else int(job.served.metadata.inputs[0].shape[1])


def _recipe(job: Job) -> ConsensusRecipe:
    from dwcpc.models.training.consensus import ConsensusRecipe
    from dwcpc.models.training.options import FitOptions

    settings = changed(ConsensusSettings(), job.settings)
    return ConsensusRecipe(
        objective=settings.objective,
        units=settings.units,
        encoding=settings.encoding,
        timesteps=_timesteps(job),
        fit=fit_of(settings, FitOptions(), job.seed),
    )


def _simulated(data: DataOptions, timesteps: int) -> Looked:
    """Judge on nodes that nobody was trained on: later times of the candidate's own would favour it."""
    sizes = data.sizes
    rows = round(SHARE_KNOWN * sizes.train_nodes * sizes.steps) + sizes.other_nodes * sizes.steps
    note = f"simulated, difficulty {data.difficulty:g}"
    table = unseen_tables(data.seed, data.difficulty, sizes)["other nodes"]
    windows = cut_windows(table, CONSENSUS_COLUMNS, timesteps, timesteps)
    training = Training("simulated", rows, None, data.seed, note)
    return Looked(training, _fresh(windows, f"other nodes of seed {data.seed}"))


def _of_table(job: Job, timesteps: int) -> Looked:
    """Judge on the last part of the time of each group, as far as it is later than what trained the served model."""
    assert job.data is not None  # noqa: S101 - the caller asked
    parts = split_by_time(read_csv(job.data, CONSENSUS_COLUMNS), CONSENSUS_COLUMNS)
    known = np.concatenate([parts.train[TIME], parts.validation[TIME]])
    training = Training("file", len(known), float(known.max()), job.seed, job.data.name)
    windows = cut_windows(parts.test, CONSENSUS_COLUMNS, timesteps, timesteps)
    note = f"the last {row_count(parts.test):,} rows by time"
    if job.later_than is not None:
        windows = windows.taken(windows.begin > job.later_than)
        note += f", those later than {job.later_than:.15g}"
    return Looked(training, _fresh(windows, note))


def _fresh(windows: Windows, note: str) -> Fresh:
    clear = windows.clear()
    block = blocks_of(clear.group, clear.begin) if len(clear) else np.zeros(0, np.int64)

    def figures(bundle: Bundle) -> Figures:
        score = bundle_score(bundle, GoRuntime(), clear.x)
        decision = bundle.metadata.decision
        if decision is None or decision.comparison != ">":
            raise InputError(f"{bundle.path}: flags no score above a threshold, expected the consensus model's bundle")
        judge = Judge(clear.anomalous, score, score.astype(np.float64) > decision.threshold)

        def weighted(weights: Weights | None) -> dict[str, float]:
            found = judge.figures(weights)
            return {name: float(getattr(found, name)) for name in JUDGED}

        return weighted

    return Fresh(f"{len(clear):,} windows of {note}", block, figures, enough(clear.anomalous, block))
