"""Flower's FedAvg and FedProx, with clients drawn by the seed and answers summed in the clients' order.

w ← Σ nₖ·wₖ / Σ nₖ over the clients k of a round, nₖ being the windows that each trained on. Flower draws by an unseeded
generator, and sums in the order in which answers arrive: no run would be like another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg, FedProx
from numpy.typing import NDArray

from dwcpc.models.training.federated.messages import CONFIG, CUTS, WEIGHTS, WINDOWS, number_in
from dwcpc.models.training.federated.options import FederatedOptions
from dwcpc.models.training.federated.roster import Client, Roster
from dwcpc.models.training.federated.thresholds import COARSE

Record = TypeVar("Record", ArrayRecord, MetricRecord)


class SeededAvg(FedAvg):
    """FedAvg among the clients of `roster`."""

    roster: Roster
    seed: int
    cuts: NDArray[np.float64]

    def configure_train(
        self,
        server_round: int,
        arrays: ArrayRecord,
        config: ConfigRecord,
        grid: Grid,  # noqa: ARG002
    ) -> Iterable[Message]:
        """Ask the clients drawn for this round to train."""
        drawn = self.roster.drawn(self.fraction_train, self.seed, server_round)
        return self._asked(drawn, MessageType.TRAIN, server_round, arrays, config)

    def configure_evaluate(
        self,
        server_round: int,
        arrays: ArrayRecord,
        config: ConfigRecord,
        grid: Grid,  # noqa: ARG002
    ) -> Iterable[Message]:
        """Ask every client that has something to validate by, for counts of its scores too."""
        messages = self._asked(self.roster.validating, MessageType.EVALUATE, server_round, arrays, config)
        for message in messages:
            message.content[CUTS] = ArrayRecord({CUTS: Array(self.cuts)})
        return messages

    def averaged(self, server_round: int, answers: Iterable[Message]) -> tuple[ArrayRecord, MetricRecord]:
        """Return the mean of weights and metrics."""
        weights, metrics = self.aggregate_train(server_round, self._in_order(answers))
        return _there(weights), _there(metrics)

    def mean_loss(self, server_round: int, answers: Iterable[Message]) -> float:
        """Return the mean of the losses."""
        return number_in(_there(self.aggregate_evaluate(server_round, self._in_order(answers))), "loss")

    def _asked(
        self, clients: Sequence[Client], kind: str, server_round: int, arrays: ArrayRecord, config: ConfigRecord
    ) -> list[Message]:
        config["server-round"] = server_round
        return [
            Message(
                RecordDict({self.arrayrecord_key: arrays, self.configrecord_key: config}),
                client.node_id,
                kind,
            )
            for client in clients
        ]

    def _in_order(self, replies: Iterable[Message]) -> list[Message]:
        numbers = self.roster.numbers
        return sorted(replies, key=lambda reply: numbers[reply.metadata.src_node_id])


def _there(record: Record | None) -> Record:
    if record is None:
        raise ValueError("Flower averaged no answers, expected one or more")
    return record


class SeededProx(FedProx, SeededAvg):
    """FedProx, which sends μ along, among the clients of `roster`."""


def strategy_of(options: FederatedOptions, roster: Roster, seed: int) -> SeededAvg:
    """Return the strategy that the options name."""
    strategy = SeededProx(proximal_mu=options.proximal_mu) if options.strategy == "fedprox" else SeededAvg()
    strategy.weighted_by_key, strategy.arrayrecord_key, strategy.configrecord_key = WINDOWS, WEIGHTS, CONFIG
    strategy.roster, strategy.fraction_train, strategy.seed = roster, options.fraction, seed
    strategy.cuts = COARSE
    return strategy
