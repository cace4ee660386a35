"""The training of integer layers until the network answers as the float one does.

What is minimised is what is measured: the power of the output's error relative to the signal's. A few rows that the
network amplifies carry most of it, so a gradient longer than usual is cut to the usual length, lest one batch undo what
many have taught. Weights move slowly: they are compensated for each other (`rounding.py`), and larger steps would first
destroy that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dwcpc.compiler.quantize.distillation.graph import TorchGraph
from dwcpc.compiler.quantize.distillation.integer_lstm import IntegerLstm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.compiler.steps import Steps

    Draw = Callable[[int, int], NDArray[np.float32]]

WEIGHT_RATE = 0.01  # of a rounding step, for each training step
BIAS_RATE = 3e-4
MOMENTA = (0.9, 0.99)
USUAL_DECAY = 0.9  # of the usual length of a gradient
UNUSUAL = 3.0  # times the usual length: the most that one gradient counts for it
HELD_OUT_SEED = 2**32  # added to the seed: rows that no training step has seen
TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long to train on how many rows, and how often to look at `held_out` others."""

    steps: int = 300
    rows: int = 64
    warm_up: int = 20
    look_every: int = 50
    held_out: int = 512

    def rate(self, step: int) -> float:
        """Return the share of the full learning rate at `step`: a ramp, then half a cosine."""
        return min(1.0, (step + 1) / self.warm_up) * 0.5 * (1 + math.cos(math.pi * step / self.steps))


@dataclass(frozen=True, slots=True)
class Noise:
    """Compares the student with the teacher, by the power of the difference over that of the answer about its mean."""

    teacher: TorchGraph
    student: TorchGraph

    def of(self, x: Tensor) -> Tensor:
        """Return the relative noise power on rows `x`, which gradients can be taken of."""
        with torch.no_grad():
            exact = self.teacher(x)
            signal = (exact - exact.mean(dim=tuple(range(exact.ndim - 1)))).square().mean()
        noise: Tensor = (self.student(x) - exact).square().mean() / (signal + TINY)
        return noise

    def over(self, rows: NDArray[np.float32], batch: int) -> float:
        """Return the mean over many rows, in batches."""
        with torch.no_grad():
            parts = torch.split(torch.from_numpy(rows), batch)
            return sum(float(self.of(part)) * len(part) for part in parts) / len(rows)


def train(
    noise: Noise, layers: Mapping[str, IntegerLstm], draw: Draw, seed: int, schedule: Schedule, steps: Steps
) -> float:
    """Train `layers` in place and leave them at the best of what was looked at; return its noise on held-out rows."""
    held_out = draw(schedule.held_out, seed + HELD_OUT_SEED)
    best, kept = noise.over(held_out, schedule.rows), _state(layers)
    optimiser = torch.optim.Adam(
        [
            {"params": [p for each in layers.values() for p in (each.weights, each.recurrent)], "full": WEIGHT_RATE},
            {"params": [each.bias for each in layers.values()], "full": BIAS_RATE},
        ],
        betas=MOMENTA,
    )
    usual = math.inf
    for step in range(schedule.steps):
        if step % schedule.look_every == 0:
            steps.next(f"distilling, {-10 * math.log10(best + TINY):.1f} dB so far")
        for group in optimiser.param_groups:
            group["lr"] = group["full"] * schedule.rate(step)
        optimiser.zero_grad()
        noise.of(torch.from_numpy(draw(schedule.rows, seed + 1 + step))).backward()  # type: ignore[no-untyped-call]
        usual = _cut(optimiser.param_groups, usual)
        optimiser.step()
        if (step + 1) % schedule.look_every == 0 or step + 1 == schedule.steps:
            found = noise.over(held_out, schedule.rows)
            if found < best:
                best, kept = found, _state(layers)
    for name, state in kept.items():
        layers[name].load_state_dict(state)
    return best


def _state(layers: Mapping[str, IntegerLstm]) -> dict[str, dict[str, Tensor]]:
    return {name: deepcopy(each.state_dict()) for name, each in layers.items()}


def _cut(groups: Iterable[Mapping[str, list[torch.nn.Parameter]]], usual: float) -> float:
    """Shorten all gradients together to the usual length; return the usual length with this one in it."""
    gradients = [p.grad for group in groups for p in group["params"] if p.grad is not None]
    length = float(torch.sqrt(sum((each.square().sum() for each in gradients), torch.zeros(()))))
    usual = length if usual == math.inf else USUAL_DECAY * usual + (1 - USUAL_DECAY) * min(length, UNUSUAL * usual)
    if length > usual:
        for each in gradients:
            each.mul_(usual / length)
    return usual
