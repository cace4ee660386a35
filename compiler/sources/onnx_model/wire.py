"""Whether bytes are an ONNX file, which has no magic number: its protobuf records must all be those of a ModelProto.

https://protobuf.dev/programming-guides/encoding and `onnx.proto`; nothing is parsed beyond tags and lengths.
"""

from __future__ import annotations

VARINT, LENGTH_DELIMITED = 0, 2
GRAPH = 7
IR_VERSION, OPSET_IMPORT = 1, 8
# ModelProto: ir_version, producer_name, producer_version, domain, model_version, doc_string, graph, opset_import,
# metadata_props, training_info, functions, configuration.
MODEL_FIELDS = {
    IR_VERSION: VARINT,
    2: LENGTH_DELIMITED,
    3: LENGTH_DELIMITED,
    4: LENGTH_DELIMITED,
    5: VARINT,
    6: LENGTH_DELIMITED,
    GRAPH: LENGTH_DELIMITED,
    OPSET_IMPORT: LENGTH_DELIMITED,
    14: LENGTH_DELIMITED,
    20: LENGTH_DELIMITED,
    25: LENGTH_DELIMITED,
    26: LENGTH_DELIMITED,
}
# GraphProto: node, name, initializer, doc_string, input, output, value_info, quantization_annotation,
# sparse_initializer, metadata_props. All are length-delimited.
GRAPH_FIELDS = frozenset({1, 2, 5, 10, 11, 12, 13, 14, 15, 16})
MAX_RECORDS = 100_000  # of a model itself there are a dozen; metadata and functions may add some
MAX_VARINT_BYTES = 10


def looks_like_onnx(data: bytes) -> bool:
    """Say whether every record is one of a ModelProto's and one is a graph; the last may be cut off."""
    seen: set[int] = set()
    at = 0
    for _ in range(MAX_RECORDS):
        if at >= len(data):
            break
        tag, at = _varint(data, at)
        if MODEL_FIELDS.get(tag >> 3) != tag & 7:
            return False
        seen.add(tag >> 3)
        value, at = _varint(data, at)
        if value < 0:
            return False
        if tag & 7 == LENGTH_DELIMITED:
            if tag >> 3 == GRAPH and not _starts_like_a_graph(data, at):
                return False
            at += value
    return GRAPH in seen and not seen.isdisjoint({IR_VERSION, OPSET_IMPORT})


def _starts_like_a_graph(data: bytes, at: int) -> bool:
    tag, _ = _varint(data, at)
    return at >= len(data) or (tag & 7 == LENGTH_DELIMITED and tag >> 3 in GRAPH_FIELDS)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number and where it ends; one that is cut off ends with the data, one too long is −1."""
    value = 0
    for index, byte in enumerate(data[at : at + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    return (-1 if at + MAX_VARINT_BYTES <= len(data) else value), len(data)
