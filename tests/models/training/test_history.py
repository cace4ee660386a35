"""Which epoch is the best."""

from __future__ import annotations

from dwcpc.models.training.history import Epoch, best_of


def test_the_best_has_the_lowest_loss_and_the_first_of_equals_is_taken() -> None:
    losses = (3.0, 1.0, 1.0, 2.0)
    assert best_of([Epoch(number, 1.0, loss, 1.0, 1.0, 1.0) for number, loss in enumerate(losses, 1)]).number == 2


def test_where_quality_is_known_it_decides() -> None:
    qualities = (1.5, 1.9, 1.8, 1.9)
    history = [Epoch(number, 1.0, 1.0 * number, 1.0, 1.0, 1.0, each) for number, each in enumerate(qualities, 1)]
    assert best_of(history).number == 2
