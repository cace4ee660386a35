"""What an ONNX file holds, for `inspect`: also of files that cannot be compiled, as far as they can be read."""

from __future__ import annotations

import math
from collections import Counter

import onnx
from onnx import TensorProto

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.onnx_model.external_data import external_names, read_external_data
from dwcpc.compiler.sources.onnx_model.protobuf import messages
from dwcpc.compiler.sources.onnx_model.reading import parsed
from dwcpc.compiler.sources.onnx_model.signature import real_inputs, type_text


def description(artifact: Artifact) -> list[tuple[str, str]]:
    """Return (label, text) pairs."""
    model = parsed(artifact)
    operators = Counter(
        f"{node.domain}.{node.op_type}" if node.domain else node.op_type for node in messages(model, onnx.NodeProto)
    )
    return [
        ("kind", "onnx"),
        ("producer", " ".join(part for part in (model.producer_name, model.producer_version) if part) or "unknown"),
        ("opsets", ", ".join(f"{each.domain or 'ai.onnx'} {each.version}" for each in model.opset_import) or "none"),
        ("ir version", str(model.ir_version)),
        *(("input", f"{value.name} {type_text(value)}") for value in real_inputs(model.graph)),
        *(("output", f"{value.name} {type_text(value)}") for value in model.graph.output),
        ("parameters", str(_parameters(model))),
        ("operators", ", ".join(f"{count} {name}" for name, count in operators.most_common()) or "none"),
        *([("functions", ", ".join(each.name for each in model.functions))] if model.functions else []),
        *_external(artifact, model),
    ]


def _parameters(model: onnx.ModelProto) -> int:
    tensors = messages(model, TensorProto)
    return sum(
        math.prod(each.dims)
        for each in tensors
        if each.data_type in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
    )


def _external(artifact: Artifact, model: onnx.ModelProto) -> list[tuple[str, str]]:
    names = external_names(model)
    if not names:
        return []
    try:
        beside = read_external_data(artifact, model)
    except InputError as error:
        return [("external data", f"{', '.join(names)}; not readable: {error}")]
    return [("external data", f"{each.name} {each.bytes} bytes sha256 {each.sha256}") for each in beside]
