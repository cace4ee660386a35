"""A specification and the model that it feeds: what fits, what a raw window looks like, what travels in the bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import run_windows
from dwcpc.compiler.features.raw_windows import wide_windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.compiler.features.spec import FeatureSpec


@dataclass(frozen=True, slots=True)
class FeatureUse:
    """`document` is the specification's JSON. `timesteps` is none where a row is the features of one sample."""

    spec: FeatureSpec
    document: dict[str, Any]
    embedded: bool
    timesteps: int | None

    @property
    def raw_shape(self) -> tuple[int, int]:
        """The shape of a raw window: timesteps and lookback, and columns."""
        return (self.timesteps or 1) + self.spec.lookback, len(self.spec.columns)

    @property
    def model_shape(self) -> tuple[int, ...]:
        """The shape of a row of features, as the model takes it."""
        features = len(self.spec.features)
        return (features,) if self.timesteps is None else (self.timesteps, features)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The raw columns, in order."""
        return tuple(column.name for column in self.spec.columns)

    @property
    def column_units(self) -> tuple[str, ...]:
        """Their units, empty where one is not stated; none where none is."""
        units = tuple(column.unit or "" for column in self.spec.columns)
        return units if any(units) else ()

    def features(self, windows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the features [windows, timesteps or 1, features] of raw `windows`, by Python's executor."""
        return run_windows(self.spec, wide_windows(self.spec, windows))

    def rows(self, windows: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the same as the model's rows: float32, [windows, features] for one of one sample."""
        import numpy as np

        with np.errstate(over="ignore"):
            features = self.features(windows).astype(np.float32)
        return features[:, 0] if self.timesteps is None else features


def timesteps_of(shape: tuple[int, ...], where: str) -> int | None:
    """Return the timesteps of a model's row of this shape; InputError where features are not all that it is made of."""
    if len(shape) > 2:
        raise InputError(
            f"{where}: computes rows of features, the model takes rows of shape {list(shape)}, expected "
            "[features] or [timesteps, features]; omit --features"
        )
    return shape[0] if len(shape) == 2 else None


def require_names(spec: FeatureSpec, width: int, known: tuple[str, ...], where: str) -> None:
    """Raise InputError with the first difference between the features and those that a model or its scaler knows.

    `width` is their number; `known` is empty where there are no names.
    """
    for at, (name, expected) in enumerate(zip(spec.features, known, strict=False)):
        if name != expected:
            raise InputError(
                f"{where}: feature {at} is {name!r}, expected {expected!r}, which the model was trained on; give the "
                "specification that its features came from"
            )
    if len(spec.features) != width:
        raise InputError(
            f"{where}: computes {len(spec.features)} features, expected {width}, as many as the model takes; give the "
            "specification that its features came from"
        )
