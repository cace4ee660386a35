"""One training: AdamW, a schedule, clipped gradients, early stopping; the same for any network and objective.

Everything random in an epoch comes from the seed and the epoch's number, so that an interrupted training that goes
on ends with the same weights as one that was not.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from dwcpc.compiler.errors import InputError
from dwcpc.models.training.checkpoint import BEST, FOLDER, LAST, Parts, load_checkpoint, save_checkpoint
from dwcpc.models.training.history import Epoch, best_of, write_history
from dwcpc.models.training.options import FitOptions
from dwcpc.models.training.tensorboard import Scalars

Progress = Callable[[str], None]

# Sees each epoch when it is over and kept; what it raises ends the training.
Watch = Callable[[Epoch], None]

VALIDATION_BATCH: Final = 1024
PLATEAU_FACTOR: Final = 0.5
PEAK_TO_FIRST: Final = 25.0
"""A cosine schedule warms up from a 25th of its peak."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a network is trained on: inputs, and labels or targets, of as many rows."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True, slots=True)
class Order:
    """A training: its rows, how, where to, and the checkpoint it goes on from; `task` must fit that."""

    train: Rows
    validation: Rows
    options: FitOptions
    folder: Path
    task: str
    resume: Path | None = None
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a process trains: its device, which of the processes it is, and its share of a module, all of it alone."""

    device: torch.device
    rank: int = 0
    share: Callable[[nn.Module], nn.Module] = lambda module: module


def fit(module: nn.Module, objective: nn.Module, order: Order, progress: Progress) -> list[Epoch]:
    """Train `module` in place, leave it in eval mode with the weights of its best epoch, and return the epochs."""
    options = order.options
    if len(order.train.x) < options.batch_rows:
        raise InputError(
            f"training has {len(order.train.x)} rows, expected at least a batch of {options.batch_rows}; "
            "give more data or a smaller batch"
        )
    if options.processes > 1:
        from dwcpc.models.training.distributed import fit_together

        return fit_together(module, objective, order, progress)
    history = fit_seated(module, objective, order, progress, Seat(device_of(0)))
    take_best(module, objective, order)
    return history


def device_of(rank: int) -> torch.device:
    """Return the GPU of so many a process, where there are any."""
    return torch.device("cuda", rank) if torch.cuda.is_available() else torch.device("cpu")


def fit_seated(module: nn.Module, objective: nn.Module, order: Order, progress: Progress, seat: Seat) -> list[Epoch]:
    """Train `module` in place and return the epochs; the first process leaves checkpoints, history and logs."""
    options = order.options
    module.to(seat.device)
    objective.to(seat.device)
    asked = seat.share(module)
    parts = _parts(module, objective, order)
    history = [] if order.resume is None else load_checkpoint(order.resume, parts, options, order.task)
    first = seat.rank == 0
    with _threads(options.threads), Scalars(order.folder) if first else contextlib.nullcontext() as scalars:
        while len(history) < options.epochs and not _stopped(history, options.patience):
            history.append(_epoch(parts, asked, order, seat.device, len(history) + 1))
            if scalars is not None:
                _keep(parts, history, order)
                scalars.add(history[-1])
            progress(_told(history[-1], options))
            if order.watch is not None:
                order.watch(history[-1])
    return history


def take_best(module: nn.Module, objective: nn.Module, order: Order) -> None:
    """Give `module` the weights of its best epoch, as they were kept."""
    load_checkpoint(_best_file(order), _parts(module, objective, order), order.options, order.task)
    module.to("cpu").eval()


def _keep(parts: Parts, history: list[Epoch], order: Order) -> None:
    folder = order.folder / FOLDER
    if best_of(history) is history[-1]:
        save_checkpoint(folder / BEST, parts, history, order.options, order.task)
    save_checkpoint(folder / LAST, parts, history, order.options, order.task)
    write_history(order.folder, history)


def _best_file(order: Order) -> Path:
    """Return the best checkpoint: this run's, or, where no epoch since was better, the one beside what was resumed."""
    here = order.folder / FOLDER / BEST
    return here if here.exists() or order.resume is None else order.resume.with_name(BEST)


def _parts(module: nn.Module, objective: nn.Module, order: Order) -> Parts:
    options = order.options
    weights = [*module.parameters(), *objective.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=options.learning_rate, weight_decay=options.weight_decay)
    schedule: torch.optim.lr_scheduler.LRScheduler
    if options.schedule == "plateau":
        patience = max(1, options.patience // 3)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=PLATEAU_FACTOR, patience=patience)
    else:
        steps = options.epochs * (len(order.train.x) // options.batch_rows)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            options.learning_rate,
            total_steps=steps,
            pct_start=options.warm_up_share,
            div_factor=PEAK_TO_FIRST,
            cycle_momentum=False,
        )
    return Parts(module, objective, optimiser, schedule)


def _stopped(history: list[Epoch], patience: int) -> bool:
    return bool(history) and history[-1].number - best_of(history).number >= patience


def _epoch(parts: Parts, asked: nn.Module, order: Order, device: torch.device, number: int) -> Epoch:
    begun = time.perf_counter()
    torch.manual_seed(order.options.seed * 100_003 + number)
    train_loss, gradient_norm = _train(parts, asked, order, device)
    validation_loss = _validate(parts.objective, asked, order.validation, device)
    if not math.isfinite(train_loss) or not math.isfinite(validation_loss):
        raise InputError(
            f"epoch {number}: the loss is not finite, expected a number; train with a lower --learning-rate"
        )
    if isinstance(parts.schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
        parts.schedule.step(validation_loss)
    rate = float(parts.optimiser.param_groups[0]["lr"])
    return Epoch(number, train_loss, validation_loss, rate, gradient_norm, time.perf_counter() - begun)


def _train(parts: Parts, asked: nn.Module, order: Order, device: torch.device) -> tuple[float, float]:
    """Train one epoch; return its mean loss and gradient norm. Rows that fill no batch are left out."""
    asked.train()
    options = order.options
    batches = len(order.train.x) // options.batch_rows
    scaling = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    losses, norms = 0.0, 0.0
    for rows in torch.randperm(len(order.train.x))[: batches * options.batch_rows].view(batches, -1):
        x, y = order.train.x[rows].to(device), order.train.y[rows].to(device)
        with torch.autocast(device.type, enabled=device.type == "cuda"):
            loss = parts.objective(asked, x, y)
        parts.optimiser.zero_grad()
        scaling.scale(loss).backward()
        scaling.unscale_(parts.optimiser)
        norm = nn.utils.clip_grad_norm_(parts.module.parameters(), options.gradient_norm)
        scaling.step(parts.optimiser)
        scaling.update()
        if options.schedule == "cosine":
            parts.schedule.step()
        losses, norms = losses + loss.item(), norms + norm.item()
    return losses / batches, norms / batches


@torch.no_grad()
def _validate(objective: nn.Module, asked: nn.Module, rows: Rows, device: torch.device) -> float:
    asked.eval()
    total = 0.0
    batches = (torch.split(each, VALIDATION_BATCH) for each in (rows.x, rows.y))
    for x, y in zip(*batches, strict=True):
        total += objective(asked, x.to(device), y.to(device)).item() * len(x)
    return total / len(rows.x)


def _told(epoch: Epoch, options: FitOptions) -> str:
    return (
        f"epoch {epoch.number} of {options.epochs}: loss {epoch.train_loss:.4f}, "
        f"validation {epoch.validation_loss:.4f}, {epoch.duration_s:.1f} s"
    )


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
