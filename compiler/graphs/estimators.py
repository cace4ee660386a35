"""The served graph of an estimator: scalers folded into thresholds or kept exactly, the model, its outputs.

Where the model refuses values that are not finite, 0 · Σ x, which is NaN for a row with NaN or an infinity and 0
otherwise, poisons the row's margins, and its labels are −1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper

from dwcpc.compiler.class_threshold import decided
from dwcpc.compiler.graphs.built import Built, Surroundings
from dwcpc.compiler.graphs.graph_builder import GraphBuilder
from dwcpc.compiler.graphs.heads import Refusal
from dwcpc.compiler.graphs.lower_linear import lower_linear
from dwcpc.compiler.metadata import StepRecord, TensorSpec
from dwcpc.compiler.signature import ADDED_PREFIX as PREFIX
from dwcpc.compiler.signature import (
    ANOMALY_FLAG,
    DECISION_VALUE,
    GRAPH_INPUT,
    LABEL,
    PREDICTION,
    PROBABILITY,
    SCORE_OUTPUT,
)
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.fold_scaler import FOLD_SCALERS, fold_scalers
from dwcpc.compiler.trees.lowering import lower_trees
from dwcpc.compiler.trees.onnx_nodes import ML_DOMAIN, ML_OPSET

if TYPE_CHECKING:
    from dwcpc.compiler.linear import LinearModel
    from dwcpc.compiler.metadata import Decision
    from dwcpc.compiler.scalers import Scaling
    from dwcpc.compiler.sources.base import Estimator

IR_VERSION = 10  # of opset 20 and ai.onnx.ml 5; onnxruntime reads no newer one than it knows


def build_estimator(
    estimator: Estimator,
    around: Surroundings,
    opset: int,
    decision: Decision | None,
    progress: Callable[[str], None],
) -> Built:
    """Return the graph from raw inputs to labels and probabilities, a prediction, or score and flag."""
    scalers: tuple[Scaling, ...] = (*([] if around.scaler is None else [around.scaler]), *estimator.scalers)
    core = decided(estimator.core, decision)
    record = None
    if isinstance(core, TreeEnsemble) and scalers:
        progress("folding the scaler into the thresholds")
        core, scalers, record = _folded(core, scalers)
    progress("lowering to ONNX")
    nodes = GraphBuilder()
    value = _scaled(nodes, scalers)
    refusal = _refusal(nodes, estimator.spec.input_shape[0]) if estimator.spec.non_finite == "propagated" else None
    if isinstance(core, TreeEnsemble):
        value = _with_missing(nodes, core, value)
        lower_trees(nodes, core, value, refusal=refusal, decision=decision, target_scaler=around.target_scaler)
    else:
        lower_linear(nodes, core, value, refusal=refusal, target_scaler=around.target_scaler)
    outputs = output_tensors(core, decision)
    model = _model(nodes, estimator.spec.input_shape, outputs, opset)
    count = len(model.graph.node)
    passes = () if record is None else (dataclasses.replace(record, nodes=count),)
    return Built(model, outputs, passes, count)


def output_tensors(core: TreeEnsemble | LinearModel, decision: Decision | None) -> tuple[TensorSpec, ...]:
    """Return what a core's served outputs are called, their shapes and units."""
    classes = core.classes
    if decision is not None and decision.score == SCORE_OUTPUT:
        return (
            TensorSpec(SCORE_OUTPUT, "float32", ("batch",), units=("score from -1 to 0",)),
            TensorSpec(DECISION_VALUE, "float32", ("batch",), units=("score above the threshold",)),
            TensorSpec(ANOMALY_FLAG, "int64", ("batch",), units=("1 anomaly, 0 none",)),
        )
    if classes:
        names = tuple(str(value) for value in classes)
        unit = "class" if core.label_values == classes else "index of the class"
        return (
            TensorSpec(LABEL, "int64", ("batch",), units=(unit,)),
            TensorSpec(PROBABILITY, "float32", ("batch", len(classes)), names, ("probability",) * len(classes)),
        )
    return (TensorSpec(PREDICTION, "float32", ("batch", 1)),)


def _folded(core: TreeEnsemble, scalers: tuple[Scaling, ...]) -> tuple[TreeEnsemble, tuple[Scaling, ...], StepRecord]:
    """Return the core on raw values, the scalers that stay before it, and what was done."""
    if core.missing is not None:
        reason = f"the scaled value {core.missing:g} stands for a missing one: the scaler stays in the graph"
        return core, scalers, StepRecord(FOLD_SCALERS, 0, (reason,), 0)
    folded = fold_scalers(core.forest, scalers)
    record = StepRecord(FOLD_SCALERS, folded.moved, folded.refused, 0)
    return dataclasses.replace(core, forest=folded.forest), scalers if folded.refused else (), record


def _scaled(nodes: GraphBuilder, scalers: tuple[Scaling, ...]) -> str:
    value = GRAPH_INPUT
    for index, scaler in enumerate(scalers):
        value = nodes.scaled(value, scaler.steps, f"scaler{index or ''}", f"{PREFIX}scaled{index or ''}")
    return value


def _with_missing(nodes: GraphBuilder, core: TreeEnsemble, value: str) -> str:
    if core.missing is None:
        return value
    stands_for = nodes.constant("missing", np.array(core.missing, np.float32))
    is_missing = nodes.add("Equal", [value, stands_for], PREFIX + "is_missing")
    nan = nodes.constant("nan", np.array(np.nan, np.float32))
    return nodes.add("Where", [is_missing, nan, value], PREFIX + "with_missing")


def _refusal(nodes: GraphBuilder, features: int) -> Refusal:
    zeros = nodes.constant("zeros", np.zeros((features, 1), np.float32))
    poison = nodes.add("MatMul", [GRAPH_INPUT, zeros], PREFIX + "poison")
    row = nodes.reshape(poison, (-1,), PREFIX + "poison_row")
    mask = nodes.add("IsNaN", [row], PREFIX + "is_refused")
    return Refusal(nodes.cast(poison, TensorProto.DOUBLE, PREFIX + "poison_wide"), mask)


def _model(nodes: GraphBuilder, shape: tuple[int, ...], outputs: tuple[TensorSpec, ...], opset: int) -> onnx.ModelProto:
    types = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}
    graph = helper.make_graph(
        nodes.nodes,
        "dwcpc",
        [helper.make_tensor_value_info(GRAPH_INPUT, TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info(each.name, types[each.dtype], list(each.shape)) for each in outputs],
        nodes.constants,
    )
    opsets = [helper.make_opsetid("", opset)]
    if any(node.domain == ML_DOMAIN for node in nodes.nodes):
        opsets.append(helper.make_opsetid(ML_DOMAIN, ML_OPSET))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    model.producer_name = "dwcpc"
    onnx.checker.check_model(model, full_check=True)
    return model
