"""Names, versions and the folders they live in."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.versions import (
    checked_name,
    folder_name,
    latest_version,
    next_version,
    parsed_version,
    versions_in,
)


@pytest.mark.parametrize("name", ["a", "consensus_latency", "Model-2", "9lives", "x" * 64])
def test_takes_the_name_of_one_folder(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "../a", "/a", "a.b", "_a", "-a", "a\n", "ä", "x" * 65])
def test_refuses_any_other_name(name: str) -> None:
    with pytest.raises(InputError, match="--name is "):
        checked_name(name)


@pytest.mark.parametrize(("text", "version"), [("1.0", (1, 0)), ("0.0", (0, 0)), ("12.345678901", (12, 345678901))])
def test_parses_two_whole_numbers(text: str, version: tuple[int, int]) -> None:
    assert parsed_version(text) == version
    assert folder_name(version) == f"v{text}"


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "1.0.0", "v1.0", "01.0", "1.00", "1.0\n", "-1.0", "1.١"])
def test_refuses_any_other_version(text: str) -> None:
    with pytest.raises(InputError, match="--version is "):
        parsed_version(text)


def test_orders_versions_by_number_and_not_by_letter(tmp_path: Path) -> None:
    for version in ("v1.9", "v1.10", "v1.2", "v0.99"):
        (tmp_path / version).mkdir()
    assert versions_in(tmp_path) == [(0, 99), (1, 2), (1, 9), (1, 10)]
    assert next_version(tmp_path) == (1, 11)


def test_sees_no_version_in_other_entries(tmp_path: Path) -> None:
    for entry in (".v1.0-x7", "failed-v1.0", "v1", "v1.0.0", "version", "v1.0.old"):
        (tmp_path / entry).mkdir()
    (tmp_path / "latest").write_text("v3.0\n", encoding="utf-8")
    assert versions_in(tmp_path) == []
    assert next_version(tmp_path) == (1, 0)


def test_begins_with_1_0_where_there_is_no_folder(tmp_path: Path) -> None:
    assert next_version(tmp_path / "missing") == (1, 0)
    assert latest_version(tmp_path / "missing") is None


@pytest.mark.parametrize("text", ["v2.3", "v2.3\n", " v2.3\r\n"])
def test_reads_latest_from_a_text_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "latest").write_bytes(text.encode())
    assert latest_version(tmp_path) == (2, 3)


@pytest.mark.parametrize("target", ["v2.3", "./v2.3", "v2.3/"])
def test_reads_latest_from_a_link(tmp_path: Path, target: str) -> None:
    (tmp_path / "latest").symlink_to(target)
    assert latest_version(tmp_path) == (2, 3)


@pytest.mark.parametrize("text", ["", "2.3", "v2", "stable", "v2.3 v2.4", "v2.3\nv2.4", "\0"])
def test_refuses_a_latest_that_names_no_version(tmp_path: Path, text: str) -> None:
    (tmp_path / "latest").write_bytes(text.encode())
    with pytest.raises(InputError, match="expected a version folder"):
        latest_version(tmp_path)


def test_refuses_a_latest_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(InputError, match="neither a link nor a file"):
        latest_version(tmp_path)
