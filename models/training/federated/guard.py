"""The last thing that a client does to an answer: look whether it is one that may leave.

Two questions are asked. Does it hold exactly what `messages` allows? And are three values of the client's windows that
stand beside each other, in a row or in a column, raw or scaled, anywhere among its numbers? Three float32 numbers are
equal by chance once in 2^96; whole numbers are left out, as counts are such.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from flwr.app import ConfigRecord, MetricRecord, RecordDict
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.federated.messages import reply_problems

_FACTORS: Final = tuple(np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


class LeakError(Exception):
    """An answer that may not leave the client."""


class ClientError(Exception):
    """What a client says of an error of its own."""


def told(error: Exception) -> ClientError:
    """Return what may leave of an error: our own sentences, the system's, else its type, as texts may quote values."""
    logging.getLogger(__name__).error("this client failed", exc_info=error)
    if isinstance(error, LeakError | InputError):
        return ClientError(str(error))
    if isinstance(error, OSError) and error.strerror:
        return ClientError(error.strerror)
    return ClientError(f"{type(error).__name__}, of which the client's own log has more")


def check_reply(kind: str, request: RecordDict, reply: RecordDict, own: Iterable[NDArray[np.float32]]) -> None:
    """Raise LeakError for an answer that holds what it may not, or values of `own`, [windows, steps, features] each."""
    problems = reply_problems(kind, request, reply)
    if problems:
        raise LeakError(f"an answer to {kind!r} holds {', '.join(problems)}, which may not leave a client")
    if any(holds_values_of(windows, reply) for windows in own):
        raise LeakError(f"an answer to {kind!r} holds values of the client's own windows, which may not leave it")


def holds_values_of(windows: NDArray[np.float32], content: RecordDict) -> bool:
    """Return whether three neighbouring values of `windows` stand beside each other in the message."""
    sent = np.sort(np.concatenate([_triples(numbers) for numbers in _numbers(content)]))
    if not len(sent):
        return False
    for series in (windows, windows.swapaxes(1, 2)):
        own = _triples(series.reshape(-1))
        at = np.searchsorted(sent, own).clip(max=len(sent) - 1)
        if (sent[at] == own).any():
            return True
    return False


def _numbers(content: RecordDict) -> Iterator[NDArray[np.float32]]:
    """Yield the numbers of each array, and those of each other record in one piece, as float32."""
    for arrays in content.array_records.values():
        yield from (_narrow(array.numpy().reshape(-1)) for array in arrays.values())
    others: list[MetricRecord | ConfigRecord] = [*content.metric_records.values(), *content.config_records.values()]
    for record in others:
        values: list[float] = []
        for value in record.values():
            if not isinstance(value, str | bytes):
                values += np.atleast_1d(np.asarray(value)).tolist()
        yield _narrow(np.array(values, np.float64))


def _narrow(values: NDArray[np.number]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _triples(values: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return a number for each three values beside each other of which none is whole."""
    if len(values) < 3:
        return np.zeros(0, np.uint64)
    broken = np.isfinite(values) & (values != np.rint(values))
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    pieces = [bits[at : len(bits) - 2 + at] * factor for at, factor in enumerate(_FACTORS)]
    mixed: NDArray[np.uint64] = pieces[0] ^ pieces[1] ^ pieces[2]
    chosen: NDArray[np.uint64] = mixed[broken[:-2] & broken[1:-1] & broken[2:]]
    return chosen
