"""What bundles are given: features where they take features, raw windows where they compute them themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.models.bandwidth_predictor import BandwidthPredictor
from dwcpc.models.data.bandwidth.simulate import BandwidthSimulation, simulate_bandwidth
from dwcpc.models.evaluation.forecasters import bundle_forecast, bundle_spec, bundle_timesteps, load_forecaster
from dwcpc.models.training.link_folds import SIMULATED_FORECAST, ForecastTest, Task, link_test
from dwcpc.models.training.scaling import write_standard_scaler
from dwcpc.models.training.sizes import predictor_config
from dwcpc.parity.runners.go import GoRuntime

SPEC = shipped_spec("bandwidth_predictor")


@pytest.fixture(scope="module")
def drawn() -> ForecastTest:
    table = simulate_bandwidth(BandwidthSimulation(1, 4, 60))
    return link_test("drawn", Task(SPEC, SIMULATED_FORECAST, 8), table)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, drawn: ForecastTest) -> Path:
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    torch.save(BandwidthPredictor(predictor_config("tiny", 8, 48)).state_dict(), folder / "model.pth")
    write_standard_scaler(folder / "x.json", drawn.sequences.x.reshape(-1, 48), SPEC.features)
    write_standard_scaler(folder / "y.json", drawn.sequences.y, SIMULATED_FORECAST.targets)
    return folder


@pytest.mark.parametrize("embedded", [False, True])
def test_a_bundle_answers_as_its_source(folder: Path, drawn: ForecastTest, tmp_path: Path, embedded: bool) -> None:
    request = CompileRequest(
        folder / "model.pth",
        CPU_FP32,
        folder / "x.json",
        folder / "y.json",
        load=LoadOptions(timesteps=8),
        features="bandwidth_predictor",
        embed_features=embedded,
    )
    order = Order(
        request, "tiny", tmp_path, "1.0", replace=False, calibration=None, rows=64, seed=1, verify=False, budgets=()
    )
    bundle = open_bundle(compile_bundle(order, lambda _: None).path)
    assert bundle_timesteps(bundle) == 8
    assert bundle_spec(bundle) == SPEC
    source = load_forecaster(folder / "model.pth", folder / "x.json", folder / "y.json", 8)
    wanted = source.predict(drawn.sequences.x)
    found = bundle_forecast(bundle, GoRuntime(), drawn.table, drawn.sequences)
    spread = drawn.sequences.y.std(axis=0)
    assert (np.abs(found - wanted) / spread).max() < 1e-3
    assert (wanted.std(axis=0) > 0).all()
    if not embedded:
        longer = link_test("longer", Task(SPEC, SIMULATED_FORECAST, 9), drawn.table)
        with pytest.raises(InputError, match="takes rows of shape"):
            bundle_forecast(bundle, GoRuntime(), longer.table, longer.sequences)
