"""A graph exported for one batch size, for any: what froze it is found where exporters leave it.

    zero initial states of LSTM, GRU and RNN with the batch as an axis → absent, which means zero
    Reshape to a constant shape in which the batch is an axis, or a part of one → −1 there
    Expand to a constant shape with the batch as an axis → 1 there, which keeps the input's

Where the batch is in a Reshape's target follows from row-major order: the axes before it hold as many values as those
before it in the input. Nothing is taken on trust: the answers are compared with the file's own, here and by parity.
"""

from __future__ import annotations

from math import prod

import numpy as np
import onnx
from onnx import numpy_helper

from dwcpc.compiler.sources.onnx_model.protobuf import constants, messages

BATCH = "batch"
STATES = {"LSTM": (5, 6), "GRU": (5,), "RNN": (5,)}


def freed(model: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """Return a copy whose first axes are free, as far as it was the above that froze them at `batch`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    weights = {tensor.name for tensor in graph.initializer}
    for value in (*(each for each in graph.input if each.name not in weights), *graph.output):
        shape = value.type.tensor_type.shape
        if shape.dim:
            shape.dim[0].dim_param = BATCH
    for inner in messages(graph, onnx.GraphProto):
        del inner.value_info[:]
    _drop_zero_states(graph)
    _drop_unused(graph)
    for index, node in enumerate(graph.node):
        if node.op_type in ("Reshape", "Expand"):
            _free_target(copy, index, batch)
    return copy


def _drop_zero_states(graph: onnx.GraphProto) -> None:
    known = constants(graph)
    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        for index in STATES.get(node.op_type, ()):
            if index >= len(node.input):
                continue
            name = node.input[index]
            while name in makers and makers[name].op_type in ("Expand", "Identity"):
                name = makers[name].input[0]
            if name in known and not numpy_helper.to_array(known[name]).any():
                node.input[index] = ""


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove the nodes whose answers nobody takes any more: a frozen Expand among them would still be run."""
    wanted = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if wanted.isdisjoint(node.output):
            continue
        kept.append(node)
        wanted |= {name for inner in messages(node, onnx.NodeProto) for name in inner.input}
        wanted |= {value.name for inner in messages(node, onnx.GraphProto) for value in inner.output}
    kept.reverse()
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(nodes)


def _free_target(model: onnx.ModelProto, index: int, batch: int) -> None:
    """Give the Reshape or Expand at `index` a target of its own in which the batch is free, if it has to be."""
    node = model.graph.node[index]
    known = constants(model.graph)
    entry = _inferred_shape(model, node.input[0])
    if node.input[1] not in known or entry is None or entry.count(BATCH) != 1:
        return
    target = [int(axis) for axis in numpy_helper.to_array(known[node.input[1]])]
    change = _reshaped if node.op_type == "Reshape" else _expanded
    new = change(entry, target, batch)
    if new is not None and new != target:
        name = f"{node.output[0]}_for_any_batch"
        model.graph.initializer.append(numpy_helper.from_array(np.array(new, np.int64), name))
        node.input[1] = name


def _reshaped(entry: list[int | str], target: list[int], batch: int) -> list[int] | None:
    """Return the target of a Reshape from `entry` with −1 at the batch; none where it cannot be told."""
    at = entry.index(BATCH)
    sizes = [batch if axis == BATCH else int(axis) for axis in entry]
    if target.count(-1) == 1 and at < len(target) and target[at] == 0:
        return target
    full = [sizes[i] if axis == 0 and i < len(sizes) else axis for i, axis in enumerate(target)]
    if -1 in full:
        rest = prod(axis for axis in full if axis != -1)
        full[full.index(-1)] = prod(sizes) // rest if rest else 0
    if prod(full) != prod(sizes) or 0 in full:
        return None
    before = prod(sizes[:at])
    starts = [prod(full[:i]) for i in range(len(full))]
    exact = [i for i, start in enumerate(starts) if start == before and full[i] % batch == 0]
    spanning = [i for i, start in enumerate(starts) if start < before and (start * full[i]) % (before * batch) == 0]
    found = exact or spanning
    if not found:
        return None
    full[found[0]] = -1
    return full


def _expanded(entry: list[int | str], target: list[int], batch: int) -> list[int] | None:
    at = entry.index(BATCH) - len(entry)
    if len(target) < -at or target[at] != batch:
        return None
    return [*target[:at], 1, *(target[at + 1 :] if at < -1 else [])]


def _inferred_shape(model: onnx.ModelProto, name: str) -> list[int | str] | None:
    """Return the axes of a value, of which one may be `BATCH`; none where any other is unknown."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # what cannot be inferred stays as it is, and the comparison that follows decides
        return None
    values = [*inferred.graph.value_info, *inferred.graph.input]
    found = next((value.type.tensor_type.shape for value in values if value.name == name), None)
    if found is None:
        return None
    axes: list[int | str] = []
    for axis in found.dim:
        if axis.HasField("dim_value"):
            axes.append(axis.dim_value)
        elif axis.dim_param == BATCH:
            axes.append(BATCH)
        else:
            return None
    return axes
