"""Placing is atomic: at whatever instant it ends, a version is whole or absent and `latest` names a whole one."""

from __future__ import annotations

import ctypes
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dwcpc.compiler import staging
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.staging import Destination, check_destination, move_latest, place, staging_folder
from dwcpc.compiler.versions import Version, latest_version, version_text, versions_in

SEED = 4
KILLS = 20
LONGEST_LIFE_S = 0.03
FILES = ("model.onnx", "metadata.json", "golden/x.npy")

# Fills each version with one text in every file, so that a mixture would show. PLACE_FOREVER ends when it is killed.
PLACING = """
import itertools, sys
from pathlib import Path
from dwcpc.compiler.staging import Destination, move_latest, place, staging_folder

def one(out, version, text, replace):
    destination = Destination(out, "m", version, replace)
    with staging_folder(destination) as staged:
        (staged / "golden").mkdir()
        for name in ("model.onnx", "metadata.json", "golden/x.npy"):
            (staged / name).write_text(text)
        place(staged, destination)
    move_latest(destination)
"""
PLACE_FOREVER = (
    PLACING
    + """
for turn in itertools.count():
    one(Path(sys.argv[1]), (1, turn % 3), f"turn {turn}", True)
    print("placed", flush=True)
"""
)
# Kills a child of its own at each event that CPython reports to audit hooks (opening, renaming, linking, removing),
# in turn, until a child lives to the end; prints how many it killed.
DIE_AT_EACH_STEP = (
    PLACING
    + """
import os, shutil, signal
source, scratch = Path(sys.argv[1]), Path(sys.argv[2])
for last in itertools.count(1):
    out = scratch / str(last)
    shutil.copytree(source, out, symlinks=True)
    child = os.fork()
    if child == 0:
        seen = 0
        def die_at_last(event, _):
            global seen
            if event.split(".")[0] in ("open", "os", "shutil", "tempfile", "ctypes"):
                seen += 1
                if seen == last:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(die_at_last)
        one(out, (1, 1), "new", True)
        one(out, (1, 2), "newest", False)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
print(last)
"""
)


def whole_text(folder: Path) -> str:
    """Return the one text that every file of the version holds; fail when one is missing or another's."""
    texts = {(folder / name).read_text(encoding="utf-8") for name in FILES}
    assert len(texts) == 1, texts
    (text,) = texts
    assert text
    return text


def assert_consistent(model_folder: Path) -> None:
    for version in versions_in(model_folder):
        whole_text(model_folder / f"v{version_text(version)}")
    latest = latest_version(model_folder)
    if latest is not None:
        whole_text(model_folder / f"v{version_text(latest)}")


def put(out: Path, version: Version, text: str, *, replace: bool = False) -> Destination:
    """Stage and place a whole version; `latest` stays."""
    destination = Destination(out, "m", version, replace)
    with staging_folder(destination) as staged:
        (staged / "golden").mkdir()
        for name in FILES:
            (staged / name).write_text(text, encoding="utf-8")
        place(staged, destination)
    return destination


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_version_appears_under_its_name_and_nothing_else_remains(tmp_path: Path) -> None:
    destination = put(tmp_path / "out", (1, 0), "first")
    assert whole_text(destination.folder) == "first"
    assert names(tmp_path / "out" / "m") == ["v1.0"]
    assert destination.folder.stat().st_mode & 0o777 == 0o755


def test_an_exception_while_staging_leaves_nothing_at_all(tmp_path: Path) -> None:
    destination = Destination(tmp_path / "out", "m", (1, 0), replace=False)

    def stage_half() -> None:
        with staging_folder(destination) as staged:
            (staged / "model.onnx").write_bytes(b"half")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        stage_half()
    assert names(tmp_path) == []


def test_an_exception_while_staging_leaves_the_folder_of_others(tmp_path: Path) -> None:
    put(tmp_path, (1, 0), "first")
    destination = Destination(tmp_path, "m", (1, 1), replace=False)
    with pytest.raises(RuntimeError, match="half way"), staging_folder(destination):
        raise RuntimeError("half way")
    assert names(tmp_path / "m") == ["v1.0"]


def test_an_exception_while_placing_leaves_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_folder: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(staging, "_flush", full)
    with pytest.raises(OSError, match="no space"):
        put(tmp_path / "out", (1, 0), "first")
    assert names(tmp_path) == []


def test_replacing_exchanges_the_whole_folder(tmp_path: Path) -> None:
    old = put(tmp_path, (1, 0), "old")
    (old.folder / "left over").write_bytes(b"")
    put(tmp_path, (1, 0), "new", replace=True)
    assert whole_text(old.folder) == "new"
    assert not (old.folder / "left over").exists()
    assert names(tmp_path / "m") == ["v1.0"]


