"""The server: it learns who is there, what the scaler is, trains in rounds, and asks for the threshold.

    describe → quartiles of normal rows → (train, evaluate) a round, until no better or none is left → threshold

It has no data. The weights it keeps are those of the round that detects best on the clients' validation windows, by
their counts; without labels, those with the lowest loss. (The loss of few windows grows while detection still gets
better: a network that is surer of itself pays more for each miss.)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.federated.client_app import Task, built, weights_record
from dwcpc.models.training.federated.exchange import Exchange, Traffic
from dwcpc.models.training.federated.messages import (
    CONFIG,
    COUNTS,
    CUTS,
    DESCRIBE,
    METRICS,
    ROWS,
    SCORES,
    WEIGHTS,
    number_in,
)
from dwcpc.models.training.federated.options import FederatedOptions
from dwcpc.models.training.federated.quantiles import QUARTILES, quantiles
from dwcpc.models.training.federated.rates import rate_of_next_round
from dwcpc.models.training.federated.roster import Client, Roster
from dwcpc.models.training.federated.strategies import SeededAvg, strategy_of
from dwcpc.models.training.federated.thresholds import best_quality, labelled_threshold, unlabelled_threshold
from dwcpc.models.training.federated.weights import Weights
from dwcpc.models.training.fit import Progress
from dwcpc.models.training.history import Epoch, best_of, write_history
from dwcpc.models.training.tensorboard import Scalars


@dataclass(frozen=True, slots=True)
class FederatedScaler:
    """Median and distance of the quartiles of each feature, and the widest cell that one was found in, as a share."""

    center: tuple[float, ...]
    scale: tuple[float, ...]
    widest_cell: float


@dataclass(frozen=True, slots=True)
class Federated:
    """What came of it; `epochs` are rounds."""

    weights: Weights
    scaler: FederatedScaler
    threshold: float
    history: tuple[Epoch, ...]
    roster: Roster
    traffic: Mapping[str, Traffic]


@dataclass(frozen=True, slots=True)
class Server:
    """A server for one federation; `folder` gets history and logs while it trains."""

    exchange: Exchange
    task: Task
    options: FederatedOptions
    folder: Path
    progress: Progress

    def run(self, count: int) -> Federated:
        """Train with `count` clients; InputError where one fails, or where together they have too little."""
        roster = self._roster(count)
        self.progress("quartiles of the clients' normal rows, from their counts")
        scaler = self._scaler(roster)
        weights, history = self._rounds(roster, scaler)
        self.progress("threshold, from the clients' counts")
        threshold = self._threshold(roster, weights, self._config(roster, scaler, 0.0))
        plain = {name: array.numpy() for name, array in weights.items()}
        return Federated(plain, scaler, threshold, tuple(history), roster, self.exchange.traffic)

    def _roster(self, count: int) -> Roster:
        while len(ids := list(self.exchange.grid.get_node_ids())) < count:
            time.sleep(0.1)
        answers = self.exchange.ask(Message(RecordDict(), node_id, DESCRIBE) for node_id in ids)
        clients = sorted((_client(answer) for answer in answers), key=lambda client: client.number)
        self.exchange.names.update({client.node_id: client.number for client in clients})
        roster = Roster(tuple(clients))
        _check(roster, self.task.recipe.objective)
        total = sum(client.train_windows for client in clients)
        anomalies = sum(client.train_anomalies for client in clients)
        self.progress(
            f"{len(roster.training)} clients train on {total} windows, {anomalies} of them anomalies; "
            f"{len(roster.validating)} validate"
        )
        return roster

    def _scaler(self, roster: Roster) -> FederatedScaler:
        def ask(cuts: NDArray[np.float64]) -> NDArray[np.int64]:
            content = RecordDict({CUTS: ArrayRecord({CUTS: Array(cuts)})})
            return self._counted(Message(content, client.node_id, ROWS) for client in roster.training)

        found = quantiles(ask, self.task.features, QUARTILES)
        apart = found.values[:, 2] - found.values[:, 0]
        # Quartiles in one cell, or in two beside each other, are one value as far as anybody can tell: the cell's end.
        spread = apart > 2 * found.widths.max(axis=1)
        scale = np.where(spread, apart, 1.0)
        widest = float((found.widths.max(axis=1) / scale)[spread].max(initial=0.0))
        center = np.where(spread, found.values[:, 1], found.highs[:, 1])
        return FederatedScaler(tuple(center.tolist()), tuple(scale.tolist()), widest)

    def _rounds(self, roster: Roster, scaler: FederatedScaler) -> tuple[ArrayRecord, list[Epoch]]:
        fit, rounds = self.task.recipe.fit, self.options.rounds
        strategy = strategy_of(self.options, roster, fit.seed)
        weights = best = weights_record(*built(self.task, 1.0))
        history: list[Epoch] = []
        with Scalars(self.folder) as scalars:
            while len(history) < rounds and not _stopped(history, fit.patience):
                rate = rate_of_next_round(fit, rounds, history)
                weights, epoch = self._round(strategy, weights, self._config(roster, scaler, rate), len(history) + 1)
                history.append(epoch)
                best = weights if best_of(history) is epoch else best
                scalars.add(epoch)
                write_history(self.folder, history)
                self.progress(
                    f"round {epoch.number} of {rounds}: loss {epoch.train_loss:.4f}, "
                    f"validation {epoch.validation_loss:.4f}{_detection_told(epoch)}, {epoch.duration_s:.1f} s"
                )
        return best, history

    def _round(
        self, strategy: SeededAvg, weights: ArrayRecord, config: ConfigRecord, number: int
    ) -> tuple[ArrayRecord, Epoch]:
        begun = time.perf_counter()
        grid = self.exchange.grid
        answers = self.exchange.ask(strategy.configure_train(number, weights, config, grid))
        averaged, trained = strategy.averaged(number, answers)
        answers = self.exchange.ask(strategy.configure_evaluate(number, averaged, config, grid))
        losses = number_in(trained, "loss"), strategy.mean_loss(number, answers)
        quality = best_quality(_summed(answers))
        if not np.isfinite(losses).all():
            raise InputError(
                f"round {number}: the loss is not finite, expected a number; train with a lower --learning-rate"
            )
        rate, norm = number_in(config, "learning-rate"), number_in(trained, "gradient_norm")
        return averaged, Epoch(number, *losses, rate, norm, time.perf_counter() - begun, quality)

    def _config(self, roster: Roster, scaler: FederatedScaler, rate: float) -> ConfigRecord:
        weight = self.task.recipe.positive_weight
        if weight is None:
            anomalies = sum(client.train_anomalies for client in roster.clients)
            weight = (sum(client.train_windows for client in roster.clients) - anomalies) / max(anomalies, 1)
        return ConfigRecord(
            {
                "center": list(scaler.center),
                "scale": list(scaler.scale),
                "positive-weight": float(weight),
                "learning-rate": float(rate),
                "proximal-mu": 0.0,
            }
        )

    def _threshold(self, roster: Roster, weights: ArrayRecord, config: ConfigRecord) -> float:
        def ask(cuts: NDArray[np.float64]) -> NDArray[np.int64]:
            content = RecordDict({WEIGHTS: weights, CONFIG: config, CUTS: ArrayRecord({CUTS: Array(cuts)})})
            return self._counted(Message(content, client.node_id, SCORES) for client in roster.validating)

        config["server-round"] = self.options.rounds
        recipe = self.task.recipe
        if recipe.threshold_by == "labels" and any(client.validation_anomalies for client in roster.clients):
            return labelled_threshold(ask)
        return unlabelled_threshold(ask, recipe.share_normal)

    def _counted(self, questions: Iterable[Message]) -> NDArray[np.int64]:
        """Return the sum of the clients' counts."""
        return _summed(self.exchange.ask(questions))


