"""A tensor must hold as many values as its shape says, before any library allocates what it says."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.onnx_model.protobuf import messages

# onnx.proto3: several of these share a byte; numpy has each in a byte of its own.
BITS_OF_PACKED = {"UINT4": 4, "INT4": 4, "FLOAT4E2M1": 4, "UINT2": 2, "INT2": 2}
FLOATING = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)


def check_tensors(artifact: Artifact, model: onnx.ModelProto) -> None:
    """Refuse a tensor of unknown type, in segments, with fewer or more values than its shape has, or with NaN."""
    for tensor in messages(model, TensorProto):
        what = f"{artifact.path}: the tensor {tensor.name!r} of shape {tuple(tensor.dims)}"
        if tensor.HasField("segment") or any(axis < 0 for axis in tensor.dims):
            raise InputError(f"{what} is a part of one or has a negative axis, expected it whole; export it again")
        if tensor.data_type not in TensorProto.DataType.values() or tensor.data_type == TensorProto.UNDEFINED:
            raise InputError(f"{what} is of the unknown type {tensor.data_type}; the file is altered, export it again")
        found, expected = _sizes(tensor)
        if found != expected:
            raise InputError(
                f"{what} holds {found} bytes or values, expected {expected}; the file is truncated or altered, export "
                "it again"
            )
        if tensor.data_type in FLOATING and np.isnan(numpy_helper.to_array(tensor)).any():
            raise InputError(f"{what} holds NaN, expected finite weights; train or export the model again")


def _sizes(tensor: TensorProto) -> tuple[int, int]:
    """Return how many bytes or values a tensor holds and how many its shape asks for."""
    count = math.prod(tensor.dims)
    if tensor.data_type == TensorProto.STRING:
        return len(tensor.string_data), count
    packed = BITS_OF_PACKED.get(TensorProto.DataType.Name(tensor.data_type))
    if tensor.HasField("raw_data"):
        bits = packed or 8 * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        return len(tensor.raw_data), -(-count * bits // 8)
    values = len(getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type)))
    if packed:
        return values, -(-count * packed // 8)
    is_complex = tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128)
    return values, count * (2 if is_complex else 1)
