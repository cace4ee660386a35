"""The forms a scaler is stored in: scikit-learn's pickle, JSON and .npz. What they say is judged in `scalers`."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.joblib_format import UnreadableError, array_from_bytes
from dwcpc.compiler.pickles.named_globals import printable
from dwcpc.compiler.pickles.safe import PickledObject, pickled_object

EXPECTED = "a fitted RobustScaler or StandardScaler, or JSON or .npz with center and scale"

MAX_CONTENT_BYTES = 64 << 20

_PICKLED_CLASSES = frozenset(
    f"sklearn.preprocessing.{module}.{name}"
    for module in ("_data", "data")  # the second up to scikit-learn 0.21
    for name in ("RobustScaler", "StandardScaler")
)

# From this version on StandardScaler rounds mean and scale to the dtype of X before it uses them; RobustScaler does not
# (sklearn/preprocessing/_data.py, 1.7.2 against 1.8.0).
_FIRST_ROUNDING_VERSION = (1, 8)

_NPY_HEADERS: dict[tuple[int, int], Callable[[BytesIO], tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True, slots=True)
class StoredScaler:
    """What a file says, unjudged. A center or scale of None is a step switched off; `features` is the stated count."""

    type: object
    center: object
    scale: object
    feature_names: object = None
    features: object = None
    library_version: str | None = None


@dataclass(frozen=True, slots=True)
class _Attributes:
    """Where a scikit-learn class keeps its two steps: the switch of each, and its numbers."""

    centering: str
    center: str
    scaling: str


_ATTRIBUTES = {
    "RobustScaler": _Attributes("with_centering", "center_", "with_scaling"),
    "StandardScaler": _Attributes("with_mean", "mean_", "with_std"),
}


def scaler_from_pickle(data: bytes, path: Path) -> StoredScaler:
    """Read scikit-learn's pickle, plain or by joblib, of any version; nothing is imported or executed."""
    estimator = pickled_object(
        data, path=path, classes=_PICKLED_CLASSES, expected=EXPECTED, max_bytes=MAX_CONTENT_BYTES
    )
    return scaler_from_estimator(estimator, path)


def scaler_from_estimator(estimator: PickledObject, path: Path) -> StoredScaler:
    """Return what a pickled RobustScaler or StandardScaler says, alone or as a step of a Pipeline."""
    names = _ATTRIBUTES[estimator.name]
    state = _fitted_state(estimator, names, path)
    center = _step(state, names.centering, names.center, path)
    scale = _step(state, names.scaling, "scale_", path)
    version = state.get("_sklearn_version")
    library_version = printable(version) if isinstance(version, str) else None
    if estimator.name == "StandardScaler" and _rounds_constants(library_version):
        center, scale = _rounded(center), _rounded(scale)
    return StoredScaler(
        estimator.name, center, scale, state.get("feature_names_in_"), state.get("n_features_in_"), library_version
    )


def _fitted_state(estimator: PickledObject, names: _Attributes, path: Path) -> dict[str, object]:
    state = estimator.state
    wanted = {names.centering, names.center, names.scaling, "scale_"}
    if not isinstance(state, dict) or not wanted <= state.keys():
        raise InputError(
            f"{path}: the {estimator.name} is not fitted, expected center and scale in it; save it after fit"
        )
    return state


def _step(state: dict[str, object], switch: str, numbers: str, path: Path) -> object:
    """Return the numbers of one step, None where it is switched off (a StandardScaler then keeps its mean)."""
    on = state[switch]
    if isinstance(on, bool | np.bool_) and not on:
        return None
    if state[numbers] is None:
        raise InputError(f"{path}: {switch} is set but {numbers} is None, expected numbers; fit the scaler again")
    return state[numbers]


def _rounds_constants(library_version: str | None) -> bool:
    match = re.match(r"(\d{1,4})\.(\d{1,4})", library_version or "")
    return match is not None and (int(match[1]), int(match[2])) >= _FIRST_ROUNDING_VERSION


def _rounded(values: object) -> object:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        return values
    with np.errstate(over="ignore"):  # what becomes infinite is refused as such
        return values.astype(np.float32)


def scaler_from_json(data: bytes, path: Path) -> StoredScaler:
    """Read {"type", "center" or "mean", "scale", "feature_names"?}, or an object that has it under "scaler".

    The numbers are used as they stand: for the bits of a StandardScaler of scikit-learn 1.8 or newer they have to be
    rounded to float32 beforehand.
    """
    try:
        content = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: not readable as JSON ({printable(str(error))}), expected {EXPECTED}; correct the file"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("scaler"), dict):
        content = content["scaler"]
    center_key = "mean" if isinstance(content, dict) and "center" not in content else "center"
    if not isinstance(content, dict) or not {"type", center_key, "scale"} <= content.keys():
        raise InputError(f'{path}: the JSON has no scaler, expected the keys "type", "center" and "scale"; add them')
    return StoredScaler(content["type"], content[center_key], content["scale"], content.get("feature_names"))


def _refuse_constant(literal: str) -> float:
    raise ValueError(f"{literal} is not a number")


def scaler_from_npz(data: bytes, path: Path) -> StoredScaler:
    """Read the arrays `center` and `scale`, and `type` (RobustScaler without it) and `feature_names` where present."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            arrays = {
                name: _npz_member(archive, f"{name}.npy")
                for name in ("center", "scale", "type", "feature_names")
                if f"{name}.npy" in archive.namelist()
            }
        kind = arrays["type"].item() if "type" in arrays else "RobustScaler"
        names = arrays["feature_names"].tolist() if "feature_names" in arrays else None
    # A damaged archive surfaces as an exception of zipfile, zlib, ast or numpy, and is the file's fault each time.
    except Exception as error:
        raise InputError(
            f"{path}: not a readable .npz ({printable(str(error))}), expected {EXPECTED}; save it again"
        ) from error
    if not {"center", "scale"} <= arrays.keys():
        raise InputError(
            f"{path}: the archive has no scaler, expected the arrays center and scale; save them with np.savez"
        )
    return StoredScaler(kind, arrays["center"], arrays["scale"], names)


def _npz_member(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """Read one array; its header is believed only if the bytes are there."""
    info = archive.getinfo(name)
    if info.file_size > MAX_CONTENT_BYTES or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableError(f"{name} is larger than {MAX_CONTENT_BYTES} bytes or compressed in an unusual way")
    stream = BytesIO(archive.read(info))
    version = np.lib.format.read_magic(stream)
    if version not in _NPY_HEADERS:
        raise UnreadableError(f"{name} has version {version} of the .npy format")
    shape, fortran, dtype = _NPY_HEADERS[version](stream)
    return array_from_bytes(stream.read(), dtype, shape, "F" if fortran else "C")
