"""The label of two classes at another probability of the second than the framework's own one half.

The label is taken from the margin, as without a threshold: the second where its probability p is not below T.

    average     p = m                            the largest margin below T is the float64 before it
    logistic    p = 1 / (1 + exp(−slope · m))    it is found by bisection, in the arithmetic of the framework: float64,
                                                 or XGBoost's float32
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.float32_order import last_true
from dwcpc.compiler.linear import LinearModel
from dwcpc.compiler.metadata import Decision
from dwcpc.compiler.signature import LABEL, PROBABILITY
from dwcpc.compiler.trees.ensemble import TreeEnsemble

if TYPE_CHECKING:
    from numpy.typing import NDArray

FARTHEST: Final = 800.0
"""A margin, times its slope, behind which every float64 logistic function is 0 or 1."""


def class_decision(core: TreeEnsemble | LinearModel, threshold: float) -> Decision:
    """Return the decision by the probability of the second of two classes; InputError where there is none."""
    if core.label_values != (0, 1) or core.link not in {"average", "logistic"}:
        classes = ", ".join(map(str, core.classes[:5]))
        raise InputError(
            f"--threshold {threshold:g}: the classes are {classes}, expected 0 and 1 with one margin between them; "
            "omit --threshold"
        )
    check_probability(threshold)
    return Decision(PROBABILITY, f"probability of class {core.classes[1]}", threshold, ">=", LABEL)


def check_probability(threshold: float) -> None:
    """InputError where nothing or everything would be at or above `threshold`."""
    if not 0 < threshold <= 1:
        raise InputError(f"--threshold {threshold:g}: expected a probability above 0 and up to 1; correct it")


def decided(core: TreeEnsemble | LinearModel, decision: Decision | None) -> TreeEnsemble | LinearModel:
    """Return the core whose label is that of `decision`; itself where that is no matter of its label."""
    if decision is None or decision.flag != LABEL:
        return core
    return dataclasses.replace(core, label_above=largest_margin_below(core, decision.threshold))


def largest_margin_below(core: TreeEnsemble | LinearModel, threshold: float) -> float:
    """Return the largest margin, in the type of the core's, whose probability is below `threshold`."""
    if core.link == "average":
        return float(np.nextafter(threshold, -np.inf))
    slope = core.slope if isinstance(core, TreeEnsemble) else 1.0
    if core.adds_in == "float32":
        return float(last_true(lambda margin: _logistic32(margin).astype(np.float64) < threshold, 1)[0])
    low, high = -FARTHEST / slope, FARTHEST / slope
    if _logistic64(high, slope) < threshold:
        return float(np.inf)
    while (middle := (low + high) / 2) not in {low, high}:
        low, high = (middle, high) if _logistic64(middle, slope) < threshold else (low, middle)
    return low


def _logistic32(margin: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what XGBoost computes, each step rounded to float32 (src/common/math.h, Sigmoid)."""
    one = np.float32(1)
    with np.errstate(over="ignore"):
        power = np.exp(-margin.astype(np.float64)).astype(np.float32)
    return np.asarray(one / (power + one), np.float32)


def _logistic64(margin: float, slope: float) -> float:
    answer: Any = 1 / (1 + np.exp(-slope * margin))
    return float(answer)
