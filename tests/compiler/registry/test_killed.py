"""A publisher that is killed at any instant leaves the old state or the new one, and nothing half-written to see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SEED = 6
KILLS = 200
KILLING = Path(__file__).with_name("killing.py")
NAME = "tiny_proven"
Made = Callable[..., Path]
Publish = Callable[..., bool]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of a process")


def killed(*arguments: object) -> list[dict[str, Any]]:
    """Run `killing.py` and return what it found after each kill."""
    argv = [sys.executable, str(KILLING), *map(str, arguments)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_whole(states: list[dict[str, Any]]) -> None:
    """Assert that after every kill the registry could be read and `latest` was a whole version, in Python and in Go."""
    for state in states:
        assert state["damaged"] == []
        assert state["problem"] is None
        assert state["latest_is_whole"]
        assert state["go"] == state["python"] == ("1.1" if state["phase"] == "moved" else "1.0")


def assert_nothing_remains(put: Publish, registry: Path) -> None:
    """Assert that the next publisher is not blocked, and removes what the dead left."""
    put("1.2")
    assert [path.name for path in (registry / NAME).iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_kills_at_random_instants_leave_whole_versions_only(made: Made, put: Publish, registry: Path) -> None:
    states = killed("random", registry, SEED, KILLS, made("1.0"), made("1.1"))
    assert len(states) == KILLS
    assert_whole(states)
    phases = Counter(state["phase"] for state in states)
    # Otherwise the instants missed what they were meant for, and the test has shown nothing.
    assert phases["staging"] + phases["placed"] >= KILLS // 20, phases
    assert phases["before"] >= KILLS // 20, phases
    assert phases["moved"] >= KILLS // 20, phases
    assert_nothing_remains(put, registry)


def test_a_kill_at_each_step_in_turn_leaves_whole_versions_only(made: Made, put: Publish, registry: Path) -> None:
    states = killed("stepwise", registry, made("1.0"), made("1.1"))
    assert_whole(states)
    phases = [state["phase"] for state in states]
    order = ("before", "staging", "placed", "moved")
    assert phases == sorted(phases, key=order.index)
    counts = Counter(phases)
    assert counts["staging"] > 20
    assert counts["placed"] > 3
    assert set(counts) == set(order)
    assert_nothing_remains(put, registry)
