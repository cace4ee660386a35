"""Bundles, references and runners that are made up: what a check must say of them is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.metadata import Decision
from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.reference import Reference, ReferenceGroup
from dwcpc.parity.runners.base import RunnerOutput

GOOD = Path(__file__).resolve().parents[1] / "fixtures" / "bundles" / "good"
THRESHOLD = 0.5
TOLERANCE = {"reconstruction": np.array([1e-3, 1e-1]), "anomaly_score": np.array([1e-3])}
NOISE_LEVEL = {"reconstruction": 1e-4, "anomaly_score": 1e-4}
SEED = 11

DECISION = Decision("anomaly_score", "made up", THRESHOLD, ">")

Outputs = dict[str, np.ndarray]


def model(rows: np.ndarray) -> Outputs:
    """Compute the model of these tests on float32 [rows, 3, 2]: NaN for a whole row that holds anything but numbers."""
    with np.errstate(invalid="ignore"):
        poison = 0 * rows.sum(axis=(1, 2))
        halved = (rows / 2 + poison[:, None, None]).astype(np.float32)
        score = (np.square(halved).mean(axis=(1, 2)) + poison).astype(np.float32)
    return {"reconstruction": halved, "anomaly_score": score}


@dataclass(frozen=True, slots=True)
class FakeRunner:
    """Answers with `compute` of each batch, changed by `spoil(outputs, batch)`."""

    name: str = "python"
    compute: Callable[[np.ndarray], Outputs] = model
    spoil: Callable[[Outputs, int], Outputs] = field(default=lambda outputs, _batch: outputs)
    onnxruntime: str = "1.32.0"

    def run(self, _bundle: Bundle, rows: np.ndarray, batch: int) -> RunnerOutput:
        """Run in calls of `batch` rows."""
        parts = [self.compute(rows[at : at + batch]) for at in range(0, len(rows), batch)]
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return RunnerOutput(self.spoil(outputs, batch), self.onnxruntime)


@pytest.fixture
def fake_runner() -> type[FakeRunner]:
    """The class of runners that compute the reference's own model and may be told to spoil it."""
    return FakeRunner


@pytest.fixture
def bundle() -> Bundle:
    """The good bundle of the fixtures, deciding at THRESHOLD; only its metadata counts here."""
    opened = open_bundle(GOOD)
    return replace(opened, metadata=replace(opened.metadata, decision=DECISION))


@pytest.fixture
def reference() -> Reference:
    """160 rows in two groups, with the tolerances of TOLERANCE."""
    rng = np.random.default_rng(SEED)
    groups = []
    for name, size, scale in (("typical", 128, 1.0), ("wide", 32, 10.0)):
        rows = (rng.standard_normal((size, 3, 2)) * scale).astype(np.float32)
        outputs = {key: value.astype(np.float64) for key, value in model(rows).items()}
        groups.append(ReferenceGroup(name, rows, outputs, TOLERANCE, NOISE_LEVEL))
    non_finite = np.full((3, 3, 2), np.nan, np.float32)
    return Reference("float64", SEED, tuple(groups), non_finite, ())


@pytest.fixture
def comparison(reference: Reference) -> Callable[..., Comparison]:
    """Return `comparison(outputs=…, tolerance=…, decision=…, group=…)`, by default one without any difference."""

    def make(
        *,
        outputs: Outputs | None = None,
        tolerance: dict[str, np.ndarray] | None = None,
        decision: Decision | None = DECISION,
        expected: Outputs | None = None,
        group: str = "typical",
    ) -> Comparison:
        first = reference.groups[0]
        known = first.outputs if expected is None else expected
        allowed = tolerance or {name: TOLERANCE.get(name, np.array([1e-3])) for name in known}
        judged = ReferenceGroup(group, first.rows[: len(next(iter(known.values())))], known, allowed)
        answered = model(first.rows) if outputs is None else outputs
        return Comparison(judged, answered, "python", decision)

    return make
