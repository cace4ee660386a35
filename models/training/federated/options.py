"""How a federation trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Strategy = Literal["fedavg", "fedprox"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

Partition = Literal["group", "iid"]
PARTITIONS: tuple[Partition, ...] = get_args(Partition)


@dataclass(frozen=True, slots=True)
class FederatedOptions:
    """`clients` is how many there are, none is one for each group of the data.

    A `group` partition gives whole groups to each client, `iid` deals out windows whosever they are. `fraction` of the
    clients train in a round, each for `local_epochs`. `proximal_mu` is FedProx's μ. `at_once` clients are simulated
    beside each other, which changes no result.
    """

    clients: int | None = None
    strategy: Strategy = "fedavg"
    proximal_mu: float = 0.0
    rounds: int = 30
    local_epochs: int = 2
    fraction: float = 1.0
    partition: Partition = "group"
    at_once: int = 1
