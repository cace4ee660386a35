"""What tests of several folders share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "fixtures"))  # `tests` is no package

import bundle_edits

if TYPE_CHECKING:
    from torch import nn


@pytest.fixture(scope="session")
def randomised() -> Callable[[nn.Module, int], nn.Module]:
    """Return `randomised(module, seed)`: random weights and non-trivial BatchNorm statistics."""
    from dwcpc.models.demo.random_weights import randomised  # here, so that tests without torch start without it

    return randomised


@pytest.fixture(scope="session")
def apply_edits() -> Callable[[Path, list[dict[str, Any]]], None]:
    """Return `apply_edits(folder, edits)`: a bundle changed as the shared fixtures say."""
    return bundle_edits.apply_edits


@pytest.fixture(scope="session")
def corrupt_edits() -> list[tuple[dict[str, Any], str]]:
    """Return the edits of `corrupt.json`, each with what a reader's sentence names."""
    return bundle_edits.corrupt_edits(bundle_edits.read_list("corrupt"))


@pytest.fixture(scope="session")
def bad_cases() -> list[dict[str, Any]]:
    """Return what `bad.json` lists."""
    listed: list[dict[str, Any]] = bundle_edits.read_list("bad")
    return listed


@pytest.fixture(scope="session")
def mismatch_cases() -> list[dict[str, Any]]:
    """Return what `mismatch.json` lists."""
    listed: list[dict[str, Any]] = bundle_edits.read_list("mismatch")
    return listed


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Give torch one thread: modules as small as those of tests keep several waiting for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
