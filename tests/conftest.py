"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from torch import nn


@pytest.fixture(scope="session")
def randomised() -> Callable[[nn.Module, int], nn.Module]:
    """Return `randomised(module, seed)`: random weights and non-trivial BatchNorm statistics."""
    from dwcpc.models.demo.random_weights import randomised  # here, so that tests without torch start without it

    return randomised


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Give torch one thread: modules as small as those of tests keep several waiting for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
