"""The last step of training a forecaster: a linear path around the network, solved together with its output layer.

With φ(x) what the trained network's output layer is given of a scaled window x,

    W = argmin ‖A·W − Y‖² + λ·‖W‖²,   A = [φ(x), x, 1] of each window

as `linear_baseline.py` has it, which chooses λ on validation. So the forecast is the best linear one of the same window
and of what the network has found in it, and what is proportional to x, such as how long a link is, need not go
through gates that saturate. The network is trained before that and without it: one that was trained on what a linear
forecast leaves had learned next to nothing after four epochs.

It takes more windows than the network was trained on. Most of the variance of loss is in a few minutes, and solved on
those windows alone it was better of everything else and worse of loss than the network's own output layer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from dwcpc.models.bandwidth_predictor import BandwidthPredictor, BandwidthPredictorConfig
from dwcpc.models.training.fit import Rows
from dwcpc.models.training.linear_baseline import CHUNK, Known, fit_linear_to_parts

AT_ONCE: Final = 1024


def with_bypass(
    trained: BandwidthPredictor, config: BandwidthPredictorConfig, parts: Iterable[Rows], validation: Rows
) -> tuple[BandwidthPredictor, float]:
    """Return `trained`, a module of `config`, with a bypass and the output layer that go with `parts`, and λ."""
    designs = (
        _known(trained, x, y)
        for part in parts
        for x, y in zip(torch.split(part.x, CHUNK), torch.split(part.y, CHUNK), strict=True)
    )
    solved = fit_linear_to_parts(designs, _known(trained, validation.x, validation.y))
    weights = torch.from_numpy(solved.weights.T.astype(np.float32))  # [targets, φ + steps · features + 1]
    found = trained.output_fc.in_features
    module = BandwidthPredictor(dataclasses.replace(config, bypass=1)).eval()
    state = dict(trained.state_dict())
    state["output_fc.weight"], state["output_fc.bias"] = weights[:, :found], weights[:, -1]
    state["bypass.weight"], state["bypass.bias"] = weights[:, found:-1], torch.zeros(len(weights))
    module.load_state_dict(state)
    return module, solved.ridge


@torch.no_grad()
def loss_on(rows: Rows, objective: Callable[[nn.Module, Tensor, Tensor], Tensor], module: nn.Module) -> float:
    """Return what `objective` says of a module in eval mode on all of `rows` at once."""
    answers = torch.cat([module(part) for part in torch.split(rows.x, AT_ONCE)])
    return float(objective(nn.Identity().eval(), answers, rows.y))


@torch.no_grad()
def _known(module: BandwidthPredictor, x: Tensor, y: Tensor) -> Known:
    """Return [windows, φ + steps · features] and the targets."""
    found: list[Tensor] = []
    handle = module.output_fc.register_forward_pre_hook(lambda _, given: found.append(given[0]))
    try:
        for part in torch.split(x, AT_ONCE):
            module(part)
    finally:
        handle.remove()
    return torch.cat([torch.cat(found), x.flatten(1)], dim=1).numpy(), y.numpy()
