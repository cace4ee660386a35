"""Publishes version after version in children that are killed; run by `test_killed.py` in a process of its own.

    python killing.py random REGISTRY SEED KILLS BUNDLE...   at random instants, KILLS times
    python killing.py stepwise REGISTRY BUNDLE               at each event that CPython reports to audit hooks, in turn

The children are forked from this process, which has imported and published before, so that a child does nothing but
publish. One JSON line a kill says what was found in the registry afterwards.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dwcpc.compiler.harness import call_harness
from dwcpc.compiler.locks import locked
from dwcpc.compiler.registry.entries import read_registry
from dwcpc.compiler.registry.publishing import destination_in, publish, take_snapshot
from dwcpc.compiler.staging import LOCK, Destination, point_latest, remove_leftovers
from dwcpc.compiler.versions import version_text

WARM_UP = 10
STEPS = ("open", "os", "shutil", "tempfile")
STAGED = re.compile(r"\.v[0-9.]+-[0-9a-f]{8}")


def publish_one(bundle: Path, registry: Path) -> None:
    """Do what `dwcpc publish` does once its gate has passed."""
    snapshot = take_snapshot(bundle)
    publish(snapshot, destination_in(registry, snapshot.bundle), latest=True)


def in_a_child(work: Callable[[], None], before_kill: Callable[[], None] | None = None) -> bool:
    """Run `work` in a fork, killed after `before_kill` returns; return whether the child came to its end."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(9)
    if before_kill is not None:
        before_kill()
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, -signal.SIGKILL}, code
    return code == 0


def hidden(destination: Destination) -> set[str]:
    return {path.name for path in destination.model_folder.iterdir() if path.name.startswith(".")}


def found(destination: Destination, left_before: set[str]) -> dict[str, object]:
    """Say what the registry holds, every version opened, hashes and all, as `dwcpc list` does, and `latest` by Go."""
    (line,) = read_registry(destination.out)
    staged = {name for name in hidden(destination) - left_before if STAGED.fullmatch(name)}
    placed = destination.folder.exists()
    moved = line.latest == destination.version
    return {
        "damaged": [entry.problem for entry in line.entries if entry.bundle is None],
        "problem": line.problem,
        "latest_is_whole": any(entry.latest and entry.bundle is not None for entry in line.entries),
        "go": call_harness("check", ["--bundle", str(destination.model_folder / "latest")])["version"],
        "python": None if line.latest is None else version_text(line.latest),
        "phase": "moved" if moved else "placed" if placed else "staging" if staged else "before",
    }


def taken_back(destination: Destination) -> None:
    """Remove the version, as nobody may but this test, and point `latest` at the first."""
    point_latest(destination.model_folder, (1, 0))
    shutil.rmtree(destination.folder, ignore_errors=True)


def kill_at_random(registry: Path, seed: int, kills: int, first: Path, bundle: Path) -> None:
    """Kill at instants drawn from the time that a publish takes, as measured here, and a little more."""
    rng = random.Random(seed)  # noqa: S311 - instants, not secrets
    publish_one(first, registry)
    destination = destination_in(registry, take_snapshot(bundle).bundle)
    durations_s = []
    for _ in range(WARM_UP):
        begun = time.perf_counter()
        assert in_a_child(lambda: publish_one(bundle, registry))
        durations_s.append(time.perf_counter() - begun)
        taken_back(destination)
    longest_s = 1.2 * statistics.median(durations_s)
    for _ in range(kills):
        delay_s = rng.uniform(0, longest_s)
        left = hidden(destination)  # for the next one to remove, if it lives so long
        in_a_child(lambda: publish_one(bundle, registry), lambda: time.sleep(delay_s))  # noqa: B023 - called at once
        sys.stdout.write(json.dumps(found(destination, left)) + "\n")
        sys.stdout.flush()  # or the next child would have the line too
        taken_back(destination)


def kill_at_each_step(registry: Path, first: Path, bundle: Path) -> None:
    """Kill at the first step, then at the second, and so on, until a child lives to its end."""
    publish_one(first, registry)
    destination = destination_in(registry, take_snapshot(bundle).bundle)
    last, ended = 0, False
    while not ended:
        last += 1
        ended = in_a_child(lambda: die_at_step(last, lambda: publish_one(bundle, registry)))  # noqa: B023
        sys.stdout.write(json.dumps(found(destination, set())) + "\n")
        sys.stdout.flush()
        taken_back(destination)
        with locked(destination.model_folder / LOCK):
            remove_leftovers(destination.model_folder)  # every child has the same steps before it


def die_at_step(last: int, work: Callable[[], None]) -> None:
    """Do the work and die at its step number `last`, if there are so many."""
    seen = 0

    def hook(event: str, _arguments: object) -> None:
        nonlocal seen
        if event.partition(".")[0] in STEPS:
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    work()


if __name__ == "__main__":
    mode, registry, *rest = sys.argv[1:]
    if mode == "random":
        seed, kills, first, bundle = rest
        kill_at_random(Path(registry), int(seed), int(kills), Path(first), Path(bundle))
    else:
        kill_at_each_step(Path(registry), *map(Path, rest))
