from __future__ import annotations

import pytest

from dwcpc.models.tuning.pruning import RIVALS, WARM_UP, Course, why_hopeless


def course(load: float, *losses: float) -> Course:
    return Course(load, tuple(enumerate(losses, start=1)))


FAST = [course(1.0, 0.9, 0.8, 0.5), course(1.0, 0.8, 0.7, 0.4), course(1.0, 0.7, 0.6, 0.3)]


def test_a_trial_behind_the_median_of_no_slower_ones_ends() -> None:
    assert why_hopeless(course(2.0, 0.9, 0.9, 0.41), FAST) == (
        "after step 3 its lowest loss is 0.41, the median of 3 no slower ones is 0.4"
    )
    assert why_hopeless(course(2.0, 0.9, 0.9, 0.4), FAST) is None


def test_a_fast_trial_is_not_compared_with_slower_ones() -> None:
    assert why_hopeless(course(0.99, 0.9, 0.9, 0.8), FAST) is None
    assert why_hopeless(course(1.0, 0.9, 0.9, 0.8), FAST) is not None


def test_it_is_the_lowest_loss_so_far_that_counts() -> None:
    assert why_hopeless(course(2.0, 0.35, 0.9, 0.9), FAST) is None
    recovered = [course(1.0, 0.1, 0.9, 0.9), *FAST[:2]]
    assert why_hopeless(course(2.0, 0.9, 0.9, 0.45), recovered) is not None


def test_too_few_rivals_and_the_first_steps_end_nothing() -> None:
    assert len(FAST) == RIVALS
    assert why_hopeless(course(2.0, 0.9, 0.9, 0.8), FAST[:2]) is None
    assert WARM_UP == 3
    assert why_hopeless(course(2.0, 0.99, 0.99), FAST) is None


def test_rivals_that_ended_before_the_step_are_left_out() -> None:
    ended = [course(1.0, 0.1, 0.1)] * 3
    assert why_hopeless(course(2.0, 0.9, 0.9, 0.8), ended) is None
    assert why_hopeless(course(2.0, 0.9, 0.9, 0.8), [*ended, *FAST]) is not None


@pytest.mark.parametrize("steps", [(10, 15, 20), (10, 20, 30)])
def test_steps_need_not_be_consecutive(steps: tuple[int, int, int]) -> None:
    rivals = [Course(1.0, ((10, 0.5), (20, 0.4), (30, 0.3)))] * 3
    assert why_hopeless(Course(1.0, tuple(zip(steps, (0.6, 0.6, 0.45), strict=True))), rivals) is not None
    assert why_hopeless(Course(1.0, tuple(zip(steps, (0.6, 0.6, 0.2), strict=True))), rivals) is None
