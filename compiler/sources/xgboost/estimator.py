"""The reference: XGBoost itself on the bytes of a file that has been checked without it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.sources.base import ModelSpec
from dwcpc.compiler.sources.xgboost.linear import predicted_with_infinities
from dwcpc.compiler.trees.ensemble import TreeEnsemble

if TYPE_CHECKING:
    import xgboost
    from numpy.typing import NDArray

    from dwcpc.compiler.scalers import Scaling

_THREADS = 1  # a team of threads spins for longer than a small batch takes
_LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True, slots=True, eq=False)
class XGBoostEstimator:
    """A saved model: `core` was read from the file, `answers` and `leaves` are XGBoost's.

    `rounds` are those that count. `gives_label` is multi:softmax, which predicts a class and no probabilities.
    """

    spec: ModelSpec
    core: TreeEnsemble | LinearModel
    booster: xgboost.Booster
    rounds: int | None
    gives_label: bool

    @property
    def scalers(self) -> tuple[Scaling, ...]:
        """None: a saved model stands alone."""
        return ()

    def answers(self, x: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Return XGBoost's own answers, as `Estimator.answers` has them; multi:softmax in float64 from its margins."""
        predicted = self._predicted(x)
        if not self.core.classes:
            return {"prediction": predicted[:, :1].astype(np.float64)}
        if self.gives_label:
            margin = self._predicted(x, output_margin=True).astype(np.float64)
            share = np.exp(margin - margin.max(axis=1, keepdims=True))
            chosen = predicted[:, 0].astype(np.int64)
            probability = share / share.sum(axis=1, keepdims=True)
        elif self.core.link == "logistic":
            chosen = (predicted[:, 0] > np.float32(0.5)).astype(np.int64)
            probability = np.stack([np.float32(1) - predicted[:, 0], predicted[:, 0]], axis=1)
        else:
            chosen, probability = predicted.argmax(axis=1), predicted
        labels = np.asarray(self.core.label_values, np.float64)
        return {"label": labels[chosen], "probability": probability.astype(np.float64)}

    def margins(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the sums [rows, margins] before the link, as XGBoost has them."""
        return self._predicted(x, output_margin=True)

    def leaves(self, x: NDArray[np.float32]) -> NDArray[np.int32] | None:
        """Return the leaf of each row in each tree that counts; none for gblinear."""
        return None if self.rounds is None else self._predicted(x, pred_leaf=True).astype(np.int32)

    def _predicted(
        self, x: NDArray[np.float32], *, output_margin: bool = False, pred_leaf: bool = False
    ) -> NDArray[np.float32]:
        import xgboost

        missing = np.nan if self.core.missing is None else self.core.missing
        with _quiet():
            rows = xgboost.DMatrix(_finite(x, missing), missing=missing, nthread=_THREADS)
            answer = self.booster.predict(
                rows,
                output_margin=output_margin,
                pred_leaf=pred_leaf,
                validate_features=False,
                iteration_range=(0, self.rounds or 0),
            )
        predicted = np.asarray(answer, np.float32).reshape(len(x), -1)
        infinite = (np.isinf(x) & (x != np.float32(missing))).any(axis=1)
        if isinstance(self.core, LinearModel) and infinite.any():
            as_margin = output_margin or self.gives_label
            beyond = predicted_with_infinities(self.core, x[infinite], as_margin=as_margin)
            chosen = beyond.argmax(axis=1, keepdims=True)
            predicted[infinite] = chosen if self.gives_label and not output_margin else beyond
        return predicted


def _finite(x: NDArray[np.float32], missing: float) -> NDArray[np.float32]:
    """XGBoost refuses infinities. Thresholds are finite and above −FLT_MAX, and decide ±FLT_MAX as they would ±∞."""
    return np.where(np.isinf(x) & (x != np.float32(missing)), np.copysign(_LARGEST, x), x)


def loaded_booster(artifact: Artifact) -> xgboost.Booster:
    """Return XGBoost's own model of a file that has been read and checked; InputError where it refuses the bytes."""
    import xgboost

    try:
        with _quiet():
            booster = xgboost.Booster({"nthread": _THREADS})
            booster.load_model(bytearray(artifact.data))
    except Exception as error:  # XGBoostError, and what ctypes or the wrapper make of it
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(
            f"{artifact.path}: XGBoost {xgboost.__version__} refuses the file ({reason}); save the model again"
        ) from error
    return booster


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    import xgboost

    with warnings.catch_warnings(), xgboost.config_context(verbosity=0):
        warnings.simplefilter("ignore")
        yield
