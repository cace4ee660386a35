"""From the margins of an estimator to its served outputs, as ONNX nodes.

Links are computed in float64 and each float32 output is rounded once. Labels and flags are taken from the margins and
not from the rounded outputs: where a link is monotone, the margin on which the decision turns is known beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from dwcpc.compiler.signature import ADDED_PREFIX as PREFIX
from dwcpc.compiler.signature import (
    ANOMALY_FLAG,
    DECISION_VALUE,
    LABEL,
    NOT_ANSWERED,
    PREDICTION,
    PROBABILITY,
    SCORE_OUTPUT,
)

if TYPE_CHECKING:
    from dwcpc.compiler.graphs.graph_builder import GraphBuilder
    from dwcpc.compiler.scalers import Scaler


@dataclass(frozen=True, slots=True)
class Refusal:
    """Rows that the model does not take: `poison` float64 [batch, 1] is NaN for them, else 0, `mask` bool [batch]."""

    poison: str
    mask: str


@dataclass(frozen=True, slots=True)
class Margins:
    """A value [batch, columns], float64 unless `is_float32`; NaN in the rows of `refusal`, where there is one."""

    value: str
    is_float32: bool = False
    refusal: Refusal | None = None

    def wide(self, nodes: GraphBuilder) -> str:
        """Return the margins in float64."""
        if not self.is_float32:
            return self.value
        return nodes.cast(self.value, TensorProto.DOUBLE, PREFIX + "margins_wide")

    def row(self, nodes: GraphBuilder) -> str:
        """Return the only column [batch]."""
        return nodes.reshape(self.value, (-1,), PREFIX + "margin")

    def constant(self, nodes: GraphBuilder, name: str, value: float) -> str:
        """Return a scalar of the margins' type."""
        return nodes.constant(name, np.array(value, np.float32 if self.is_float32 else np.float64))


def poisoned(nodes: GraphBuilder, margins: Margins, refusal: Refusal) -> Margins:
    """Return the margins with NaN in the rows of `refusal`."""
    poison = refusal.poison
    if margins.is_float32:
        poison = nodes.cast(poison, TensorProto.FLOAT, PREFIX + "poison_rounded")
    value = nodes.add("Add", [margins.value, poison], PREFIX + "margins_poisoned")
    return Margins(value, margins.is_float32, refusal)


def two_classes(
    nodes: GraphBuilder, margins: Margins, labels: tuple[int, ...], label_above: float, slope: float = 1.0
) -> None:
    """Add label and probability of two classes: softmax of (0, slope · m), which is the logistic function of m."""
    _second_label(nodes, margins, labels, label_above)
    both = nodes.add(
        "Mul",
        [margins.wide(nodes), nodes.constant("logistic_slope", np.array([0.0, slope]))],
        PREFIX + "logistic_margins",
    )
    _rounded(nodes, nodes.add("Softmax", [both], PREFIX + "logistic", axis=-1), PROBABILITY)


def averaged_second_class(nodes: GraphBuilder, margins: Margins, labels: tuple[int, ...], label_above: float) -> None:
    """Add label and probability of two classes, of which the margin is the second's probability p: (1 − p, p)."""
    _second_label(nodes, margins, labels, label_above)
    signed = nodes.add("Mul", [margins.value, nodes.constant("signs", np.array([-1.0, 1.0]))], PREFIX + "signed")
    both = nodes.add("Add", [signed, nodes.constant("shifts", np.array([1.0, 0.0]))], PREFIX + "both")
    _rounded(nodes, both, PROBABILITY)


def averaged_classes(nodes: GraphBuilder, margins: Margins, labels: tuple[int, ...]) -> None:
    """Add label (the first with the largest probability) and probability of classes whose margins those are."""
    _largest_label(nodes, margins.value, margins.refusal, labels)
    _rounded(nodes, margins.value, PROBABILITY)


def largest_margin(nodes: GraphBuilder, margins: Margins, labels: tuple[int, ...]) -> None:
    """Add label (the first with the largest margin) and probability (softmax) of several classes."""
    _largest_label(nodes, margins.value, margins.refusal, labels)
    _rounded(nodes, nodes.add("Softmax", [margins.wide(nodes)], PREFIX + "softmax", axis=-1), PROBABILITY)


def largest_probability(nodes: GraphBuilder, margins: Margins, labels: tuple[int, ...]) -> None:
    """Add probability as XGBoost rounds it on the way, and the first label with the largest, of several classes.

    e_k = float32(exp(float32(m_k − max m))),  probability = float32(e_k / float32(Σ e))  (src/common/math.h, Softmax):
    where two margins lie next to each other their probabilities may be equal, and then the first class wins.
    """
    last = nodes.constant("last_axis", np.array([-1], np.int64))
    largest = nodes.add("ReduceMax", [margins.value, last], PREFIX + "largest")
    below = nodes.add("Sub", [margins.value, largest], PREFIX + "below_largest")
    exact = nodes.add("Exp", [nodes.cast(below, TensorProto.DOUBLE, PREFIX + "below_wide")], PREFIX + "exp_exact")
    each = nodes.cast(exact, TensorProto.FLOAT, PREFIX + "exp")
    total = nodes.add("ReduceSum", [nodes.cast(each, TensorProto.DOUBLE, PREFIX + "exp_wide"), last], PREFIX + "total")
    nodes.add("Div", [each, nodes.cast(total, TensorProto.FLOAT, PREFIX + "total_rounded")], PROBABILITY)
    _largest_label(nodes, PROBABILITY, margins.refusal, labels)


