"""How long the first axis of each input and output of an ONNX file is, read from the file's bytes.

With the onnx package, every process that opens a bundle would load it and count its memory as the model's. Go reads the
same (go_harness/internal/onnxfile). https://protobuf.dev/programming-guides/encoding and `onnx.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, I64, LENGTH_DELIMITED, I32 = 0, 1, 2, 5
FIXED_BYTES = {I64: 8, I32: 4}
GRAPH = 7  # of ModelProto
INITIALIZER, INPUT, OUTPUT = 5, 11, 12  # of GraphProto
TENSOR_NAME = 8  # of TensorProto
NAME, TYPE = 1, 2  # of ValueInfoProto
TENSOR_TYPE, SHAPE, AXIS, LENGTH = 1, 2, 1, 1  # of TypeProto, its Tensor, TensorShapeProto and its Dimension
MAX_VARINT_BYTES = 10


def first_axes(model: bytes) -> dict[str, int | None]:
    """Return by input and output how many rows it takes, none where that is free; ValueError where it is no ONNX file.

    Inputs that have an initializer are none of a caller's.
    """
    graphs = _messages(memoryview(model), GRAPH)
    if len(graphs) != 1:
        raise ValueError(f"it holds {len(graphs)} graphs, expected one")
    weights: set[str] = set()
    values: dict[str, int | None] = {}
    for field, content in _fields(graphs[0]):
        if isinstance(content, int):
            continue
        if field == INITIALIZER:
            weights.add(_text(content, TENSOR_NAME))
        elif field in (INPUT, OUTPUT):
            values[_text(content, NAME)] = _first_axis(content)
    return {name: rows for name, rows in values.items() if name not in weights}


def _first_axis(value: memoryview) -> int | None:
    found = [value]
    for field in (TYPE, TENSOR_TYPE, SHAPE):
        found = [inner for each in found for inner in _messages(each, field)]
    axes = [axis for shape in found for axis in _messages(shape, AXIS)]
    lengths = [length for field, length in _fields(axes[0]) if field == LENGTH] if axes else []
    return lengths[-1] if lengths and isinstance(lengths[-1], int) else None


def _text(message: memoryview, field: int) -> str:
    return "".join(bytes(each).decode(errors="replace") for each in _messages(message, field)[-1:])


def _messages(message: memoryview, wanted: int) -> list[memoryview]:
    return [content for field, content in _fields(message) if field == wanted and not isinstance(content, int)]


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and content of each field: an int of a varint, else its bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        if kind == LENGTH_DELIMITED:
            size, at = _varint(message, at)
        elif kind in FIXED_BYTES:
            size = FIXED_BYTES[kind]
        else:
            raise ValueError(f"field {tag >> 3} has wire type {kind}, which protobuf does not have")
        if size > len(message) - at:
            raise ValueError("it ends inside a field")
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number at `at`, and where it ends."""
    value = 0
    for index, byte in enumerate(message[at : at + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("it ends inside a number, or holds one of more than 64 bits")
