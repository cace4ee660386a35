"""The bandwidth model that ships: what it reaches of what its owners asked for, and that it keeps that in Go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.features.reading import read_spec
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.sources.pytorch.checkpoint import read_checkpoint
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.models.data.bandwidth.simulate import TRUE
from dwcpc.models.evaluation.forecast_evaluation import ForecastEvaluation, evaluate_forecast
from dwcpc.models.evaluation.forecast_fall import LARGEST_FALL, largest_fall
from dwcpc.models.evaluation.forecasters import bundle_forecast, load_forecaster
from dwcpc.models.training.bandwidth_files import BandwidthRun, read_report, read_run
from dwcpc.models.training.link_folds import ForecastTest, LinkSizes, LinkWorld, Task, link_test, unseen_links
from dwcpc.parity.runners.go import GoRuntime

SHIPPED = Path(__file__).resolve().parents[3] / "models" / "trained" / "bandwidth_predictor"
DATA = ("later", "other links", "harder, 0.7", "easier, 0.3")
NETWORK, BASELINES = "small LSTM", ("persistence", "linear")
SERVED = ("cpu-fp32 (go)", "cpu-int8 (go)")
ANOTHER_MACHINE = 0.01
"""Another processor's exp and log draw a few other counts: the same figures within so much of each."""


@pytest.fixture(scope="module")
def run() -> BandwidthRun:
    return read_run(SHIPPED)


@pytest.fixture(scope="module")
def evaluations() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads((SHIPPED / "evaluation.json").read_text(encoding="utf-8"))
    return listed


@pytest.fixture(scope="module")
def other_links(run: BandwidthRun) -> ForecastTest:
    task = Task(run.spec, run.forecast, run.timesteps)
    tables = unseen_links(LinkWorld(42, 0.5, LinkSizes()))
    return link_test("other links", task, tables["other links"])


@pytest.fixture(scope="module")
def source(run: BandwidthRun, other_links: ForecastTest) -> ForecastEvaluation:
    model = load_forecaster(
        SHIPPED / "bandwidth.pth",
        SHIPPED / "bandwidth_scaler.json",
        SHIPPED / "bandwidth_target_scaler.json",
        run.timesteps,
    )
    answers = model.predict(other_links.sequences.x)
    return evaluate_forecast("other links", "source", run.forecast.targets, other_links.sequences, answers)


def stated(evaluations: list[dict[str, Any]], data: str, model: str) -> dict[str, Any]:
    return next(each for each in evaluations if (each["data"], each["model"]) == (data, model))


def test_it_is_small_and_takes_the_shipped_features(run: BandwidthRun) -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 3e6
    assert run.spec == shipped_spec("bandwidth_predictor") == read_spec(SHIPPED / "features.json")


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("model", [NETWORK, *SERVED])
def test_it_is_as_good_as_asked_for(evaluations: list[dict[str, Any]], data: str, model: str) -> None:
    found = stated(evaluations, data, model)
    assert found["samples"] >= 15_000
    assert all(target["figures"]["correlation"] >= 0.98 for target in found["targets"].values())


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("baseline", BASELINES)
def test_it_beats_its_baselines_on_every_target_and_by_every_figure(
    evaluations: list[dict[str, Any]], data: str, baseline: str
) -> None:
    network, other = (stated(evaluations, data, model)["targets"] for model in (NETWORK, baseline))
    assert list(network) == list(other) == list(TRUE)
    for name, target in network.items():
        ours, theirs = target["figures"], other[name]["figures"]
        for figure in ("mae", "rmse", *(() if target["near_zero"] else ("mape",))):
            assert ours[figure] < theirs[figure], (name, figure)
        assert ours["correlation"] > theirs["correlation"], name
        assert target["within"] > other[name]["within"], name


def test_it_has_a_bypass_which_lowered_the_validation_loss() -> None:
    said = read_report(SHIPPED)["bypass"]
    assert said["loss_after"] < said["loss_before"]
    artifact = read_artifact(SHIPPED / "bandwidth.pth")
    weights = read_checkpoint(artifact).weights
    assert weights["bypass.weight"].shape == (4, 20 * 48)


def test_the_bundles_lost_nothing_that_matters() -> None:
    served = read_report(SHIPPED)["served"]
    assert [each["target"] for each in served] == ["cpu-fp32", "cpu-int8"]
    assert all(each["verdict"] == "pass" and each["fall"] <= LARGEST_FALL for each in served)


def test_the_evaluation_beside_it_is_what_it_does(
    evaluations: list[dict[str, Any]], source: ForecastEvaluation
) -> None:
    said = stated(evaluations, "other links", NETWORK)
    assert said["samples"] == source.samples
    for name, target in source.targets.items():
        figures = said["targets"][name]["figures"]
        assert target.figures.rmse == pytest.approx(figures["rmse"], rel=ANOTHER_MACHINE)
        assert target.figures.correlation == pytest.approx(figures["correlation"], abs=ANOTHER_MACHINE / 10)


def test_its_bundle_does_the_same_in_go(
    run: BandwidthRun, other_links: ForecastTest, source: ForecastEvaluation, tmp_path: Path
) -> None:
    request = CompileRequest(
        SHIPPED / "bandwidth.pth",
        CPU_FP32,
        SHIPPED / "bandwidth_scaler.json",
        SHIPPED / "bandwidth_target_scaler.json",
        load=LoadOptions(timesteps=run.timesteps),
        features=str(SHIPPED / "features.json"),
    )
    order = Order(
        request,
        "bandwidth",
        tmp_path,
        "1.0",
        replace=False,
        calibration=None,
        rows=64,
        seed=1,
        verify=False,
        budgets=(),
    )
    bundle = open_bundle(compile_bundle(order, lambda _: None).path)
    answers = bundle_forecast(bundle, GoRuntime(), other_links.table, other_links.sequences)
    served = evaluate_forecast("other links", "go", run.forecast.targets, other_links.sequences, answers)
    assert largest_fall([source], [served]).fall <= LARGEST_FALL / 100
    broken = evaluate_forecast("other links", "go", run.forecast.targets, other_links.sequences, answers * 1.1)
    assert largest_fall([source], [broken]).fall > LARGEST_FALL
