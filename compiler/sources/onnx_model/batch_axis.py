"""A graph exported for one batch size, for any: what froze it is found where exporters leave it.

    zero initial states of LSTM, GRU and RNN with the batch as an axis → absent, which means zero
    Reshape to a constant shape in which the batch is an axis, or a part of one → −1 there
    Expand to a constant shape with the batch as an axis → 1 there, which keeps the input's

Which axis carries the batch is seen by inferring the shapes for a batch of `PRIME` rows, which nothing else divides.
Where it goes in a Reshape's target follows from row-major order: as many values lie before it as before. Nothing is
taken on trust: the answers are compared with the file's own, by the loader and by parity.
"""

from __future__ import annotations

from math import prod

import numpy as np
import onnx
from onnx import numpy_helper

from dwcpc.compiler.sources.onnx_model.protobuf import constants, messages
from dwcpc.compiler.sources.onnx_model.shapes import inferred_shapes
from dwcpc.compiler.sources.onnx_model.signature import Signature

BATCH = "batch"
PRIME = 65_521
STATES = {"LSTM": (5, 6), "GRU": (5,), "RNN": (5,)}


def freed(model: onnx.ModelProto, signature: Signature, batch: int) -> onnx.ModelProto:
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
            _free_target(copy, index, signature, batch)
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


def _free_target(model: onnx.ModelProto, index: int, signature: Signature, batch: int) -> None:
    """Give the Reshape or Expand at `index` a target of its own in which the batch is free, if it has to be."""
    node = model.graph.node[index]
    known = constants(model.graph)
    entry = inferred_shapes(model, signature.input, PRIME, signature.input_shape).get(node.input[0], [])
    carrying = [at for at, axis in enumerate(entry) if axis % PRIME == 0]
    if node.input[1] not in known or len(carrying) != 1:
        return
    target = [int(axis) for axis in numpy_helper.to_array(known[node.input[1]])]
    sizes = [axis // PRIME * batch if axis % PRIME == 0 else axis for axis in entry]
    change = reshaped if node.op_type == "Reshape" else expanded
    new = change(sizes, carrying[0], target, batch)
    if new != target:
        name = f"{node.output[0]}_for_any_batch"
        model.graph.initializer.append(numpy_helper.from_array(np.array(new, np.int64), name))
        node.input[1] = name


def reshaped(sizes: list[int], at: int, target: list[int], batch: int) -> list[int]:
    """Return the target of a Reshape from `sizes`, whose axis `at` holds the batch, with −1 where the batch goes.

    The target stays as it is where its place cannot be told, or is free already.
    """
    full = [sizes[i] if axis == 0 and i < len(sizes) else axis for i, axis in enumerate(target)]
    if full.count(-1) == 1:
        rest = prod(axis for axis in full if axis != -1)
        full[full.index(-1)] = prod(sizes) // rest if rest else 0
    if prod(full) != prod(sizes) or 0 in full:
        return target
    before, upto = prod(sizes[:at]), prod(sizes[: at + 1])
    places = []
    for i, axis in enumerate(full):
        start = prod(full[:i])
        if axis % batch == 0 and start * batch <= upto and start * axis >= before * batch:
            places.append((axis != batch, start != before, i))
    if not places:
        return target
    place = min(places)[-1]
    if target[place] == -1 or (target[place] == 0 and place == at):
        return target
    return [*full[:place], -1, *full[place + 1 :]]


def expanded(sizes: list[int], at: int, target: list[int], batch: int) -> list[int]:
    """Return the target of an Expand with 1 where the batch is, which keeps it; axes are counted from behind."""
    place = len(target) - len(sizes) + at
    if place < 0 or target[place] != batch or sizes[at] != batch:
        return target
    return [*target[:place], 1, *target[place + 1 :]]
