"""Averaging against an independent computation, FedProx, who is drawn, and that a federation is the same again."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.consensus import ConsensusRecipe
from dwcpc.models.training.federated import client_app
from dwcpc.models.training.federated.exchange import Exchange, InterruptedTraining
from dwcpc.models.training.federated.local import Round, proximal, train_locally
from dwcpc.models.training.federated.options import FederatedOptions
from dwcpc.models.training.federated.roster import Client, Roster
from dwcpc.models.training.federated.strategies import strategy_of
from dwcpc.models.training.federated.weights import Weights, put_weights, weights_of
from dwcpc.models.training.fit import Rows
from dwcpc.models.training.objective import Exposure
from dwcpc.models.training.options import FitOptions

from flwr.app import ArrayRecord, Message, RecordDict  # isort: skip
from flwr.serverapp.strategy import FedAvg  # isort: skip

Ran = Any  # conftest's
Federate = Callable[..., Ran]


def of_kind(ran: Ran, kind: str) -> list[tuple[Message, Message]]:
    return [both for both in ran.crossed if both[0].metadata.message_type == kind]


def numbers(weights: ArrayRecord) -> Weights:
    return {name: array.numpy() for name, array in weights.items()}


def weights_in(message: Message) -> Weights:
    return numbers(message.content.array_records["weights"])


def mean(answers: list[Message], shares: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    sent = [weights_in(answer) for answer in answers]
    return {
        name: np.tensordot(shares, np.stack([each[name].astype(np.float64) for each in sent]), axes=1)
        for name in sent[0]
    }


def apart(first: dict[str, Any], second: dict[str, Any]) -> float:
    assert first.keys() == second.keys()
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)


def test_the_next_weights_are_the_mean_of_the_clients_by_their_windows(ran: Ran) -> None:
    rounds = of_kind(ran, "train")
    first, second = rounds[:4], rounds[4:]
    windows = np.array([answer.content.metric_records["metrics"]["windows"] for _, answer in first], np.float64)
    assert sorted(windows.tolist()) == sorted(len(client.train) for client in ran.clients[:4])
    answers = [answer for _, answer in first]
    expected = mean(answers, windows / windows.sum())
    averaged = weights_in(second[0][0])
    assert apart(averaged, expected) < 1e-6
    assert apart(averaged, mean(answers, np.full(4, 0.25))) > 1e-5
    assert all(apart(averaged, weights_in(question)) == 0 for question, _ in second)


def test_the_order_in_which_answers_arrive_changes_no_bit(ran: Ran) -> None:
    answers = [answer for _, answer in of_kind(ran, "train")[:4]]
    others = [answers[2], answers[0], answers[3], answers[1]]
    strategy = strategy_of(FederatedOptions(), ran.result.roster, seed=5)
    first, second = (strategy.averaged(1, each)[0] for each in (answers, others))
    assert apart(numbers(first), numbers(second)) == 0
    as_flower_does, _ = FedAvg.aggregate_train(strategy, 1, others)
    assert as_flower_does is not None
    assert apart(numbers(first), numbers(as_flower_does)) > 0


def test_the_history_has_means_over_windows_and_the_best_round_is_kept(ran: Ran) -> None:
    for number, epoch in enumerate(ran.result.history):
        answers = [answer for _, answer in of_kind(ran, "evaluate")[7 * number : 7 * number + 7]]
        metrics = [answer.content.metric_records["metrics"] for answer in answers]
        losses, windows = (np.array([each[name] for each in metrics]) for name in ("loss", "windows"))
        assert epoch.validation_loss == pytest.approx(float((losses * windows).sum() / windows.sum()))
    best = max(range(2), key=lambda number: ran.result.history[number].quality)
    judged = of_kind(ran, "evaluate")[7 * best][0]
    assert apart(weights_in(judged), ran.result.weights) == 0
    assert apart(weights_in(of_kind(ran, "query.scores")[0][0]), ran.result.weights) == 0


def test_a_batch_norms_variance_is_that_of_all_rows_though_means_differ() -> None:
    sent, rows = [], [torch.randn(50, 3) * scale + shift for scale, shift in ((1.0, -2.0), (0.5, 3.0))]
    for each in rows:
        norm = nn.BatchNorm1d(3)
        norm.running_mean, norm.running_var = each.mean(dim=0), each.var(dim=0, unbiased=False)
        sent.append(weights_of(norm, nn.Identity()))
    put_weights({name: np.float32(0.5) * (sent[0][name] + sent[1][name]) for name in sent[0]}, norm, nn.Identity())
    assert norm.running_mean is not None
    assert norm.running_var is not None
    together = torch.cat(rows)
    assert torch.allclose(norm.running_mean, together.mean(dim=0), atol=1e-5)
    assert torch.allclose(norm.running_var, together.var(dim=0, unbiased=False), rtol=1e-4)
    assert (together.var(dim=0) > 5 * torch.stack([each.var(dim=0) for each in rows]).mean(dim=0)).all()


def test_weights_that_travel_arrive_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    network(torch.randn(16, 3))
    other, objective = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), Exposure()
    put_weights(weights_of(network, Exposure()), other.eval(), objective)
    x = torch.randn(5, 3)
    assert torch.allclose(network.eval()(x), other(x), atol=1e-6)


def test_the_proximal_term_is_half_mu_times_the_squared_distance() -> None:
    generator = np.random.default_rng(0)
    now, then = generator.normal(size=(4, 3)), generator.normal(size=(4, 3))
    weight = nn.Parameter(torch.tensor(now))
    term = proximal([weight], [torch.tensor(then)], 0.3)
    assert term.item() == pytest.approx(0.15 * np.square(now - then).sum())
    term.backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert np.allclose(weight.grad.numpy(), 0.3 * (now - then))


class Square(nn.Module):
    """Mean squared error."""

    def forward(self, module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return it."""
        loss: torch.Tensor = (module(x)[:, 0] - y).square().mean()
        return loss


