"""Constant folding and removal of shape arithmetic, by onnxsim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.compiler.errors import DwcpcError, first_line
from dwcpc.compiler.passes.base import Rewritten

if TYPE_CHECKING:
    import onnx


class Simplify:
    """Hand the graph to onnxsim; the count of changes is the count of nodes that went."""

    name = "simplify"

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        """Return the simplified model; DwcpcError when onnxsim's own check of the result fails."""
        import onnxsim

        try:
            simplified, equal = onnxsim.simplify(model)
        except Exception as error:  # it has no type of its own for an operator that it cannot fold
            return Rewritten(model, 0, (f"onnxsim does not take the graph: {first_line(error)}",))
        if not equal:
            raise DwcpcError("onnxsim's result differs from its input; report the model, this is not your fault")
        return Rewritten(simplified, changed=max(0, len(model.graph.node) - len(simplified.graph.node)))
