"""An exported program whose batch size a tracer can follow.

An exported program reads the batch size with `aten.sym_size`, which gives a tracer a plain number, and it would freeze
what the number flows into. `Tensor.size` and torch's own functions, of which the operators are the insides, are traced.
"""

from __future__ import annotations

from collections.abc import Callable

import torch


def traceable_program(program: torch.export.ExportedProgram) -> torch.nn.Module:
    """Return the program's module with each operator on sizes replaced by the function that a tracer follows."""
    module = program.module()
    assert isinstance(module, torch.fx.GraphModule)  # noqa: S101 - what `module()` makes
    for node in module.graph.nodes:
        operator = node.target
        if not isinstance(operator, torch._ops.OpOverload):  # noqa: SLF001 - there is no public name
            continue
        if operator is torch.ops.aten.sym_size.int:
            node.target = torch.Tensor.size
        elif any(isinstance(each.meta.get("val"), torch.SymInt) for each in node.all_input_nodes):
            node.target = _function_of(operator)
    module.recompile()
    return module


def _function_of(operator: torch._ops.OpOverload) -> Callable[..., object]:
    name = operator._schema.name.partition("::")[2]  # noqa: SLF001
    arguments = operator._schema.arguments  # noqa: SLF001
    is_method = bool(arguments) and arguments[0].name == "self" and hasattr(torch.Tensor, name)
    function: Callable[..., object] = getattr(torch.Tensor if is_method else torch, name, operator)
    return function
