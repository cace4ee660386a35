"""What a target is: the opset, the precisions it may use and the session that serves it. One target a file."""

from __future__ import annotations

from dataclasses import dataclass, field

from dwcpc.compiler.metadata import SessionSettings


@dataclass(frozen=True, slots=True)
class Target:
    """Where a model is to run. `precisions` are those that a layer may be given."""

    name: str
    summary: str
    opset: int
    precisions: tuple[str, ...]
    session: SessionSettings = field(default_factory=SessionSettings)
