"""Any torch module in float64, dtype constants included, so that the reference is as exact as the framework can be.

Tracing and exporting freeze `dtype=float32` into the program where it makes tensors (an LSTM's first state), and
`Module.double()` does not reach those.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

# c10::ScalarType, as TorchScript stores a dtype
SCALAR_TYPE_FLOAT = 6
SCALAR_TYPE_DOUBLE = 7


def widened_module(module: torch.nn.Module) -> torch.nn.Module:
    """Return a float64 copy of an ordinary module."""
    return copy.deepcopy(module).double()


def widened_script(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    """Turn a TorchScript module into float64, in place; hand in a copy that was loaded for it."""
    for part in module.modules():
        # `part.graph` knows `forward` alone, and a scripted LSTM has none of that name.
        methods: Any = part._c  # noqa: SLF001
        for name in methods._method_names():  # noqa: SLF001
            _widen_dtype_arguments(methods._get_method(name).graph)  # noqa: SLF001
    module.double()
    return module


def widened_program(program: torch.export.ExportedProgram) -> torch.nn.Module:
    """Return an exported program's module in float64; the program's graph is changed."""

    def wider(value: Any) -> Any:
        return torch.float64 if value is torch.float32 else value

    for node in program.graph.nodes:
        node.args = torch.fx.node.map_aggregate(node.args, wider)
        node.kwargs = torch.fx.node.map_aggregate(node.kwargs, wider)
    return program.module().double()


def _widen_dtype_arguments(graph: Any) -> None:
    for node in graph.nodes():
        for block in node.blocks():
            _widen_dtype_arguments(block)
        is_dtype = node.kind() == "prim::Constant" and node.hasAttribute("value") and node.kindOf("value") == "i"
        if is_dtype and node.i("value") == SCALAR_TYPE_FLOAT and _is_dtype_argument(node.output()):
            node.i_("value", SCALAR_TYPE_DOUBLE)


def _is_dtype_argument(value: Any) -> bool:
    for use in value.uses():
        for schema in torch._C._jit_get_schemas_for_operator(use.user.kind()):  # noqa: SLF001 - there is no public one
            arguments = schema.arguments
            if use.offset < len(arguments) and arguments[use.offset].name == "dtype":
                return True
    return False
