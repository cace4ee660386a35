"""From the bytes of an ONNX file to a model that was checked, before any library computes with it."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
from onnx import NodeProto, OperatorSetIdProto

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.sources.onnx_model.external_data import FileBeside, read_external_data
from dwcpc.compiler.sources.onnx_model.functions import inlined
from dwcpc.compiler.sources.onnx_model.operators import check_operators
from dwcpc.compiler.sources.onnx_model.protobuf import has_broken_text, messages
from dwcpc.compiler.sources.onnx_model.tensors import check_tensors

PROTOBUF_LIMIT_BYTES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says. `data` is it as it is run, with the files beside it; `model` has its functions written out."""

    data: bytes
    model: onnx.ModelProto
    beside: tuple[FileBeside, ...]
    functions: int


def read_document(artifact: Artifact) -> Document:
    """Read and check the file and the weights beside it; InputError names what cannot be taken."""
    original = parsed(artifact)
    _check_kind(artifact, original)
    beside = read_external_data(artifact, original)
    check_tensors(artifact, original)
    model = inlined(artifact, original)
    _in_one_domain(model)
    check_operators(artifact, model)
    data = _serialised(artifact, original) if beside else artifact.data
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # the checker raises several types, on serialising too
        raise InputError(f"{artifact.path}: is no valid ONNX model ({first_line(error)}); export it again") from error
    return Document(data, model, beside, len(original.functions))


def parsed(artifact: Artifact) -> onnx.ModelProto:
    """Return the file's message; nothing in it has been checked."""
    if len(artifact.data) > PROTOBUF_LIMIT_BYTES:
        raise InputError(
            f"{artifact.path}: is {len(artifact.data)} bytes, more than the {PROTOBUF_LIMIT_BYTES} of a protobuf file"
        )
    try:
        model = onnx.load_model_from_string(artifact.data)
    except Exception as error:  # protobuf's implementations each have their own type
        raise InputError(
            f"{artifact.path}: starts like an ONNX file and cannot be read ({first_line(error)}); it is truncated or "
            "altered, export or copy it again"
        ) from error
    if has_broken_text(model):
        raise InputError(f"{artifact.path}: holds a name that is no UTF-8; it is altered, export or copy it again")
    return model


def _check_kind(artifact: Artifact, model: onnx.ModelProto) -> None:
    if not model.graph.node:
        raise InputError(f"{artifact.path}: its graph holds no operator, expected a model; export it again")
    if model.training_info:
        raise InputError(f"{artifact.path}: holds training information; export the model for inference")
    for graph in messages(model, onnx.GraphProto):
        if graph.sparse_initializer:
            raise InputError(f"{artifact.path}: holds sparse weights, expected dense ones; export it so")


def _in_one_domain(model: onnx.ModelProto) -> None:
    """Call ONNX's own domain by its shorter name, which is what libraries compare with."""
    for node in messages(model, NodeProto):
        node.domain = "" if node.domain == "ai.onnx" else node.domain
    for each in messages(model, OperatorSetIdProto):
        each.domain = "" if each.domain == "ai.onnx" else each.domain


def _serialised(artifact: Artifact, model: onnx.ModelProto) -> bytes:
    try:
        data: bytes = model.SerializeToString()
    except Exception as error:
        raise InputError(
            f"{artifact.path}: is more than the {PROTOBUF_LIMIT_BYTES} bytes of a protobuf file with its external data"
        ) from error
    return data
