"""The model's own functions, written out into the graph that calls them."""

from __future__ import annotations

import onnx

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.sources.onnx_model.operators import ONNX_DOMAINS
from dwcpc.compiler.sources.onnx_model.protobuf import messages

MAX_NODES = 100_000  # calls of calls of calls double at each step; models for a 50 MB bundle have a few thousand

_Key = tuple[str, str, str]


def inlined(artifact: Artifact, model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model without functions; InputError for those that call each other in a circle or grow without end."""
    if not model.functions:
        return model
    from onnx import inliner

    _check_calls(artifact, model)
    try:
        written_out = inliner.inline_local_functions(model)
    except Exception as error:  # whatever the inliner finds in an altered file
        raise InputError(f"{artifact.path}: {_which(model)} cannot be written out ({first_line(error)})") from error
    if written_out.functions:
        raise InputError(
            f"{artifact.path}: {_which(written_out)} is of another opset than the graph that calls it and cannot be "
            "written out; export it again without functions"
        )
    used = {node.domain for node in messages(written_out.graph, onnx.NodeProto)}
    kept = [each for each in written_out.opset_import if each.domain in used | {""}]
    del written_out.opset_import[:]
    written_out.opset_import.extend(kept)
    return written_out


def _check_calls(artifact: Artifact, model: onnx.ModelProto) -> None:
    functions = {_key(each): each for each in model.functions}
    if len(functions) < len(model.functions) or any(each.domain in ONNX_DOMAINS for each in model.functions):
        raise InputError(
            f"{artifact.path}: a function of its own has the name of another or of an operator; export it again"
        )
    sizes: dict[_Key, int] = {}
    for key in functions:
        _size(artifact, key, functions, sizes, ())
    nodes = sum(1 + sizes.get(_called(node), 0) for node in messages(model.graph, onnx.NodeProto))
    if nodes > MAX_NODES:
        raise InputError(
            f"{artifact.path}: is {nodes} nodes once its functions are written out, more than the {MAX_NODES} that a "
            "model may have"
        )


def _size(
    artifact: Artifact,
    key: _Key,
    functions: dict[_Key, onnx.FunctionProto],
    sizes: dict[_Key, int],
    callers: tuple[_Key, ...],
) -> int:
    """Return how many nodes a function is, those of the functions that it calls included."""
    if key in callers or len(callers) > 100:
        raise InputError(f"{artifact.path}: its function {key[1]!r} calls itself or a hundred others; export it again")
    if key not in sizes:
        nodes = list(messages(functions[key], onnx.NodeProto))
        called = [_called(node) for node in nodes if _called(node) in functions]
        sizes[key] = len(nodes) + sum(_size(artifact, each, functions, sizes, (*callers, key)) for each in called)
    return sizes[key]


def _which(model: onnx.ModelProto) -> str:
    return f"its function {model.functions[0].domain}.{model.functions[0].name}"


def _key(function: onnx.FunctionProto) -> _Key:
    return function.domain, function.name, function.overload


def _called(node: onnx.NodeProto) -> _Key:
    return node.domain, node.op_type, node.overload
