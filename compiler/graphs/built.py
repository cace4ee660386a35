"""What building the served graph of a loaded model yields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwcpc.compiler.metadata import StepRecord, TensorSpec

if TYPE_CHECKING:
    import onnx

    from dwcpc.compiler.scalers import Scaler


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around the model in the graph; `None` where the caller does it or there is nothing to do.

    With `one_row` a call takes exactly one row, else any number.
    """

    scaler: Scaler | None
    target_scaler: Scaler | None
    one_row: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """The served graph, what its outputs are, and how it came to be; `nodes_exported` counts nodes before any pass.

    `core` is a network between `NETWORK_INPUT` and `NETWORK_OUTPUT`, behind all passes that keep its batch axis free;
    the rest was built around it, or around what it is for one row. `stages` are its forms: as exported, and behind each
    record of `passes`.
    """

    model: onnx.ModelProto
    outputs: tuple[TensorSpec, ...]
    passes: tuple[StepRecord, ...]
    nodes_exported: int
    core: onnx.ModelProto | None = None
    stages: tuple[onnx.ModelProto, ...] = ()
