"""The file's graph as the compiler takes it: in the opset asked for, under its names, with float32 [batch, …] out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.signature import ADDED_PREFIX
from dwcpc.compiler.sources.base import NETWORK_INPUT, NETWORK_OUTPUT
from dwcpc.compiler.sources.onnx_model.protobuf import attribute, messages, opset_of
from dwcpc.compiler.sources.onnx_model.signature import Signature

INTEGERS = tuple(TensorProto.DataType.Value(f"{sign}INT{bits}") for sign in ("", "U") for bits in (8, 16, 32, 64))
TAKEN_PREFIX = "model_"  # of the file's own names where they are like those that the compiler adds


@dataclass(frozen=True, slots=True)
class Result:
    """The shape of one row's output; `adds_axis` says that the file answers [batch], which becomes [batch, 1]."""

    shape: tuple[int, ...]
    adds_axis: bool


def exported(
    artifact: Artifact, model: onnx.ModelProto, signature: Signature, result: Result, opset: int
) -> onnx.ModelProto:
    """Return the graph in `opset`; InputError where it cannot be."""
    graph_of = _converted(artifact, model, opset)
    _keep_only_the_input(graph_of.graph, signature)
    if _turns_input_into_integers(graph_of.graph, signature.input):
        _take_only_numbers(graph_of.graph, signature.input)
    _end_in_floats(graph_of.graph, signature, result)
    try:
        renamed = _renamed(graph_of)
        onnx.checker.check_model(renamed, full_check=True)
    except Exception as error:  # shapes that contradict each other, above all
        raise InputError(f"{artifact.path}: cannot be rewritten in opset {opset} ({first_line(error)})") from error
    return renamed


def _converted(artifact: Artifact, model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    found = opset_of(model)
    if found != opset:
        from onnx import version_converter

        try:
            copy = version_converter.convert_version(copy, opset)
        except Exception as error:  # an operator without a rule for the way there, said behind a place in its source
            why = first_line(error).rpartition("failed: ")[2]
            raise InputError(
                f"{artifact.path}: is in opset {found}, which onnx cannot turn into {opset} ({why}); "
                f"export it with opset {opset}"
            ) from error
    copy.ir_version = max(
        copy.ir_version, model.ir_version, helper.find_min_ir_version_for(copy.opset_import, ignore_unknown=True)
    )
    return copy


def _keep_only_the_input(graph: onnx.GraphProto, signature: Signature) -> None:
    """Drop weights from the inputs, and every declared shape: a batch of the exporter's may stand in them."""
    entry = helper.make_tensor_value_info(signature.input, TensorProto.FLOAT, ["batch", *signature.input_shape])
    del graph.input[:]
    graph.input.append(entry)
    for inner in messages(graph, onnx.GraphProto):
        del inner.value_info[:]


def _turns_input_into_integers(graph: onnx.GraphProto, entry: str) -> bool:
    """Say whether a value of the input's becomes an integer, which may be an index: that of NaN is none."""
    reached = {entry}
    for node in graph.node:
        if node.op_type in ("Shape", "Size") or reached.isdisjoint(node.input):
            continue
        if node.op_type == "Cast" and attribute(node, "to", 0) in INTEGERS:
            return True
        reached |= set(node.output)
    return False


def _take_only_numbers(graph: onnx.GraphProto, entry: str) -> None:
    """Compute on 0 in the place of NaN and ±∞; such a row's answer is NaN, which is added behind the network."""
    prefix = f"{NETWORK_INPUT}_numbers"
    for node in messages(graph, onnx.NodeProto):
        for index, name in enumerate(node.input):
            if name == entry:
                node.input[index] = prefix
    nodes = [
        helper.make_node("IsNaN", [entry], [f"{prefix}_nan"]),
        helper.make_node("IsInf", [entry], [f"{prefix}_infinite"]),
        helper.make_node("Or", [f"{prefix}_nan", f"{prefix}_infinite"], [f"{prefix}_neither"]),
        helper.make_node("Where", [f"{prefix}_neither", f"{prefix}_zero", entry], [prefix]),
    ]
    graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), f"{prefix}_zero"))
    for at, node in enumerate(nodes):
        graph.node.insert(at, node)


def _end_in_floats(graph: onnx.GraphProto, signature: Signature, result: Result) -> None:
    """Let a node of its own make the output where it is another type, lacks an axis, or is no node's."""
    last = signature.output
    made = {name for node in graph.node for name in node.output}
    if result.adds_axis:
        axis = f"{NETWORK_OUTPUT}_axis"
        graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), axis))
        graph.node.append(helper.make_node("Unsqueeze", [last, axis], [f"{NETWORK_OUTPUT}_column"]))
        last = f"{NETWORK_OUTPUT}_column"
    if signature.output_type != TensorProto.FLOAT:
        graph.node.append(helper.make_node("Cast", [last], [f"{NETWORK_OUTPUT}_float32"], to=TensorProto.FLOAT))
        last = f"{NETWORK_OUTPUT}_float32"
    if last == signature.output and last not in made:
        graph.node.append(helper.make_node("Identity", [last], [f"{NETWORK_OUTPUT}_same"]))
        last = f"{NETWORK_OUTPUT}_same"
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(last, TensorProto.FLOAT, ["batch", *result.shape]))


def _renamed(model: onnx.ModelProto) -> onnx.ModelProto:
    graph_model = ir.from_proto(model)
    graph = graph_model.graph
    ends = (graph.inputs[0], graph.outputs[0])
    for inner in _graphs(graph):
        for value in _values(inner):
            if (
                value not in ends
                and value.name
                and value.name.startswith((ADDED_PREFIX, NETWORK_INPUT, NETWORK_OUTPUT))
            ):
                value.name = TAKEN_PREFIX + value.name
    _name_each_node(graph)
    ends[0].name, ends[1].name = NETWORK_INPUT, NETWORK_OUTPUT
    return ir.to_proto(graph_model)


def _name_each_node(graph: ir.Graph) -> None:
    """Give each node a name of its own: passes and reports name weights and layers after it."""
    taken: set[str] = set()
    for node in graph.all_nodes():
        name = node.name or node.op_type
        name = TAKEN_PREFIX + name if name.startswith(ADDED_PREFIX) else name
        node.name = name if name not in taken else f"{name}_{len(taken)}"
        taken.add(node.name)


def _graphs(graph: ir.Graph) -> Iterator[ir.Graph]:
    yield graph
    for node in graph:
        for each in node.attributes.values():
            if each.type == ir.AttributeType.GRAPH:
                yield from _graphs(each.as_graph())


def _values(graph: ir.Graph) -> list[ir.Value]:
    made = [value for node in graph for value in node.outputs]
    return [*graph.inputs, *graph.initializers.values(), *made]
