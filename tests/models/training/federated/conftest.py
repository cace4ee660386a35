"""A federation in this process: Flower's apps over a grid that keeps every message."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dwcpc.models.training.consensus import ConsensusRecipe
from dwcpc.models.training.federated.client_app import Task, client_app
from dwcpc.models.training.federated.clients import ClientWindows, dealt, write_clients
from dwcpc.models.training.federated.exchange import Exchange
from dwcpc.models.training.federated.options import FederatedOptions
from dwcpc.models.training.federated.server import Federated, Server
from dwcpc.models.training.folds import ConsensusSizes, Folds, simulated_folds
from dwcpc.models.training.options import FitOptions

from flwr.app import Context, Error, Message, RecordDict  # isort: skip  # after what switches telemetry off
from flwr.clientapp import ClientApp  # isort: skip
from flwr.serverapp import Grid  # isort: skip
from flwr.supercore.task_identity import TaskIdentity  # isort: skip

RECIPE = ConsensusRecipe(units="tiny", encoding=8, timesteps=20, fit=FitOptions(seed=5, epochs=2, batch_rows=16))
OPTIONS = FederatedOptions(rounds=2, local_epochs=1)


class LocalGrid(Grid):
    """Answers at once, last asked first; `crossed` has each question and its answer, as they were when they crossed."""

    def __init__(self, app: ClientApp, clients: int) -> None:
        """Serve `clients` copies of `app` at addresses that do not sort as their numbers do."""
        # Messages ask for it; a simulation sets it.
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
        self.app = app
        self.contexts = {
            7000 - 11 * number: Context(1, 7000 - 11 * number, {"partition-id": number}, RecordDict(), {})
            for number in range(clients)
        }
        self.crossed: list[tuple[Message, Message]] = []
        self.waiting: dict[str, Message] = {}

    def set_run(self, run: Any) -> None:
        """Keep no run."""

    @property
    def run(self) -> Any:
        """Have no run."""
        raise NotImplementedError

    def create_message(self, *arguments: Any, **named: Any) -> Message:
        """Refuse: messages are made by their own constructor."""
        raise NotImplementedError

    def get_node_ids(self) -> Iterable[int]:
        """Return the addresses."""
        return list(self.contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Have each message answered."""
        identifiers = []
        for message in messages:
            identifier = f"message {len(self.crossed)}"
            message.metadata.__dict__["_message_id"] = identifier
            question = copy.deepcopy(message)
            try:
                answer = self.app(question, self.contexts[message.metadata.dst_node_id])
            except Exception as error:  # as Flower does, whatever it is
                answer = Message(
                    Error(code=2, reason=f"<class 'X'>:<'\nException X occurred. Message: {error}'>"), reply_to=question
                )
            self.waiting[identifier] = answer
            self.crossed.append((question, copy.deepcopy(answer)))
            identifiers.append(identifier)
        return identifiers

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the answers that wait."""
        return [self.waiting.pop(each) for each in sorted(message_ids, reverse=True) if each in self.waiting]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Ask and return."""
        return self.pull_messages(self.push_messages(messages))


@dataclass(frozen=True, slots=True)
class Ran:
    """A federation that ran: its result, each message and its answer, and the clients."""

    result: Federated
    crossed: list[tuple[Message, Message]]
    clients: Sequence[ClientWindows]
    progress: list[str] = field(default_factory=list)


Federate = Callable[..., Ran]


@pytest.fixture(scope="session")
def federated_folds() -> Folds:
    """Return the data of four nodes, and of three that are in validation alone."""
    return simulated_folds(1, 0.3, 20, ConsensusSizes(train_nodes=4, other_nodes=3, steps=900))


@pytest.fixture(scope="session")
def federate(federated_folds: Folds, tmp_path_factory: pytest.TempPathFactory) -> Federate:
    """Return `federate(recipe, options, clients=None, app=None)`."""

    def run(
        recipe: ConsensusRecipe = RECIPE,
        options: FederatedOptions = OPTIONS,
        clients: Sequence[ClientWindows] | None = None,
        app: Callable[[Path, Task], ClientApp] = client_app,
    ) -> Ran:
        folder: Path = tmp_path_factory.mktemp("federation")
        clients = clients or dealt(federated_folds, options, recipe.fit.seed)
        write_clients(folder, clients)
        task = Task(recipe, 12, options.local_epochs)
        grid = LocalGrid(app(folder, task), len(clients))
        told: list[str] = []
        server = Server(Exchange(grid, threading.Event()), task, options, folder, told.append)
        return Ran(server.run(len(clients)), grid.crossed, clients, told)

    return run


@pytest.fixture(scope="session")
def ran(federate: Federate) -> Ran:
    """Return a federation by FedAvg."""
    return federate()
