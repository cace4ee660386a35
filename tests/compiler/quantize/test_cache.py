"""A cache finds what follows from the same content, nothing else, and is never the reason for a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwcpc.compiler.quantize.cache import CACHE_VARIABLE, Cache, default_cache, key_of


def test_what_was_put_is_found_by_the_same_content_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new")
    cache.put(key_of([b"a", b"b"]), b"answer")
    assert cache.get(key_of([b"a", b"b"])) == b"answer"
    assert cache.get(key_of([b"ab"])) is None  # parts are told apart
    assert cache.get(key_of([b"b", b"a"])) is None


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("key", b"1")
    cache.put("key", b"22")
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert cache.get("key") == b"22"


def test_a_folder_that_cannot_be_is_no_reason_to_stop(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    cache = Cache(file / "folder")
    cache.put("key", b"1")
    assert cache.get("key") is None
    assert Cache(None).get("key") is None


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert default_cache().folder == tmp_path
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache().folder == tmp_path / "xdg" / "dwcpc" / "precision"
