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
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.targets.base import Target
from dwcpc.parity.defaults import DEFAULT_SEED


@dataclass(frozen=True, slots=True)
class Packaging:
    """What the bundle is called, where it is written, and what it is compiled for and by.

    `embed` puts the features that belong to a candidate into the graph; `min_sqnr_db` of none is the target's own.
    """

    name: str
    version: str
    out: Path
    target: Target
    rows: int
    budgets: tuple[str, ...]
    embed: bool = False
    min_sqnr_db: float | None = None


def compiled(candidate: Candidate, training: Training, packaging: Packaging, progress: Progress) -> Bundle:
    """Compile the candidate; VerdictError where the bundle is not what was trained, or over its budgets.

    One whose time could not be told is for the gate to judge.
    """
    embed = packaging.embed and candidate.features is not None
    order = Order(
        request=CompileRequest(
            candidate.artifact,
            packaging.target,
            candidate.scaler,
            candidate.target_scaler,
            threshold=candidate.threshold,
            load=LoadOptions(timesteps=candidate.timesteps),
            features=None if candidate.features is None else str(candidate.features),
            embed_features=embed,
        ),
        name=packaging.name,
        out=packaging.out,
        version=packaging.version,
        replace=False,
        calibration=None if embed else candidate.calibration,  # those are windows of features, and it takes raw ones
        rows=packaging.rows,
        seed=DEFAULT_SEED,
        verify=True,
        budgets=packaging.budgets,
        min_sqnr_db=packaging.min_sqnr_db,
        training=training,
    )
    summary = compile_bundle(order, lambda step: progress(f"compile: {step}"))
    if summary.verdict == "fail":
        raise VerdictError(
            f"{summary.path}: the compiled candidate did not pass, expected the model that was trained, within its "
            "budgets; see its report"
        )
    return open_bundle(summary.path)
