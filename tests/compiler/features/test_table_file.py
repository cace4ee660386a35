"""Tables in files: what `dwcpc features` shows of them is in tests/compiler/commands/test_features.py."""

from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from dwcpc.bench.feature_table import node_table
from dwcpc.compiler.features import table_file
from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.compiler.features.table_file import WRITTEN_ROWS, read_table, write_features


def lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_row_is_written_once_with_its_key_and_every_bit(tmp_path: Path) -> None:
    spec = shipped_spec("node_reliability_123")
    for rows in (0, 1, WRITTEN_ROWS, 2 * WRITTEN_ROWS + 1):
        table = node_table(spec, rows, 3)
        features = run_spec(spec, table)
        write_features(tmp_path / "f.csv", features, spec, table)
        head, *written = lines(tmp_path / "f.csv")
        assert head == ["node_id", "timestamp", *spec.features]
        assert [row[0] for row in written] == table["node_id"].tolist()
        assert [float(row[1]) for row in written] == table["timestamp"].tolist()
        values = np.array([row[2:] for row in written], np.float64).reshape(rows, len(spec.features))
        assert np.array_equal(values.view(np.int64), features.values.view(np.int64))


def test_without_a_key_the_features_alone_are_written_and_read(tmp_path: Path) -> None:
    spec = shipped_spec("legacy_predictor")
    table = {column.name: np.arange(WRITTEN_ROWS + 2.0) / 3 for column in spec.columns}
    features = run_spec(spec, table)
    write_features(tmp_path / "f.csv", features, spec, table)
    head, *written = lines(tmp_path / "f.csv")
    assert head == list(spec.features)
    assert np.array_equal(np.array(written, np.float64), features.values)
    with (tmp_path / "raw.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([table, *zip(*(values.tolist() for values in table.values()), strict=True)])
    read = read_table(tmp_path / "raw.csv", spec)
    assert all(np.array_equal(read[name], table[name]) for name in table)


def test_writing_takes_less_memory_than_the_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "WRITTEN_ROWS", 16)
    spec = shipped_spec("node_reliability_123")
    table = node_table(spec, 1000, 3)
    features = run_spec(spec, table)
    tracemalloc.start()
    try:
        write_features(tmp_path / "f.csv", features, spec, table)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < features.values.nbytes / 2
