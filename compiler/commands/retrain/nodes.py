"""Node reliability, as `dwcpc retrain` trains and judges it: raw samples of a fleet, or another simulated one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.commands.node_data import SPEC, GivenTable
from dwcpc.compiler.commands.retrain.model import Candidate, Fresh, Job, Looked, Progress, changed
from dwcpc.compiler.commands.train_nodes import TrainNodesOrder, train_nodes
from dwcpc.compiler.features.shipped import named_spec
from dwcpc.compiler.metadata import Training
from dwcpc.models.data.labelled import LabelledRows, labelled_rows, read_labelled
from dwcpc.models.data.nodes import LABEL, Fleet, simulate_nodes
from dwcpc.models.data.series_split import Split, split_rows
from dwcpc.models.evaluation.bundle_answers import bundle_answers
from dwcpc.models.evaluation.classification import Judge
from dwcpc.models.retraining.comparison import TOLERANCE, Figures, Weights, enough
from dwcpc.models.retraining.exports import ExportColumns, Key
from dwcpc.models.training.node_artifacts import SCALER, compiled_threshold
from dwcpc.models.training.nodes import NodeRecipe

FLEET = Fleet()
FALSE_POSITIVES = 0.05  # what the owners allow
RECALL = "recall_at_5_percent_false_positives"
BESIDE = ("recall", "precision", "roc_auc", "pr_auc")


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What `--set` may change: options of `dwcpc train nodes`, with its defaults."""

    model: Literal["xgboost", "forest", "isolation"] = "xgboost"
    features: Literal["all", "best"] = "all"
    trees: int | None = None
    depth: int | None = None
    difficulty: float = 1.0
    nodes: int = FLEET.nodes
    samples: int = FLEET.samples


@dataclass(frozen=True, slots=True)
class Nodes:
    """Node reliability: both models are judged where they flag 5 % of the rows without label, whatever their threshold.

    Recall and precision by its own threshold stand beside it.
    """

    name: str = "nodes"
    published: str = "node_reliability"
    deciding: tuple[str, ...] = (RECALL,)
    minimum: tuple[Mapping[str, float], ...] = ({RECALL: 0.98},)
    tolerance: float = TOLERANCE

    def columns(self, _job: Job) -> ExportColumns:
        """The raw columns of the specification."""
        spec = named_spec(SPEC)
        assert spec.time is not None and spec.group is not None  # noqa: PT018, S101 - for types
        return ExportColumns(
            numbers=tuple(column.name for column in spec.columns if not column.is_category),
            texts=tuple(column.name for column in spec.columns if column.is_category),
            time=Key(spec.time.column, (spec.time.column, "time")),
            group=Key(spec.group, (spec.group, "group")),
            label=Key(LABEL, (LABEL,)),
            kind="cause",
        )

    def check(self, settings: tuple[str, ...]) -> None:
        """Refuse settings that training does not have."""
        changed(NodeSettings(), settings)

    def look(self, job: Job) -> Looked:
        """Return the rows to judge on: other nodes at later times, as `dwcpc train nodes` splits them by the seed."""
        rows = _rows(_source(job))
        split = split_rows(rows.time, rows.group, job.seed)
        return Looked(_training(job, rows, split), _fresh(job, rows, split))

    def train(self, job: Job, progress: Progress) -> Candidate:
        """Train as `dwcpc train nodes` does."""
        settings = changed(NodeSettings(), job.settings)
        recipe = NodeRecipe(settings.model, settings.features, job.seed, settings.trees, settings.depth)
        report = train_nodes(TrainNodesOrder(_source(job), SPEC, recipe, job.folder), progress)
        return Candidate(
            artifact=job.folder / report.artifact,
            scaler=job.folder / SCALER,
            threshold=compiled_threshold(report.model, report.threshold),
            calibration=None,
        )


def _source(job: Job) -> GivenTable | Fleet:
    if job.data is not None:
        return GivenTable(job.data, LABEL)
    settings = changed(NodeSettings(), job.settings)
    return Fleet(settings.nodes, settings.samples, job.seed, settings.difficulty)


def _rows(source: GivenTable | Fleet) -> LabelledRows:
    spec = named_spec(SPEC)
    if isinstance(source, Fleet):
        return labelled_rows(spec, simulate_nodes(source), LABEL)
    return read_labelled(source.path, spec, source.label)


def _training(job: Job, rows: LabelledRows, split: Split) -> Training:
    known = np.concatenate([split.train, split.validation])
    if job.data is None:
        difficulty = changed(NodeSettings(), job.settings).difficulty
        return Training("simulated", len(known), None, job.seed, f"simulated, difficulty {difficulty:g}")
    return Training("file", len(known), float(rows.time[known].max()), job.seed, job.data.name)


def _fresh(job: Job, rows: LabelledRows, split: Split) -> Fresh:
    chosen = split.test
    note = f"other nodes at later times of seed {job.seed}" if job.data is None else "other nodes at the latest times"
    if job.later_than is not None:
        chosen = chosen[rows.time[chosen] > job.later_than]
        note += f", those later than {job.later_than:.15g}"
    label, x = rows.label[chosen], rows.x[chosen]

    def figures(bundle: Bundle) -> Figures:
        columns = [rows.names.index(name) for name in bundle.metadata.inputs[0].channels]
        answers = bundle_answers(bundle.path, x[:, columns])
        judge = Judge(label, answers.score, answers.flagged)

        def weighted(weights: Weights | None) -> dict[str, float]:
            own = judge.figures(weights)
            recall = judge.recall_at(FALSE_POSITIVES, weights)
            return {RECALL: recall} | {name: float(getattr(own, name)) for name in BESIDE}

        return weighted

    block = _blocks(rows, chosen)
    return Fresh(f"{len(chosen):,} rows of {note}", block, figures, enough(label, block))


def _blocks(rows: LabelledRows, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a block for each node: rows of one node are alike."""
    assert rows.group is not None  # noqa: S101 - the specification names it
    return np.asarray(np.unique(rows.group[chosen], return_inverse=True)[1], np.int64)
