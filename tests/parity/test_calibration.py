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


FEATURES = ("load", "wait", "loss")
SAMPLES = np.arange(3 * 200, dtype=np.float32).reshape(200, 3) / 8


def csv_text(samples: np.ndarray = SAMPLES, header: str = "load,wait,loss\n", end: str = "\n") -> str:
    return header + "".join(",".join(map(repr, row)) + end for row in samples.tolist())


def written(folder: Path, text: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("header", ["", "load,wait,loss\n", '"load", wait ,loss\n'])
@pytest.mark.parametrize("name", ["rows.csv", "ROWS.CSV"])
def test_a_line_of_csv_is_a_row(header: str, name: str, tmp_path: Path) -> None:
    read = read_calibration(written(tmp_path, csv_text(header=header), name), (3,), FEATURES)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, SAMPLES)


def test_lines_of_csv_are_cut_into_windows_side_by_side(tmp_path: Path) -> None:
    read = read_calibration(written(tmp_path, csv_text()), (6, 3))
    assert read.shape == (33, 6, 3)
    np.testing.assert_array_equal(read.reshape(-1, 3), SAMPLES[:198])
    with pytest.raises(InputError, match="holds 28 rows, expected at least 32"):
        read_calibration(written(tmp_path, csv_text()), (7, 3))


def test_csv_as_spreadsheets_and_other_systems_write_it(tmp_path: Path) -> None:
    for text in (csv_text(end="\r\n"), "\ufeff" + csv_text(), csv_text() + "\n\n", csv_text().rstrip()):
        np.testing.assert_array_equal(read_calibration(written(tmp_path, text), (3,), FEATURES), SAMPLES)


BAD_CSV: dict[str, tuple[str | bytes, tuple[int, ...], str]] = {
    "a word": (csv_text().replace("1.5", "high", 1), (3,), "line 6, column 1 is 'high'"),
    "an empty cell": (csv_text().replace("1.5", "", 1), (3,), "line 6, column 1 is ''"),
    "NaN": (csv_text().replace("1.5", "nan", 1), (3,), "line 6, column 1 is 'nan'"),
    "infinity": (csv_text().replace("1.5", "-inf", 1), (3,), "column 1 is '-inf'"),
    "beyond float32": (csv_text().replace("1.5", "1e300", 1), (3,), "column 1 is '1e300'"),
    "digits apart": (csv_text().replace("1.5", "1_5", 1), (3,), "column 1 is '1_5'"),
    "a column too many": (csv_text(), (2,), "line 1 has 3 columns, expected 2"),
    "semicolons": (csv_text(header="").replace(",", ";"), (3,), "line 1 has 1 columns, expected 3"),
    "a line that is short": (csv_text() + "1,2\n", (3,), "line 202 has 2 columns"),
    "half a header": (csv_text(header="load,7,loss\n"), (3,), "line 1, column 1 is 'load'"),
    "other names": (csv_text(header="load,loss,wait\n"), (3,), "column 2 of the header is 'loss', expected 'wait'"),
    "fewer names": (csv_text(header="load,wait\n"), (3,), "line 1 has 2 columns, expected 3"),
    "too few lines": (csv_text(SAMPLES[:31]), (3,), "holds 31 rows"),
    "nothing": (b"", (3,), "holds 0 rows"),
    "a header alone": ("load,wait,loss\n", (3,), "holds 0 rows"),
    "no text": (b"\xff\xfe1\x00,\x00", (3,), "cannot be read as .csv"),
    "an endless cell": ('"' + "1" * 200_000, (3,), "cannot be read as .csv"),
    "pictures": (csv_text(), (4, 4, 3), "lines cannot hold rows of shape (4, 4, 3)"),
}


@pytest.mark.parametrize("case", BAD_CSV)
@pytest.mark.filterwarnings("error")
def test_refuses_csv_with(case: str, tmp_path: Path) -> None:
    text, shape, fragment = BAD_CSV[case]
    path = written(tmp_path, text)
    with pytest.raises(InputError) as refused:
        read_calibration(path, shape, FEATURES)
    assert str(path) in str(refused.value)
    assert fragment in str(refused.value)


def test_refuses_csv_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read as \.csv"):
        read_calibration(tmp_path / "missing.csv", (3,))
