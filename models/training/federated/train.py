"""A federation, simulated: folds are dealt out to clients, and what comes of it is written as any run is."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dwcpc.compiler.whole_file import whole_file
from dwcpc.models.data.windows import Windows
from dwcpc.models.training.consensus import ConsensusRecipe, Trained, calibration_windows
from dwcpc.models.training.federated.client_app import Task, built, client_app
from dwcpc.models.training.federated.clients import dealt, write_clients
from dwcpc.models.training.federated.exchange import Exchange, Traffic
from dwcpc.models.training.federated.options import FederatedOptions
from dwcpc.models.training.federated.roster import Client
from dwcpc.models.training.federated.server import Federated, Server
from dwcpc.models.training.federated.simulation import simulated
from dwcpc.models.training.federated.weights import put_weights
from dwcpc.models.training.fit import Progress
from dwcpc.models.training.folds import Folds
from dwcpc.models.training.run_files import CALIBRATION_FILE, SCALER_FILE, WEIGHTS_FILE, write_threshold
from dwcpc.models.training.scaling import write_scaler


@dataclass(frozen=True, slots=True)
class FederatedTraining:
    """A trained model, and what its making took."""

    trained: Trained
    clients: tuple[Client, ...]
    widest_cell: float
    traffic: Mapping[str, Traffic]


def train_federated(
    folds: Folds, recipe: ConsensusRecipe, options: FederatedOptions, folder: Path, progress: Progress
) -> FederatedTraining:
    """Train into `folder`: weights, scaler, threshold, history, TensorBoard logs, and no client's rows."""
    clients = dealt(folds, options, recipe.fit.seed)
    task = Task(recipe, len(folds.columns.features), options.local_epochs)
    folder.mkdir(parents=True, exist_ok=True)
    progress(f"starting {len(clients)} clients, {options.at_once} at once")
    with tempfile.TemporaryDirectory(prefix="dwcpc-clients-") as apart:
        write_clients(Path(apart), clients)
        app = client_app(Path(apart), task)

        def server(exchange: Exchange) -> Federated:
            return Server(exchange, task, options, folder, progress).run(len(clients))

        federated = simulated(app, len(clients), options.at_once, server)
    trained = _written(federated, task, folder, folds.columns.features)
    return FederatedTraining(trained, federated.roster.clients, federated.scaler.widest_cell, federated.traffic)


def write_calibration(folder: Path, windows: Windows, seed: int) -> None:
    """Write windows for `dwcpc compile --calibration`, which must be nobody's."""
    np.save(folder / CALIBRATION_FILE, calibration_windows(windows, seed))


def _written(federated: Federated, task: Task, folder: Path, names: tuple[str, ...]) -> Trained:
    module, objective = built(task, 1.0)
    put_weights(federated.weights, module, objective)
    module.eval()
    center, scale = np.array(federated.scaler.center), np.array(federated.scaler.scale)
    scaler = write_scaler(folder / SCALER_FILE, "RobustScaler", center, scale, names)
    with whole_file(folder / WEIGHTS_FILE) as file:
        torch.save(module.state_dict(), file)
    write_threshold(folder, federated.threshold)
    windows = sum(client.train_windows for client in federated.roster.clients)
    return Trained(module, scaler, federated.threshold, federated.history, windows)
