"""What a crashed process leaves beside the versions: hidden from readers, and taken away once nobody holds it."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from dwcpc.compiler import staging
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.staging import Destination, remove_leftovers, staging_folder
from dwcpc.compiler.versions import latest_version, versions_in

LEFT = (".v1.1-0123abcd/model.onnx", ".v1.1-0123abcd.lock", ".v1.2-89efcdab.lock", ".v1.0-76543210.old/model.onnx")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def crashed(model_folder: Path) -> None:
    """Leave what a process leaves that dies while it stages, exchanges or moves `latest`."""
    for name in LEFT:
        path = model_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    (model_folder / ".new-latest").symlink_to("v1.1")


def test_readers_do_not_see_leftovers(tmp_path: Path) -> None:
    crashed(tmp_path)
    assert versions_in(tmp_path) == []
    assert latest_version(tmp_path) is None


def test_leftovers_of_the_dead_are_removed_and_everything_else_stays(tmp_path: Path) -> None:
    crashed(tmp_path)
    others = (".gitignore", ".v1.0-notes", "v1.0", "withdrawn")
    for name in others:
        (tmp_path / name).write_bytes(b"")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted(others)


def test_what_a_living_process_stages_is_not_removed(tmp_path: Path) -> None:
    with staging_folder(Destination(tmp_path, "m", (1, 0), replace=False)) as staged:
        (staged / "model.onnx").write_bytes(b"half")
        crashed(tmp_path / "m")
        remove_leftovers(tmp_path / "m")
        assert names(tmp_path / "m") == [staged.name, f"{staged.name}.lock"]
        assert (staged / "model.onnx").read_bytes() == b"half"
    assert names(tmp_path) == []


def test_first_versions_of_one_name_do_not_remove_each_others_folder(tmp_path: Path) -> None:
    """Whoever fails removes the folder that it made, and must not take it from under one who just found it there."""
    problems: list[Exception] = []

    def stage(version: int) -> None:
        for _ in range(50):
            try:
                with staging_folder(Destination(tmp_path / "out", "m", (1, version), replace=False)) as staged:
                    (staged / "model.onnx").write_bytes(b"")
            except Exception as error:
                problems.append(error)

    threads = [threading.Thread(target=stage, args=(version,)) for version in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert [path for path in tmp_path.rglob("*") if not path.is_dir() or path.name.startswith(".")] == []


def test_gives_up_on_a_folder_that_is_always_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.mkdir

    def made_and_removed(path: Path, *arguments: object, **options: object) -> None:
        original(path, *arguments, **options)  # type: ignore[arg-type]
        shutil.rmtree(path)

    monkeypatch.setattr(staging.Path, "mkdir", made_and_removed)
    with (
        pytest.raises(InputError, match="is removed again and again"),
        staging_folder(Destination(tmp_path, "m", (1, 0), replace=False)),
    ):
        pass
