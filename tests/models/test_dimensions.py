import pytest

from dwcpc.models.dimensions import LARGEST_DIMENSION, dimension, lstm_units


def test_reads_the_size_along_the_axis():
    assert dimension({"a": (3, 5)}, "a", 1, 7) == 5


@pytest.mark.parametrize("shape", [(), (3,), (3, 0), (3, -1), (3, LARGEST_DIMENSION + 1), (3, 2**63)], ids=str)
def test_returns_the_default_where_the_size_is_absent_or_impossible(shape):
    assert dimension({"a": shape}, "a", 1, 7) == 7


def test_returns_the_default_where_the_key_is_absent():
    assert dimension({}, "a", 0, 7) == 7


@pytest.mark.parametrize(("rows", "units"), [(512, 128), (4, 1), (7, 1), (3, 9), (0, 9)])
def test_lstm_units_are_a_quarter_of_the_rows(rows, units):
    assert lstm_units({"l.weight_ih_l0": (rows, 12)}, "l", 9) == units
