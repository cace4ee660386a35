"""Walks over a model's protobuf messages, at whatever depth they stand: graphs hold nodes that hold graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import onnx

MessageT = TypeVar("MessageT")


def has_broken_text(root: Any) -> bool:
    """Say whether a text in `root` is no UTF-8, which protobuf then hands out as bytes and other libraries do not."""
    for message in _all_messages(root):
        for field, value in message.ListFields():
            if field.type == field.TYPE_STRING:
                texts = [value] if isinstance(value, str | bytes) else value
                if any(isinstance(text, bytes) for text in texts):
                    return True
    return False


def messages(root: Any, kind: type[MessageT]) -> Iterator[MessageT]:
    """Yield every message of the type `kind` in `root`, itself included, in the file's order."""
    return (message for message in _all_messages(root) if isinstance(message, kind))


def _all_messages(root: Any) -> Iterator[Any]:
    pending = [root]
    while pending:
        message = pending.pop()
        yield message
        children = []
        for field, value in message.ListFields():
            if field.message_type is None:
                continue
            children += [value] if hasattr(value, "ListFields") else list(value)
        pending += reversed(children)


def constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Return the initialisers and the tensors of Constant nodes of `graph` itself, by name."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            for each in node.attribute:
                if each.name == "value":
                    found[node.output[0]] = each.t
    return found


def attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    """Return the value of a node's attribute, or `default` where it has none of that name."""
    for each in node.attribute:
        if each.name == name:
            return onnx.helper.get_attribute_value(each)
    return default


def named(node: onnx.NodeProto) -> str:
    """Return what to call a node in a sentence: operator, domain where it is not ONNX's own, and name."""
    operator = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
    name = node.name or (node.output[0] if node.output else "")
    return f"{operator} (node {name!r})" if name else operator


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators."""
    return next((each.version for each in model.opset_import if each.domain == ""), 1)
