"""What the users of a link ask of it, as a share of its capacity: day, week, slow drift, and episodes of congestion."""

from __future__ import annotations

from typing import Final

import numpy as np

from dwcpc.models.data.bandwidth.links import DAY_S, REGION_CLOCK_H, STEP_S, Links
from dwcpc.models.data.processes import Series, autoregression

DAY_STEPS: Final = int(DAY_S / STEP_S)

DRIFT: Final = 0.07
DRIFT_MEMORY: Final = 0.99
DRIFT_SMOOTHED: Final = 10
"""Steps: many users together do not jump from one minute to the next."""

EPISODES_A_DAY: Final = (1.0, 3.0)
"""At difficulty 0, and how many more at 1."""
EPISODE_HEIGHT: Final = (0.15, 0.5)
EPISODE_RAMP: Final = (10, 40)
EPISODE_PLATEAU: Final = (10, 60)


def demand(links: Links, steps: int, difficulty: float, rng: np.random.Generator) -> Series:
    """Return [links, steps]; 1 is all that the link can carry, and users may ask for more."""
    shape = (links.count, steps)
    days = (links.begins_s + np.arange(steps) * STEP_S) / DAY_S + np.array(REGION_CLOCK_H)[links.region][:, None] / 24
    daily = np.sin(2 * np.pi * (days - 0.35)) + 0.25 * np.sin(4 * np.pi * days)
    weekend = np.where(days % 7 >= 5, 0.75, 1.0)
    drift = DRIFT * smoothed(autoregression(shape, DRIFT_MEMORY, rng), DRIFT_SMOOTHED)
    episodes = ramped(shape, (EPISODES_A_DAY[0] + EPISODES_A_DAY[1] * difficulty) / DAY_STEPS, rng)
    asked: Series = (links.demand + links.swing * daily) * weekend + drift + episodes
    return asked.clip(0.03, 1.5)


def smoothed(x: Series, steps: int) -> Series:
    """Return the mean of the last `steps` values at each step, with the first one standing for those before it."""
    total = np.cumsum(np.concatenate([np.repeat(x[:, :1], steps, axis=1), x], axis=1), axis=1)
    mean: Series = (total[:, steps:] - total[:, :-steps]) / steps
    return mean


def ramped(shape: tuple[int, int], rate: float, rng: np.random.Generator) -> Series:
    """Return episodes that begin with probability `rate` a step, rise, stay and fall; the highest of those at once."""
    out = np.zeros(shape)
    for link, start in np.argwhere(rng.random(shape) < rate):
        rise, fall = rng.integers(*EPISODE_RAMP, size=2)
        plateau = int(rng.integers(*EPISODE_PLATEAU))
        form = np.concatenate([np.arange(1, rise) / rise, np.ones(plateau), np.arange(fall, 0, -1) / fall])
        kept = out[link, start : start + len(form)]
        np.maximum(kept, rng.uniform(*EPISODE_HEIGHT) * form[: len(kept)], out=kept)
    return out
