"""Who has which windows: each client's own to train on and to validate by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.windows import Windows
from dwcpc.models.training.federated.options import FederatedOptions
from dwcpc.models.training.folds import Folds


@dataclass(frozen=True, slots=True)
class ClientWindows:
    """What one client has; a client without windows to train on validates alone."""

    train: Windows
    validation: Windows


def dealt(folds: Folds, options: FederatedOptions, seed: int) -> tuple[ClientWindows, ...]:
    """Deal the windows out to clients; no window has two of them.

    With one client a group, groups that are in validation alone become clients that validate alone. With a number of
    clients, groups are dealt out at random.
    """
    owners = _by_group if options.partition == "group" else _by_window
    train, validation, count = owners(folds, options.clients, np.random.default_rng(seed))
    return tuple(
        ClientWindows(folds.train.taken(train == client), folds.validation.taken(validation == client))
        for client in range(count)
    )


Owners = tuple[NDArray[np.int64], NDArray[np.int64], int]  # of training windows, of validation windows, and how many


def _by_group(folds: Folds, clients: int | None, rng: np.random.Generator) -> Owners:
    names = np.unique(folds.train.group)
    others = np.setdiff1d(folds.validation.group, names)
    if clients is None:
        _check_count(len(names), len(names))
        place = {name: at for at, name in enumerate([*names, *others])}
    else:
        _check_count(clients, len(names))
        place = {name: at % clients for part in (names, others) for at, name in enumerate(rng.permutation(part))}
    return _placed(folds.train.group, place), _placed(folds.validation.group, place), max(place.values()) + 1


def _by_window(folds: Folds, clients: int | None, rng: np.random.Generator) -> Owners:
    count = len(np.unique(folds.train.group)) if clients is None else clients
    _check_count(count, len(folds.train))
    return _shuffled(len(folds.train), count, rng), _shuffled(len(folds.validation), count, rng), count


def _check_count(clients: int, available: int) -> None:
    if clients < 2:
        raise InputError(
            "a federation of one client, expected 2 or more; name the column of groups with --group, or deal windows "
            "out with --partition iid --clients N"
        )
    if clients > available:
        raise InputError(f"{clients} clients for {available} groups, expected one or more for each; lower --clients")


def _placed(groups: NDArray[Any], place: dict[Any, int]) -> NDArray[np.int64]:
    return np.array([place[group] for group in groups], np.int64)


def _shuffled(windows: int, clients: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.permutation(np.arange(windows) % clients)


def write_clients(folder: Path, clients: Sequence[ClientWindows]) -> None:
    """Write a file for each client, which no other reads. Names of groups stay behind."""
    for number, client in enumerate(clients):
        parts = {"train": client.train, "validation": client.validation}
        arrays = {
            f"{part}.{name}": values
            for part, windows in parts.items()
            for name, values in (
                ("x", windows.x),
                ("anomalous_steps", windows.anomalous_steps),
                ("begin", windows.begin),
                ("kind", windows.kind.astype(np.str_)),
            )
        }
        np.savez(_file(folder, number), **arrays)  # type: ignore[arg-type]  # the stub takes its flag for a keyword


def read_client(folder: Path, number: int) -> ClientWindows:
    """Return what client `number` has."""
    with np.load(_file(folder, number), allow_pickle=False) as stored:
        return ClientWindows(*(_windows(stored, part) for part in ("train", "validation")))


def _windows(stored: Any, part: str) -> Windows:
    x = stored[f"{part}.x"]
    steps, begin, kind = (stored[f"{part}.{name}"] for name in ("anomalous_steps", "begin", "kind"))
    return Windows(x, steps, np.zeros(len(x), np.int64), begin, kind)


def _file(folder: Path, number: int) -> Path:
    return folder / f"client-{number}.npz"
