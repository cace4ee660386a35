"""A tree ensemble as ONNX nodes: the trees added up, divided, and handed to the head that their link asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from dwcpc.compiler.graphs import heads
from dwcpc.compiler.graphs.heads import Margins, Refusal
from dwcpc.compiler.signature import ADDED_PREFIX as PREFIX
from dwcpc.compiler.trees.onnx_nodes import leaf_node, sum_node

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.graphs.graph_builder import GraphBuilder
    from dwcpc.compiler.metadata import Decision
    from dwcpc.compiler.scalers import Scaler
    from dwcpc.compiler.trees.ensemble import TreeEnsemble

FLOAT32_BITS = 24  # of its significand
DEPTH_BISECTIONS = 64  # as many as a float64 has bits


def lower_trees(
    nodes: GraphBuilder,
    ensemble: TreeEnsemble,
    value: str,
    *,
    refusal: Refusal | None,
    decision: Decision | None,
    target_scaler: Scaler | None,
) -> None:
    """Add the trees on the float32 `value` [batch, features], and the outputs.

    `decision` is an isolation forest's; `target_scaler` scales a regression's prediction back.
    """
    by_class = ensemble.link == "average" and len(ensemble.classes) > 2
    added = (_added_leaf_by_leaf if by_class else _summed)(nodes, ensemble, value, refusal)
    margins = _divided(nodes, added, ensemble)
    labels = ensemble.label_values
    match ensemble.link:
        case "isolation":
            if decision is None:
                raise AssertionError("an isolation forest is compiled with a threshold")
            bound = largest_anomalous_depth(decision, ensemble.divisor)
            heads.isolation(nodes, margins, ensemble.divisor, decision.threshold, bound)
        case "average" if by_class:
            heads.averaged_classes(nodes, margins, labels)
        case "average":
            heads.averaged_second_class(nodes, margins, labels, ensemble.label_above)
        case "logistic" if ensemble.classes:
            heads.two_classes(nodes, margins, labels, ensemble.label_above, ensemble.slope)
        case "softmax" if margins.is_float32:
            heads.largest_probability(nodes, margins, labels)
        case "softmax":
            heads.largest_margin(nodes, margins, labels)
        case link:
            heads.prediction(nodes, margins, link, ensemble.slope, target_scaler)


def largest_anomalous_depth(decision: Decision, divisor: float) -> float:
    """Return the largest float64 depth whose score −2^(−depth / divisor) is an anomaly; −∞ where none is, ∞ where all.

    Found by bisection with numpy's arithmetic, which is scikit-learn's: the depths add up to the same bits, so that the
    decision is the same however the score is rounded.
    """
    is_anomaly: Callable[[NDArray[np.float64]], NDArray[np.bool_]] = {
        "<": lambda score: np.asarray(score < decision.threshold),
        "<=": lambda score: np.asarray(score <= decision.threshold),
    }[decision.comparison]

    def holds(depth_bits: int) -> bool:
        depth = np.array([depth_bits], np.int64).view(np.float64)
        return bool(is_anomaly(-(2.0 ** -(depth / divisor)))[0])

    low, high = 0, int(np.array(np.inf).view(np.int64))
    if not holds(low):
        return -np.inf
    if holds(high):
        return np.inf
    for _ in range(DEPTH_BISECTIONS):
        middle = low + (high - low) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return float(np.array(low, np.int64).view(np.float64))


def _summed(nodes: GraphBuilder, ensemble: TreeEnsemble, value: str, refusal: Refusal | None) -> Margins:
    column = 0
    if ensemble.link == "average":  # of two classes: the first one's sum is what is left
        column, ensemble = 1, dataclasses.replace(ensemble, base=ensemble.base[-1:])
    names = (value, PREFIX + "trees")
    if ensemble.adds_in == "float32":
        margins = Margins(nodes.append(sum_node(ensemble, column, np.float32, names)), is_float32=True)
    elif sums_are_exact_in_float32(ensemble, column):
        exact = nodes.append(sum_node(ensemble, column, np.float32, names))
        margins = Margins(nodes.cast(exact, TensorProto.DOUBLE, PREFIX + "trees_wide"))
    else:
        wide = nodes.cast(value, TensorProto.DOUBLE, PREFIX + "features_wide")
        margins = Margins(nodes.append(sum_node(ensemble, column, np.float64, (wide, PREFIX + "trees"))))
    return margins if refusal is None else heads.poisoned(nodes, margins, refusal)


def sums_are_exact_in_float32(ensemble: TreeEnsemble, column: int) -> bool:
    """Say whether no sum of leaves is ever rounded in float32, whose smaller nodes are walked faster.

    It is so, in any order, where all values are multiples of one 2^−k and the largest sum has no more than 24 bits
    above it: forests whose leaves are pure count votes.
    """
    values = np.append(ensemble.forest.value[~ensemble.forest.is_split, column], ensemble.base)
    largest = (ensemble.forest.trees + len(ensemble.base)) * np.abs(values).max()
    units = [values * 2.0**k for k in range(FLOAT32_BITS) if largest * 2.0**k <= 2.0**FLOAT32_BITS]
    return any(np.array_equal(unit, np.round(unit)) for unit in units)


def _divided(nodes: GraphBuilder, margins: Margins, ensemble: TreeEnsemble) -> Margins:
    if ensemble.divisor == 1.0 or ensemble.link == "isolation":  # whose head divides, in the exponent
        return margins
    divisor = margins.constant(nodes, "divisor", ensemble.divisor)
    value = nodes.add("Div", [margins.value, divisor], PREFIX + "margins")
    return Margins(value, margins.is_float32, margins.refusal)


def _added_leaf_by_leaf(nodes: GraphBuilder, ensemble: TreeEnsemble, value: str, refusal: Refusal | None) -> Margins:
    """Sums of leaves that hold a value for each of several classes: each tree's leaf is looked up, and they are added.

    CumSum adds one tree after the other, in float64, where ReduceSum and MatMul add as they like.
    """
    node, table = leaf_node(ensemble.forest, (value, PREFIX + "trees"))
    index = nodes.cast(nodes.append(node), TensorProto.INT32, PREFIX + "leaf")
    leaves = nodes.add("Gather", [nodes.constant("leaves", table), index], PREFIX + "leaf_values")
    axis = nodes.constant("tree_axis", np.array(1, np.int64))
    sums = nodes.add("CumSum", [leaves, axis], PREFIX + "sums")
    last = nodes.constant("last_tree", np.array(ensemble.forest.trees - 1, np.int64))
    margins = Margins(nodes.add("Gather", [sums, last], PREFIX + "sum", axis=1))
    return margins if refusal is None else heads.poisoned(nodes, margins, refusal)
