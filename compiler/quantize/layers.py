"""The layers of a network that may be given another precision, and the network with some of them replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from dwcpc.compiler.quantize.base import Activations, Layer, name_of
from dwcpc.compiler.quantize.names import with_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.quantize.base import Proposal

WEIGHT_INPUTS = {"LSTM": (1, 2, 3), "GRU": (1, 2, 3), "Gemm": (1, 2), "MatMul": (1,), "Conv": (1, 2)}
OPSETS = {"com.microsoft": 1}
AS_THEY_ARE: Mapping[str, str] = {}
FEWEST_WEIGHTS = 256  # below which another form costs more bytes and nodes than it saves


def layers_of(network: onnx.ModelProto) -> tuple[Layer, ...]:
    """Return the layers with constant float32 weights, in the order of the graph.

    Small ones stay as they are, and so do those whose weights others use, or whose name another node has.
    """
    # Here and not above: without it a user of the bare wheel is told what to install.
    import onnx_ir as ir

    from dwcpc.compiler.passes.repeats import repeated_over_steps

    constants = {tensor.name: tensor for tensor in network.graph.initializer}
    uses = Counter(_values_read(network.graph))
    names = Counter(name_of(node) for node in network.graph.node)
    repeated = repeated_over_steps(ir.from_proto(network).graph)
    layers = []
    for node in network.graph.node:
        weights = {
            index: numpy_helper.to_array(constants[node.input[index]])
            for index in WEIGHT_INPUTS.get(node.op_type, ())
            if index < len(node.input) and node.input[index] in constants
        }
        main = [
            index for index in WEIGHT_INPUTS.get(node.op_type, ())[:2] if node.op_type in ("LSTM", "GRU") or index == 1
        ]
        if not main or any(index not in weights or uses[node.input[index]] > 1 for index in main):
            continue
        if any(weight.dtype != np.float32 for weight in weights.values()) or names[name_of(node)] > 1:
            continue
        layer = Layer(node, weights, repeated.get(node.input[0]))
        if layer.size >= FEWEST_WEIGHTS:
            layers.append(layer)
    return tuple(layers)


def record_activations(
    network: onnx.ModelProto, layers: Iterable[Layer], rows: NDArray[np.float32]
) -> dict[str, Activations]:
    """Run the float network on scaled `rows` and return what went into each layer and came out of it."""
    from dwcpc.compiler.metadata import SessionSettings
    from dwcpc.compiler.ort_session import open_session

    probed = onnx.ModelProto()
    probed.CopyFrom(network)
    named = _ends_of(probed.graph, {layer.name for layer in layers})
    feed = network.graph.input[0].name
    wanted = sorted({value for pair in named.values() for value in pair} - {feed})
    shown = {value.name for value in probed.graph.output}
    probed.graph.output.extend(
        helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, None) for value in wanted if value not in shown
    )
    session = open_session(probed.SerializeToString(), SessionSettings())
    got = dict(zip(wanted, session.run(wanted, {feed: rows}), strict=True)) if wanted else {}
    got[feed] = rows
    return {name: Activations(got[before], got[after]) for name, (before, after) in named.items()}


def _ends_of(graph: onnx.GraphProto, layers: set[str]) -> dict[str, tuple[str, str]]:
    """Return the names of each layer's input and output; an output that was left out is given a name, in place."""
    ends = {}
    for node in graph.node:
        name = name_of(node)
        if name in layers:
            node.output[0] = node.output[0] or f"{name}/output"
            ends[name] = (node.input[0], node.output[0])
    return ends


def with_proposals(
    network: onnx.ModelProto, chosen: Mapping[str, Proposal], renamed: Mapping[str, str] = AS_THEY_ARE
) -> onnx.ModelProto:
    """Return the network with the layers named in `chosen` replaced; `renamed` are values that it calls otherwise."""
    model = onnx.ModelProto()
    model.CopyFrom(network)
    nodes = []
    for node in network.graph.node:
        proposal = chosen.get(name_of(node))
        if proposal is None:
            nodes.append(node)
            continue
        nodes += [with_names(part, renamed) for part in proposal.graph.node]
        model.graph.initializer.extend(proposal.graph.initializer)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _drop_unused_constants(model.graph)
    _declare_domains(model)
    return model


def _drop_unused_constants(graph: onnx.GraphProto) -> None:
    used = set(_values_read(graph))
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _values_read(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield every value that a node or an output takes, also in the graphs inside the graph."""
    yield from (value.name for value in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _values_read(inner)


def _declare_domains(model: onnx.ModelProto) -> None:
    declared = {opset.domain for opset in model.opset_import}
    for domain in sorted({node.domain for node in model.graph.node} - declared):
        model.opset_import.append(helper.make_opsetid(domain, OPSETS[domain]))
