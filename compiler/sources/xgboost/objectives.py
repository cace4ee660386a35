"""The objectives whose predictions are known: what becomes of a margin, and how `base_score` becomes one.

XGBoost stores `base_score` as the user would say it and adds its margin:

identity  m = b
logit     m = −ln(1/b − 1), b no nearer than 1e-6 to 0 and 1
log       m = ln b
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

# The largest float32 margin m with float32 1 / (1 + exp(−m)) ≤ 0.5: exp(−m) rounds to 1 − 2⁻²⁴, and 2 − 2⁻²⁴ to 2.
LABEL_ABOVE = 1.5 * 2.0**-24


_NEAREST_TO_CERTAIN = np.float32(1e-6)  # kRtEps in XGBoost


@dataclass(frozen=True, slots=True)
class Objective:
    """What XGBoost predicts with a margin."""

    link: Literal["identity", "exponential", "logistic", "softmax"]
    base: Literal["identity", "logit", "log"]
    classifies: bool = False


_LOGISTIC = Objective("logistic", "logit")
_SOFTMAX = Objective("softmax", "identity", classifies=True)
_IDENTITY = Objective("identity", "identity")
_EXPONENTIAL = Objective("exponential", "log")

OBJECTIVES = {
    "binary:logistic": Objective("logistic", "logit", classifies=True),
    "binary:logitraw": _IDENTITY,
    "multi:softprob": _SOFTMAX,
    "multi:softmax": _SOFTMAX,
    "reg:squarederror": _IDENTITY,
    "reg:squaredlogerror": _IDENTITY,
    "reg:pseudohubererror": _IDENTITY,
    "reg:absoluteerror": _IDENTITY,
    "reg:logistic": _LOGISTIC,
    "count:poisson": _EXPONENTIAL,
    "reg:gamma": _EXPONENTIAL,
    "reg:tweedie": _EXPONENTIAL,
}


def base_margin(objective: Objective, base_score: float) -> float:
    """Return the float32 margin of `base_score`, a float32 in the range of the objective."""
    one, b = np.float32(1), np.float32(base_score)
    match objective.base:
        case "identity":
            return float(b)
        case "logit":
            b = min(max(b, _NEAREST_TO_CERTAIN), one - _NEAREST_TO_CERTAIN)
            return -_logf(float(one / b - one))
        case "log":
            return _logf(float(b))


def _logf(value: float) -> float:
    """The machine's own float32 logarithm, as XGBoost has it: it may be a neighbour of the correctly rounded one."""
    try:
        logf = ctypes.CDLL(None).logf
    except (AttributeError, OSError, TypeError):  # no such library or function under this name
        return float(np.float32(math.log(value)))
    logf.restype, logf.argtypes = ctypes.c_float, [ctypes.c_float]
    return float(logf(value))
