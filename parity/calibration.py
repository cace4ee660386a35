"""Representative rows that the user hands in, in the model's input units: `.npy`, `.npz` or `.csv`.

An array is [rows, *shape]. A `.csv` file has one sample a line, and means, by the model's rows:

    [features]             each line is a row
    [timesteps, features]  the lines are one series, in order and evenly sampled; each `timesteps` lines are a window,
                           side by side and not overlapping, and what is left at the end is dropped

So a file of several series must not be given where the model takes windows; cut them, and save the array as `.npy`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.parity.csv_samples import read_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_ROWS = 32


def read_calibration(path: Path, shape: tuple[int, ...], names: tuple[str, ...] = ()) -> NDArray[np.float32]:
    """Read rows [n, *shape]; InputError when they are not that. `names` are the features', where they are known."""
    loaded = _from_csv(path, shape, names) if path.suffix.lower() == ".csv" else _only_array(path)
    if loaded.ndim != len(shape) + 1 or loaded.shape[1:] != shape or loaded.dtype.kind != "f":
        raise InputError(
            f"{path}: is {loaded.dtype} {loaded.shape}, expected floats (rows, {', '.join(map(str, shape))})"
        )
    if len(loaded) < FEWEST_ROWS:
        raise InputError(f"{path}: holds {len(loaded)} rows, expected at least {FEWEST_ROWS}")
    with np.errstate(over="ignore"):  # what becomes infinite is refused as such
        rows = np.ascontiguousarray(loaded, np.float32)
    if not np.isfinite(rows).all():
        raise InputError(f"{path}: holds NaN or infinite values, expected finite rows; drop them")
    return rows


def _from_csv(path: Path, shape: tuple[int, ...], names: tuple[str, ...]) -> NDArray[np.generic]:
    if len(shape) > 2:
        raise InputError(
            f"{path}: lines cannot hold rows of shape ({', '.join(map(str, shape))}); save the rows with numpy.save"
        )
    samples = read_samples(path, shape[-1], names)
    if len(shape) == 1:
        return samples
    windows = len(samples) // shape[0]
    return samples[: windows * shape[0]].reshape(windows, *shape)


def _only_array(path: Path) -> NDArray[np.generic]:
    try:
        with path.open("rb") as file:  # ours to close: numpy forgets it where a header is bad
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                array: NDArray[np.generic] = loaded
                return array
            count = len(loaded.files)
            array = loaded[loaded.files[0]] if count == 1 else np.empty(0)
    # A damaged file surfaces as an exception of zipfile, zlib, ast or numpy, and is the file's fault each time.
    except Exception as error:
        raise InputError(f"{path}: cannot be read as .npy or .npz ({error}); save the rows with numpy.save") from error
    if count != 1:
        raise InputError(f"{path}: holds {count} arrays, expected one; save the rows with numpy.save")
    return array
