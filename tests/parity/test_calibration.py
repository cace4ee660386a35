"""Calibration rows: floats of the model's shape, enough of them and finite; anything else is named."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.parity.calibration import FEWEST_ROWS, read_calibration

SHAPE = (30, 12)
ROWS = np.zeros((64, *SHAPE), np.float32)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "cannot be read"),
    "text": (lambda: b"1,2,3\n", "cannot be read"),
    "wrong shape": (lambda: npy(ROWS[:, :29]), "(64, 29, 12)"),
    "whole numbers": (lambda: npy(ROWS.astype(np.int64)), "int64"),
    "too few rows": (lambda: npy(ROWS[:31]), "31 rows"),
    "NaN": (lambda: npy(ROWS * np.nan), "NaN"),
    "beyond float32": (lambda: npy(np.full_like(ROWS, 1e300, dtype=np.float64)), "infinite"),
    "two arrays": (lambda: npz(a=ROWS, b=ROWS), "2 arrays"),
    "no array": (npz, "0 arrays"),
    "pickled objects": (lambda: npz(a=np.array([{}], object)), "cannot be read"),
    "truncated npz": (lambda: npz(a=ROWS)[:-40], "cannot be read"),
    "header that asks for terabytes": (
        lambda: npy(ROWS).replace(b"(64, 30, 12)", b"(9999999999, 30, 12)", 1),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("error")
def test_refuses_a_file_that_is(case: str, tmp_path: Path) -> None:
    make, fragment = BAD[case]
    path = tmp_path / "rows"
    path.write_bytes(make())
    with pytest.raises(InputError, match=str(path)) as refused:
        read_calibration(path, SHAPE)
    assert fragment in str(refused.value)


def test_refuses_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_calibration(tmp_path / "missing.npy", SHAPE)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_reads_rows_of_any_float_in_order(tmp_path: Path, dtype: type) -> None:
    rows = np.arange(FEWEST_ROWS * 360).reshape(FEWEST_ROWS, *SHAPE).astype(dtype)
    for data in (npy(rows), npz(windows=rows), npy(np.asfortranarray(rows))):
        (tmp_path / "rows").write_bytes(data)
        read = read_calibration(tmp_path / "rows", SHAPE)
        assert read.dtype == np.float32
        assert read.flags.c_contiguous
        np.testing.assert_array_equal(read, rows.astype(np.float32))
