"""The same graph in float64: every weight, constant, cast and declared type that is float32 or float16."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, TypeProto, helper, numpy_helper

from dwcpc.compiler.sources.onnx_model.protobuf import messages

NARROW = (TensorProto.FLOAT, TensorProto.FLOAT16)
TYPE_ATTRIBUTES = ("to", "dtype", "output_datatype", "output_dtype")


def widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a float64 copy of `model`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in list(messages(copy, NodeProto)):
        _widen_attributes(node)
    for tensor in list(messages(copy, TensorProto)):
        if tensor.data_type in NARROW:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for declared in messages(copy, TypeProto.Tensor):
        if declared.elem_type in NARROW:
            declared.elem_type = TensorProto.DOUBLE
    return copy


def _widen_attributes(node: NodeProto) -> None:
    if node.op_type == "ConstantOfShape" and not node.attribute:
        node.attribute.append(helper.make_attribute("value", numpy_helper.from_array(np.zeros(1))))
    for each in node.attribute:
        if each.name in TYPE_ATTRIBUTES and each.type == onnx.AttributeProto.INT and each.i in NARROW:
            each.i = TensorProto.DOUBLE
        if node.op_type == "Constant" and each.name in ("value_float", "value_floats"):
            value: Any = helper.get_attribute_value(each)
            each.CopyFrom(helper.make_attribute("value", numpy_helper.from_array(np.array(value, np.float64))))
