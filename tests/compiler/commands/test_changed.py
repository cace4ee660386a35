"""What changed since a commit: a model's settings, its files, and nothing of the others."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dwcpc.compiler.commands.changed import changed_models
from dwcpc.compiler.commands.config import read_config
from dwcpc.compiler.errors import InputError

TEXT = """
[models.first]
artifact = "files/first.pth"
scaler = "files/scaler.json"
features = "files/features.json"

[models.second]
artifact = "files/second.pkl"
threshold = 0.5
features = "node_reliability_123"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder inside a repository, with two models committed."""
    folder = tmp_path / "repository" / "project"
    (folder / "files").mkdir(parents=True)
    (folder / "dwcpc.toml").write_text(TEXT, encoding="utf-8")
    for name in ("first.pth", "scaler.json", "features.json", "second.pkl"):
        (folder / "files" / name).write_text(name, encoding="utf-8")
    for arguments in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "first"),
    ):
        subprocess.run(["git", "-C", str(tmp_path / "repository"), *arguments], check=True)
    return folder


def changed(project: Path, commit: str = "HEAD") -> set[str]:
    return changed_models(read_config(project / "dwcpc.toml"), commit)


def settings(old: str, new: str) -> Callable[[Path], object]:
    return lambda project: (project / "dwcpc.toml").write_text(TEXT.replace(old, new), encoding="utf-8")


def content(name: str) -> Callable[[Path], object]:
    return lambda project: (project / "files" / name).write_text("other", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: None, set()),
        (content("first.pth"), {"first"}),
        (content("scaler.json"), {"first"}),
        (content("features.json"), {"first"}),
        (content("second.pkl"), {"second"}),
        (settings("0.5", "0.6"), {"second"}),
        (settings("[models.second]", "[budgets]\nsize_mb = 3\n[models.second]"), {"first", "second"}),
        (settings("[models.second]", "[models.third]"), {"third"}),
        (settings("[models.first]", "# a comment\n[models.first]"), set()),
    ],
)
def test_what_changed(project: Path, change: Callable[[Path], object], expected: set[str]) -> None:
    change(project)
    assert changed(project) == expected


def test_a_file_that_git_does_not_know_is_new(project: Path) -> None:
    settings("first.pth", "new.pth")(project)
    content("new.pth")(project)
    assert changed(project) == {"first"}


def test_all_are_new_where_the_file_was_not_there_or_was_wrong(project: Path) -> None:
    subprocess.run(["git", "-C", str(project), "mv", "dwcpc.toml", "other.toml"], check=True)
    (project / "other.toml").rename(project / "dwcpc.toml")
    assert changed(project) == set()
    assert changed_models(read_config((project / "dwcpc.toml").rename(project / "third.toml")), "HEAD") == {
        "first",
        "second",
    }


@pytest.mark.parametrize("commit", ["nowhere", "--help", "HEAD:project"])
def test_what_is_no_commit_is_refused(project: Path, commit: str) -> None:
    with pytest.raises(InputError, match="--since: git rev-parse in "):
        changed(project, commit)


def test_outside_a_repository_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dwcpc.toml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(InputError, match="not a git repository"):
        changed(tmp_path)
