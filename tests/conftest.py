"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from torch import nn

ModuleT = TypeVar("ModuleT", bound="nn.Module")


def _randomised(module: ModuleT, seed: int) -> ModuleT:
    """Draw every weight and BatchNorm statistic of `module` anew, in place, and return it in eval mode.

    A fresh BatchNorm is the identity and would hide an error. Weights keep the scale of torch's own so that
    gates neither saturate nor stay linear.
    """
    import torch  # here, so that tests without torch start without it
    from torch import nn

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d):
                assert part.running_mean is not None
                assert part.running_var is not None
                part.running_mean.uniform_(-0.3, 0.3, generator=generator)
                part.running_var.uniform_(0.05, 0.5, generator=generator)
                part.weight.uniform_(0.5, 1.5, generator=generator)
                part.bias.uniform_(-0.3, 0.3, generator=generator)
            elif isinstance(part, (nn.LSTM, nn.Linear)):
                width = part.hidden_size if isinstance(part, nn.LSTM) else part.in_features
                for weight in part.parameters():
                    weight.uniform_(-(width**-0.5), width**-0.5, generator=generator)
    return module.eval()


@pytest.fixture(scope="session")
def randomised() -> Callable[[nn.Module, int], nn.Module]:
    """Return `randomised(module, seed)`: random weights and non-trivial BatchNorm statistics."""
    return _randomised


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Give torch one thread: modules as small as those of tests keep several waiting for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
