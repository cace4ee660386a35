"""Every message that crosses between the server and a client, and all that one may hold.

    type            the server sends                      a client answers
    query.describe  nothing                               metrics: its number, how many windows and anomalies it has
    query.rows      cuts [features, n]                    counts [features, n]: its normal rows below each, in tens
    train           weights, config                       weights, metrics: loss, gradient norm, how many windows
    evaluate        weights, config, cuts [n]             metrics: loss, how many windows; counts as below
    query.scores    weights, config, cuts [n]             counts [2, n]: its windows with a score below each

An answer's size follows from the question alone: it is the same whether a client has ten rows or a million.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, MessageType, MetricRecord, RecordDict

DESCRIBE: Final = f"{MessageType.QUERY}.describe"
ROWS: Final = f"{MessageType.QUERY}.rows"
TRAIN: Final = MessageType.TRAIN
EVALUATE: Final = MessageType.EVALUATE
SCORES: Final = f"{MessageType.QUERY}.scores"

WEIGHTS: Final = "weights"
CONFIG: Final = "config"
CUTS: Final = "cuts"
COUNTS: Final = "counts"
METRICS: Final = "metrics"

WINDOWS: Final = "windows"
"""What a client's weights and losses are weighed by."""

_DESCRIPTION: Final = frozenset(
    {"client", "train_windows", "train_anomalies", "validation_windows", "validation_anomalies"}
)
_SENT: Final = frozenset({"center", "scale", "positive-weight", "learning-rate", "proximal-mu", "server-round"})
_REQUESTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        DESCRIBE: frozenset(),
        ROWS: frozenset({CUTS}),
        TRAIN: frozenset({WEIGHTS, CONFIG}),
        EVALUATE: frozenset({WEIGHTS, CONFIG, CUTS}),
        SCORES: frozenset({WEIGHTS, CONFIG, CUTS}),
    }
)
_REPLIES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        DESCRIBE: frozenset({METRICS}),
        ROWS: frozenset({COUNTS}),
        TRAIN: frozenset({WEIGHTS, METRICS}),
        EVALUATE: frozenset({METRICS, COUNTS}),
        SCORES: frozenset({COUNTS}),
    }
)
_METRICS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        DESCRIBE: _DESCRIPTION,
        TRAIN: frozenset({WINDOWS, "loss", "gradient_norm"}),
        EVALUATE: frozenset({WINDOWS, "loss"}),
    }
)

Form = dict[str, tuple[str, tuple[int, ...]]]  # of each array: its type and shape


def request_problems(kind: str, request: RecordDict) -> list[str]:
    """Return what a question holds that it may not."""
    problems = _other_records(_REQUESTS.get(kind), request)
    for record in request.config_records.values():
        problems += [f"config {name!r}" for name in record if name not in _SENT]
    return problems


def reply_problems(kind: str, request: RecordDict, reply: RecordDict) -> list[str]:
    """Return what an answer holds that it may not, or lacks."""
    problems = _other_records(_REPLIES.get(kind), reply)
    if problems:
        return problems
    for metrics in reply.metric_records.values():
        problems += _metric_problems(metrics, _METRICS[kind])
    if COUNTS in reply:
        problems += _form_problems(_form(reply, COUNTS), _form_of_counts(kind, request))
    if WEIGHTS in reply:
        problems += _form_problems(_form(reply, WEIGHTS), _form(request, WEIGHTS))
    return problems


def size_bytes(content: RecordDict) -> int:
    """Return how many bytes of numbers, and of their names, a message holds."""
    return sum(record.count_bytes() for record in content.values())


def number_in(record: MetricRecord | ConfigRecord, name: str) -> float:
    """Return the one number of that name."""
    return float(cast(float, record[name]))


def _other_records(allowed: frozenset[str] | None, content: RecordDict) -> list[str]:
    if allowed is None:
        return ["a message of an unknown type"]
    kinds = {WEIGHTS: ArrayRecord, CUTS: ArrayRecord, COUNTS: ArrayRecord, METRICS: MetricRecord, CONFIG: ConfigRecord}
    wrong = [f"record {name!r}" for name in content if name not in allowed]
    wrong += [f"no record {name!r}" for name in sorted(allowed) if name not in content]
    wrong += [
        f"record {name!r} as a {type(record).__name__}"
        for name, record in content.items()
        if name in allowed and not isinstance(record, kinds[name])
    ]
    return wrong


def _metric_problems(metrics: MetricRecord, names: frozenset[str]) -> list[str]:
    wrong = [f"metric {name!r}" for name in metrics if name not in names]
    wrong += [f"no metric {name!r}" for name in sorted(names) if name not in metrics]
    return wrong + [f"metric {name!r} as a list" for name, value in metrics.items() if isinstance(value, list)]


def _form(content: RecordDict, name: str) -> Form:
    return {key: (array.dtype, tuple(array.shape)) for key, array in content.array_records[name].items()}


def _form_of_counts(kind: str, request: RecordDict) -> Form:
    shape = tuple(request.array_records[CUTS][CUTS].shape)
    return {COUNTS: (np.dtype(np.int64).name, shape if kind == ROWS else (2, *shape))}


def _form_problems(found: Form, wanted: Form) -> list[str]:
    wrong = [f"array {name!r}" for name in found if name not in wanted]
    wrong += [f"no array {name!r}" for name in wanted if name not in found]
    return wrong + [
        f"array {name!r} of {dtype} {shape}, expected {wanted[name][0]} {wanted[name][1]}"
        for name, (dtype, shape) in found.items()
        if name in wanted and (dtype, shape) != wanted[name]
    ]
