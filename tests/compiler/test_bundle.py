"""Opening a bundle: the good one of the fixtures opens, each bad one is refused in a sentence that names why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.seal import sealed

ApplyEdits = Callable[[Path, list[dict[str, Any]]], None]
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "bundles"
BAD: list[dict[str, Any]] = json.loads((FIXTURES / "bad.json").read_bytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the good bundle."""
    return Path(shutil.copytree(FIXTURES / "good", tmp_path / "model" / "v1.0"))


def replace_text(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_good_bundle_opens_with_all_it_holds(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert bundle.metadata.name == "tiny_autoencoder"
    assert bundle.metadata.scaler.center == (0.5, -2.0)
    assert bundle.metadata.golden.groups[0].tolerance["reconstruction"] == (1e-6, 2e-6)
    assert bundle.golden("input")["x"].dtype == np.float32
    assert {name: values.shape for name, values in bundle.golden("output").items()} == {
        "reconstruction": (10, 3, 2),
        "anomaly_score": (10,),
    }
    assert bundle.size_bytes == sum(path.stat().st_size for path in folder.rglob("*.*"))


def test_says_how_many_rows_a_call_takes_and_takes_any_where_nothing_is_said(
    folder: Path, apply_edits: ApplyEdits
) -> None:
    one_row = open_bundle(FIXTURES / "one_row").metadata
    assert one_row.model.batch == 1
    assert one_row.inputs[0].shape == ("batch", 3, 2)
    assert one_row.golden.rows == 10
    assert open_bundle(folder).metadata.model.batch is None
    apply_edits(folder, [{"file": "metadata.json", "op": "delete", "pointer": "/model/batch"}])  # as they were written
    assert open_bundle(folder).metadata.model.batch is None


def test_reads_a_candidate_of_before_its_worst_row_was_told(folder: Path, apply_edits: ApplyEdits) -> None:
    def worst() -> list[float | None]:
        search = open_bundle(folder).metadata.precision_search
        assert search is not None
        return [each.worst_row for each in search.candidates]

    assert worst() == [None, 1.5]
    pointers = [f"/precision_search/candidates/{index}/worst_row" for index in (0, 1)]
    apply_edits(folder, [{"file": "metadata.json", "op": "delete", "pointer": pointer} for pointer in pointers])
    assert worst() == [None, None]


def test_the_golden_outputs_of_labels_and_flags_are_whole_numbers_in_float64() -> None:
    bundle = open_bundle(FIXTURES / "classifier")
    assert [tensor.dtype for tensor in bundle.metadata.outputs] == ["int64", "float32", "float32", "int64"]
    assert bundle.metadata.decision is not None
    assert bundle.metadata.decision.flag == "anomaly"
    golden = bundle.golden("output")
    assert {values.dtype.name for values in golden.values()} == {"float64"}
    assert golden["label"].tolist() == [7, -1, 0, 0, -1, 7, 7, 0, -1, -1]


def test_the_flag_and_not_the_rounded_score_is_the_decision() -> None:
    """The fixture has a row on which the two differ: otherwise no reader's choice between them would be tested."""
    bundle = open_bundle(FIXTURES / "classifier")
    decision, golden = bundle.metadata.decision, bundle.golden("output")
    assert decision is not None
    rounded = golden["anomaly_score"].astype(np.float32).astype(np.float64) > decision.threshold
    assert np.flatnonzero(rounded != (golden["anomaly"] == 1)).tolist() == [3]


@pytest.mark.parametrize("case", BAD, ids=[case["name"] for case in BAD])
def test_refuses_the_bad_bundle(case: dict[str, Any], folder: Path, apply_edits: ApplyEdits) -> None:
    apply_edits(folder, case["edits"])
    with pytest.raises(InputError) as refused:
        open_bundle(folder)
    assert case["reason_contains"] in str(refused.value)
    assert str(folder) in str(refused.value)


# Beyond the shared fixtures: what a file may hold that Python alone stumbles over.
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"opset": ', '"opset": 1.0, "was": ', "expected `int`"),
        ('"threshold": ', f'"threshold": 1{"0" * 5000}, "was": ', "out of range"),
        ('"seed": ', f'"seed": {10**40}, "was": ', "seed"),
        ('"file": "tiny.pth"', '"file": "\\ud800"', "not JSON"),
        ('"compiler": "dwcpc 0.1.0"', '"compiler": ' + "[" * 100_000, "not JSON"),
        ('"schema": "dwcpc.bundle/1"', '"schema": "dwcpc.bundle/10"', "dwcpc.bundle/10"),
    ],
)
def test_refuses_metadata_that_python_cannot_hold(old: str, new: str, reason: str, folder: Path) -> None:
    replace_text(folder / "metadata.json", old, new)
    with pytest.raises(InputError, match=r"metadata\.json") as refused:
        open_bundle(folder)
    assert reason.lower() in str(refused.value).lower()
    assert len(str(refused.value)) < 1000


