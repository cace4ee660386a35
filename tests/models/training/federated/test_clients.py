"""Who gets which windows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.windows import Windows
from dwcpc.models.training.federated.clients import dealt, read_client, write_clients
from dwcpc.models.training.federated.options import FederatedOptions
from dwcpc.models.training.folds import Folds


def keys(windows: Windows) -> list[tuple[str, float]]:
    return list(zip(windows.group.tolist(), windows.begin.tolist(), strict=True))


@pytest.mark.parametrize(
    "options", [FederatedOptions(), FederatedOptions(clients=2), FederatedOptions(clients=3, partition="iid")]
)
def test_each_window_has_one_client(federated_folds: Folds, options: FederatedOptions) -> None:
    clients = dealt(federated_folds, options, seed=1)
    for part in ("train", "validation"):
        got = [key for client in clients for key in keys(getattr(client, part))]
        assert sorted(got) == sorted(keys(getattr(federated_folds, part)))


def test_a_group_is_a_client_and_groups_in_validation_alone_only_validate(federated_folds: Folds) -> None:
    clients = dealt(federated_folds, FederatedOptions(), seed=1)
    assert len(clients) == 7
    for client in clients:
        assert len({*client.train.group, *client.validation.group}) == 1
    assert [len(client.train) > 0 for client in clients] == [True] * 4 + [False] * 3


def test_iid_clients_have_windows_of_every_group(federated_folds: Folds) -> None:
    clients = dealt(federated_folds, FederatedOptions(clients=3, partition="iid"), seed=1)
    assert {len(set(client.train.group)) for client in clients} == {4}
    assert max(len(client.train) for client in clients) - min(len(client.train) for client in clients) <= 1


def test_a_client_reads_its_own_file_and_no_name_of_a_group(federated_folds: Folds, tmp_path: Path) -> None:
    clients = dealt(federated_folds, FederatedOptions(), seed=1)
    write_clients(tmp_path, clients)
    read = read_client(tmp_path, 2)
    assert np.array_equal(read.train.x, clients[2].train.x)
    assert np.array_equal(read.validation.anomalous, clients[2].validation.anomalous)
    assert set(read.train.group) == {0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (FederatedOptions(clients=5), "5 clients for 4 groups"),
        (FederatedOptions(clients=10_000, partition="iid"), "10000 clients for"),
    ],
)
def test_more_clients_than_there_is_data_for_are_refused(
    federated_folds: Folds, options: FederatedOptions, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        dealt(federated_folds, options, seed=1)


def test_one_series_is_no_federation(federated_folds: Folds) -> None:
    alone = dataclasses.replace(
        federated_folds,
        train=dataclasses.replace(federated_folds.train, group=np.zeros(len(federated_folds.train), np.int64)),
        validation=federated_folds.validation.taken(np.arange(3)),
    )
    with pytest.raises(InputError, match="--partition iid"):
        dealt(alone, FederatedOptions(), seed=1)