@pytest.mark.parametrize("missing", ["the function", "the file system's support"])
def test_replaces_where_the_system_cannot_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    class Libc:
        pass

    libc = Libc()
    if missing != "the function":
        libc.renameat2 = lambda *_: -1  # type: ignore[attr-defined]
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: libc)
    put(tmp_path, (1, 0), "old")
    put(tmp_path, (1, 0), "new", replace=True)
    assert whole_text(tmp_path / "m" / "v1.0") == "new"
    assert names(tmp_path / "m") == ["v1.0"]


def test_an_existing_version_is_refused_before_and_while_placing(tmp_path: Path) -> None:
    destination = put(tmp_path, (1, 0), "first")
    with pytest.raises(InputError, match="exists already"):
        check_destination(destination)
    with pytest.raises(InputError, match="appeared while"):
        put(tmp_path, (1, 0), "second")
    assert whole_text(destination.folder) == "first"
    assert names(tmp_path / "m") == ["v1.0"]


def test_of_two_that_place_at_once_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    both = threading.Barrier(2)
    outcomes: dict[str, str] = {}

    def race(text: str) -> None:
        destination = Destination(tmp_path, "m", (1, 0), replace=False)
        with staging_folder(destination) as staged:
            (staged / "golden").mkdir()
            for name in FILES:
                (staged / name).write_text(text, encoding="utf-8")
            both.wait()
            try:
                place(staged, destination)
                outcomes[text] = "placed"
            except InputError as error:
                outcomes[text] = str(error)

    racers = [threading.Thread(target=race, args=(text,)) for text in ("red", "blue")]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    (winner,) = (text for text, outcome in outcomes.items() if outcome == "placed")
    assert whole_text(tmp_path / "m" / "v1.0") == winner
    (loser,) = set(outcomes) - {winner}
    assert "appeared while this version was being made" in outcomes[loser]
    assert names(tmp_path / "m") == ["v1.0"]


def test_latest_moves_up_and_not_down(tmp_path: Path) -> None:
    assert move_latest(put(tmp_path, (1, 9), "nine"))
    assert move_latest(put(tmp_path, (1, 10), "ten"))
    assert not move_latest(put(tmp_path, (1, 2), "two"))
    assert (tmp_path / "m" / "latest").readlink() == Path("v1.10")
    assert move_latest(put(tmp_path, (1, 10), "ten again", replace=True))
    assert names(tmp_path / "m") == ["latest", "v1.10", "v1.2", "v1.9"]


def test_latest_is_a_text_file_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError("operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", no_links)
    assert move_latest(put(tmp_path, (1, 0), "first"))
    assert move_latest(put(tmp_path, (1, 1), "second"))
    assert (tmp_path / "m" / "latest").read_bytes() == b"v1.1\n"
    assert latest_version(tmp_path / "m") == (1, 1)
    assert not move_latest(put(tmp_path, (0, 9), "older"))


@pytest.mark.skipif(sys.platform != "linux", reason="exchanges folders by Linux's renameat2")
def test_a_process_that_is_killed_leaves_whole_versions_only(tmp_path: Path) -> None:
    rng = random.Random(SEED)  # noqa: S311 - instants, not secrets
    for _ in range(KILLS):
        argv = [sys.executable, "-c", PLACE_FOREVER, str(tmp_path)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0, LONGEST_LIFE_S))
            process.kill()
        assert latest_version(tmp_path / "m") is not None
        assert_consistent(tmp_path / "m")


@pytest.mark.skipif(sys.platform != "linux", reason="exchanges folders by Linux's renameat2")
def test_a_process_that_dies_at_any_step_leaves_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    move_latest(put(tmp_path / "source", (1, 0), "old"))
    move_latest(put(tmp_path / "source", (1, 1), "old"))
    argv = [sys.executable, "-c", DIE_AT_EACH_STEP, str(tmp_path / "source"), str(tmp_path / "scratch")]
    (tmp_path / "scratch").mkdir()
    steps = int(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)
    assert steps > 30
    replaced, seen = [], set()
    for step in range(1, steps + 1):
        folder = tmp_path / "scratch" / str(step) / "m"
        assert_consistent(folder)
        assert whole_text(folder / "v1.0") == "old"
        replaced.append(whole_text(folder / "v1.1"))
        seen.add((replaced[-1], (folder / "v1.2").exists(), str((folder / "latest").readlink())))
    assert replaced == sorted(replaced, reverse=True)  # "old" up to some step, "new" from there on
    assert seen == {
        ("old", False, "v1.1"),
        ("new", False, "v1.1"),
        ("new", True, "v1.1"),
        ("new", True, "v1.2"),
    }
