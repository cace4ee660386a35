from __future__ import annotations

import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.columns import Columns
from dwcpc.models.data.table import Table
from dwcpc.models.data.windows import cut_windows, series_of

COLUMNS = Columns(("x",), label="bad", time="t", group="node", kind="what")


def table_of(steps: int, *, bad: range = range(0), node: str = "a", start: float = 0.0) -> Table:
    at = np.arange(steps)
    wrong = np.isin(at, list(bad))
    return {
        "x": start + at.astype(np.float64),
        "bad": wrong.astype(np.float64),
        "t": at.astype(np.float64),
        "node": np.full(steps, node),
        "what": np.where(wrong, "flood", "normal"),
    }


def test_a_window_is_steps_of_one_group_in_order() -> None:
    one, two = table_of(25), table_of(25, node="b", start=100.0)
    mixed = {name: np.stack([one[name], two[name]], axis=1).ravel() for name in one}
    windows = cut_windows(mixed, COLUMNS, timesteps=10, stride=10)
    assert windows.x[:, :, 0].tolist() == [[*range(at, at + 10)] for at in (0, 10, 100, 110)]
    assert windows.group.tolist() == ["a", "a", "b", "b"]
    assert windows.begin.tolist() == [0, 10, 0, 10]


def test_no_window_goes_over_a_gap_in_time() -> None:
    table = dict(table_of(20))
    table["t"] = table["t"] + 50 * (np.arange(20) >= 7)
    assert [len(rows) for rows in series_of(table, COLUMNS)] == [7, 13]
    assert cut_windows(table, COLUMNS, 6, 6).begin.tolist() == [0, 57, 63]


def test_rows_are_put_into_the_order_of_their_time() -> None:
    table = {name: values[::-1] for name, values in table_of(12).items()}
    assert cut_windows(table, COLUMNS, 12, 1).x[0, :, 0].tolist() == [*range(12)]


@pytest.mark.parametrize(("bad", "anomalous", "edge"), [(0, False, False), (1, False, True), (2, True, False)])
def test_a_fifth_of_the_steps_makes_an_anomaly_and_fewer_an_edge(bad: int, *, anomalous: bool, edge: bool) -> None:
    windows = cut_windows(table_of(10, bad=range(bad)), COLUMNS, 10, 10)
    assert (windows.anomalous[0], windows.edge[0]) == (anomalous, edge)
    assert len(windows.clear()) == (0 if edge else 1)


def test_the_kind_is_that_of_the_labelled_steps() -> None:
    assert cut_windows(table_of(20, bad=range(12, 20)), COLUMNS, 10, 10).kind.tolist() == ["", "flood"]


def test_without_a_label_no_window_is_an_anomaly() -> None:
    windows = cut_windows(table_of(20, bad=range(20)), Columns(("x",)), 10, 10)
    assert not windows.anomalous.any()
    assert not windows.edge.any()


def test_a_table_too_short_for_a_window_is_refused() -> None:
    with pytest.raises(InputError, match="longest series without a gap has 9 rows, expected 10"):
        cut_windows(table_of(9), COLUMNS, 10, 1)
