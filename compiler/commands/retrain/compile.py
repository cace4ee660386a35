"""The step of `dwcpc retrain` that makes a bundle of the candidate, which says what it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.commands.retrain.model import Candidate, Progress
from dwcpc.compiler.errors import VerdictError
from dwcpc.compiler.metadata import Training
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.targets.base import Target
from dwcpc.parity.defaults import DEFAULT_SEED


@dataclass(frozen=True, slots=True)
class Packaging:
    """What the bundle is called, where it is written, and what it is compiled for and by."""

    name: str
    version: str
    out: Path
    target: Target
    rows: int
    budgets: tuple[str, ...]


def compiled(candidate: Candidate, training: Training, packaging: Packaging, progress: Progress) -> Bundle:
    """Compile the candidate; VerdictError where the bundle is not what was trained, or over its budgets.

    One whose time could not be told is for the gate to judge.
    """
    order = Order(
        request=CompileRequest(candidate.artifact, packaging.target, candidate.scaler, threshold=candidate.threshold),
        name=packaging.name,
        out=packaging.out,
        version=packaging.version,
        replace=False,
        calibration=candidate.calibration,
        rows=packaging.rows,
        seed=DEFAULT_SEED,
        verify=True,
        budgets=packaging.budgets,
        training=training,
    )
    summary = compile_bundle(order, lambda step: progress(f"compile: {step}"))
    if summary.verdict == "fail":
        raise VerdictError(
            f"{summary.path}: the compiled candidate did not pass, expected the model that was trained, within its "
            "budgets; see its report"
        )
    return open_bundle(summary.path)
