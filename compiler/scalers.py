"""A fitted scaler, judged when it is loaded and applied exactly as scikit-learn does to float32.

    transform          y = float32(float64(x) − center),  z = float32(float64(y) / scale)
    inverse_transform  y = float32(float64(z) · scale),   x = float32(float64(y) + center)

Rounding after each step is scikit-learn's arithmetic on float32 arrays; a graph or a Go loop that does the same agrees
to the last bit. One deviation is deliberate: without centering scikit-learn skips the addition, so that its inverse
keeps −0 where this gives +0.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.named_globals import globals_named, printable
from dwcpc.compiler.pickles.safe import read_limited
from dwcpc.compiler.scaler_files import (
    EXPECTED,
    StoredScaler,
    scaler_from_json,
    scaler_from_npz,
    scaler_from_pickle,
)

ScalerType = Literal["RobustScaler", "StandardScaler", "Identity"]
Float32Array = npt.NDArray[np.float32]
ScalingStep = tuple[str, npt.NDArray[np.float64]]

SCALER_TYPES: tuple[ScalerType, ...] = get_args(ScalerType)

# A scaler of 100,000 features takes 1.6 MB as a pickle and about 4 MB as JSON.
MAX_SCALER_BYTES = 32 << 20
_MAX_FEATURES = 1 << 20

_ZIP_MAGIC = b"PK\x03\x04"
_PICKLE_MAGIC = b"\x80"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Scaling(Protocol):
    """What happens to each feature alone before a model: float32 to float32, never decreasing."""

    @property
    def type(self) -> str:
        """scikit-learn's name for it."""

    @property
    def features(self) -> int:
        """How many features it takes."""

    @property
    def steps(self) -> tuple[ScalingStep, ...]:
        """What is done, in float64 and rounded to float32 after each: the ONNX operator and its operand [features]."""

    def transform(self, x: Float32Array) -> Float32Array:
        """Scale float32 `x` of shape [..., features]."""


_OPERATIONS: dict[str, np.ufunc] = {
    "Sub": np.subtract,
    "Div": np.divide,
    "Mul": np.multiply,
    "Add": np.add,
    "Max": np.maximum,
    "Min": np.minimum,
}


def stepwise(x: Float32Array, steps: Iterable[ScalingStep]) -> Float32Array:
    """Do what `steps` say to float32 `x`, whose last axis their operands broadcast to; NaN and overflow go through."""
    with np.errstate(all="ignore"):
        for operation, operand in steps:
            x = _OPERATIONS[operation](x.astype(np.float64), operand).astype(np.float32)
    return x


@dataclass(frozen=True, slots=True)
class Scaler:
    """(x − center) / scale per feature: one finite center and one positive finite scale for each."""

    type: ScalerType
    center: tuple[float, ...]
    scale: tuple[float, ...]
    feature_names: tuple[str, ...] | None = None

    @classmethod
    def identity(cls, features: int) -> Scaler:
        """Return the scaler that leaves `features` features as they are."""
        return cls("Identity", (0.0,) * features, (1.0,) * features)

    @property
    def features(self) -> int:
        """How many features it takes."""
        return len(self.center)

    @property
    def steps(self) -> tuple[ScalingStep, ...]:
        """What `transform` does, as ONNX operators."""
        return ("Sub", np.array(self.center)), ("Div", np.array(self.scale))

    def transform(self, x: Float32Array) -> Float32Array:
        """Scale float32 `x` of shape [..., features]; InputError for another dtype or count of features."""
        self._check(x)
        return stepwise(x, self.steps)

    def inverse_transform(self, z: Float32Array) -> Float32Array:
        """Return float32 `z` of shape [..., features] in original units; InputError as in `transform`."""
        self._check(z)
        with np.errstate(all="ignore"):
            spread = (z.astype(np.float64) * np.array(self.scale)).astype(np.float32)
            shifted: Float32Array = (spread.astype(np.float64) + np.array(self.center)).astype(np.float32)
        return shifted

    def _check(self, x: Float32Array) -> None:
        if x.dtype != np.float32 or x.ndim == 0 or x.shape[-1] != len(self.center):
            raise InputError(
                f"the data is {x.dtype} of shape {x.shape}, the scaler takes float32 with {len(self.center)} features "
                "in the last axis; convert the data or give the scaler that belongs to it"
            )


@dataclass(frozen=True, slots=True)
class LoadedScaler:
    """A scaler and where it comes from. `pickled_classes` is empty for JSON and .npz."""

    scaler: Scaler
    sha256: str
    library_version: str | None
    pickled_classes: tuple[str, ...]


