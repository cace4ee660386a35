"""docs/features.md in plain Python, a sample at a time: what executors are held against, with nothing in common."""

from __future__ import annotations

import math
from typing import Any

NAN = math.nan


def features(spec: dict[str, Any], samples: list[dict[str, float]]) -> list[list[float]]:
    """Return the features of one history; categories are places already."""
    series: dict[str, list[float]] = {column["name"]: [] for column in spec["columns"]}
    columns = {column["name"]: column for column in spec["columns"]}
    stepped: dict[str, list[float]] = {step["name"]: [] for step in spec["steps"]}
    rows = []
    for sample in samples:
        for name, values in series.items():
            values.append(sample[name])
        known = dict(series)
        row = []
        for step in spec["steps"]:
            value = value_of(step, known, columns)
            if math.isnan(value) and "fill" in step:
                value = float(step["fill"])
            stepped[step["name"]].append(value)
            known[step["name"]] = stepped[step["name"]]
            if step.get("output", True):
                row.append(value)
        rows.append(row)
    return rows


def value_of(step: dict[str, Any], known: dict[str, list[float]], columns: dict[str, Any]) -> float:  # noqa: C901, PLR0911 - one op after the other, as the document
    op = step["op"]
    if op == "weighted_sum":
        terms = [
            term["weight"] * (last(known[term["of"]]) / term["per"] if "per" in term else last(known[term["of"]]))
            for term in step["terms"]
        ]
        return folded(terms, lambda a, b: a + b)
    if op in {"sum", "product"}:
        values = [last(known[name]) for name in step["of"]]
        return folded(values, (lambda a, b: a + b) if op == "sum" else (lambda a, b: a * b))
    of = known[step["of"]]
    if op.startswith("rolling_"):
        return rolling(step, of)
    if op == "difference":
        first = ago(of, 0) - ago(of, 1)
        return first if step.get("order", 1) == 1 else first - (ago(of, 1) - ago(of, 2))
    if op == "lag":
        return ago(of, step["samples"])
    x = last(of)
    if op in {"copy", "label"}:
        return x
    if op == "one_hot":
        return 1.0 if x == columns[step["of"]]["categories"].index(step["category"]) else 0.0
    if op == "ratio":
        return divided(x, last(known[step["by"]]) + step.get("epsilon", 0.0))
    if op == "indicator":
        return float(indicated(step, x))
    if op == "clip":
        return step["low"] if "low" in step and x < step["low"] else step["high"] if x > step.get("high", NAN) else x
    if op == "log1p":
        return NAN if math.isnan(x) or x < -1 else -math.inf if x == -1 else math.log1p(x)
    assert op in {"sin", "cos"}
    return periodic(op, x, step["period"])


def rolling(step: dict[str, Any], of: list[float]) -> float:  # noqa: PLR0911
    window = [x for x in of[-step["window"] :] if math.isfinite(x)]
    n = len(window)
    if n < step.get("min_periods", 1):
        return NAN
    if step["op"] == "rolling_min":
        return min(window)  # the first of equal ones
    if step["op"] == "rolling_max":
        return max(window)
    total = 0.0
    for x in window:
        total += x
    mean = total / n
    if step["op"] == "rolling_mean":
        return mean
    if n <= step.get("ddof", 1):
        return NAN
    if min(window) == max(window):
        return 0.0
    squares = 0.0
    for x in window:
        squares += (x - mean) * (x - mean)
    return math.sqrt(squares / (n - step.get("ddof", 1))) if not math.isnan(squares) else NAN


def indicated(step: dict[str, Any], x: float) -> bool:
    strict = step.get("strict", True)
    if "above" in step:
        return x > step["above"] if strict else x >= step["above"]
    return x < step["below"] if strict else x <= step["below"]


def periodic(op: str, x: float, period: float) -> float:
    u = x / period
    if not math.isfinite(u):
        return NAN
    r = u - math.floor(u)
    k = math.floor(4 * r + 0.5)
    a = (r - k / 4) * (2 * math.pi)
    sines = [math.sin(a), math.cos(a), -math.sin(a), -math.cos(a)]
    return sines[(k + (op == "cos")) % 4]


def divided(a: float, b: float) -> float:
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a) or math.isnan(b):
        return NAN
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def folded(values: list[float], join: Any) -> float:
    total = values[0]
    for value in values[1:]:
        total = join(total, value)
    return total


def ago(of: list[float], samples: int) -> float:
    return of[-1 - samples] if len(of) > samples else NAN


def last(of: list[float]) -> float:
    return of[-1]