def _summed(answers: Sequence[Message]) -> NDArray[np.int64]:
    counts = np.stack([answer.content.array_records[COUNTS][COUNTS].numpy() for answer in answers])
    summed: NDArray[np.int64] = counts.sum(axis=0)
    return summed


def _client(answer: Message) -> Client:
    said = answer.content.metric_records[METRICS]
    names = ("train_windows", "train_anomalies", "validation_windows", "validation_anomalies")
    return Client(
        int(number_in(said, "client")), answer.metadata.src_node_id, *(int(number_in(said, name)) for name in names)
    )


def _check(roster: Roster, objective: str) -> None:
    if not roster.training:
        raise InputError("no client has two windows to train on; give more data or fewer --timesteps")
    if not roster.validating:
        raise InputError("no client has a window to validate by; give more data or fewer --timesteps")
    if objective == "exposure" and not any(client.train_anomalies for client in roster.clients):
        raise InputError(
            "no client has a window to train on that is labelled as an anomaly, which the objective 'exposure' needs; "
            "name --label or train with --objective reconstruction"
        )
    if all(client.train_anomalies == client.train_windows for client in roster.training):
        raise InputError("every window to train on is an anomaly, expected normal ones; check --label")


def _detection_told(epoch: Epoch) -> str:
    return "" if epoch.quality is None else f", accuracy and detection {epoch.quality / 2:.2%}"


def _stopped(history: list[Epoch], patience: int) -> bool:
    return bool(history) and history[-1].number - best_of(history).number >= patience