def load_scaler(path: Path) -> LoadedScaler:
    """Read a scaler from a scikit-learn pickle (plain or joblib), JSON or .npz, told apart by content.

    A StandardScaler pickled by scikit-learn 1.8 or newer comes with center and scale rounded to float32, because that
    is what it computes with on float32 data. InputError for anything else, or numbers that no scaler can have.
    """
    data = read_limited(path, MAX_SCALER_BYTES, EXPECTED)
    stored, classes = _stored(data, path)
    scaler = judged_scaler(stored, path)
    return LoadedScaler(scaler, hashlib.sha256(data).hexdigest(), stored.library_version, classes)


def require_features(scaler: Scaler, count: int, path: Path) -> None:
    """Raise InputError unless the scaler from `path` is for `count` features."""
    if len(scaler.center) != count:
        raise InputError(
            f"{path}: the scaler has {len(scaler.center)} features, expected the model's {count}; "
            "give the scaler that the model was trained with"
        )


def _stored(data: bytes, path: Path) -> tuple[StoredScaler, tuple[str, ...]]:
    if data.startswith(_ZIP_MAGIC):
        return scaler_from_npz(data, path), ()
    looks_like_json = data.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] in (b"{", b"[")
    if looks_like_json or (path.suffix == ".json" and not data.startswith(_PICKLE_MAGIC)):
        return scaler_from_json(data, path), ()
    return scaler_from_pickle(data, path), globals_named(data)


def judged_scaler(stored: StoredScaler, path: Path) -> Scaler:
    """Return the scaler that a file describes; InputError for numbers that no scaler can have."""
    kind = next((known for known in SCALER_TYPES if known == stored.type), None)
    if kind is None:
        found = printable(stored.type) if isinstance(stored.type, str) else type(stored.type).__name__
        raise InputError(
            f"{path}: the scaler's type is {found}, expected one of {', '.join(SCALER_TYPES)}; fit one of them"
        )
    center = _numbers(stored.center, "center", path)
    scale = _numbers(stored.scale, "scale", path)
    features = _feature_count(center, scale, stored.features, path)
    center = (0.0,) * features if center is None else center
    scale = (1.0,) * features if scale is None else scale
    _check_scale(scale, path)
    if kind == "Identity" and (any(center) or any(value != 1.0 for value in scale)):
        raise InputError(f"{path}: an Identity scaler with other numbers than center 0 and scale 1; name its true type")
    return Scaler(kind, center, scale, _names(stored.feature_names, features, path))


def _numbers(values: object, what: str, path: Path) -> tuple[float, ...] | None:
    if values is None:
        return None
    if isinstance(values, np.ndarray):
        plain = values.tolist() if values.ndim == 1 and values.dtype.kind in "fiu" and values.itemsize <= 8 else None
    else:
        plain = values
    if not isinstance(plain, list) or not plain or not all(type(value) in (int, float) for value in plain):
        raise InputError(f"{path}: {what} is not a list of numbers, expected one number for each feature; fit it again")
    try:
        numbers = tuple(float(value) for value in plain)
    except OverflowError:
        numbers = (math.inf,)
    for feature, number in enumerate(numbers):
        if not math.isfinite(number):
            raise InputError(
                f"{path}: {what} of feature {feature} is {number}, expected a finite float; "
                "fit the scaler without NaN, infinity and values beyond the range of float32"
            )
    return numbers


def _feature_count(
    center: tuple[float, ...] | None, scale: tuple[float, ...] | None, stated: object, path: Path
) -> int:
    """Return the one count that center, scale and the file agree on."""
    if center is not None and scale is not None and len(center) != len(scale):
        raise InputError(
            f"{path}: center has {len(center)} values, scale has {len(scale)}, expected as many; fit the scaler again"
        )
    counted = center if center is not None else scale
    count = stated if counted is None else len(counted)
    if not isinstance(count, int) or not 0 < count <= _MAX_FEATURES:
        raise InputError(f"{path}: neither center nor scale nor a count of features, expected one of them; add it")
    if stated is not None and not (isinstance(stated, int) and stated == count):
        raise InputError(f"{path}: n_features_in_ is not {count}, as center and scale have it; fit the scaler again")
    return count


def _check_scale(scale: tuple[float, ...], path: Path) -> None:
    # No scaler that was fitted has a negative scale, and it would turn the order that splits of trees depend on.
    for feature, number in enumerate(scale):
        if number <= 0:
            raise InputError(
                f"{path}: scale of feature {feature} is {number}, expected a positive number; "
                "scikit-learn writes 1 for a constant feature"
            )


def _names(names: object, features: int, path: Path) -> tuple[str, ...] | None:
    if names is None:
        return None
    listed = names.tolist() if isinstance(names, np.ndarray) and names.dtype == np.object_ else names
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise InputError(f"{path}: the feature names are not a list of strings; correct or remove them")
    if len(listed) != features:
        raise InputError(
            f"{path}: {len(listed)} feature names for {features} features, expected as many; correct or remove them"
        )
    return tuple(listed)
