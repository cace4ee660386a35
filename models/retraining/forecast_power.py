"""How often a forecaster that is worse by exactly the tolerance would pass: figures of docs/retraining.md.

    dwcpc train bandwidth --links 100 --steps 1000 --epochs 6 --seed 43 --out runs/43     # and --seed 44
    python -m dwcpc.models.retraining.forecast_power runs/43 runs/44

Two real forecasters answer on many simulated links, which are then the world: their difference there is what is true,
and the tolerance is set to it. Links are drawn from that world again and again, judged as `compare` does, by sums of
each link, and it is counted how often the worse one passes. By theory one time in 40; where a few links make most of an
error, as of squared ones, far more often.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.bandwidth.simulate import BandwidthSimulation, simulate_bandwidth
from dwcpc.models.data.sequences import Sequences, cut_sequences
from dwcpc.models.evaluation.forecasters import load_forecaster
from dwcpc.models.retraining.comparison import LEVEL
from dwcpc.models.training.bandwidth_files import SCALER, TARGET_SCALER, WEIGHTS
from dwcpc.models.training.link_folds import SIMULATED_FORECAST

SEED = 777
LINKS, STEPS, STRIDE, TIMESTEPS = 240, 720, 8, 20
FRESH_LINKS = (20, 40, 60, 120)
TRIES, DRAWS = 400, 400

Errors = NDArray[np.float64]  # of each link and target
Skill = Callable[[Errors, Errors], Errors]


def mean_skill(own: Errors, persistence: Errors) -> Errors:
    """Return 1 − MAE / MAE of persistence, of sums of absolute errors."""
    return 1 - own / persistence


def squared_skill(own: Errors, persistence: Errors) -> Errors:
    """Return 1 − RMSE / RMSE of persistence, of sums of squared errors."""
    return 1 - np.sqrt(own / persistence)


def passed(
    skill: Skill, pair: tuple[Errors, Errors], persistence: Errors, links: int, tries: int = TRIES
) -> NDArray[np.float64]:
    """Return for each target how often the worse of the pair passes on so many links, of sums by link."""
    rng = np.random.default_rng(links)
    whole = [skill(each.sum(axis=0), persistence.sum(axis=0)) for each in pair]
    truth = whole[0] - whole[1]
    found = np.zeros(len(truth))
    for _ in range(tries):
        at = rng.integers(len(persistence), size=links)
        drawn = np.stack([np.bincount(rng.integers(links, size=links), minlength=links) for _ in range(DRAWS)])
        skills = [skill(drawn @ each[at], drawn @ persistence[at]) for each in pair]
        differences = -np.sign(truth) * (skills[0] - skills[1])  # of the worse one, whichever that is
        found += np.quantile(differences, (1 - LEVEL) / 2, axis=0) >= -np.abs(truth)
    return found / tries


def table(runs: tuple[Path, Path], say: Callable[[str], object]) -> None:
    """Say the table, a line for each kind of skill and number of links."""
    links = simulate_bandwidth(BandwidthSimulation(SEED, LINKS, STEPS))
    windows = cut_sequences(shipped_spec("bandwidth_predictor"), links, SIMULATED_FORECAST, TIMESTEPS, STRIDE)
    errors = [_error(run, windows) for run in runs]
    last = windows.last - windows.y
    say(f"| error | links | {' | '.join(SIMULATED_FORECAST.last)} |")
    say(f"|---|---|{'---|' * last.shape[1]}")
    for name, skill, power in (("mean absolute", mean_skill, 1), ("root mean square", squared_skill, 2)):
        pair, persistence = [_by_link(each, windows, power) for each in errors], _by_link(last, windows, power)
        for count in FRESH_LINKS:
            shares = passed(skill, (pair[0], pair[1]), persistence, count)
            say(f"| {name} | {count} | {' | '.join(f'{share:.1%}' for share in shares)} |")


def _error(run: Path, windows: Sequences) -> NDArray[np.float64]:
    model = load_forecaster(run / WEIGHTS, run / SCALER, run / TARGET_SCALER, TIMESTEPS)
    return model.predict(windows.x) - windows.y


def _by_link(error: NDArray[np.float64], windows: Sequences, power: int) -> Errors:
    link = np.unique(windows.group, return_inverse=True)[1]
    terms = np.abs(error) ** power
    return np.stack([np.bincount(link, terms[:, at]) for at in range(terms.shape[1])], axis=1)


if __name__ == "__main__":
    table((Path(sys.argv[1]), Path(sys.argv[2])), lambda line: sys.stdout.write(f"{line}\n"))
