"""The image for training, as far as it can be told without a Docker engine: what it is made of and what it runs as."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FILE = REPOSITORY / "docs" / "docker" / "train.Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Return each instruction with its arguments, continued lines joined, comments left out."""
    text = re.sub(r"\\\n\s*", "", FILE.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    begin = max(at for at, (name, _) in enumerate(found) if name == "FROM")
    return found[begin:]


def copied(found: list[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Return what is copied out of the checkout, and where to."""
    words = [shlex.split(rest) for name, rest in found if name == "COPY" and not rest.startswith("--from=")]
    return [(each[:-1], each[-1]) for each in words]


def test_every_base_is_an_exact_version() -> None:
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    assert len(bases) == 2
    for base in bases:
        assert re.fullmatch(r"(python|golang):\d+\.\d+\.\d+(-slim)?-bookworm(@sha256:[0-9a-f]{64})?", base), base
    assert {base.rpartition("-")[2] for base in bases} == {
        "bookworm"
    }  # the harness runs with the C library it was built with


def test_go_is_new_enough_for_the_module() -> None:
    wanted = re.search(r"^go (\d+)\.(\d+)", (REPOSITORY / "go_harness" / "go.mod").read_text(encoding="utf-8"), re.M)
    given = re.search(r"golang:(\d+)\.(\d+)", FILE.read_text(encoding="utf-8"))
    assert wanted is not None
    assert given is not None
    assert tuple(map(int, given.groups())) >= tuple(map(int, wanted.groups()))


def test_packages_are_the_locked_ones_and_their_hashes_are_required() -> None:
    installs = [rest for name, rest in instructions() if name == "RUN" and "pip install" in rest]
    locked, own = installs
    assert "--require-hashes --no-deps" in locked
    assert re.findall(r"-r (\S+)", locked) == ["requirements/torch.lock", "requirements/packages.lock"]
    assert own.startswith("python -m pip install --no-deps --no-build-isolation . ")
    for lock in re.findall(r"-r (\S+)", locked):
        entries = re.split(r"\n(?=\S)", (REPOSITORY / lock).read_text(encoding="utf-8").strip())
        assert all("--hash=sha256:" in entry for entry in entries), lock


def test_it_runs_dwcpc_as_nobody_in_particular() -> None:
    found = last_stage()
    names = [name for name, _ in found]
    assert dict(found)["ENTRYPOINT"] == '["dwcpc"]'
    assert int(dict(found)["USER"]) >= 1000
    assert names.index("USER") > max(at for at, name in enumerate(names) if name == "RUN")


def test_there_is_no_secret_and_no_address_in_it() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert not re.search(r"://|token|password|secret", text, re.I)
    assert not [rest for name, rest in instructions() if name == "ARG"]
    assert all(
        sources != ["."] for sources, _ in copied(instructions())
    )  # what lies in a checkout beside it stays there


def test_what_is_copied_is_there_and_makes_the_whole_package(tmp_path: Path) -> None:
    source = tmp_path / "src"
    for names, _ in copied(instructions()):
        assert all((REPOSITORY / name).exists() for name in names), names
    for names, target in copied(last_stage()):
        for name in names:
            into = source / target / (name if target == "./" else "")
            into.parent.mkdir(parents=True, exist_ok=True)
            if (REPOSITORY / name).is_dir():
                shutil.copytree(REPOSITORY / name, into, ignore=shutil.ignore_patterns("bin", "__pycache__"))
            else:
                shutil.copy(REPOSITORY / name, into)
    (source / "compiler" / "bin").mkdir()
    (source / "compiler" / "bin" / "dwcpc-harness").write_bytes(b"the other stage's")
    argv = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
        source,
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {"dwcpc/compiler/bin/dwcpc-harness", "dwcpc/models/retraining/exports.py", "dwcpc/bench/protocol.py"} <= held
    assert "dwcpc/compiler/bundle.schema.json" in held


def test_the_linter_has_nothing_to_say() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), FILE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
