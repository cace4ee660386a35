"""An epoch's figures as TensorBoard reads them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.history import Epoch

FOLDER: Final = "tensorboard"


class Scalars:
    """Writes one point of each curve an epoch into `folder`/tensorboard."""

    def __init__(self, folder: Path) -> None:
        """Begin a log; InputError says how to get the library where it is absent."""
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise InputError(
                "training writes TensorBoard logs and tensorboardX is not installed; install dwcpc[train]"
            ) from error
        self._writer = SummaryWriter(str(folder / FOLDER))

    def __enter__(self) -> Scalars:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Finish the log."""
        self._writer.close()

    def add(self, epoch: Epoch) -> None:
        """Write the epoch's points."""
        self._writer.add_scalar("loss/train", epoch.train_loss, epoch.number)
        self._writer.add_scalar("loss/validation", epoch.validation_loss, epoch.number)
        self._writer.add_scalar("learning_rate", epoch.learning_rate, epoch.number)
        self._writer.add_scalar("gradient_norm", epoch.gradient_norm, epoch.number)
