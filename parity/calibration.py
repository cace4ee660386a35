"""Representative rows that the user hands in, in the model's input units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_ROWS = 32


def read_calibration(path: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Read rows [n, *shape] from `.npy`, or from the only array of `.npz`; InputError when they are not that."""
    try:
        loaded = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as .npy or .npz ({error}); save the rows with numpy.save") from error
    if isinstance(loaded, np.lib.npyio.NpzFile):
        if len(loaded.files) != 1:
            raise InputError(f"{path}: holds {len(loaded.files)} arrays, expected one; save the rows with numpy.save")
        loaded = loaded[loaded.files[0]]
    if loaded.ndim != len(shape) + 1 or loaded.shape[1:] != shape or loaded.dtype.kind != "f":
        raise InputError(
            f"{path}: is {loaded.dtype} {loaded.shape}, expected floats (rows, {', '.join(map(str, shape))})"
        )
    if len(loaded) < FEWEST_ROWS:
        raise InputError(f"{path}: holds {len(loaded)} rows, expected at least {FEWEST_ROWS}")
    rows = np.ascontiguousarray(loaded, np.float32)
    if not np.isfinite(rows).all():
        raise InputError(f"{path}: holds NaN or infinite values, expected finite rows; drop them")
    return rows
