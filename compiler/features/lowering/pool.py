"""The values computed so far, in blocks of float64 [batch, timesteps + history, columns], and how nodes get at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.signature import ADDED_PREFIX

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from dwcpc.compiler.graphs.graph_builder import GraphBuilder

STEM = "feature_"
TIME, COLUMNS = 1, 2  # axes of a block


@dataclass(frozen=True, slots=True)
class Block:
    """A tensor of `columns` values at each of the timesteps and at `history` samples before the first of them."""

    tensor: str
    history: int
    columns: int


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a value stands: the column of a block, so many samples before the present one."""

    block: int
    column: int
    before: int = 0

    def earlier(self, samples: int) -> Place:
        """Return the place of what was so many samples before."""
        return replace(self, before=self.before + samples)


class Pool:
    """Blocks, and the nodes that read them. All names are numbered: nodes are told apart by what they hold alone."""

    def __init__(self, nodes: GraphBuilder, timesteps: int) -> None:
        """Begin without a block."""
        self.nodes = nodes
        self.timesteps = timesteps
        self._blocks: list[Block] = []
        self._sliced: dict[tuple[int, int, int], str] = {}
        self._count = 0

    def node(self, op: str, inputs: Sequence[str], what: str, **attributes: int) -> str:
        """Add a node and return its output, named after `what` it holds."""
        return self.nodes.add(op, inputs, ADDED_PREFIX + self._name(what), **attributes)

    def constant(self, value: ArrayLike, what: str) -> str:
        """Add a float64 constant and return its name."""
        return self.nodes.constant(self._name(what), np.asarray(value, np.float64))

    def places(self, value: ArrayLike, what: str) -> str:
        """Add an int64 constant and return its name."""
        return self.nodes.constant(self._name(what), np.asarray(value, np.int64))

    def add(self, tensor: str, history: int, columns: int) -> int:
        """Take a tensor as a block and return its number."""
        self._blocks.append(Block(tensor, history, columns))
        return len(self._blocks) - 1

    def history(self, place: Place) -> int:
        """Return how many samples before the present one there are of a value."""
        return self._blocks[place.block].history - place.before

    def fetch(self, places: Sequence[Place], history: int, what: str) -> str:
        """Return a tensor [batch, timesteps + history, places] of the values at `places`."""
        parts = sorted({(place.block, place.before) for place in places})
        widths = [self._blocks[block].columns for block, _ in parts]
        starts = dict(zip(parts, np.cumsum([0, *widths[:-1]]).tolist(), strict=True))
        tensors = [self._rows(block, before, history) for block, before in parts]
        whole = tensors[0] if len(tensors) == 1 else self.node("Concat", tensors, f"{what}_sources", axis=COLUMNS)
        columns = [starts[place.block, place.before] + place.column for place in places]
        if columns == list(range(sum(widths))):
            return whole
        return self.node("Gather", [whole, self.places(columns, f"{what}_columns")], what, axis=COLUMNS)

    def split(self, value: str, parts: int, each: int, what: str) -> list[str]:
        """Cut the columns of a tensor into `parts` of `each`."""
        from onnx import helper

        names = [ADDED_PREFIX + self._name(what) for _ in range(parts)]
        sizes = self.places([each] * parts, f"{what}_sizes")
        self.nodes.append(helper.make_node("Split", [value, sizes], names, name=names[0] + "_node", axis=COLUMNS))
        return names

    def rows(self, value: str, start: int, stop: int, what: str) -> str:
        """Return the rows `start` to `stop` of a tensor."""
        ends = [self.places([end], f"{what}_end") for end in (start, stop, TIME)]
        return self.node("Slice", [value, *ends], what)

    def _rows(self, number: int, before: int, history: int) -> str:
        block = self._blocks[number]
        start = block.history - before - history
        assert start >= 0, "a value was asked for samples that it was not computed for"  # noqa: S101 - reach says so
        count = self.timesteps + history
        if count == self.timesteps + block.history:
            return block.tensor
        key = (number, start, count)
        if key not in self._sliced:
            self._sliced[key] = self.rows(block.tensor, start, start + count, f"{number}_rows")
        return self._sliced[key]

    def _name(self, what: str) -> str:
        self._count += 1
        return f"{STEM}{what}_{self._count}"
