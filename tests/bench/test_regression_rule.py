"""A regression: the 5th smallest of 20 ratios over 1.05, and over 20 µs; a control that crosses makes it unknown."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dwcpc.bench.regression_rule import judge_regression


def blocks(ratios: list[float], control: float = 1.0, a_ms: float = 1.0) -> NDArray[np.float64]:
    """Return 20 pairs of which B is so many times A, and the control as often `control` times."""
    wall = a_ms * np.array([[1.0, ratio, control] for ratio in ratios])
    return np.stack([wall, wall], axis=2)


def judged(ratios: list[float], **how: float) -> tuple[str, str]:
    found = judge_regression("m v1.0", blocks(ratios, **how))
    return found.verdict, found.reason


@pytest.mark.parametrize(
    ("small", "verdict"),
    [(0, "fail"), (4, "fail"), (5, "pass"), (20, "pass")],
)
def test_the_fifth_smallest_ratio_decides(small: int, verdict: str) -> None:
    assert judged([1.05] * small + [1.2] * (20 - small))[0] == verdict


def test_five_per_cent_exactly_are_no_regression() -> None:
    assert judged([1.05] * 20)[0] == "pass"
    assert judged([1.0501] * 20)[0] == "fail"


def test_twenty_microseconds_are_no_regression() -> None:
    verdict, reason = judged([2.0] * 20, a_ms=0.019)
    assert verdict == "pass"
    assert "19 µs: too little to matter" in reason
    assert judged([2.0] * 20, a_ms=0.021)[0] == "fail"


@pytest.mark.parametrize("control", [1.06, 0.9])
@pytest.mark.parametrize("ratio", [1.0, 1.2])
def test_a_control_that_crosses_makes_the_answer_inconclusive(control: float, ratio: float) -> None:
    verdict, reason = judged([ratio] * 20, control=control)
    assert verdict == "inconclusive"
    assert "the machine is too noisy" in reason


def test_a_control_off_by_microseconds_does_not_matter() -> None:
    assert judged([1.0] * 20, control=1.2, a_ms=0.01)[0] == "pass"


def test_what_is_told_is_what_was_measured() -> None:
    found = judge_regression("m v1.0", blocks([1.1] * 5 + [1.2] * 10 + [1.3] * 5, control=0.99))
    assert found.baseline == "m v1.0"
    assert found.at_least == pytest.approx(1.1)
    assert (found.ratio.ratio, found.ratio.high) == (pytest.approx(1.2), pytest.approx(1.3))
    assert found.control_at_least == found.control.ratio == pytest.approx(0.99)
    assert found.slower_by_ms == pytest.approx(0.2)
    assert found.reason == "slower than the baseline by 20 %, at least 10 %, 99 % sure"
