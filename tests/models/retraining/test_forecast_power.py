"""Why skill is of absolute errors: where a few links make most of the squared ones, what is worse passes too often."""

from __future__ import annotations

import numpy as np

from dwcpc.models.retraining.forecast_power import Errors, mean_skill, passed, squared_skill

LINKS = 240


def world(spread: float) -> tuple[Errors, Errors, Errors]:
    """Return absolute errors of two forecasters and of persistence, whose size differs from link to link by so much."""
    rng = np.random.default_rng(0)
    persistence = np.exp(spread * rng.normal(size=(LINKS, 1)))
    worse, better = (persistence * share * np.exp(0.3 * rng.normal(size=(LINKS, 1))) for share in (0.66, 0.6))
    return worse, better, persistence


def test_a_forecaster_that_is_worse_by_the_tolerance_passes_rarely_whichever_is_named_first() -> None:
    worse, better, persistence = world(spread=0.5)
    found = passed(mean_skill, (worse, better), persistence, 20, tries=150)
    assert found[0] <= 0.08
    assert passed(mean_skill, (better, worse), persistence, 20, tries=150) == found


def test_where_a_few_links_make_the_errors_squared_ones_let_it_pass_often() -> None:
    worse, better, persistence = world(spread=1.0)
    mean = passed(mean_skill, (worse, better), persistence, 20, tries=100)[0]
    squared = passed(squared_skill, (worse**2, better**2), persistence**2, 20, tries=100)[0]
    assert squared > 2 * mean
    assert squared > 0.15
