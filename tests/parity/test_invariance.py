"""Properties without a reference: batches do not mix rows, runtimes agree bit for bit, NaN is answered by NaN."""

from __future__ import annotations

import numpy as np
import pytest

from dwcpc.parity.invariance import batch_invariance, bit_equality, nan_policy
from dwcpc.parity.reference import ReferenceGroup

LIMIT = 1e-3
GROUP = ReferenceGroup("typical", np.zeros((8, 2), np.float32), {}, {"y": np.array([LIMIT, 10 * LIMIT])})
ALONE = np.arange(16, dtype=np.float32).reshape(8, 2)


def judge(together: np.ndarray) -> object:
    return batch_invariance("python", GROUP, {1: {"y": ALONE}, 7: {"y": together}})[0]


def test_equal_answers_pass_and_are_called_equal() -> None:
    result = judge(ALONE.copy())
    assert result.passed
    assert result.note == "bit for bit"


def test_other_bits_within_the_tolerance_pass_and_are_counted() -> None:
    together = ALONE.copy()
    together[3, 0] += np.float32(0.5 * LIMIT)
    result = judge(together)
    assert result.passed
    assert result.note.startswith("1 values differ")


@pytest.mark.parametrize(("channel", "passes"), [(0, False), (1, True)])
def test_each_channel_is_held_to_its_own_tolerance(channel: int, passes: bool) -> None:
    together = ALONE.copy()
    together[3, channel] += np.float32(5 * LIMIT)
    assert judge(together).passed is passes


def test_rows_that_change_places_fail() -> None:
    assert not judge(np.roll(ALONE, 1, axis=0)).passed


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_a_number_alone_and_none_in_a_batch_fails(value: float) -> None:
    together = ALONE.copy()
    together[3, 0] = value
    result = judge(together)
    assert not result.passed
    assert np.isfinite(result.worst)  # metadata cannot hold another


def test_the_same_nan_at_every_batch_size_is_invariant() -> None:
    alone = ALONE.copy()
    alone[3] = np.nan
    result = batch_invariance("python", GROUP, {1: {"y": alone}, 7: {"y": alone.copy()}})[0]
    assert result.passed
    assert np.isfinite(result.worst)


def test_one_differing_bit_between_runtimes_of_one_library_fails() -> None:
    other = ALONE.copy()
    other[5, 1] = np.nextafter(other[5, 1], np.float32(np.inf))
    (result,) = bit_equality("all", ("python", "go"), {"y": ALONE}, {"y": other}, same_library=True)
    assert not result.passed
    assert result.worst == 1
    (result,) = bit_equality("all", ("python", "go"), {"y": ALONE}, {"y": ALONE.copy()}, same_library=True)
    assert result.passed


def test_bits_count_and_not_values() -> None:
    zeros = np.zeros((2, 2), np.float32)
    (result,) = bit_equality("all", ("python", "go"), {"y": zeros}, {"y": -zeros}, same_library=True)
    assert result.worst == 4
    nan = np.full((2, 2), np.nan, np.float32)
    (result,) = bit_equality("all", ("python", "go"), {"y": nan}, {"y": nan.copy()}, same_library=True)
    assert result.passed


def test_other_versions_of_the_library_need_not_agree_to_the_bit_and_it_says_so() -> None:
    (result,) = bit_equality("all", ("python", "go"), {"y": ALONE}, {"y": ALONE + 1}, same_library=False)
    assert result.passed
    assert result.worst == 16
    assert "different onnxruntime versions" in result.note


def test_a_number_in_answer_to_nan_fails() -> None:
    answer = np.full((3, 2), np.nan, np.float32)
    assert nan_policy("go", {"y": answer})[0].passed
    answer[1, 1] = 0.0
    (result,) = nan_policy("go", {"y": answer})
    assert not result.passed
    assert result.worst == 1


def test_infinity_in_answer_to_infinity_is_no_nan() -> None:
    assert not nan_policy("go", {"y": np.full(2, np.inf, np.float32)})[0].passed


def test_no_row_at_all_does_not_show_that_nan_is_answered_by_nan() -> None:
    assert not nan_policy("go", {"y": np.empty((0, 2), np.float32)})[0].passed


def test_whole_numbers_answer_nan_by_minus_one() -> None:
    refused = np.full(3, -1, np.int64)
    assert nan_policy("go", {"label": refused})[0].passed
    refused[1] = 0
    (result,) = nan_policy("go", {"label": refused})
    assert not result.passed
    assert result.worst == 1


def test_whole_numbers_are_the_same_bits_or_differ() -> None:
    labels = np.array([1, -1, 1 << 60], np.int64)
    (result,) = bit_equality("all", ("python", "go"), {"y": labels}, {"y": labels.copy()}, same_library=True)
    assert result.passed
    other = labels + np.array([0, 0, 1])
    (result,) = bit_equality("all", ("python", "go"), {"y": labels}, {"y": other}, same_library=True)
    assert result.worst == 1


@pytest.mark.parametrize(("row", "passes"), [(2, False), (3, True)])
def test_a_label_may_change_with_the_batch_in_undecided_rows_alone(row: int, passes: bool) -> None:
    labels = np.arange(8)
    group = ReferenceGroup("typical", GROUP.rows, {}, {"label": np.where(labels == 3, np.inf, 0.0)})
    together = np.where(labels == row, 9, labels)
    (result,) = batch_invariance("python", group, {1: {"label": labels}, 7: {"label": together}})
    assert result.passed is passes
    assert (result.limit, result.note) == (0, "1 values differ")
