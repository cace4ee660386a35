"""Locks: one holder at a time, none after the holder's death, and no file is left."""

from __future__ import annotations

import errno
import fcntl
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dwcpc.compiler.locks import locked, locked_if_free

HOLDING = """
import sys, time
from pathlib import Path
from dwcpc.compiler.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_nobody_else_gets_a_lock_that_is_held_and_nothing_remains_of_it(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with locked(path), locked_if_free(path) as free:
        assert not free
    with locked_if_free(path) as free:
        assert free
    assert list(tmp_path.iterdir()) == []


def test_many_that_wait_for_one_lock_hold_it_in_turn(tmp_path: Path) -> None:
    path, counter = tmp_path / ".lock", tmp_path / "counter"
    counter.write_text("0", encoding="ascii")

    def count() -> None:
        for _ in range(20):
            with locked(path):
                seen = int(counter.read_text(encoding="ascii"))
                time.sleep(0.0001)
                counter.write_text(str(seen + 1), encoding="ascii")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text(encoding="ascii") == "160"
    assert [each.name for each in tmp_path.iterdir()] == ["counter"]


def test_a_holder_that_is_killed_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with locked_if_free(path) as free:
            assert not free
        holder.send_signal(signal.SIGKILL)
    assert path.exists()
    with locked_if_free(path) as free:
        assert free
    assert not path.exists()


def test_a_filesystem_without_locks_is_warned_of_and_nothing_on_it_counts_as_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with locked(tmp_path / ".lock"), locked_if_free(tmp_path / ".other") as free:
        assert not free
    assert "this filesystem has no locks" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_another_failure_of_the_system_is_not_taken_for_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(OSError, match="input/output"), locked(tmp_path / ".lock"):
        pass
    assert list(tmp_path.iterdir()) == []
