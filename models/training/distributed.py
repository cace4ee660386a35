"""One training shared by several processes, each with its rows of every batch: torch's DistributedDataParallel.

With the rows of a batch dealt out to processes p, and the objective L a function of the answers of *all* rows (a mean
over the normal ones, say), the mean of the processes' own losses is another function. So answers are exchanged, each
process computes the same L, and its gradient goes back through its own rows alone:

    ∂L/∂w = Σ_p ∂L/∂answers_p · ∂answers_p/∂w

BatchNorm's mean and variance are those of all rows, too. What one process computes with the same batch comes out, but
for the order in which float32 sums are added; dropout draws other masks.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.multiprocessing.spawn import ProcessException, spawn
from torch.nn.modules.batchnorm import _BatchNorm

from dwcpc.compiler.errors import DwcpcError, InputError
from dwcpc.models.training.fit import Order, Progress, Seat, device_of, fit_seated, take_best
from dwcpc.models.training.history import Epoch

POLL_S: Final = 0.05


def fit_together(module: nn.Module, objective: nn.Module, order: Order, progress: Progress) -> list[Epoch]:
    """Do what `fit` does, in processes of their own; only the first of them writes files."""
    _check(order)
    with tempfile.TemporaryDirectory(prefix="dwcpc-processes-") as folder:
        told = torch.multiprocessing.get_context("spawn").SimpleQueue()
        given = (module, objective, dataclasses.replace(order, watch=None), told, f"file://{folder}/meeting")
        processes = order.options.processes
        running = spawn(_trained, given, processes, join=False)  # type: ignore[no-untyped-call]
        history: list[Epoch] = []
        try:
            while not _joined(running):
                history += _relayed(told, order, progress)
            history += _relayed(told, order, progress)
        finally:
            for process in running.processes:
                process.terminate()
                process.join()
    take_best(module, objective, order)
    return history


def _check(order: Order) -> None:
    processes, devices = order.options.processes, torch.cuda.device_count()
    if devices and processes > devices:
        raise InputError(f"--processes is {processes} and there are {devices} GPUs, one for each process; ask for less")


def _joined(running: Any) -> bool:
    try:
        return bool(running.join(timeout=POLL_S))
    except ProcessException as error:
        last = str(error).strip().splitlines()[-1]
        raise DwcpcError(f"process {error.error_index} of the training ended: {last}") from error


def _relayed(told: Any, order: Order, progress: Progress) -> list[Epoch]:
    """Hand on what the first process told: steps, epochs, its error; return all epochs once it is through."""
    history: list[Epoch] = []
    while not told.empty():
        news = told.get()
        if isinstance(news, DwcpcError):
            raise news
        if isinstance(news, str):
            progress(news)
        elif isinstance(news, list):
            history = news
        elif order.watch is not None:
            order.watch(news)
    return history


def _trained(rank: int, module: nn.Module, objective: nn.Module, order: Order, told: Any, meeting: str) -> None:
    """Be one of the processes. What was handed over lies in memory that all share: each trains a copy."""
    device = device_of(rank)
    backend = "nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
    size = order.options.processes
    tell: Callable[[Any], None] = told.put if rank == 0 else _nothing
    dist.init_process_group(backend, init_method=meeting, rank=rank, world_size=size)
    seat = Seat(device, rank, lambda placed: Shared(placed, rank, size))
    own = copy.deepcopy(module), copy.deepcopy(objective), dataclasses.replace(order, watch=tell)
    try:
        tell(fit_seated(*own, tell, seat))
    except DwcpcError as error:  # of which every process has the same
        tell(error)
    finally:
        dist.destroy_process_group()


def _nothing(_news: Any) -> None:
    pass


class Shared(nn.Module):
    """Answers as `module` does, though this process computes its own rows alone."""

    def __init__(self, module: nn.Module, rank: int, size: int) -> None:
        """Change the BatchNorms of `module`, in place, to those of all processes' rows."""
        super().__init__()
        for part in module.modules():
            if isinstance(part, _BatchNorm):
                # A class derived from both, so that one which arranges its input before it normalises still does.
                part.__class__ = type(f"Shared{type(part).__name__}", (type(part), _SharedBatchNorm), {})
        self.together = nn.parallel.DistributedDataParallel(module)
        self._rank, self._size, self._calls = rank, size, 0

    def forward(self, x: Tensor) -> Tensor:
        """Return the answers of all rows; only those of this process's own lead back to the weights."""
        if len(x) < self._size:
            whole: Tensor = self.together(x)
            return whole
        ends = [len(x) * place // self._size for place in range(self._size + 1)]
        start, stop = ends[self._rank], ends[self._rank + 1]
        with self._own_randomness(x.device):
            own = self.together(x[start:stop])
        everything: Tensor = _Exchanged.apply(own, start, len(x), self._size)  # type: ignore[no-untyped-call]
        return everything

    @contextlib.contextmanager
    def _own_randomness(self, device: torch.device) -> Iterator[None]:
        """Draw dropout masks of this process's own, and leave what the objective draws the same everywhere."""
        self._calls += 1
        seed = (torch.initial_seed() * 1_000_003 + self._calls) * self._size + self._rank
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed % 2**63)
            yield


class _Exchanged(torch.autograd.Function):
    """Rows of all processes, from each its own.

    Their gradient is of the whole loss, of which DistributedDataParallel takes the mean over processes: times `size`.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, start: int, rows: int, size: int) -> Tensor:
        ctx.start, ctx.stop, ctx.size = start, start + len(own), size
        everything = own.new_zeros(rows, *own.shape[1:])
        everything[start : start + len(own)] = own
        dist.all_reduce(everything)
        return everything

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        return gradients[0][ctx.start : ctx.stop] * ctx.size, None, None, None


class _Summed(torch.autograd.Function):
    """The sum over processes; what each does with it leads back to all of them."""

    @staticmethod
    def forward(_ctx: Any, part: Tensor) -> Tensor:
        whole = part.clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        whole = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(whole)
        return whole


class _SharedBatchNorm(_BatchNorm):
    """y = γ·(x − μ)/√(σ² + ε) + β with μ and σ² of all processes' rows; torch's SyncBatchNorm needs a GPU."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        axes = [axis for axis in range(x.dim()) if axis != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        n = _summed(torch.full((1,), x.numel() / x.shape[1], device=x.device))
        mu = _summed(x.sum(axes)) / n
        centred = x - mu.view(shape)
        var = _summed(centred.square().sum(axes)) / n
        self._remember(mu.detach(), var.detach() * n / (n - 1))
        y = centred / torch.sqrt(var + self.eps).view(shape)
        return y if self.weight is None else y * self.weight.view(shape) + self.bias.view(shape)

    @torch.no_grad()
    def _remember(self, mu: Tensor, unbiased: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mu, share)
        self.running_var.lerp_(unbiased, share)


def _summed(part: Tensor) -> Tensor:
    whole: Tensor = _Summed.apply(part)  # type: ignore[no-untyped-call]
    return whole
