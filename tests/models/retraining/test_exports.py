"""Exports of services become one table: nothing twice, nothing mixed up, and what is wrong is told by file and row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.models.retraining.exports import ExportColumns, Key, read_exports
from dwcpc.models.retraining.incidents import read_incidents, with_labels

COLUMNS = ExportColumns(
    numbers=("rtt", "loss"),
    texts=("mode",),
    time=Key("timestamp", ("timestamp", "time")),
    group=Key("node", ("node", "group")),
    label=Key("anomaly", ("anomaly",)),
    kind="kind",
)
HEAD = "time,rtt,loss,mode"


def export(path: Path, *lines: str, head: str = HEAD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    return path


def test_overlapping_exports_are_one_series_in_order_of_time(tmp_path: Path) -> None:
    export(tmp_path / "b.csv", "30,3,0,x", "40,4,0,x")
    export(tmp_path / "a.csv", "20,2,0,x", "10,1,0,x", "30,3,0,x")
    found = read_exports([tmp_path], COLUMNS)
    assert found.table["timestamp"].tolist() == [10.0, 20.0, 30.0, 40.0]
    assert found.table["rtt"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert (found.files, found.repeated, found.incomplete, found.labelled) == (("a.csv", "b.csv"), 1, 0, False)


def test_a_folder_below_the_one_that_is_named_is_a_node(tmp_path: Path) -> None:
    export(tmp_path / "n2" / "a.csv", "10,5,0,x")
    export(tmp_path / "n1" / "a.csv", "10,1,0,x")
    found = read_exports([tmp_path], COLUMNS)
    assert found.table["node"].tolist() == ["n1", "n2"]
    assert found.table["rtt"].tolist() == [1.0, 5.0]


def test_a_column_of_nodes_goes_before_the_folder_and_may_have_another_name(tmp_path: Path) -> None:
    path = export(tmp_path / "n2" / "a.csv", "10,5,0,x,mine,7", head="when,rtt,loss,mode,host,extra")
    found = read_exports([path], COLUMNS.called(time="when", group="host", label=None))
    assert found.table["node"].tolist() == ["mine"]
    assert "extra" not in found.table


def test_dates_as_the_collector_writes_them_are_seconds_since_1970(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", "2024-02-29T12:00:00.123456789Z,1,0,x", "2024-02-29T13:00:01+01:00,1,0,x")
    times = read_exports([path], COLUMNS).table["timestamp"]
    assert times.tolist() == [1709208000.123456, 1709208001.0]


def test_a_row_without_a_value_is_left_out_and_counted(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", "10,,0,x", "20,2,inf,x", "30,3,0,", "40,4,0,x")
    found = read_exports([path], COLUMNS)
    assert (found.table["timestamp"].tolist(), found.incomplete) == ([40.0], 3)


def test_a_label_that_was_corrected_since_counts(tmp_path: Path) -> None:
    head = f"{HEAD},anomaly,kind"
    export(tmp_path / "1.csv", "10,1,0,x,0,", "20,2,0,x,0,", head=head)
    export(tmp_path / "2.csv", "20,2,0,x,1,slow disk", head=head)
    found = read_exports([tmp_path], COLUMNS)
    assert found.labelled
    assert found.table["anomaly"].tolist() == [0.0, 1.0]
    assert found.table["kind"].tolist() == ["", "slow disk"]


@pytest.mark.parametrize(
    ("lines", "head", "says"),
    [
        (["10,1,0,x"], "time,rtt,delay,mode", "no column 'loss', expected rtt, loss, mode"),
        (["10,1,0,x"], "at,rtt,loss,mode", "no column 'timestamp' or 'time'; name it with --time"),
        (["10,1,0,x", "soon,1,0,x"], HEAD, "row 2 below the names, column 'time' is 'soon', expected a number"),
        (["10,1,0,x", "2024-02-29T12:00:00Z,1,0,x"], HEAD, "expected a number, as the first row has"),
        (["2024-02-29T12:00:00,1,0,x"], HEAD, "expected a date such as"),
        (["nan,1,0,x"], HEAD, "expected a date"),
        (["10,fast,0,x"], HEAD, "row 1 below the names, column 'rtt' is 'fast', expected a number"),
        (["10,1,0"], HEAD, "line 2 has 3 cells, expected 4"),
        ([], HEAD, "holds no rows"),
        (["10,1,1,0,x"], "time,rtt,rtt,loss,mode", "has 2 columns 'rtt', expected one"),
        (["10,1,0,x,2"], f"{HEAD},anomaly", "column 'anomaly' is '2', expected 0 or 1"),
        (["10,1,0,x,"], f"{HEAD},anomaly", "column 'anomaly' is '', expected 0 or 1"),
        (["10,,0,x"], HEAD, "every row lacks a value"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, lines: list[str], head: str, says: str) -> None:
    path = export(tmp_path / "bad.csv", *lines, head=head)
    with pytest.raises(InputError) as error:
        read_exports([path], COLUMNS)
    assert says in str(error.value)
    assert str(path) in str(error.value)


def test_two_nodes_in_one_folder_are_told_and_not_mixed(tmp_path: Path) -> None:
    export(tmp_path / "a.csv", "10,1,0,x", "20,1,0,x")
    export(tmp_path / "b.csv", "10,1,0,x", "20,7,0,x")
    with pytest.raises(InputError, match=r"'rtt' is 1.0 and 7.0 at the same time 20 .* folder of its own"):
        read_exports([tmp_path], COLUMNS)


def test_exports_of_which_some_have_labels_are_refused(tmp_path: Path) -> None:
    export(tmp_path / "a.csv", "10,1,0,x,1", head=f"{HEAD},anomaly")
    export(tmp_path / "b.csv", "20,1,0,x")
    with pytest.raises(InputError, match=r"b\.csv: has no column 'anomaly', which other exports have"):
        read_exports([tmp_path], COLUMNS)


def test_a_folder_without_exports_and_a_file_that_is_absent_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: holds no \.csv file"):
        read_exports([tmp_path / "empty"], COLUMNS)
    with pytest.raises(InputError, match="absent: cannot be read"):
        read_exports([tmp_path / "absent"], COLUMNS)


def labels(tmp_path: Path, *log: str, head: str = "begin,end,group,kind") -> tuple[list[float], list[str]]:
    export(tmp_path / "all" / "n1" / "a.csv", *(f"{at},1,0,x" for at in (10, 20, 30)))
    export(tmp_path / "all" / "n2" / "a.csv", *(f"{at},1,0,x" for at in (10, 20, 30)))
    table = read_exports([tmp_path / "all"], COLUMNS).table
    incidents = read_incidents(export(tmp_path / "log.csv", *log, head=head))
    labelled = with_labels(table, incidents, COLUMNS)
    return labelled["anomaly"].tolist(), labelled["kind"].tolist()


def test_a_log_labels_the_rows_from_begin_to_end_of_one_node_or_of_all(tmp_path: Path) -> None:
    label, kind = labels(tmp_path, "20,30,n1,slow disk", "5,10,,partition")
    assert label == [1, 1, 1, 1, 0, 0]
    assert kind == ["partition", "slow disk", "slow disk", "partition", "", ""]


def test_a_log_without_rows_says_that_nothing_happened(tmp_path: Path) -> None:
    assert labels(tmp_path) == ([0.0] * 6, [""] * 6)


@pytest.mark.parametrize(
    ("line", "head", "says"),
    [
        ("20,30", "from,end", "has no column 'begin'"),
        ("30,20", "begin,end", "row 1 below the names ends before it begins"),
        ("soon,30", "begin,end", "column 'begin' is 'soon'"),
        ("100,200", "begin,end", "concerns none of the 6 collected rows, which are of 10 to 30"),
    ],
)
def test_a_bad_log_is_one_sentence(tmp_path: Path, line: str, head: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        labels(tmp_path, line, head=head)
    assert says in str(error.value)


def test_numbers_are_kept_to_the_last_bit(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", "0.1,0.30000000000000004,1e-300,x")
    table = read_exports([path], COLUMNS).table
    assert np.array_equal([table["rtt"][0], table["loss"][0], table["timestamp"][0]], [0.1 + 0.2, 1e-300, 0.1])
