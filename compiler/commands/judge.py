"""Measures a precision search's candidates: against the source model, and through Go against the float32 bundle."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.bench.paired import pair_model
from dwcpc.compiler.metadata import CheckResult, LatencyRatio, SessionSettings
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.quantize.cache import Cache, key_of
from dwcpc.compiler.quantize.search import Quality
from dwcpc.compiler.signature import GRAPH_INPUT
from dwcpc.parity.checks import CHECKS
from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.checks.decisions import farthest_flip
from dwcpc.parity.fidelity import sqnr_lower_db

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from dwcpc.compiler.bundle import Bundle
    from dwcpc.compiler.metadata import Decision
    from dwcpc.compiler.pipeline import Compiled
    from dwcpc.parity.reference import Reference
    from dwcpc.parity.runners.base import Outputs

PAIRS = 11
SECONDS = 0.05
TIMED_ROWS = 256
BY_ROW = ("closeness", "row_noise")  # the checks whose worst and limit are a single row's
LARGEST_SHARE = 1e9  # metadata holds no infinity


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """The rows of one reference, together, and the name of what they ask."""

    reference: Reference
    rows: NDArray[np.float32]
    key: bytes


def asked(reference: Reference, decision: Decision | None) -> Asked:
    """Return what `reference` asks of a model that decides so."""
    rows = np.concatenate([group.rows for group in reference.groups])
    return Asked(reference, rows, key_of([rows.tobytes(), *_content(reference), repr(decision).encode()]).encode())


class BundleJudge:
    """The `Judge` of one compiled network; what it has measured is kept in the cache by content."""

    def __init__(
        self,
        compiled: Compiled,
        float32: Bundle,
        references: tuple[Reference, Callable[[], Reference]],
        floor_db: float,
        cache: Cache,
    ) -> None:
        """Take the float32 bundle to time against and the source's answers, under `floor_db`, to compare with.

        Those to search by are there, those to confirm by are asked for when they are needed.
        """
        searching, confirming = references
        self._compiled, self._float32, self._cache, self._floor = compiled, float32, cache, floor_db
        self._searching = asked(searching, compiled.decision)
        self._confirming = functools.cache(lambda: asked(confirming(), compiled.decision))

    def served(self, network: onnx.ModelProto) -> bytes:
        """Return the file that would serve `network`."""
        served: bytes = self._compiled.served(network).SerializeToString(deterministic=True)
        return served

    def quality(self, served: bytes) -> Quality:
        """Run every check of parity on the search's rows."""
        return self._quality(served, self._searching)

    def confirmation(self, served: bytes) -> Quality:
        """Run every check of parity on the rows to confirm by."""
        return self._quality(served, self._confirming())

    def latency(self, served: bytes) -> LatencyRatio:
        """Time the file against the float32 bundle, in one Go process."""
        key = key_of([b"latency", served, self._float32.metadata.model.sha256.encode()])
        return LatencyRatio(**self._kept(key, lambda: self._timed(served)))

    def _quality(self, served: bytes, asked: Asked) -> Quality:
        key = key_of([b"quality and worst row or flip", served, asked.key])
        return Quality(**self._kept(key, lambda: self._compared(served, asked)))

    def _kept(self, key: str, measure: Any) -> dict[str, Any]:
        known = self._cache.get(key)
        if known is not None:
            found: dict[str, Any] = json.loads(known)
            return found
        measured: dict[str, Any] = dataclasses.asdict(measure())
        self._cache.put(key, json.dumps(measured).encode())
        return measured

    def _compared(self, served: bytes, asked: Asked) -> Quality:
        names = [tensor.name for tensor in self._compiled.built.outputs]
        answers = run_alone(served, asked.rows, names)
        start, flips, broken = 0, 0, ""
        ratios, worst = [], (0.0, "")
        for group in asked.reference.groups:
            part = {name: values[start : start + len(group.rows)] for name, values in answers.items()}
            start += len(group.rows)
            comparison = Comparison(group, part, "python", self._compiled.decision)
            assert group.allowance is not None  # noqa: S101 - of a reference with a floor
            lower = sqnr_lower_db(group.outputs[names[0]], part[names[0]], group.allowance, asked.reference.seed)
            ratios.append(lower + self._floor - group.allowance.floor_db)
            flip = min(farthest_flip(comparison), LARGEST_SHARE)
            worst = max(worst, (flip, f"decisions flip on {group.name} rows at {flip:.2f} of the distance allowed"))
            for result in (result for check in CHECKS for result in check(comparison)):
                if result.check == "decisions":
                    flips += int(result.worst)
                if result.check in BY_ROW:
                    worst = max(worst, (_share(result), _told(result)))
                if result.check != "noise" and not result.passed and not broken:
                    broken = _told(result)
        return Quality(min(ratios), flips, len(asked.rows), broken, *worst)

    def _timed(self, served: bytes) -> LatencyRatio:
        path = self._float32.path.parent / "candidate.onnx"
        path.write_bytes(served)
        return pair_model(self._float32, path, self._searching.rows[:TIMED_ROWS], pairs=PAIRS, seconds=SECONDS).latency


def run_alone(model: bytes, rows: NDArray[np.float32], names: list[str]) -> Outputs:
    """Run each of the raw `rows` in a call of its own, as a service does, on all cores."""
    session = open_session(model, SessionSettings())

    def run(index: int) -> list[Any]:
        answer: list[Any] = session.run(names, {GRAPH_INPUT: rows[index : index + 1]})
        return answer

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        answers = list(pool.map(run, range(len(rows))))
    return {name: np.concatenate(column) for name, column in zip(names, zip(*answers, strict=True), strict=True)}


def _share(result: CheckResult) -> float:
    """Return how much of what the worst row may err it errs."""
    if result.worst == 0:
        return 0.0
    return min(result.worst / result.limit, LARGEST_SHARE) if result.limit > 0 else LARGEST_SHARE


def _told(result: CheckResult) -> str:
    where = f"{result.check} of {result.output} on {result.group} rows"
    return f"{where}: {result.worst:.3g}, allowed {result.limit:.3g}"


def _content(reference: Reference) -> list[bytes]:
    """Return what answers are held against: the source's, and how far from them they may be, by the floor asked for."""
    held = [
        values
        for group in reference.groups
        for values in (*group.outputs.values(), *(np.asarray(each, np.float64) for each in group.tolerance.values()))
    ]
    return [np.ascontiguousarray(values).tobytes() for values in held]
