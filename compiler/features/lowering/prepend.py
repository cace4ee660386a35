"""The features in front of a served model: what was its input becomes what the features are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper

from dwcpc.compiler.features.lowering.lower_features import lower_features
from dwcpc.compiler.graphs.graph_builder import GraphBuilder

if TYPE_CHECKING:
    from dwcpc.compiler.features.spec import FeatureSpec


def prepend_features(model: onnx.ModelProto, spec: FeatureSpec, timesteps: int | None) -> onnx.ModelProto:
    """Return `model` on raw values [batch, timesteps + lookback, columns]; one sample without `timesteps`."""
    nodes, given = GraphBuilder(), model.graph.input[0].name
    features = lower_features(nodes, spec, timesteps, given)
    embedded = onnx.ModelProto()
    embedded.CopyFrom(model)
    graph = embedded.graph
    for node in graph.node:
        node.input[:] = [features if name == given else name for name in node.input]
    rows = graph.input[0].type.tensor_type.shape.dim[0]
    shape = [rows.dim_value or rows.dim_param, (timesteps or 1) + spec.lookback, len(spec.columns)]
    served = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes.nodes, *served])
    graph.initializer.extend(nodes.constants)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(given, TensorProto.FLOAT, shape))
    onnx.checker.check_model(embedded, full_check=True)
    return embedded
