"""Which rows are samples, in which history, and which are refused: by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.spec import FeatureSpec

COUNT = {"name": "n", "op": "rolling_min", "of": "x", "window": 100}  # the history's first value: where it began


def spec(**changed: Any) -> FeatureSpec:
    document = {
        "schema": "dwcpc.features/1",
        "name": "s",
        "group": "node",
        "columns": [{"name": "x"}, {"name": "mode", "type": "category", "categories": ["a", "b"]}],
        "steps": [COUNT, {"name": "mode_code", "op": "label", "of": "mode", "fill": -1}],
    }
    return checked_spec(document | changed, "spec")


def table(**changed: Any) -> dict[str, np.ndarray]:
    plain = {
        "x": np.arange(6.0),
        "mode": np.array(list("aabbaa")),
        "node": np.array(["p", "q", "p", "q", "p", "q"]),
        "t": np.array([1.0, 1, 2, 2, 3, 3]),
    }
    return plain | changed


def test_late_and_equal_times_are_refused_unless_the_specification_says_otherwise() -> None:
    late, again = np.array([1.0, 1, 5, 2, 4, 3]), np.array([1.0, 1, 2, 2, 2, 3])
    with pytest.raises(InputError, match=r"row 4, column 't' is before the group's sample"):
        run_spec(spec(time={"column": "t"}), table(t=late))
    with pytest.raises(InputError, match=r"row 4, column 't' is the same as the group's sample"):
        run_spec(spec(time={"column": "t"}), table(t=again))


@pytest.mark.parametrize(
    ("times", "rules", "rows", "begins"),
    [
        ([1, 1, 5, 2, 4, 3], {"late": "skip"}, [0, 1, 2, 3, 5], [0, 1, 0, 1, 1]),
        ([1, 1, 5, 2, 4, 5], {"late": "skip"}, [0, 1, 2, 3, 5], [0, 1, 0, 1, 1]),
        ([1, 1, 2, 2, 2, 3], {"duplicate": "skip"}, [0, 1, 2, 3, 5], [0, 1, 0, 1, 1]),
        ([1, 1, 2, 2, 2, 3], {"duplicate": "keep"}, [0, 1, 2, 3, 4, 5], [0, 1, 0, 1, 0, 1]),
        ([1, 1, 3, 4, 13, 5], {"max_gap": 3}, [0, 1, 2, 3, 4, 5], [0, 1, 0, 1, 4, 1]),
        ([1, 1, 4, 4, 7.5, 7], {"max_gap": 3}, [0, 1, 2, 3, 4, 5], [0, 1, 0, 1, 4, 1]),
        ([1, 1, 9, 4, 3, 7], {"max_gap": 3, "late": "skip"}, [0, 1, 2, 3, 5], [0, 1, 2, 1, 1]),
        ([-5, 1, -4, 2, 0, 3], {"max_gap": None}, [0, 1, 2, 3, 4, 5], [0, 1, 0, 1, 0, 1]),
    ],
)
def test_rows_are_skipped_kept_and_begin_anew(
    times: list[float], rules: dict[str, Any], rows: list[int], begins: list[float]
) -> None:
    found = run_spec(spec(time={"column": "t", **rules}), table(t=np.array(times, float)))
    assert found.rows.tolist() == rows
    assert found.values[:, 0].tolist() == begins


def test_without_time_rows_are_taken_as_they_come_and_without_group_they_are_one() -> None:
    assert run_spec(spec(), table()).values[:, 0].tolist() == [0, 1, 0, 1, 0, 1]
    assert run_spec(spec(group=None), table()).values[:, 0].tolist() == [0] * 6


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"node": np.array(["p", "", "p", "q", "p", "q"])}, r"row 1, column 'node' is empty"),
        ({"node": np.array([1.0, 2.0, np.nan, 1.0, 1.0, 1.0])}, r"row 2, column 'node' is empty"),
        ({"t": np.array([1.0, 1, np.nan, 2, 3, 3])}, r"row 2, column 't' is no finite time"),
        ({"t": np.array([1.0, 1, 2, np.inf, 3, 3])}, r"row 3, column 't' is no finite time"),
        ({"mode": np.array(list("aabbca"))}, r"row 4, column 'mode' is 'c', expected one of a, b"),
        ({"mode": np.array(["a", "", "a", "a", "a", "a"])}, r"row 1, column 'mode' is ''"),
        ({"node": np.array(["p", "q", None, "q", "p", "q"], object)}, r"row 2, column 'node' is empty"),
        ({"node": np.array(["p", "q", "p", np.nan, "p", "q"], object)}, r"row 3, column 'node' is empty"),
        ({"node": np.array(["p", "q", "p", "q", pd.NA, "q"], object)}, r"row 4, column 'node' is empty"),
        ({"mode": np.array(["a", "a", None, "a", "a", "a"], object)}, r"row 2, column 'mode' is '', expected one of"),
        ({"t": np.arange(6).astype("timedelta64[s]")}, r"column 't' is of type timedelta64\[s\], expected numbers"),
        ({"x": np.arange(6) * 1j}, r"column 'x' is of type complex128, expected numbers"),
        ({"x": np.array(list("abcdef"))}, r"column 'x' is of type <U1, expected numbers"),
        ({"x": np.arange(5.0)}, r"has 6 rows, expected 5"),
    ],
)
def test_rows_that_cannot_be_taken_are_refused_by_row_and_column(changed: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(InputError, match=says) as refused:
        run_spec(spec(time={"column": "t"}), table(**changed))
    assert "\n" not in str(refused.value)


def test_a_table_without_a_column_is_refused() -> None:
    for name in ("x", "mode", "node", "t"):
        short = {key: values for key, values in table().items() if key != name}
        with pytest.raises(InputError, match=f"has no column '{name}'"):
            run_spec(spec(time={"column": "t"}), short)


def test_unknown_categories_are_missing_where_the_specification_says_so() -> None:
    columns = [{"name": "x"}, {"name": "mode", "type": "category", "categories": ["a"], "unknown": "missing"}]
    found = run_spec(spec(columns=columns), table())
    assert found.values[:, 1].tolist() == [0, 0, -1, -1, 0, 0]


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT, ""])
def test_a_missing_category_is_none_of_that_spelling(nothing: object) -> None:
    """As pandas' columns have it: text of it, such as "None", may be a category of its own."""
    spelled = {"name": "mode", "type": "category", "categories": ["None", "nan", "<NA>", "NaT"], "unknown": "missing"}
    mode = np.array(["None", nothing, "nan", "<NA>", nothing, "NaT"], object)
    found = run_spec(spec(columns=[{"name": "x"}, spelled]), table(mode=mode))
    assert found.values[:, 1].tolist() == [0, -1, 1, 2, -1, 3]


def test_no_rows_give_no_features() -> None:
    empty = {name: values[:0] for name, values in table().items()}
    assert run_spec(spec(time={"column": "t"}), empty).values.shape == (0, 2)
