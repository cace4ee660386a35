"""Who takes part: what each client said of itself, and which of them train in a round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Client:
    """A client's number, Flower's address of it, and how many windows it has, edge windows not counted."""

    number: int
    node_id: int
    train_windows: int
    train_anomalies: int
    validation_windows: int
    validation_anomalies: int


@dataclass(frozen=True, slots=True)
class Roster:
    """The clients in order of their numbers, which, unlike their addresses, are the same in every run."""

    clients: tuple[Client, ...]

    @property
    def numbers(self) -> Mapping[int, int]:
        """Return each address's number."""
        return {client.node_id: client.number for client in self.clients}

    @property
    def training(self) -> tuple[Client, ...]:
        """Return who has something to train on: a batch norm needs two windows."""
        return tuple(client for client in self.clients if client.train_windows >= 2)

    @property
    def validating(self) -> tuple[Client, ...]:
        """Return who has something to validate by."""
        return tuple(client for client in self.clients if client.validation_windows > 0)

    def drawn(self, fraction: float, seed: int, number: int) -> tuple[Client, ...]:
        """Return who trains in round `number`: at least one, and the same ones for the same seed."""
        able = self.training
        count = min(max(1, round(fraction * len(able))), len(able))
        chosen = np.random.default_rng([seed, number]).permutation(len(able))[:count]
        return tuple(able[at] for at in sorted(chosen.tolist()))
