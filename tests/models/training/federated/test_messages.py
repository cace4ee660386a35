"""What crosses between server and clients: every message is looked at, and a client that leaks is found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.scalers import Scaler
from dwcpc.models.data.windows import Windows
from dwcpc.models.training.federated import client_app
from dwcpc.models.training.federated.clients import ClientWindows
from dwcpc.models.training.federated.guard import holds_values_of
from dwcpc.models.training.federated.messages import request_problems, size_bytes
from dwcpc.models.training.federated.options import FederatedOptions

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict  # isort: skip
from flwr.supercore import telemetry  # isort: skip

Ran = Any  # conftest's
Federate = Callable[..., Ran]

DESCRIPTION = {"client", "train_windows", "train_anomalies", "validation_windows", "validation_anomalies"}
ANSWERS: dict[str, dict[str, set[str] | None]] = {  # None: named as in the question
    "query.describe": {"metrics": DESCRIPTION},
    "query.rows": {"counts": {"counts"}},
    "train": {"weights": None, "metrics": {"windows", "loss", "gradient_norm"}},
    "evaluate": {"metrics": {"windows", "loss"}, "counts": {"counts"}},
    "query.scores": {"counts": {"counts"}},
}
ONE_ROUND = FederatedOptions(rounds=1, local_epochs=1)
QUESTIONS: dict[str, set[str]] = {
    "query.describe": set(),
    "query.rows": {"cuts"},
    "train": {"weights", "config"},
    "evaluate": {"weights", "config", "cuts"},
    "query.scores": {"weights", "config", "cuts"},
}


def kind_of(message: Message) -> str:
    return message.metadata.message_type


def numbers_in(content: RecordDict) -> Iterator[np.ndarray[Any, Any]]:
    for record in content.values():
        if isinstance(record, ArrayRecord):
            yield from (array.numpy().ravel() for array in record.values())
        else:
            yield np.array([float(each) for value in record.values() for each in np.atleast_1d(value)])


def pairs(values: np.ndarray[Any, Any]) -> set[bytes]:
    """Return the bytes of each two float32 beside each other, whole numbers left out."""
    values = np.ascontiguousarray(values.ravel(), np.float32)
    broken = values != np.rint(values)
    data = values.tobytes()
    return {data[4 * at : 4 * at + 8] for at in np.flatnonzero(broken[:-1] & broken[1:])}


def own_pairs(ran: Ran) -> set[bytes]:
    """Return what stands beside each other in the clients' rows and columns, raw and scaled."""
    scaler = Scaler("RobustScaler", ran.result.scaler.center, ran.result.scaler.scale)
    found: set[bytes] = set()
    for client in ran.clients:
        for windows in (client.train.x, client.validation.x):
            for x in (windows, scaler.transform(windows)) if len(windows) else ():
                found |= pairs(x) | pairs(x.swapaxes(1, 2))
    return found


def leaking(ran: Ran, own: set[bytes]) -> list[str]:
    """Return the types of the messages that hold something of the clients' rows."""
    return [
        kind_of(message)
        for both in ran.crossed
        for message in both
        if any(pairs(numbers) & own for numbers in numbers_in(message.content))
    ]


def test_every_message_holds_exactly_what_is_stated(ran: Ran) -> None:
    assert {kind_of(question) for question, _ in ran.crossed} == set(ANSWERS)
    for question, answer in ran.crossed:
        kind = kind_of(question)
        assert kind_of(answer) == kind
        assert set(question.content) == QUESTIONS[kind]
        assert set(answer.content) == set(ANSWERS[kind])
        for name, keys in ANSWERS[kind].items():
            record: Any = answer.content[name]
            wanted: Any = question.content[name] if keys is None else keys
            assert set(record) == set(wanted)
            if keys is None:
                assert {key: each.shape for key, each in record.items()} == {
                    key: each.shape for key, each in wanted.items()
                }
            elif isinstance(record, MetricRecord):
                assert all(isinstance(value, int | float) for value in record.values())


def test_counts_of_rows_are_told_in_tens(ran: Ran) -> None:
    counts = [
        answer.content["counts"]["counts"].numpy() for _, answer in ran.crossed if kind_of(answer) == "query.rows"
    ]
    assert len(counts) >= 4
    assert all((each % 10 == 0).all() for each in counts)


def test_the_size_of_an_answer_says_nothing_of_how_much_a_client_has(ran: Ran, federate: Federate) -> None:
    twice = tuple(ClientWindows(doubled(client.train), doubled(client.validation)) for client in ran.clients)

    def sizes(of: Ran) -> dict[str, set[tuple[int, int]]]:
        found: dict[str, set[tuple[int, int]]] = {}
        for question, answer in of.crossed:
            found.setdefault(kind_of(question), set()).add((size_bytes(question.content), size_bytes(answer.content)))
        return found

    assert sizes(ran) == sizes(federate(clients=twice))


def doubled(windows: Windows) -> Windows:
    return windows.taken(np.tile(np.arange(len(windows)), 2))


def test_nothing_of_a_clients_rows_is_in_any_message(ran: Ran) -> None:
    own = own_pairs(ran)
    assert len(own) > 50_000
    assert leaking(ran, own) == []


