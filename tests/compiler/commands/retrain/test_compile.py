"""What a candidate is compiled with: what belongs to it, and what the served version was compiled with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dwcpc.bench.reports.summary import Summary
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.compile import Order
from dwcpc.compiler.commands.retrain import compile as step
from dwcpc.compiler.commands.retrain.command import RetrainOrder, packaging_of
from dwcpc.compiler.commands.retrain.compile import Packaging, compiled
from dwcpc.compiler.commands.retrain.data import DataOrder
from dwcpc.compiler.commands.retrain.decision import Limits
from dwcpc.compiler.commands.retrain.model import Candidate
from dwcpc.compiler.metadata import Calibration, PrecisionSearch, Training

BUNDLES = Path(__file__).resolve().parents[3] / "fixtures" / "bundles"
FORECASTER = Candidate(
    artifact=Path("bandwidth.pth"),
    scaler=Path("scaler.json"),
    calibration=Path("calibration.npy"),
    target_scaler=Path("target_scaler.json"),
    features=Path("features.json"),
    timesteps=20,
)


def packaging(served: Bundle | None, target: str | None = None, min_sqnr_db: float | None = None) -> Packaging:
    order = RetrainOrder(Path("r"), Path("o"), DataOrder(()), Limits(), target=target, min_sqnr_db=min_sqnr_db)
    return packaging_of(order, "few", served)


def ordered(candidate: Candidate, by: Packaging, monkeypatch: pytest.MonkeyPatch) -> Order:
    """Return what is asked of the compiler."""
    orders: list[Order] = []

    def compile_bundle(order: Order, _progress: object) -> Summary:
        orders.append(order)
        bundle = open_bundle(BUNDLES / "proven")
        return Summary(bundle.metadata, "pass", bundle.path, bundle.size_bytes)

    monkeypatch.setattr(step, "compile_bundle", compile_bundle)
    compiled(candidate, Training("simulated", 1, None, 43, "simulated"), by, lambda _: None)
    return orders[0]


def reduced(floor: float) -> Bundle:
    """Return a bundle of cpu-int8 that was searched for with this floor."""
    bundle = open_bundle(BUNDLES / "proven")
    search = PrecisionSearch(floor, 0, Calibration("drawn", 1, ""), ())
    return dataclasses.replace(
        bundle, metadata=dataclasses.replace(bundle.metadata, target="cpu-int8", precision_search=search)
    )


def test_scalers_features_and_timesteps_of_a_forecaster_reach_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    order = ordered(FORECASTER, packaging(None), monkeypatch)
    request = order.request
    assert (request.scaler, request.target_scaler) == (FORECASTER.scaler, FORECASTER.target_scaler)
    assert (request.features, request.load.timesteps, request.embed_features) == ("features.json", 20, False)
    assert order.calibration == FORECASTER.calibration


def test_features_are_embedded_where_those_of_the_served_version_are(monkeypatch: pytest.MonkeyPatch) -> None:
    served = open_bundle(BUNDLES / "features")
    assert served.metadata.features is not None
    features = dataclasses.replace(served.metadata.features, embedded=True)
    served = dataclasses.replace(served, metadata=dataclasses.replace(served.metadata, features=features))
    order = ordered(FORECASTER, packaging(served), monkeypatch)
    assert (order.request.embed_features, order.calibration) == (True, None)
    without = ordered(dataclasses.replace(FORECASTER, features=None), packaging(served), monkeypatch)
    assert (without.request.embed_features, without.calibration) == (False, FORECASTER.calibration)


def test_the_floor_of_the_served_version_holds_for_its_own_target_unless_another_is_stated() -> None:
    assert packaging(reduced(45.0)).min_sqnr_db == 45.0
    assert packaging(reduced(45.0)).target.name == "cpu-int8"
    assert packaging(reduced(45.0), "cpu-fp16").min_sqnr_db is None
    assert packaging(reduced(45.0), None, 50.0).min_sqnr_db == 50.0
    assert packaging(None).min_sqnr_db is None
