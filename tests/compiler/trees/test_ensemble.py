"""By which int64 a class is named."""

from __future__ import annotations

import pytest

from dwcpc.compiler.trees.ensemble import label_values


@pytest.mark.parametrize(
    ("classes", "named"),
    [
        ((0, 1), (0, 1)),
        ((-7, 3, 2**53), (-7, 3, 2**53)),
        ((0, 2**53 + 1), (0, 1)),  # golden vectors are float64
        (("a", "b", "c"), (0, 1, 2)),
        (("1", 2), (0, 1)),
        ((), ()),
    ],
)
def test_whole_numbers_are_named_by_themselves_and_others_by_their_index(classes, named):
    assert label_values(classes) == named