Leak = Callable[[Message, Windows, Scaler], None]


def in_weights(answer: Message, windows: Windows, scaler: Scaler) -> None:
    """Hide a row where a bias was."""
    replaced(answer, "module.output_fc.bias", windows.x[0, 0])


def scaled_in_weights(answer: Message, windows: Windows, scaler: Scaler) -> None:
    """Hide a column of scaled values where weights of an LSTM were."""
    replaced(answer, "module.decoder_lstm1.bias_hh_l0", scaler.transform(windows.x[:1])[0, :, 0])


def replaced(answer: Message, name: str, values: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    weights = {key: array.numpy().copy() for key, array in answer.content.array_records["weights"].items()}
    weights[name][: len(values)] = values
    answer.content["weights"] = ArrayRecord({key: Array(value) for key, value in weights.items()})


def as_a_metric(answer: Message, windows: Windows, scaler: Scaler) -> None:
    metrics = answer.content.metric_records["metrics"]
    answer.content["metrics"] = MetricRecord({**metrics, "row": windows.x[0, 0].tolist()})


def as_the_loss(answer: Message, windows: Windows, scaler: Scaler) -> None:
    metrics = answer.content.metric_records["metrics"]
    answer.content["metrics"] = MetricRecord({**metrics, "loss": windows.x[0, 0].tolist()})


def as_another_array(answer: Message, windows: Windows, scaler: Scaler) -> None:
    weights = dict(answer.content.array_records["weights"].items())
    answer.content["weights"] = ArrayRecord({**weights, "windows": Array(windows.x)})


def as_another_record(answer: Message, windows: Windows, scaler: Scaler) -> None:
    answer.content["rows"] = ArrayRecord({"rows": Array(windows.x)})


def as_text(answer: Message, windows: Windows, scaler: Scaler) -> None:
    answer.content["config"] = ConfigRecord({"row": repr(windows.x[0, 0].tolist())})


UNNOTICED: tuple[Leak, ...] = (in_weights, scaled_in_weights, as_a_metric)  # by anybody but the guard
LEAKS: tuple[Leak, ...] = (*UNNOTICED, as_the_loss, as_another_array, as_another_record, as_text)


def name_of(leak: Leak) -> str:
    return leak.__name__


@pytest.fixture
def federate_with(ran: Ran, federate: Federate, monkeypatch: pytest.MonkeyPatch) -> Callable[[Leak], Ran]:
    """Return `federate_with(leak)`: two clients, whose answers to `train` go through it."""
    honest = client_app._trained

    def run(leak: Leak) -> Ran:
        def trained(message: Message, windows: Windows, task: client_app.Task, client: int) -> Message:
            answer = honest(message, windows, task, client)
            leak(answer, windows, client_app._scaler(message.content.config_records["config"]))
            return answer

        monkeypatch.setattr(client_app, "_trained", trained)
        return federate(options=ONE_ROUND, clients=[each for each in ran.clients if each.train.anomalous.any()][:2])

    return run


@pytest.mark.parametrize("leak", LEAKS, ids=name_of)
def test_a_client_that_would_leak_its_rows_is_stopped(leak: Leak, federate_with: Callable[[Leak], Ran]) -> None:
    with pytest.raises(InputError, match=r"^client \d failed at 'train' \(an answer to 'train' holds .* may not leave"):
        federate_with(leak)


@pytest.mark.parametrize("leak", UNNOTICED, ids=name_of)
def test_and_without_its_guard_these_tests_would_find_it(
    leak: Leak, federate_with: Callable[[Leak], Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_app, "check_reply", lambda *arguments: None)
    leaked = federate_with(leak)
    assert leaking(leaked, own_pairs(leaked)).count("train") >= 2


def test_two_equal_values_and_whole_numbers_are_no_rows() -> None:
    windows = np.array([[[0.25, 0.5, 3.0, 0.75, 1.5, 7.0]]], np.float32)
    for sent, found in (([0.25, 0.5], False), ([0.5, 3.0, 0.75], False), ([0.25, 0.5, 0.1], False)):
        content = RecordDict({"weights": ArrayRecord({"w": Array(np.array(sent))})})
        assert holds_values_of(windows, content) == found
    longer = np.array([[[0.25, 0.5, 0.125]]], np.float32)
    assert holds_values_of(longer, RecordDict({"metrics": MetricRecord({"a": 1, "b": [0.25, 0.5, 0.125]})}))


def test_the_server_may_not_ask_with_more_than_is_stated() -> None:
    assert request_problems("query.describe", RecordDict()) == []
    assert request_problems("query.names", RecordDict()) == ["a message of an unknown type"]
    assert request_problems("query.rows", RecordDict({"config": ConfigRecord({"x": 1})})) != []
    config = RecordDict({"weights": ArrayRecord(), "config": ConfigRecord({"rows": 1})})
    assert request_problems("train", config) == ["config 'rows'"]


def test_nobody_is_told_that_this_runs() -> None:
    assert telemetry.FLWR_TELEMETRY_ENABLED == "0"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
