"""`dwcpc train consensus --federated`: the same data, dealt out to clients that keep it, and the same run folder."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dwcpc.compiler.commands.train import TrainOrder, evaluated, written_report
from dwcpc.compiler.commands.training_data import DataOptions, folds
from dwcpc.compiler.errors import InputError
from dwcpc.models.data.windows import Windows, cut_windows
from dwcpc.models.evaluation.detection import DetectionEvaluation
from dwcpc.models.evaluation.told import told
from dwcpc.models.training.folds import nobodys_nodes
from dwcpc.models.training.report import TrainingReport, plain
from dwcpc.models.training.run_files import CALIBRATION_FILE, SCALER_FILE, WEIGHTS_FILE, write_json

if TYPE_CHECKING:
    from dwcpc.models.training.federated.options import FederatedOptions
    from dwcpc.models.training.federated.train import FederatedTraining

Progress = Callable[[str], None]

FEDERATION_FILE: Final = "federation.json"


@dataclass(frozen=True, slots=True)
class FederatedResult:
    """What came of it; `federation` is what crossed between server and clients."""

    out: Path
    reports: tuple[TrainingReport, ...]
    evaluations: tuple[DetectionEvaluation, ...]
    federation: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Return what a person reads."""
        lines = [told(self.evaluations)] if self.evaluations else ["no window is labelled, so nothing was evaluated"]
        report = self.reports[0]
        lines.append(
            f"{report.name}: {report.parameters:,} parameters, best of {report.epochs} rounds was "
            f"{report.best_epoch}, trained for {report.training_s:.0f} s, threshold {report.threshold:.6g}"
        )
        lines += [_traffic_told(kind, each) for kind, each in self.federation["traffic"].items()]
        calibration = self.out / CALIBRATION_FILE
        lines.append(
            f"compile it: dwcpc compile {self.out / WEIGHTS_FILE} --scaler {self.out / SCALER_FILE} "
            f"--threshold {report.threshold!r}" + (f" --calibration {calibration}" if calibration.exists() else "")
        )
        return "\n".join([*lines, f"trained: {self.out}"])


def train_federated_model(order: TrainOrder, options: FederatedOptions, progress: Progress) -> FederatedResult:
    """Train the consensus model among clients; InputError before that where data or options do not fit."""
    if order.resume is not None:
        raise InputError("--resume goes on with a training in one place, and a federation begins anew; omit --resume")
    if order.members > 1:
        raise InputError("--ensemble trains seeds in one place; train each federation alone, with --seed")
    train, write_calibration = _flower()
    progress("simulating the data" if order.data.data is None else f"reading {order.data.data}")
    given = folds(order.data, order.recipe.timesteps)
    training: FederatedTraining = train(given, order.recipe, options, order.out, progress)
    windows = _calibration(order.data, order.recipe.timesteps)
    if windows is not None:
        write_calibration(order.out, windows, order.recipe.fit.seed)
    name = f"{order.recipe.units} {order.recipe.objective}, {options.strategy}"
    evaluations = evaluated(given, training.trained, name, order.out, progress)
    federation = _federation(options, training)
    write_json(order.out / FEDERATION_FILE, federation)
    recipe = {**dataclasses.asdict(order.recipe), "federated": dataclasses.asdict(options)}
    report = written_report(order.data, recipe, training.trained, evaluations, order.out)
    return FederatedResult(order.out, (report,), evaluations, federation)


def _flower() -> tuple[Callable[..., FederatedTraining], Callable[..., None]]:
    for name in ("flwr", "ray"):
        if importlib.util.find_spec(name) is None:
            raise InputError(f"--federated needs Flower and Ray, and {name} is not installed; install dwcpc[federated]")
    from dwcpc.models.training.federated.train import train_federated, write_calibration

    return train_federated, write_calibration


def _calibration(data: DataOptions, timesteps: int) -> Windows | None:
    """Return windows of simulated nodes that are no client's; none for a table, whose rows are all somebody's."""
    if data.data is not None:
        return None
    return cut_windows(nobodys_nodes(data.seed, data.difficulty, data.sizes), data.columns, timesteps, timesteps)


def _federation(options: FederatedOptions, training: FederatedTraining) -> dict[str, Any]:
    clients = [
        {name: value for name, value in dataclasses.asdict(client).items() if name != "node_id"}
        for client in training.clients
    ]
    federation: dict[str, Any] = plain(
        {
            "options": options,
            "clients": clients,
            "scaler_widest_cell": training.widest_cell,
            "traffic": training.traffic,
        }
    )
    return federation


def _traffic_told(kind: str, traffic: Mapping[str, int]) -> str:
    return (
        f"  {kind}: {traffic['messages']} messages and as many answers, "
        f"{traffic['sent_bytes'] / 1e6:.3g} MB out, {traffic['received_bytes'] / 1e6:.3g} MB back, "
        f"the largest answer {traffic['largest_received_bytes']:,} bytes"
    )