def one_vs_rest(nodes: GraphBuilder, margins: Margins, labels: tuple[int, ...]) -> None:
    """Add label (the largest margin) and probability: logistic(m_k) / Σ logistic(m)."""
    _largest_label(nodes, margins.value, margins.refusal, labels)
    each = nodes.add("Sigmoid", [margins.wide(nodes)], PREFIX + "sigmoid")
    last = nodes.constant("last_axis", np.array([-1], np.int64))
    total = nodes.add("ReduceSum", [each, last], PREFIX + "sigmoid_sum")
    _rounded(nodes, nodes.add("Div", [each, total], PREFIX + "normalized"), PROBABILITY)


def prediction(nodes: GraphBuilder, margins: Margins, link: str, slope: float, target_scaler: Scaler | None) -> None:
    """Add a regression's prediction [batch, 1]: the margin, its exponential or its logistic function, then unscaled."""
    value, is_float32 = margins.value, margins.is_float32
    if link != "identity" or target_scaler is not None:
        value, is_float32 = margins.wide(nodes), False
    if link == "exponential":
        value = nodes.add("Exp", [value], PREFIX + "exponential")
    if link == "logistic":
        # 1 / (1 + exp(−m)): onnxruntime's Sigmoid loses the digits of small probabilities.
        negative = nodes.add("Mul", [value, nodes.constant("negative_slope", np.array(-slope))], PREFIX + "negative")
        power = nodes.add("Exp", [negative], PREFIX + "logistic_exp")
        above_one = nodes.add("Add", [power, nodes.constant("one", np.array(1.0))], PREFIX + "logistic_denominator")
        value = nodes.add("Reciprocal", [above_one], PREFIX + "logistic")
    if target_scaler is not None:
        scale = nodes.constant("target_scale", np.array(target_scaler.scale))
        center = nodes.constant("target_center", np.array(target_scaler.center))
        value = nodes.add("Mul", [value, scale], PREFIX + "target_spread")
        value = nodes.add("Add", [value, center], PREFIX + "target_moved")
    if is_float32:
        nodes.add("Identity", [value], PREDICTION)
    else:
        _rounded(nodes, value, PREDICTION)


def isolation(nodes: GraphBuilder, depth: Margins, divisor: float, threshold: float, anomaly_up_to: float) -> None:
    """Add score −2^(−depth / divisor), decision value (score − threshold) and flag (depth <= `anomaly_up_to`)."""
    row = depth.row(nodes)
    rate = nodes.constant("isolation_rate", np.array(-np.log(2.0) / divisor))
    exponent = nodes.add("Mul", [row, rate], PREFIX + "exponent")
    score = nodes.add("Neg", [nodes.add("Exp", [exponent], PREFIX + "isolation")], PREFIX + "score")
    _rounded(nodes, score, SCORE_OUTPUT)
    above = nodes.add("Sub", [score, nodes.constant("threshold", np.array(threshold))], PREFIX + "above_threshold")
    _rounded(nodes, above, DECISION_VALUE)
    bound = nodes.constant("anomaly_up_to", np.array(anomaly_up_to))
    is_anomaly = nodes.add("LessOrEqual", [row, bound], PREFIX + "is_anomaly")
    _chosen(nodes, is_anomaly, (0, 1), depth.refusal, ANOMALY_FLAG)


def _second_label(nodes: GraphBuilder, margins: Margins, labels: tuple[int, ...], label_above: float) -> None:
    bound = margins.constant(nodes, "label_above", label_above)
    is_second = nodes.add("Greater", [margins.row(nodes), bound], PREFIX + "is_second")
    _chosen(nodes, is_second, labels, margins.refusal, LABEL)


def _largest_label(nodes: GraphBuilder, value: str, refusal: Refusal | None, labels: tuple[int, ...]) -> None:
    output = LABEL if refusal is None else PREFIX + "label_chosen"
    is_index = labels == tuple(range(len(labels)))
    label = nodes.add("ArgMax", [value], output if is_index else PREFIX + "label_index", axis=-1, keepdims=0)
    if not is_index:
        label = nodes.add("Gather", [nodes.constant("labels", np.array(labels, np.int64)), label], output)
    if refusal is not None:
        _unless(nodes, refusal, label, LABEL)


def _chosen(nodes: GraphBuilder, condition: str, values: tuple[int, ...], refusal: Refusal | None, output: str) -> None:
    """Add `output`: values[1] where `condition` holds, else values[0]."""
    first, second = (nodes.constant(f"{output}_is_{value}", np.array(value, np.int64)) for value in values)
    chosen = nodes.add("Where", [condition, second, first], output if refusal is None else f"{PREFIX}{output}_chosen")
    if refusal is not None:
        _unless(nodes, refusal, chosen, output)


def _unless(nodes: GraphBuilder, refusal: Refusal, value: str, output: str) -> None:
    not_answered = nodes.constant(f"{output}_not_answered", np.array(NOT_ANSWERED, np.int64))
    nodes.add("Where", [refusal.mask, not_answered, value], output)


def _rounded(nodes: GraphBuilder, value: str, output: str) -> None:
    nodes.cast(value, TensorProto.FLOAT, output)
