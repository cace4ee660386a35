"""The figures of epochs, or of trees, as TensorBoard reads them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.history import Epoch

FOLDER: Final = "tensorboard"


class Scalars:
    """Writes points of curves into `folder`/tensorboard."""

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
        self.point("loss/train", epoch.train_loss, epoch.number)
        self.point("loss/validation", epoch.validation_loss, epoch.number)
        self.point("learning_rate", epoch.learning_rate, epoch.number)
        self.point("gradient_norm", epoch.gradient_norm, epoch.number)

    def point(self, curve: str, value: float, step: int) -> None:
        """Write one point of one curve."""
        self._writer.add_scalar(curve, value, step)
