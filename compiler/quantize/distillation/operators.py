"""What the operators of a float core graph do, in torch: those that the exporters and the passes leave in networks.

Each takes its inputs, `None` where one is left out, and its attributes, and returns all its outputs. What it cannot do
as ONNX says raises `UnsupportedError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from onnx import TensorProto
from torch import Tensor
from torch.nn import functional

from dwcpc.compiler.quantize.distillation.recurrence import lstm

Given = tuple[Any, ...]
Attributes = Mapping[str, Any]
ACTIVATIONS_OF_LSTM = [b"Sigmoid", b"Tanh", b"Tanh"]
TYPES = {TensorProto.FLOAT: torch.float32, TensorProto.INT64: torch.int64, TensorProto.FLOAT16: torch.float16}


class UnsupportedError(Exception):
    """An operator, or an attribute of one, that is not offered here."""


def _lstm(given: Given, attributes: Attributes) -> tuple[Tensor, ...]:
    x, weights, recurrent, bias, lengths, h, c, peephole = given[:8] + (None,) * (8 - len(given))
    direction = attributes.get("direction", b"forward").decode()
    activations = attributes.get("activations", ACTIVATIONS_OF_LSTM * len(weights))
    plain = activations == ACTIVATIONS_OF_LSTM * len(weights) and lengths is None and peephole is None
    if not plain or any(attributes.get(name) for name in ("layout", "clip", "input_forget")):
        raise UnsupportedError("LSTM with peepholes, sequence lengths or activations of its own")
    gates = torch.einsum("tbi,dgi->tdbg", x, weights)
    if bias is not None:
        one, other = bias.chunk(2, dim=1)
        gates = gates + (one + other)[None, :, None, :]
    return lstm(gates, recurrent, (h, c), direction)


def _gemm(given: Given, attributes: Attributes) -> tuple[Tensor]:
    a = given[0].T if attributes.get("transA") else given[0]
    b = given[1].T if attributes.get("transB") else given[1]
    product = attributes.get("alpha", 1.0) * (a @ b)
    if len(given) < 3 or given[2] is None:
        return (product,)
    return (product + attributes.get("beta", 1.0) * given[2],)


def _batch_normalization(given: Given, attributes: Attributes) -> tuple[Tensor]:
    x, gamma, beta, mean, variance = given
    if attributes.get("training_mode"):
        raise UnsupportedError("BatchNormalization in training mode")
    shape = (1, -1, *(1,) * (x.ndim - 2))
    factor = gamma / torch.sqrt(variance + attributes.get("epsilon", 1e-5))
    return ((x - mean.reshape(shape)) * factor.reshape(shape) + beta.reshape(shape),)


def _reshape(given: Given, attributes: Attributes) -> tuple[Tensor]:
    x, shape = given
    kept = not attributes.get("allowzero")
    return (x.reshape([x.shape[at] if size == 0 and kept else size for at, size in enumerate(shape.tolist())]),)


def _squeeze(given: Given, _: Attributes) -> tuple[Tensor]:
    return (given[0].squeeze() if len(given) < 2 else given[0].squeeze(tuple(given[1].tolist())),)


def _unsqueeze(given: Given, _: Attributes) -> tuple[Tensor]:
    x, axes = given[0], given[1].tolist()
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return (x,)


def _expand(given: Given, _: Attributes) -> tuple[Tensor]:
    shape = torch.broadcast_shapes(given[0].shape, tuple(given[1].tolist()))  # type: ignore[no-untyped-call]
    return (given[0].expand(shape),)


def _reduce_mean(given: Given, attributes: Attributes) -> tuple[Tensor]:
    axes = given[1].tolist() if len(given) > 1 and given[1] is not None else list(range(given[0].ndim))
    return (given[0].mean(axes, keepdim=bool(attributes.get("keepdims", 1))),)


def _conv(given: Given, attributes: Attributes) -> tuple[Tensor]:
    x, weight, bias = (*given, None)[:3]
    rank = x.ndim - 2
    if rank != 1 or attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise UnsupportedError("Conv of more than one dimension or with auto_pad")
    padded = functional.pad(x, tuple(attributes.get("pads", (0, 0))))
    stride, dilation = attributes.get("strides", [1])[0], attributes.get("dilations", [1])[0]
    group = attributes.get("group", 1)
    return (functional.conv1d(padded, weight, bias, stride=stride, dilation=dilation, groups=group),)


def _flatten(given: Given, attributes: Attributes) -> tuple[Tensor]:
    x, axis = given[0], attributes.get("axis", 1)
    return (x.reshape(math.prod(x.shape[:axis]), -1),)


def _slice(given: Given, _: Attributes) -> tuple[Tensor]:
    x, starts, ends = given[:3]
    axes = given[3].tolist() if len(given) > 3 and given[3] is not None else range(len(starts))
    steps = given[4].tolist() if len(given) > 4 else [1] * len(starts)
    where = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes, steps, strict=True):
        if step < 1:
            raise UnsupportedError("Slice backwards")
        where[axis] = slice(start, end, step)
    return (x[tuple(where)],)


def _gather(given: Given, attributes: Attributes) -> tuple[Tensor]:
    x, index = given
    axis = attributes.get("axis", 0) % x.ndim
    return (
        x.index_select(axis, index.reshape(-1) % x.shape[axis]).reshape(
            *x.shape[:axis], *index.shape, *x.shape[axis + 1 :]
        ),
    )


def _cast(given: Given, attributes: Attributes) -> tuple[Tensor]:
    if attributes["to"] not in TYPES:
        raise UnsupportedError("Cast to a type other than float32, float16 and int64")
    return (given[0].to(TYPES[attributes["to"]]),)


def _elementwise(function: Callable[..., Tensor]) -> Callable[[Given, Attributes], tuple[Tensor]]:
    return lambda given, _: (function(*given),)


OPERATORS: Mapping[str, Callable[[Given, Attributes], tuple[Tensor, ...]]] = {
    "Add": _elementwise(torch.add),
    "BatchNormalization": _batch_normalization,
    "Cast": _cast,
    "Concat": lambda given, attributes: (torch.cat(given, dim=attributes["axis"]),),
    "Conv": _conv,
    "Div": _elementwise(torch.div),
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "Identity": lambda given, _: (given[0],),
    "LSTM": _lstm,
    "LeakyRelu": lambda given, attributes: (functional.leaky_relu(given[0], attributes.get("alpha", 0.01)),),
    "MatMul": _elementwise(torch.matmul),
    "Mul": _elementwise(torch.mul),
    "ReduceMean": _reduce_mean,
    "Relu": _elementwise(torch.relu),
    "Reshape": _reshape,
    "Sigmoid": _elementwise(torch.sigmoid),
    "Slice": _slice,
    "Softmax": lambda given, attributes: (torch.softmax(given[0], attributes.get("axis", -1)),),
    "Squeeze": _squeeze,
    "Sub": _elementwise(torch.sub),
    "Tanh": _elementwise(torch.tanh),
    "Tile": lambda given, _: (given[0].repeat(given[1].tolist()),),
    "Transpose": lambda given, attributes: (given[0].permute(attributes["perm"]),),
    "Unsqueeze": _unsqueeze,
}
