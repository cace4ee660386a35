"""What a graph pass is: it rewrites, or says why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A pass's result: the model, how many places changed, and the reason for each place that did not."""

    model: onnx.ModelProto
    changed: int
    refused: tuple[str, ...] = ()


class Pass(Protocol):
    """One rewrite that keeps the model's meaning. A second application of it changes nothing."""

    name: str

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the rewritten model; the given one stays as it is."""
