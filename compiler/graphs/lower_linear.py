"""A linear model as ONNX nodes: its margins in the framework's own precision and order, then the head of its link.

In float64 the margins are one product a row, x · weights + intercept. In float32 each feature's product is rounded, and
they are added one after the other behind the intercept: CumSum does so, where a product of matrices adds as it likes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from dwcpc.compiler.graphs import heads
from dwcpc.compiler.graphs.heads import Margins, Refusal
from dwcpc.compiler.signature import ADDED_PREFIX as PREFIX

if TYPE_CHECKING:
    from dwcpc.compiler.graphs.graph_builder import GraphBuilder
    from dwcpc.compiler.linear import LinearModel
    from dwcpc.compiler.scalers import Scaler


def lower_linear(
    nodes: GraphBuilder, linear: LinearModel, value: str, *, refusal: Refusal | None, target_scaler: Scaler | None
) -> None:
    """Add the margins of the float32 `value` [batch, features], and the outputs."""
    if linear.missing_as_zero:
        value = _without_missing(nodes, linear, value)
    margins = _added(nodes, linear, value) if linear.adds_in == "float32" else _multiplied(nodes, linear, value)
    if refusal is not None:
        margins = heads.poisoned(nodes, margins, refusal)
    labels = linear.label_values
    match linear.link:
        case "logistic" if linear.classes:
            heads.two_classes(nodes, margins, labels, linear.label_above)
        case "softmax" if margins.is_float32:
            heads.largest_probability(nodes, margins, labels)
        case "softmax":
            heads.largest_margin(nodes, margins, labels)
        case "one_vs_rest":
            heads.one_vs_rest(nodes, margins, labels)
        case link:
            heads.prediction(nodes, margins, link, 1.0, target_scaler)


def _without_missing(nodes: GraphBuilder, linear: LinearModel, value: str) -> str:
    is_missing = nodes.add("IsNaN", [value], PREFIX + "is_nan")
    if linear.missing is not None:
        stands_for = nodes.constant("missing", np.array(linear.missing, np.float32))
        equal = nodes.add("Equal", [value, stands_for], PREFIX + "equals_missing")
        is_missing = nodes.add("Or", [is_missing, equal], PREFIX + "is_missing")
    zero = nodes.constant("zero", np.array(0.0, np.float32))
    return nodes.add("Where", [is_missing, zero, value], PREFIX + "without_missing")


def _multiplied(nodes: GraphBuilder, linear: LinearModel, value: str) -> Margins:
    features, columns = linear.weights.shape
    # One product a row: onnxruntime's batched MatMul gives the same bits at every batch size.
    rows = nodes.reshape(value, (-1, 1, features), PREFIX + "rows")
    wide = nodes.cast(rows, TensorProto.DOUBLE, PREFIX + "rows_wide")
    products = nodes.add("MatMul", [wide, nodes.constant("weights", linear.weights)], PREFIX + "products")
    flat = nodes.reshape(products, (-1, columns), PREFIX + "products_flat")
    return Margins(nodes.add("Add", [flat, nodes.constant("intercept", linear.intercept)], PREFIX + "margins"))


def _added(nodes: GraphBuilder, linear: LinearModel, value: str) -> Margins:
    features, columns = linear.weights.shape
    column = nodes.reshape(value, (-1, features, 1), PREFIX + "column")
    # The intercept is the product of a feature that is 1 everywhere, before the others.
    padding = nodes.constant("padding", np.array([0, 1, 0, 0, 0, 0], np.int64))
    one = nodes.constant("one", np.array(1.0, np.float32))
    padded = nodes.add("Pad", [column, padding, one], PREFIX + "with_intercept")
    weights = np.concatenate([linear.intercept[None], linear.weights]).astype(np.float32)
    products = nodes.add("Mul", [padded, nodes.constant("weights", weights)], PREFIX + "products")
    axis = nodes.constant("feature_axis", np.array(1, np.int64))
    sums = nodes.add("CumSum", [products, axis], PREFIX + "sums")
    last = nodes.constant("last_feature", np.array(features, np.int64))
    margins = nodes.add("Gather", [sums, last], PREFIX + "margins", axis=1)
    return Margins(nodes.reshape(margins, (-1, columns), PREFIX + "margins_flat"), is_float32=True)
