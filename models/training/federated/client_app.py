"""A client: it answers the server's questions from its own file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import ClientAppCallable
from torch import nn

from dwcpc.compiler.scalers import Scaler
from dwcpc.models.bilstm_attention_autoencoder import BilstmAttentionAutoencoder
from dwcpc.models.data.windows import Windows
from dwcpc.models.training.augment import balanced_by_kind
from dwcpc.models.training.consensus import ConsensusRecipe, scored
from dwcpc.models.training.federated.clients import ClientWindows, read_client
from dwcpc.models.training.federated.guard import check_reply, told
from dwcpc.models.training.federated.local import Round, train_locally, validation_loss
from dwcpc.models.training.federated.messages import CONFIG, COUNTS, CUTS, METRICS, WEIGHTS, WINDOWS, number_in
from dwcpc.models.training.federated.quantiles import rounded_counts
from dwcpc.models.training.federated.thresholds import score_counts
from dwcpc.models.training.federated.weights import put_weights, weights_of
from dwcpc.models.training.fit import Rows
from dwcpc.models.training.objective import Exposure, Reconstruction
from dwcpc.models.training.sizes import autoencoder_config


@dataclass(frozen=True, slots=True)
class Task:
    """What everybody knows: the recipe, how many features there are, and how many epochs a round has."""

    recipe: ConsensusRecipe
    features: int
    local_epochs: int


def built(task: Task, positive_weight: float) -> tuple[nn.Module, nn.Module]:
    """Return network and objective, the same for everybody."""
    recipe = task.recipe
    torch.manual_seed(recipe.fit.seed)
    config = autoencoder_config(recipe.units, recipe.encoding, recipe.timesteps, task.features)
    objective = (
        Reconstruction(recipe.noise)
        if recipe.objective == "reconstruction"
        else Exposure(recipe.focal_gamma, positive_weight, recipe.noise)
    )
    return BilstmAttentionAutoencoder(config), objective


def client_app(folder: Path, task: Task) -> ClientApp:
    """Return the app; `folder` has a file for each client, of which it reads that of its own number alone."""
    app = ClientApp()

    def guarded(message: Message, context: Context, answer: ClientAppCallable) -> Message:
        try:
            return checked(message, context, answer)
        except Exception as error:  # whatever it is, Flower sends its text to the server
            raise told(error) from None

    def checked(message: Message, context: Context, answer: ClientAppCallable) -> Message:
        torch.set_num_threads(task.recipe.fit.threads)
        reply = answer(message, context)
        own = _own(folder, context)
        values = [own.train.x, own.validation.x]
        if CONFIG in message.content:
            scaler = _scaler(message.content.config_records[CONFIG])
            values += [scaler.transform(windows) for windows in values]
        check_reply(message.metadata.message_type, message.content, reply.content, values)
        return reply

    @app.query("describe", mods=[guarded])
    def describe(message: Message, context: Context) -> Message:
        return _reply(message, {METRICS: _description(_own(folder, context), _number(context))})

    @app.query("rows", mods=[guarded])
    def rows(message: Message, context: Context) -> Message:
        train = _own(folder, context).train
        normal = train.x[~train.anomalous].reshape(-1, task.features)
        counts = rounded_counts(normal, message.content.array_records[CUTS][CUTS].numpy())
        return _reply(message, {COUNTS: ArrayRecord({COUNTS: Array(counts)})})

    @app.train(mods=[guarded])
    def train(message: Message, context: Context) -> Message:
        return _trained(message, _own(folder, context).train, task, _number(context))

    @app.evaluate(mods=[guarded])
    def evaluate(message: Message, context: Context) -> Message:
        module, objective = _received(message, task)
        validation = _own(folder, context).validation
        loss = validation_loss(module, objective, _rows(_scaler(message.content.config_records[CONFIG]), validation))
        metrics = MetricRecord({WINDOWS: len(validation), "loss": loss})
        return _reply(message, {METRICS: metrics, COUNTS: _counted_scores(message, module, validation)})

    @app.query("scores", mods=[guarded])
    def scores(message: Message, context: Context) -> Message:
        module, _ = _received(message, task)
        return _reply(message, {COUNTS: _counted_scores(message, module, _own(folder, context).validation)})

    return app


def _trained(message: Message, windows: Windows, task: Task, client: int) -> Message:
    config = message.content.config_records[CONFIG]
    module, objective = _received(message, task)
    fit = task.recipe.fit
    number = int(number_in(config, "server-round"))
    order = Round(
        task.local_epochs,
        number_in(config, "learning-rate"),
        number_in(config, "proximal-mu"),
        seed=(fit.seed * 100_003 + number) * 10_007 + client,
    )
    chosen = balanced_by_kind(windows, fit.seed) if task.recipe.augment else windows
    result = train_locally(module, objective, _rows(_scaler(config), chosen), fit, order)
    metrics = MetricRecord({WINDOWS: len(chosen), "loss": result.loss, "gradient_norm": result.gradient_norm})
    return _reply(message, {WEIGHTS: weights_record(module, objective), METRICS: metrics})


def weights_record(module: nn.Module, objective: nn.Module) -> ArrayRecord:
    """Return the weights as they travel."""
    return ArrayRecord({name: Array(value) for name, value in weights_of(module, objective).items()})


def _received(message: Message, task: Task) -> tuple[nn.Module, nn.Module]:
    config = message.content.config_records[CONFIG]
    module, objective = built(task, number_in(config, "positive-weight"))
    sent = message.content.array_records[WEIGHTS]
    put_weights({name: array.numpy() for name, array in sent.items()}, module, objective)
    return module, objective


def _counted_scores(message: Message, module: nn.Module, validation: Windows) -> ArrayRecord:
    score = scored(module.eval(), _scaler(message.content.config_records[CONFIG]), validation.x)
    cuts = message.content.array_records[CUTS][CUTS].numpy()
    return ArrayRecord({COUNTS: Array(score_counts(score, validation.anomalous, cuts))})


def _description(own: ClientWindows, number: int) -> MetricRecord:
    return MetricRecord(
        {
            "client": number,
            "train_windows": len(own.train),
            "train_anomalies": int(own.train.anomalous.sum()),
            "validation_windows": len(own.validation),
            "validation_anomalies": int(own.validation.anomalous.sum()),
        }
    )


def _own(folder: Path, context: Context) -> ClientWindows:
    return read_client(folder, _number(context))


def _number(context: Context) -> int:
    return int(context.node_config["partition-id"])


def _scaler(config: ConfigRecord) -> Scaler:
    center, scale = (np.asarray(config[name], np.float64).tolist() for name in ("center", "scale"))
    return Scaler("RobustScaler", tuple(center), tuple(scale))


def _rows(scaler: Scaler, windows: Windows) -> Rows:
    x = torch.from_numpy(scaler.transform(windows.x))
    return Rows(x, torch.from_numpy(windows.anomalous.astype(np.float32)))


def _reply(message: Message, content: dict[str, ArrayRecord | MetricRecord]) -> Message:
    return Message(RecordDict(dict(content)), reply_to=message)
