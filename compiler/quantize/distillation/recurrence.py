"""A batched LSTM over time, for a float layer or for one whose state is rounded to 8 bits at each step.

Autograd over single steps would add up the gradient of the recurrence step by step and keep 20 small tensors of each.
Here one function holds the whole loop, its directions in one product, and its gradient is written out:

    δo = δh·tanh(c),   δc += δh·o·(1 − tanh²c),   δi = δc·g,   δf = δc·c₋₁,   δg = δc·i,   δh₋₁ = δgates·R

Gates are in ONNX's order i, o, f, c. Rounding of the state passes gradients on as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dwcpc.compiler.quantize.distillation.integers import grid, on_grid


class Recurrence(torch.autograd.Function):
    """gates [T, D, B, 4H] from the input, R [D, 4H, H], h and c [D, B, H] → every h and every c [T, D, B, H]."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, recurrent: Tensor, h: Tensor, c: Tensor, rounds: bool) -> tuple[Tensor, ...]:
        """Run all steps; `rounds` the state that each of them multiplies."""
        steps, units = len(gates), h.shape[-1]
        active, given, cells = torch.empty_like(gates), gates.new_empty(steps, *h.shape), [c]
        weights = recurrent.transpose(1, 2).contiguous()
        states = []
        for t in range(steps):
            given[t] = on_grid(h, *grid(h, (-1,))) if rounds else h
            summed = torch.baddbmm(gates[t], given[t], weights)
            active[t, ..., : 3 * units] = torch.sigmoid(summed[..., : 3 * units])
            active[t, ..., 3 * units :] = torch.tanh(summed[..., 3 * units :])
            i, o, f, g = active[t].chunk(4, dim=-1)
            cells.append(torch.addcmul(f * cells[-1], i, g))
            states.append(o * torch.tanh(cells[-1]))
            h = states[-1]
        c_of_steps = torch.stack(cells)
        ctx.save_for_backward(active, c_of_steps, given, recurrent)
        return torch.stack(states), c_of_steps[1:].clone()

    @staticmethod
    def backward(ctx: Any, *wanted: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of gates, R, h and c."""
        of_h, of_c = wanted
        active, cells, given, recurrent = ctx.saved_tensors
        units = given.shape[-1]
        i, o, f, g = active.chunk(4, dim=-1)
        tanh_c = torch.tanh(cells[1:])
        slope = active * (1 - active)
        slope[..., 3 * units :] = 1 - g * g
        of_cell = o * (1 - tanh_c * tanh_c)
        factor = torch.cat([g, tanh_c, cells[:-1], i], dim=-1) * slope
        of_gates = torch.empty_like(active)
        dh, dc = torch.zeros_like(of_h[0]), torch.zeros_like(of_h[0])
        for t in reversed(range(len(active))):
            dh = dh + of_h[t]
            dc = torch.addcmul(dc + of_c[t], dh, of_cell[t])
            torch.mul(torch.cat([dc, dh, dc, dc], dim=-1), factor[t], out=of_gates[t])
            dc, dh = dc * f[t], torch.bmm(of_gates[t], recurrent)
        flat = of_gates.transpose(0, 1).flatten(1, 2), given.transpose(0, 1).flatten(1, 2)
        return of_gates, torch.bmm(flat[0].transpose(1, 2), flat[1]), dh, dc, None


def lstm(
    gates: Tensor,
    recurrent: Tensor,
    states: tuple[Tensor | None, Tensor | None],
    direction: str,
    *,
    rounds: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return Y [T, D, B, H], Y_h and Y_c [D, B, H] from what the input adds to the gates [T, D, B, 4H]."""
    zeros = gates.new_zeros(*gates.shape[1:3], recurrent.shape[-1])
    h, c = (zeros if state is None else state for state in states)
    y, cells = Recurrence.apply(_forwards(gates, direction).contiguous(), recurrent, h, c, rounds)  # type: ignore[no-untyped-call]
    return _forwards(y, direction), y[-1], cells[-1]


def _forwards(x: Tensor, direction: str) -> Tensor:
    """Turn round in time what is computed backwards; doing it twice undoes it."""
    if direction == "bidirectional":
        return torch.stack([x[:, 0], x[:, 1].flip(0)], dim=1)
    return x.flip(0) if direction == "reverse" else x
