"""The step of `dwcpc retrain` that decides: both bundles on the same fresh rows, through Go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dwcpc.bench.budgets import overall
from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.commands.retrain.model import Fresh, Progress, RetrainedModel
from dwcpc.compiler.commands.retrain.report import Decided, Reached
from dwcpc.compiler.errors import InputError
from dwcpc.models.retraining.comparison import compare


@dataclass(frozen=True, slots=True)
class Limits:
    """What is not noise in a difference, none being the model's own, and figures to reach whatever is served."""

    tolerance: float | None = None
    minimum: Mapping[str, float] | None = None


def undecidable(fresh: Fresh) -> Decided | None:
    """Return why no candidate could be judged, before one is trained; none where one can be."""
    return None if fresh.too_few is None else Decided("inconclusive", (f"{fresh.note}: {fresh.too_few}",))


def decide(
    model: RetrainedModel, fresh: Fresh, candidate: Bundle, served: Bundle | None, limits: Limits, progress: Progress
) -> Decided:
    """Judge the candidate; the first of a registry has the model's own minimum to reach, unless another is stated."""
    progress(f"judge: the candidate on {fresh.note}, through Go")
    mine = fresh.figures(candidate)
    figures = mine(None)
    wanted = [_reached(figures, alternatives) for alternatives in _minimum(model, figures, served, limits)]
    reached = tuple(each for found in wanted for each in found)
    reasons = [" and ".join(each.reason for each in found) for found in wanted if found[0].verdict == "fail"]
    if served is None:
        verdict = overall(each.verdict for each in reached)
        return Decided(verdict, tuple(reasons), figures=figures, reached=reached)
    progress(f"judge: v{served.metadata.version}, which is served, on the same")
    theirs = fresh.figures(served)
    tolerance = model.tolerance if limits.tolerance is None else limits.tolerance
    compared = compare(fresh.block, mine, theirs, model.deciding, tolerance=tolerance)
    reasons += [each.reason for each in compared if each.verdict != "pass"]
    verdict = overall([*(each.verdict for each in reached), *(each.verdict for each in compared)])
    return Decided(verdict, tuple(reasons), _notes(served), figures, theirs(None), compared, reached)


def check_inputs(candidate: Bundle, served: Bundle | None) -> None:
    """Refuse a candidate that takes other inputs: whoever serves the other one would refuse to load it."""
    if served is None:
        return
    mine, theirs = (
        [(each.name, each.shape, each.channels) for each in bundle.metadata.inputs] for bundle in (candidate, served)
    )
    if mine != theirs:
        raise InputError(
            f"{candidate.path}: takes {_told(candidate)}, and {served.path} {_told(served)}; services that have that "
            "loaded would refuse the new one: publish it under another name with --as"
        )


def _told(bundle: Bundle) -> str:
    return ", ".join(
        f"{each.name} {list(each.shape)} of {len(each.channels)} channels" for each in bundle.metadata.inputs
    )


def _minimum(
    model: RetrainedModel, figures: Mapping[str, float], served: Bundle | None, limits: Limits
) -> Sequence[Mapping[str, float]]:
    """Return what has to be reached, of each one figure: what the user states, or the model's own for the first."""
    if limits.minimum is None:
        return model.minimum if served is None else ()
    for name in limits.minimum:
        if name not in figures:
            raise InputError(f"--minimum names {name!r}, expected one of {', '.join(figures)}")
    return [{name: least} for name, least in limits.minimum.items()]


def _reached(figures: Mapping[str, float], alternatives: Mapping[str, float]) -> tuple[Reached, ...]:
    """Return the alternative that is reached, or all where none is, as one whose figure is absent is not."""
    found = tuple(Reached(name, figures.get(name, math.nan), least) for name, least in alternatives.items())
    return next(((each,) for each in found if each.verdict == "pass"), found)


def _notes(served: Bundle) -> tuple[str, ...]:
    if served.metadata.source.training is not None:
        return ()
    return (
        f"v{served.metadata.version} does not say what it was trained on: it may have seen the fresh rows, which could "
        "only favour it",
    )
