from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.columns import Columns
from dwcpc.models.data.consensus.simulate import ConsensusSimulation, simulate_consensus
from dwcpc.models.data.table_csv import read_csv, write_csv
from dwcpc.models.training.folds import CONSENSUS_COLUMNS

COLUMNS = Columns(("x",), label="bad", group="node")


def test_a_table_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    table = simulate_consensus(ConsensusSimulation(1, 3, 200))
    write_csv(tmp_path / "t.csv", table)
    again = read_csv(tmp_path / "t.csv", CONSENSUS_COLUMNS)
    assert set(again) == set(table)
    assert all(np.array_equal(again[name], table[name]) for name in table)


def test_other_columns_are_ignored_and_an_empty_number_is_missing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\ufeffnode, x ,more,bad\na,,z,0\n\na,2,z,1\n", encoding="utf-8")
    table = read_csv(tmp_path / "t.csv", COLUMNS)
    assert set(table) == {"node", "x", "bad"}
    assert np.isnan(table["x"][0])
    assert table["x"][1] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("node,x\na,1\n", "no column 'bad', expected node, x, bad"),
        ("node,x,bad\na,1\n", "line 2 has 2 cells, expected 3"),
        ("node,x,bad\na,1,0\na,fast,0\n", "row 2 below the names, column 'x' is 'fast', expected a number"),
        ("node,x,bad\na,1,2\n", "row 1 below the names, column 'bad' is 2.0, expected 0 or 1"),
        ("node,x,bad\na,1,\n", "column 'bad' is nan, expected 0 or 1"),
        ("node,x,bad\n", "holds no rows"),
        ("", "holds no rows"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_csv(tmp_path / "t.csv", COLUMNS)
    with pytest.raises(InputError, match="cannot be read"):
        read_csv(tmp_path / "absent.csv", COLUMNS)
