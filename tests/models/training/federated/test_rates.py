"""The learning rate of a round."""

from __future__ import annotations

import pytest

from dwcpc.models.training.federated.rates import rate_of_next_round
from dwcpc.models.training.history import Epoch
from dwcpc.models.training.options import FitOptions


def rounds(*losses: float) -> list[Epoch]:
    return [Epoch(number, 1.0, loss, 1.0, 1.0, 1.0) for number, loss in enumerate(losses, 1)]


def test_a_cosine_rises_to_its_peak_and_falls_to_nothing() -> None:
    options = FitOptions(learning_rate=1e-2)
    rates = [rate_of_next_round(options, 40, rounds(*[1.0] * done)) for done in range(40)]
    peak = max(range(40), key=lambda at: rates[at])
    assert 4 <= peak <= 7
    assert rates[peak] == pytest.approx(1e-2, rel=0.02)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[0] < 1e-3
    assert rates[-1] < 1e-4


def test_a_plateau_halves_it_after_rounds_that_were_no_better() -> None:
    options = FitOptions(learning_rate=8e-3, schedule="plateau", patience=6)
    assert rate_of_next_round(options, 40, rounds(3.0, 2.0, 1.0)) == 8e-3
    assert rate_of_next_round(options, 40, rounds(1.0, 2.0, 2.0)) == 8e-3
    assert rate_of_next_round(options, 40, rounds(1.0, 2.0, 2.0, 2.0)) == 4e-3
    assert rate_of_next_round(options, 40, rounds(1.0, *[2.0] * 6)) == 2e-3
