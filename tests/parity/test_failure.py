"""A kept failure holds the rows that refute the model, and reading it back refutes the same model again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.errors import InputError
from dwcpc.parity.failure import MOST_ROWS, read_failure, write_failure
from dwcpc.parity.reference import Reference
from dwcpc.parity.verify import verify

BAD_ROWS = [3, 40, 77]
COMMAND = "dwcpc verify x --replay y"


def spoil(outputs: dict[str, np.ndarray], batch: int) -> dict[str, np.ndarray]:
    """Spoil three of the typical rows, the second of them most."""
    if batch == 1 and len(outputs["anomaly_score"]) > max(BAD_ROWS):
        outputs["reconstruction"][BAD_ROWS] += np.float32([[[0.2]], [[0.5]], [[0.3]]])
    return outputs


@pytest.fixture
def folder(tmp_path: Path, bundle: Bundle, reference: Reference, fake_runner: Any) -> Path:
    """A failure folder of the three spoiled rows."""
    verification = verify(bundle, reference, (fake_runner(spoil=spoil),))
    assert verification.parity.verdict == "fail"
    write_failure(tmp_path, reference, verification, bundle.metadata.decision, COMMAND)
    return tmp_path


def test_keeps_the_failing_rows_the_worst_first(folder: Path, reference: Reference) -> None:
    kept = np.load(folder / "typical.input.npy")
    np.testing.assert_array_equal(kept, reference.groups[0].rows[[40, 77, 3]])
    answer = np.load(folder / "typical.python.reconstruction.npy")
    np.testing.assert_allclose(
        answer - np.load(folder / "typical.reference.reconstruction.npy"),
        np.full((3, 3, 2), 0.5) * np.array([1, 0.6, 0.4])[:, None, None],
        atol=1e-6,
    )


def test_says_what_failed_where_and_how_to_see_it_again(folder: Path) -> None:
    description = json.loads((folder / "failure.json").read_bytes())
    assert description["onnxruntime"] == {"python": "1.32.0"}
    assert any(line.startswith("closeness python reconstruction typical: ") for line in description["failed"])
    assert COMMAND in (folder / "README.txt").read_text(encoding="utf-8")


def test_reads_back_as_a_reference_with_the_tolerances_of_its_rows(folder: Path, reference: Reference) -> None:
    read = read_failure(folder)
    assert read.seed == reference.seed
    first = read.groups[0]
    np.testing.assert_array_equal(
        first.outputs["anomaly_score"], reference.groups[0].outputs["anomaly_score"][[40, 77, 3]]
    )
    np.testing.assert_array_equal(first.tolerance["reconstruction"], np.full((3, 3, 2), [1e-3, 1e-1]))
    assert np.isnan(read.non_finite).all()


def test_the_good_model_is_not_refuted_by_the_kept_rows(folder: Path, bundle: Bundle, fake_runner: Any) -> None:
    assert verify(bundle, read_failure(folder), (fake_runner(),)).parity.verdict == "pass"


def test_the_spoiled_model_is_refuted_again(folder: Path, bundle: Bundle, fake_runner: Any) -> None:
    def everywhere(outputs: dict[str, np.ndarray], _batch: int) -> dict[str, np.ndarray]:
        return {**outputs, "reconstruction": outputs["reconstruction"] + np.float32(0.2)}

    assert verify(bundle, read_failure(folder), (fake_runner(spoil=everywhere),)).parity.verdict == "fail"


def test_keeps_the_first_rows_where_no_single_row_is_to_blame(
    tmp_path: Path, bundle: Bundle, reference: Reference, fake_runner: Any
) -> None:
    verification = verify(bundle, reference, (fake_runner(),))
    write_failure(tmp_path, reference, verification, None, COMMAND)
    kept = np.load(tmp_path / "typical.input.npy")
    np.testing.assert_array_equal(kept, reference.groups[0].rows[:MOST_ROWS])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"groups": [], "seed": 1}',
        '{"groups": [{"name": "x", "rows": 1}], "seed": 1}',
        '{"groups": [{"name": "typical", "rows": 1, "outputs": "all"}], "seed": 1}',
        '{"groups": [{"name": "missing", "rows": 1, "outputs": ["y"]}], "seed": 1}',
        '{"groups": [{"name": "../../x", "rows": 1, "outputs": []}], "seed": 1}',
    ],
)
def test_refuses_a_folder_that_no_failed_verification_wrote(folder: Path, content: str) -> None:
    (folder / "failure.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=str(folder)):
        read_failure(folder)


def test_refuses_a_folder_without_a_description(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no failure folder"):
        read_failure(tmp_path)


def test_refuses_arrays_that_are_none(folder: Path) -> None:
    (folder / "typical.input.npy").write_bytes(b"")
    with pytest.raises(InputError, match="is no failure folder"):
        read_failure(folder)
