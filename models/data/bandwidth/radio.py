"""The signal of wireless and satellite links, and what it leaves of their capacity.

A wireless link moves through cells: the signal rises towards the middle of one and falls behind it, and once the next
cell's is HYSTERESIS_DB better the link hands over. Rain fades a satellite link over minutes, and it changes beams,
each of its own gain and path, by the clock. After Shannon, of the capacity at `REFERENCE_DBM`

    share = log2(1 + snr) / log2(1 + snr_reference),   snr = 10^((signal − NOISE_DBM) / 10)

is left, and loss = WORST_LOSS / (1 + exp((signal − LOSS_DBM) / LOSS_DB)), the waterfall of a code that just fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwcpc.models.data.bandwidth.demand import DAY_STEPS, ramped, smoothed
from dwcpc.models.data.bandwidth.links import CABLE_DBM, Links
from dwcpc.models.data.processes import Series, autoregression

NOISE_DBM: Final = -98.0
REFERENCE_DBM: Final = -70.0
LOSS_DBM: Final = -91.0
LOSS_DB: Final = 2.5
WORST_LOSS: Final = 0.04

HYSTERESIS_DB: Final = 3.0
CELL_DB: Final = (8.0, 18.0)
"""How much weaker the signal is at the edge of a cell than in its middle."""
CELL_STEPS: Final = (60.0, 240.0)
"""From one edge to the other."""
HANDOVER_MS: Final = 4.0
"""On the mean of the minute in which a link hands over: an interruption of half a second."""
FADE_DB: Final = 2.0
FADE_MEMORY: Final = 0.98
FADE_SMOOTHED: Final = 12
RAIN_A_DAY: Final = (0.8, 1.6)
RAIN_DB: Final = 34.0
"""Of an episode of height 1; those of `ramped` reach a half."""
BEAM_STEPS: Final = 15
BEAM_DB: Final = 0.5
BEAM_MS: Final = 1.5


@dataclass(frozen=True, slots=True)
class Radio:
    """[links, steps]: `share` of the capacity that is left, `loss` on the air, and `delay_ms` that the air adds."""

    signal_dbm: Series
    share: Series
    loss: Series
    delay_ms: Series


def radio(links: Links, steps: int, difficulty: float, rng: np.random.Generator) -> Radio:
    """Return the air of radio links; cables have all of their capacity and lose nothing there."""
    shape = (links.count, steps)
    kind = links.of_type("name")
    good = np.array([CABLE_DBM if dbm is None else dbm for dbm in links.of_type("signal_dbm")])[:, None]
    fade = FADE_DB * smoothed(autoregression(shape, FADE_MEMORY, rng), FADE_SMOOTHED)
    moving, handover = through_cells(shape, rng)
    rain = RAIN_DB * ramped(shape, (RAIN_A_DAY[0] + RAIN_A_DAY[1] * difficulty) / DAY_STEPS, rng)
    gain, path = beams(shape, rng), beams(shape, rng)
    wireless, satellite = (kind == "wireless")[:, None], (kind == "satellite")[:, None]
    signal = good + np.where(wireless, moving + fade, 0.0) + np.where(satellite, BEAM_DB * gain + fade / 2 - rain, 0.0)
    on_air, handover = wireless | satellite, wireless & handover
    return Radio(
        signal_dbm=signal,
        share=np.where(on_air, shannon_share(signal), 1.0),
        loss=np.where(on_air, air_loss(signal), 0.0),
        delay_ms=HANDOVER_MS * handover + np.where(satellite, BEAM_MS * path, 0.0),
    )


def shannon_share(signal_dbm: Series) -> Series:
    """Return which part of the capacity a signal leaves, at most all of it."""
    snr, reference = (10 ** ((dbm - NOISE_DBM) / 10) for dbm in (signal_dbm, np.float64(REFERENCE_DBM)))
    share: Series = np.clip(np.log2(1 + snr) / np.log2(1 + reference), 0.05, 1.0)
    return share


def air_loss(signal_dbm: Series) -> Series:
    """Return the share of packets that the air loses."""
    loss: Series = WORST_LOSS / (1 + np.exp(((signal_dbm - LOSS_DBM) / LOSS_DB).clip(-50, 50)))
    return loss


def through_cells(shape: tuple[int, int], rng: np.random.Generator) -> tuple[Series, NDArray[np.bool_]]:
    """Return dB beside the signal in a cell's middle, and where a link handed over.

    At x from −1 to 1 through a cell the signal is depth · x² weaker; the next cell begins HYSTERESIS_DB better.
    """
    links, steps = shape
    x = rng.uniform(-1, 1, links)
    depth, pace = rng.uniform(*CELL_DB, links), 2 / rng.uniform(*CELL_STEPS, links)
    out, changed = np.empty(shape), np.zeros(shape, np.bool_)
    for step in range(steps):
        over = x > 1
        begun = depth - HYSTERESIS_DB
        new_depth = rng.uniform(np.maximum(CELL_DB[0], begun), CELL_DB[1])
        x = np.where(over, -np.sqrt(begun / new_depth), x)
        depth = np.where(over, new_depth, depth)
        pace = np.where(over, 2 / rng.uniform(*CELL_STEPS, links), pace)
        out[:, step], changed[:, step] = -depth * x**2, over
        x = x + pace
    return out, changed


def beams(shape: tuple[int, int], rng: np.random.Generator) -> Series:
    """Return a standard normal value for each beam, which a link keeps for BEAM_STEPS."""
    links, steps = shape
    number = (np.arange(steps) + rng.integers(BEAM_STEPS, size=(links, 1))) // BEAM_STEPS
    each: Series = rng.standard_normal((links, steps // BEAM_STEPS + 2))[np.arange(links)[:, None], number]
    return each
