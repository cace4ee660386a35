"""The linear path around a trained network: least squares on the window and on what the network found in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.bandwidth_predictor import BandwidthPredictor, BandwidthPredictorConfig
from dwcpc.models.demo.random_weights import randomised
from dwcpc.models.training import bandwidth
from dwcpc.models.training.bandwidth import BandwidthRecipe, train_bandwidth
from dwcpc.models.training.bandwidth_files import WEIGHTS
from dwcpc.models.training.bypass import loss_on, with_bypass
from dwcpc.models.training.fit import Rows
from dwcpc.models.training.forecasting import Forecasting
from dwcpc.models.training.linear_baseline import fit_linear
from dwcpc.models.training.link_folds import SIMULATED_FORECAST, LinkSizes, LinkWorld, Task, simulated_link_folds
from dwcpc.models.training.options import FitOptions

CONFIG = BandwidthPredictorConfig(5, 6, 7, 5, 4, 3, 6, 5, 8)
ROUNDING = 1e-5

pytestmark = pytest.mark.usefixtures("one_thread")


def windows(count: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 5, 6)).astype(np.float32))


@pytest.fixture
def network() -> BandwidthPredictor:
    return randomised(BandwidthPredictor(CONFIG), 3)


@torch.no_grad()
def found_in(network: BandwidthPredictor, x: torch.Tensor) -> torch.Tensor:
    """Return what the output layer is given, by another way than the one that is tested."""
    whole = torch.nn.Linear(CONFIG.dense_units3, CONFIG.dense_units3)
    whole.weight.copy_(torch.eye(CONFIG.dense_units3))
    whole.bias.zero_()
    kept, network.output_fc = network.output_fc, whole
    try:
        answer: torch.Tensor = network(x)
    finally:
        network.output_fc = kept
    return answer


@torch.no_grad()
def test_it_is_the_least_squares_of_the_window_and_of_what_the_network_found(network: BandwidthPredictor) -> None:
    x, fresh = windows(600, 1), windows(200, 2)
    design, fresh_design = (torch.cat([found_in(network, each), each.flatten(1)], dim=1).numpy() for each in (x, fresh))
    mixing = np.random.default_rng(4).normal(size=(design.shape[1], 4)) * 9
    y, fresh_y = design @ mixing + 3, fresh_design @ mixing + 3
    parts = [Rows(x[at : at + 200], torch.from_numpy(y[at : at + 200])) for at in (0, 200, 400)]
    module, ridge = with_bypass(network, CONFIG, parts, Rows(fresh, torch.from_numpy(fresh_y)))
    solved = fit_linear(design, y, (fresh_design, fresh_y))
    assert ridge == solved.ridge
    assert np.abs(module(fresh).numpy() - solved.predict(fresh_design)).max() < ROUNDING * np.abs(fresh_y).max()
    other = fit_linear(x.numpy(), y, (fresh.numpy(), fresh_y)).predict(fresh.numpy())
    assert np.abs(module(fresh).numpy() - other).max() > 100 * ROUNDING * np.abs(fresh_y).max()


@torch.no_grad()
def test_what_is_proportional_to_the_window_is_followed_beyond_what_was_shown(network: BandwidthPredictor) -> None:
    x, fresh = windows(600, 1), windows(200, 2)
    module, _ = with_bypass(network, CONFIG, [Rows(x, 5 * x[:, -1, :4])], Rows(fresh, 5 * fresh[:, -1, :4]))
    far = 100 * windows(50, 5)
    assert (module(far) / (5 * far[:, -1, :4]) - 1).abs().median() < 0.01
    assert network(far).std() < 1


def test_everything_before_the_output_layer_stays_as_it_was_trained(network: BandwidthPredictor) -> None:
    before = {key: value.clone() for key, value in network.state_dict().items()}
    x = windows(300, 1)
    module, _ = with_bypass(network, CONFIG, [Rows(x, x[:, 0, :4])], Rows(x, x[:, 0, :4]))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    after = module.state_dict()
    changed = {key for key in after if key not in before or not torch.equal(after[key], before[key])}
    assert changed == {"output_fc.weight", "output_fc.bias", "bypass.weight", "bypass.bias"}
    assert not module.training


@torch.no_grad()
def test_the_loss_on_rows_is_the_objectives_own(network: BandwidthPredictor) -> None:
    x = windows(1500, 1)
    y = x[:, 0, :4]
    objective = Forecasting(torch.full((4,), -1.0), 0.1).eval()
    assert loss_on(Rows(x, y), objective, network) == pytest.approx(objective(network, x, y).item(), rel=ROUNDING)
    assert loss_on(Rows(x, y + 0.01), objective, network) != pytest.approx(objective(network, x, y).item(), rel=1e-4)


@pytest.mark.parametrize("spoiled", [False, True])
def test_a_bypass_is_kept_where_it_lowers_the_validation_loss(
    spoiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worse(*given: object) -> tuple[BandwidthPredictor, float]:
        module, ridge = with_bypass(*given)  # type: ignore[arg-type]
        with torch.no_grad():
            module.output_fc.bias += 9
        return module, ridge

    if spoiled:
        monkeypatch.setattr(bandwidth, "with_bypass", worse)
    task = Task(shipped_spec("bandwidth_predictor"), SIMULATED_FORECAST, 4)
    folds = simulated_link_folds(task, LinkWorld(1, 0.5, LinkSizes(2, 2, 100)))
    told: list[str] = []
    recipe = BandwidthRecipe(units="tiny", timesteps=4, fit=FitOptions(epochs=1, batch_rows=64))
    trained = train_bandwidth(folds, recipe, tmp_path, told.append)
    assert trained.bypassed is not None
    assert trained.bypassed.kept is not spoiled
    assert told[-1].endswith("without it" if spoiled else "with it")
    assert (trained.module.bypass is None) is spoiled
    weights = torch.load(tmp_path / WEIGHTS, weights_only=True)
    assert ("bypass.weight" in weights) is not spoiled
