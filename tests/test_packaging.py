"""What a wheel would hold, and what no file may: places of one machine and addresses of package indexes."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("bench", "compiler", "models", "parity")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS: dict[str, Any] = PROJECT["tool"]["setuptools"]

# Written in pieces, so that this file does not hold what it looks for.
PLACE_OF_A_MACHINE = re.compile(r"(?<![\w.\]}])/(?:home|Users|root|mnt)" + r"/[A-Za-z0-9_]")
THIS_CHECKOUT = re.compile(rf"(?<![\w.])/{re.escape(ROOT.as_posix().lstrip('/'))}(?!\w)")
INDEX_ADDRESS = re.compile(
    r"https?://[^\s'\"]+/simple\b" + r"|https?://(?:pypi\.|files\.python" + r"hosted)" + r"|proxy\.golang" + r"\.org"
    r"|(?:PIP|UV)_[A-Z_]*IN" + r"DEX|GO" + r"PROXY|--(?:extra-)?index-" + r"url|--find-" + r"links"
)


def folder_of(package: str) -> Path:
    return ROOT / SETUPTOOLS["package-dir"][package]


def test_packages_are_the_folders_that_hold_an_init_file() -> None:
    on_disk = {
        "dwcpc." + ".".join(path.parent.relative_to(ROOT).parts)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert on_disk == set(SETUPTOOLS["packages"])
    assert set(SETUPTOOLS["package-dir"]) == set(SETUPTOOLS["packages"])


def test_each_package_is_mapped_to_the_folder_of_its_name() -> None:
    for package in SETUPTOOLS["packages"]:
        assert folder_of(package) == ROOT.joinpath(*package.split(".")[1:])


def test_every_python_file_is_in_a_package_or_said_not_to_be() -> None:
    outside = {
        path.parent.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    }
    assert outside == {"models/demo", "bench/micro"}  # run from the checkout, not part of the wheel


def test_package_data_exists() -> None:
    for package, patterns in SETUPTOOLS["package-data"].items():
        for pattern in patterns:
            if pattern.startswith("bin/"):
                continue  # built by make setup
            assert list(folder_of(package).glob(pattern)), f"{package}: {pattern}"


def test_every_file_that_is_no_python_is_package_data() -> None:
    for package in SETUPTOOLS["packages"]:
        folder = folder_of(package)
        listed = {path for pattern in SETUPTOOLS["package-data"].get(package, ()) for path in folder.glob(pattern)}
        others = {path for path in folder.iterdir() if path.is_file() and path.suffix not in {".py", ".pyc"}}
        assert others <= listed


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_top_folder_says_that_it_is_typed(folder: str) -> None:
    assert (ROOT / folder / "py.typed").is_file()
    assert "py.typed" in SETUPTOOLS["package-data"][f"dwcpc.{folder}"]


def test_the_version_is_the_newest_of_the_changelog() -> None:
    headings = re.findall(
        r"^## \[?([0-9]+\.[0-9]+\.[0-9]+[^\]\s]*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert headings[:1] == [PROJECT["project"]["version"]]


def tracked_files() -> list[Path]:
    """Return the files that git knows or would; skip where this is no checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so there is no list of tracked files")
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_no_file_names_a_place_of_one_machine_or_a_package_index() -> None:
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        for line in text.splitlines():
            if THIS_CHECKOUT.search(line) or PLACE_OF_A_MACHINE.search(line) or INDEX_ADDRESS.search(line):
                found.append(f"{path.relative_to(ROOT)}: {line[:200]}")
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "see /ho" + "me/anna/dwcpc",
        'path = "/Us' + 'ers/anna"',
        "https://pypi" + ".org/project/x",
        "https://packages.example/repository/sim" + "ple",
        "uv pip install --index-" + "url x",
        "export GO" + "PROXY=off",
    ],
)
def test_such_a_line_would_be_found(line: str) -> None:
    assert PLACE_OF_A_MACHINE.search(line) or INDEX_ADDRESS.search(line)