def moved(mu: float) -> float:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    before = network.weight.detach().clone()
    x = torch.randn(64, 3)
    rows, options = Rows(x, 5 * x.sum(dim=1)), FitOptions(batch_rows=16)
    train_locally(network, Square(), rows, options, Round(20, 1e-2, mu, 1))
    return float((network.weight - before).norm())


def test_fedprox_stays_nearer_to_what_the_server_sent() -> None:
    assert moved(100.0) < 0.3 * moved(0.0)


def test_fedprox_sends_mu_and_without_it_is_fedavg(ran: Ran, federate: Federate) -> None:
    none = federate(options=FederatedOptions(rounds=2, local_epochs=1, strategy="fedprox", proximal_mu=0.0))
    assert apart(none.result.weights, ran.result.weights) == 0
    some = federate(options=FederatedOptions(rounds=2, local_epochs=1, strategy="fedprox", proximal_mu=0.5))
    sent = [question.content.config_records["config"]["proximal-mu"] for question, _ in of_kind(some, "train")]
    assert sent == [0.5] * 8
    assert apart(some.result.weights, ran.result.weights) > 1e-4


def test_another_seed_draws_others_and_the_same_one_the_same() -> None:
    roster = Roster(tuple(Client(number, 100 - number, 20, 2, 5, 1) for number in range(10)))
    first = [[client.number for client in roster.drawn(0.3, 1, number)] for number in range(8)]
    assert first == [[client.number for client in roster.drawn(0.3, 1, number)] for number in range(8)]
    assert first != [[client.number for client in roster.drawn(0.3, 2, number)] for number in range(8)]
    assert all(len(drawn) == 3 for drawn in first)
    assert len({number for drawn in first for number in drawn}) > 6
    assert len(roster.drawn(0.01, 1, 1)) == 1


def test_a_fraction_trains_and_everybody_validates_and_clients_without_training_windows_only_do(
    federate: Federate,
) -> None:
    half = federate(options=FederatedOptions(rounds=2, local_epochs=1, fraction=0.5))
    assert len(of_kind(half, "train")) == 2 * 2
    assert len(of_kind(half, "evaluate")) == 2 * 7
    assert half.progress[0].startswith("4 clients train on")
    assert "7 validate" in half.progress[0]


def test_two_federations_of_one_seed_are_equal_to_the_bit(ran: Ran, federate: Federate) -> None:
    again = federate()
    assert apart(again.result.weights, ran.result.weights) == 0
    assert again.result.threshold == ran.result.threshold
    assert again.result.scaler == ran.result.scaler


def test_by_reconstruction_the_threshold_is_a_quantile_of_normal_windows(federate: Federate) -> None:
    fit = FitOptions(seed=5, batch_rows=16)
    recipe = ConsensusRecipe("reconstruction", "tiny", 8, 20, augment=True, threshold_by="quantile", fit=fit)
    options = FederatedOptions(rounds=1, local_epochs=1)
    low, high = (
        federate(dataclasses.replace(recipe, share_normal=share), options).result.threshold for share in (0.5, 0.9)
    )
    assert 0 < low < high


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device", "client-2.npz"), "No space left on device"),
        (InputError("a sentence of ours"), "a sentence of ours"),
        (ValueError("could not convert 0.8125, 3.375"), "ValueError, of which the client's own log has more"),
    ],
)
def test_a_failing_client_is_named_in_one_sentence_that_quotes_no_value(
    error: Exception, reason: str, ran: Ran, federate: Federate, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = client_app._trained

    def fail(message: Message, windows: Any, task: Any, client: int) -> Message:
        if client == 2:
            raise error
        return honest(message, windows, task, client)

    monkeypatch.setattr(client_app, "_trained", fail)
    with pytest.raises(InputError, match=rf"^client 2 failed at 'train' \({reason}\), and"):
        federate()


def test_a_server_that_is_told_to_stop_does_not_wait() -> None:
    class Silent:
        def push_messages(self, messages: Any) -> list[str]:
            return ["x" for _ in messages]

        def pull_messages(self, identifiers: Any) -> list[Message]:
            return []

    stop = threading.Event()
    stop.set()
    with pytest.raises(InterruptedTraining):
        Exchange(Silent(), stop).ask([Message(RecordDict(), 1, "query.describe")])  # type: ignore[arg-type]
