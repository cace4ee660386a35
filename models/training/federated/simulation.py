"""Server and clients on one machine: Flower's simulation, which runs clients in Ray's processes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from flwr.app import ConfigRecordValues, Context
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.simulation import run_simulation

from dwcpc.models.training.federated.exchange import Exchange, InterruptedTraining

Result = TypeVar("Result")

BackendConfig = dict[str, dict[str, ConfigRecordValues]]

OBJECT_STORE_BYTES: Final = 128 << 20
"""For messages between processes; Ray's own choice is a third of the memory."""


def simulated(app: ClientApp, clients: int, at_once: int, server: Callable[[Exchange], Result]) -> Result:
    """Run `server` among `clients` copies of `app`, `at_once` beside each other, and return what it returns."""
    stop = threading.Event()
    results: list[Result] = []
    server_app = ServerApp()

    @server_app.main()
    def main(grid: Grid, _context: Context) -> None:
        try:
            results.append(server(Exchange(grid, stop)))
        except InterruptedTraining:
            return

    _quieten()
    try:
        run_simulation(server_app, app, clients, backend_config=_ray(at_once))
    finally:
        stop.set()  # Flower waits for its server for ever, whatever happened to the clients
    return results[0]


def _ray(at_once: int) -> BackendConfig:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of what it will change one day
    return {
        "init_args": {
            "num_cpus": at_once,
            "object_store_memory": OBJECT_STORE_BYTES,
            "log_to_driver": False,
            "logging_level": logging.ERROR,
        },
        "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
    }


def _quieten() -> None:
    """Keep Flower's and Ray's own logs for -v, for good: after an interruption their threads go on for a moment."""
    loud = logging.getLogger().isEnabledFor(logging.INFO)
    for name in ("flwr", "ray"):
        logging.getLogger(name).setLevel(logging.INFO if loud else logging.CRITICAL)
