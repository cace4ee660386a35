from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.labelled import keyed_by, labelled_rows, read_labelled
from dwcpc.models.data.nodes import CAUSE, LABEL, Fleet, simulate_nodes

SPEC = shipped_spec("node_reliability_123")


def write(path: Path, table: dict[str, np.ndarray]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*(column.tolist() for column in table.values()), strict=True))
    return path


def test_a_file_gives_the_rows_of_the_table_that_was_written(tmp_path: Path) -> None:
    table = simulate_nodes(Fleet(4, 40))
    given = read_labelled(write(tmp_path / "nodes.csv", table), SPEC, LABEL)
    direct = labelled_rows(SPEC, table, LABEL, CAUSE)
    assert np.array_equal(given.x, direct.x)
    assert np.array_equal(given.label, direct.label)
    assert given.cause is None
    assert given.group is not None
    assert direct.group is not None
    assert np.array_equal(given.group, direct.group)


def test_time_group_and_label_may_have_other_names(tmp_path: Path) -> None:
    table = simulate_nodes(Fleet(4, 40))
    names = {"timestamp": "at", "node_id": "host", LABEL: "failed"}
    renamed = {names.get(name, name): values for name, values in table.items()}
    given = read_labelled(write(tmp_path / "n.csv", renamed), keyed_by(SPEC, "at", "host"), "failed")
    assert np.array_equal(given.x, labelled_rows(SPEC, table, LABEL).x)


def test_a_label_that_is_neither_0_nor_1_is_refused(tmp_path: Path) -> None:
    table = simulate_nodes(Fleet(3, 30))
    table[LABEL][7] = 0.5
    with pytest.raises(InputError, match=r"row 7, column 'label' is 0\.5, expected 0 or 1"):
        read_labelled(write(tmp_path / "n.csv", table), SPEC, LABEL)


def test_a_label_that_is_a_feature_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name the column to predict"):
        read_labelled(tmp_path / "n.csv", SPEC, "cpu_usage")


def test_a_missing_label_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no column 'failed'"):
        read_labelled(write(tmp_path / "n.csv", simulate_nodes(Fleet(3, 30))), SPEC, "failed")
