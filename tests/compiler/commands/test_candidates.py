"""A path means a bundle, or the newest version of each model; what cannot be read is named with its reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dwcpc.compiler.commands.baselines import find_baseline
from dwcpc.compiler.commands.candidates import bundle_folders, open_candidates
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.seal import sealed

GOOD = Path(__file__).resolve().parents[2] / "fixtures" / "bundles" / "good"


def placed(out: Path, name: str, version: str, *, latest: bool = False) -> Path:
    """Copy the good bundle to OUT/NAME/vX.Y under that name."""
    folder = out / name / f"v{version}"
    shutil.copytree(GOOD, folder)
    metadata = json.loads((folder / "metadata.json").read_bytes())
    (folder / "metadata.json").write_text(sealed(metadata | {"name": name, "version": version}), encoding="utf-8")
    if latest:
        (out / name / "latest").write_text(f"v{version}", encoding="ascii")
    return folder


def spoil(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"")


def test_a_bundle_is_itself() -> None:
    assert bundle_folders(GOOD) == [GOOD]


def test_a_folder_means_the_newest_version_of_each_model_whatever_latest_names(tmp_path: Path) -> None:
    placed(tmp_path, "a", "1.2", latest=True)
    newest = placed(tmp_path, "a", "1.10")
    other = placed(tmp_path, "b", "2.0")
    (tmp_path / "a" / "failed-v1.11").mkdir()
    (tmp_path / ".v9.0-staged").mkdir()
    (tmp_path / "report.md").touch()
    assert bundle_folders(tmp_path) == [newest, other]
    assert bundle_folders(tmp_path / "a") == [newest]


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_a_path_without_a_bundle_is_bad_usage(make: object, tmp_path: Path) -> None:
    path = tmp_path / "nothing"
    make(path)  # type: ignore[operator]
    with pytest.raises(InputError, match="expected a bundle, or a folder of bundles"):
        bundle_folders(path)
    with pytest.raises(InputError, match="is no folder"):
        bundle_folders(tmp_path / "absent")


def test_each_bundle_is_judged_once(tmp_path: Path) -> None:
    folder = placed(tmp_path, "a", "1.0")
    assert len(open_candidates([tmp_path, folder, tmp_path / "a"]).bundles) == 1


def test_what_cannot_be_read_is_refused_and_the_rest_is_opened(tmp_path: Path) -> None:
    placed(tmp_path, "a", "1.0")
    spoil(placed(tmp_path, "b", "1.0"))
    found = open_candidates([tmp_path])
    assert [bundle.metadata.name for bundle in found.bundles] == ["a"]
    assert len(found.refused) == 1
    assert "model.onnx: is 0 bytes" in found.refused[0]


def test_nothing_that_can_be_read_is_bad_input(tmp_path: Path) -> None:
    spoil(placed(tmp_path, "b", "1.0"))
    with pytest.raises(InputError, match=r"model\.onnx: is 0 bytes"):
        open_candidates([tmp_path])


def test_the_baseline_is_what_a_registry_serves(tmp_path: Path) -> None:
    placed(tmp_path, "a", "1.0", latest=True)
    placed(tmp_path, "a", "1.1")
    for path in (tmp_path, tmp_path / "a", tmp_path / "a" / "v1.0"):
        found = find_baseline(path, "a", alone=False)
        assert found.bundle is not None
        assert found.bundle.metadata.version == "1.0"


def test_no_such_model_in_the_registry_is_a_note(tmp_path: Path) -> None:
    placed(tmp_path, "a", "1.0", latest=True)
    placed(tmp_path, "c", "1.0")
    for name in ("b", "c"):
        found = find_baseline(tmp_path, name, alone=False)
        assert found.bundle is None
        assert found.refused is None
        assert found.note == f"{tmp_path} serves no {name} yet, so there is nothing to compare it with"
    assert "names no latest version" in str(find_baseline(tmp_path / "c", "c", alone=True).note)


def test_a_bundle_of_another_name_is_the_baseline_of_a_candidate_that_is_alone(tmp_path: Path) -> None:
    folder = placed(tmp_path, "a", "1.0")
    assert find_baseline(folder, "b", alone=True).bundle is not None
    found = find_baseline(folder, "b", alone=False)
    assert (found.bundle, found.note) == (None, f"{folder} is a, so b is compared with nothing")


def test_a_baseline_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    spoil(placed(tmp_path, "a", "1.0", latest=True))
    assert "model.onnx: is 0 bytes" in str(find_baseline(tmp_path, "a", alone=True).refused)
    with pytest.raises(InputError, match=r"--baseline .*: is no folder"):
        find_baseline(tmp_path / "absent", "a", alone=True)
