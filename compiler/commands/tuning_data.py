"""What trials train on, loaded once in each process that runs some; equal loaders are equal objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dwcpc.compiler.commands.link_data import LinkData, link_folds
from dwcpc.compiler.commands.node_data import GivenTable, rows_of
from dwcpc.compiler.commands.training_data import DataOptions, folds
from dwcpc.compiler.errors import InputError
from dwcpc.models.data.series_split import split_rows
from dwcpc.models.training.report import plain
from dwcpc.models.tuning.nodes import NodeData

if TYPE_CHECKING:
    from dwcpc.models.data.nodes import Fleet
    from dwcpc.models.training.folds import Folds
    from dwcpc.models.training.link_folds import LinkFolds


@dataclass(frozen=True, slots=True)
class ConsensusSource:
    """Windows of so many timesteps, from a table or simulated."""

    options: DataOptions
    timesteps: int

    def __call__(self) -> Folds:
        """Return the windows to train and to validate on; the tests among them are not looked at."""
        if self.options.columns.label is None:
            raise InputError(
                "tuning compares PR-AUC, for which anomalies have to be known; name their column by --label"
            )
        return folds(self.options, self.timesteps)

    def about(self) -> dict[str, Any]:
        """Return what a study was begun with; a file by its name, as other machines have it elsewhere."""
        return _named_by_file({**plain(self.options), "timesteps": self.timesteps}, "data")


@dataclass(frozen=True, slots=True)
class LinkSource:
    """Windows of so many timesteps of links, from a table or simulated."""

    options: LinkData
    timesteps: int

    def __call__(self) -> LinkFolds:
        """Return the windows to train and to validate on; the tests among them are not looked at."""
        return link_folds(self.options, self.timesteps)

    def about(self) -> dict[str, Any]:
        """Return what a study was begun with."""
        return {**self.options.told, "timesteps": self.timesteps}


@dataclass(frozen=True, slots=True)
class NodeSource:
    """Rows of features with a label, from a table or simulated."""

    source: GivenTable | Fleet
    spec: str
    seed: int

    def __call__(self) -> NodeData:
        """Return the rows and their split."""
        rows = rows_of(self.source, self.spec, lambda _step: None)
        return NodeData(rows, split_rows(rows.time, rows.group, self.seed))

    def about(self) -> dict[str, Any]:
        """Return what a study was begun with."""
        return _named_by_file({**plain(self.source), "spec": self.spec, "seed": self.seed}, "path")


def _named_by_file(content: dict[str, Any], key: str) -> dict[str, Any]:
    if content.get(key) is not None:
        content[key] = content[key].replace("\\", "/").rpartition("/")[2]
    return content
