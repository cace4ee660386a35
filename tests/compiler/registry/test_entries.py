"""Reading a registry: every version, whole or with what is wrong, and nothing that is no version."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.registry.entries import read_line, read_registry

NAME = "tiny_proven"
Publish = Callable[..., bool]


def test_reads_names_in_order_and_their_versions_highest_first(put: Publish, registry: Path) -> None:
    for version in ("1.9", "1.10"):
        put(version)
    put("1.0", name="another")
    lines = read_registry(registry)
    assert [line.name for line in lines] == ["another", NAME]
    assert [(entry.version, entry.latest, entry.withdrawn) for entry in lines[1].entries] == [
        ((1, 10), True, False),
        ((1, 9), False, False),
    ]
    assert all(entry.bundle is not None and entry.problem is None for line in lines for entry in line.entries)


def test_what_is_hidden_or_holds_no_version_is_no_entry(put: Publish, registry: Path) -> None:
    put("1.0")
    shutil.copytree(registry / NAME / "v1.0", registry / NAME / ".v1.1-0123abcd")
    (registry / NAME / "v1.0.report.md").write_bytes(b"")
    (registry / "empty").mkdir()
    (registry / ".git").mkdir()
    (registry / "README").write_bytes(b"")
    (line,) = read_registry(registry)
    assert [entry.version for entry in line.entries] == [(1, 0)]


def test_a_damaged_version_is_told_beside_the_whole_ones(put: Publish, registry: Path) -> None:
    put("1.0")
    put("1.1")
    (registry / NAME / "v1.1" / "golden" / "input_x.npy").unlink()
    damaged, whole = read_line(registry / NAME).entries
    assert damaged.bundle is None
    assert "input_x.npy: is missing" in str(damaged.problem)
    assert whole.bundle is not None


@pytest.mark.parametrize(
    ("folder", "says"), [("v1.1", "version is '1.0', expected '1.1'"), ("other", "tiny_proven v1.0")]
)
def test_a_version_that_was_copied_by_hand_is_damaged(put: Publish, registry: Path, folder: str, says: str) -> None:
    put("1.0")
    model_folder = registry / (folder if folder == "other" else NAME)
    target = model_folder / ("v1.0" if folder == "other" else folder)
    shutil.copytree(registry / NAME / "v1.0", target)
    entry = read_line(model_folder).entries[0]
    assert entry.bundle is None
    assert says in str(entry.problem)


def test_a_latest_that_names_no_version_there_is_told(put: Publish, registry: Path) -> None:
    put("1.0")
    latest = registry / NAME / "latest"
    latest.unlink()
    assert read_line(registry / NAME).problem is None
    latest.symlink_to("v1.7")
    assert "names v1.7, which is not there" in str(read_line(registry / NAME).problem)
    latest.unlink()
    latest.symlink_to("nowhere")
    assert "names 'nowhere'" in str(read_line(registry / NAME).problem)


def test_what_is_no_registry_is_refused(put: Publish, registry: Path) -> None:
    put("1.0")
    for path, reason in (
        (registry / "absent", "no such folder"),
        (registry / NAME, "is a model's or a bundle's own folder"),
        (registry / NAME / "v1.0", "is a model's or a bundle's own folder"),
    ):
        with pytest.raises(InputError, match=reason):
            read_registry(path)
