"""A float network in the forms that its reduced versions are served in: for any number of rows, and for one.

What couples rows (`Proposal.couples_rows`) is served one row a call, and the graph of one row is shorter: where there
is one row, exchanging the axes of time and batch moves nothing, so that Transposes become Reshapes, or vanish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dwcpc.compiler.passes import PASSES, run_passes
from dwcpc.compiler.passes.fix_batch import FixBatch
from dwcpc.compiler.passes.merge_affines import MergeAffines
from dwcpc.compiler.quantize.base import name_of
from dwcpc.compiler.quantize.layers import layers_of, with_proposals
from dwcpc.compiler.quantize.per_row import each_row_alone

if TYPE_CHECKING:
    import onnx

    from dwcpc.compiler.quantize.base import Proposal


@dataclass(frozen=True)
class Forms:
    """`network` takes any number of rows; with `one_row` it will be served for a single one."""

    network: onnx.ModelProto
    one_row: bool = False

    @cached_property
    def of_one_row(self) -> onnx.ModelProto:
        """The network for one row."""
        return run_passes(self.network, (FixBatch(), *PASSES))[0]

    @cached_property
    def _renamed(self) -> Mapping[str, str] | None:
        """What the layers' inputs and outputs are called in the network for one row; none where a layer changed."""
        there = {name_of(node): node for node in self.of_one_row.graph.node}
        renamed: dict[str, str] = {}
        for layer in layers_of(self.network):
            node = there.get(layer.name)
            if node is None or list(node.input[1:]) != list(layer.node.input[1:]):
                return None
            # A pass may drop outputs at the end that nobody takes; one that is left out has no name.
            ends = zip([layer.node.input[0], *layer.node.output], [node.input[0], *node.output], strict=False)
            renamed |= {name: other for name, other in ends if name and other}
        return renamed

    def with_proposals(self, chosen: Mapping[str, Proposal]) -> onnx.ModelProto:
        """Return the network to serve, with the layers named in `chosen` replaced."""
        alone = any(proposal.couples_rows for proposal in chosen.values())
        if not (alone or self.one_row):
            return with_proposals(self.network, chosen)
        if self._renamed is None:
            replaced = with_proposals(self.network, chosen)
        else:
            replaced = with_proposals(self.of_one_row, chosen, self._renamed)
        merged = MergeAffines().apply(replaced).model
        return merged if self.one_row else each_row_alone(merged)