def test_reads_a_newer_minor_version_of_the_schema_and_keys_it_does_not_know(folder: Path) -> None:
    path = folder / "metadata.json"
    path.write_text(sealed(json.loads(path.read_bytes()) | {"schema": "dwcpc.bundle/1.1", "colour": "red"}), "utf-8")
    assert open_bundle(folder).metadata.schema == "dwcpc.bundle/1.1"


@pytest.mark.parametrize("latest", ["link", "text"])
def test_opens_a_models_folder_at_latest(latest: str, folder: Path) -> None:
    if latest == "link":
        (folder.parent / "latest").symlink_to("v1.0")
    else:
        (folder.parent / "latest").write_text("v1.0\n", encoding="utf-8")
    assert open_bundle(folder.parent).path == folder


def test_refuses_a_models_folder_without_latest(folder: Path) -> None:
    with pytest.raises(InputError, match=r"holds no metadata\.json"):
        open_bundle(folder.parent)


def test_refuses_a_latest_that_leads_elsewhere(folder: Path) -> None:
    (folder.parent / "latest").symlink_to("../../etc")
    with pytest.raises(InputError, match="names 'etc'"):
        open_bundle(folder.parent)


def test_follows_links_within_the_bundle_as_kubernetes_mounts_it(folder: Path) -> None:
    data = folder / "..2024"
    data.mkdir()
    (folder / "model.onnx").rename(data / "model.onnx")
    (folder / "..data").symlink_to("..2024")
    (folder / "model.onnx").symlink_to("..data/model.onnx")
    assert open_bundle(folder).metadata.name == "tiny_autoencoder"


def test_refuses_golden_vectors_whose_numbers_were_exchanged(folder: Path) -> None:
    path = folder / "golden" / "output_anomaly_score.npy"
    np.save(path, np.load(path)[::-1].copy())
    with pytest.raises(InputError, match=r"output_anomaly_score\.npy: has SHA-256"):
        open_bundle(folder)


def test_refuses_every_damaged_file_and_every_field_that_is_missing_or_of_a_wrong_type(
    tmp_path: Path, apply_edits: ApplyEdits, corrupt_edits: list[tuple[dict[str, Any], str]]
) -> None:
    assert len(corrupt_edits) > 350
    opened, unexplained = [], {}
    for number, (edit, reason) in enumerate(corrupt_edits):
        folder = Path(shutil.copytree(FIXTURES / "good", tmp_path / str(number) / "v1.0"))
        apply_edits(folder, [edit])
        try:
            open_bundle(folder)
            opened.append(edit)
        except InputError as error:
            text = str(error)
            if not text.startswith(str(folder)) or reason not in text or "\n" in text:
                unexplained[str(edit)] = text
    assert opened == []
    assert unexplained == {}


def test_refuses_a_folder_that_is_named_as_another_version(folder: Path) -> None:
    copy = Path(shutil.copytree(folder, folder.with_name("v1.1")))
    with pytest.raises(InputError, match=r"metadata\.json: version is '1\.0', expected '1\.1'"):
        open_bundle(copy)
    assert open_bundle(copy.rename(copy.with_name("anything else"))).metadata.version == "1.0"


def test_refuses_metadata_that_is_too_large_for_go(folder: Path) -> None:
    path = folder / "metadata.json"
    path.write_bytes(path.read_bytes() + b" " * 4 * 1024**2)
    with pytest.raises(InputError, match="is larger than 4194304 bytes"):
        open_bundle(folder)
