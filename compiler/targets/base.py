"""What a target is: the opset, the precisions it may use and the session that serves it. One target a file."""

from __future__ import annotations

from dataclasses import dataclass, field

from dwcpc.compiler.metadata import SessionSettings


@dataclass(frozen=True, slots=True)
class Promise:
    """What a reduced precision is for: the model's bytes and latency as a share of the float32 model's.

    A latency share is broken when even the lower bound of the paired ratio is above it: the noise of the machine breaks
    no promise.
    """

    size: float
    latency: float


@dataclass(frozen=True, slots=True)
class Target:
    """Where a model is to run. `precisions` are those that a layer may be given.

    `min_sqnr_db` is the floor of the signal-to-quantisation-noise ratio; without one the model has to be its source
    the rounding noise of float32. A target of `alternatives` takes the fastest of these that passes.
    """

    name: str
    summary: str
    opset: int
    precisions: tuple[str, ...]
    session: SessionSettings = field(default_factory=SessionSettings)
    min_sqnr_db: float | None = None
    promise: Promise | None = None
    alternatives: tuple[Target, ...] = ()
