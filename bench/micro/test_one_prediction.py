"""One prediction of the demonstration model, batch 1, one thread: torch, plain export, the served bundle.

Run by `make bench`. Compare within one run only; the machine is not the same in the next.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.pipeline import Compiled, CompileRequest, compile_artifact
from dwcpc.compiler.sources.base import NETWORK_INPUT, Network
from dwcpc.compiler.targets import target_named

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"

pytestmark = pytest.mark.benchmark(group="one prediction", warmup=True, min_rounds=500)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    """The demonstration model, assembled with its scaler and score."""
    scaler = DEMO / "consensus_demo_scaler.json"
    return compile_artifact(CompileRequest(DEMO / "consensus_demo.pth", target_named("cpu-fp32"), scaler))


@pytest.fixture(scope="module")
def row() -> NDArray[np.float32]:
    """One raw window."""
    rows: NDArray[np.float32] = np.load(DEMO / "calibration.npy", allow_pickle=False)[:1]
    return rows


@pytest.fixture(scope="module")
def network(compiled: Compiled) -> Network:
    """The demo's source model."""
    return cast("Network", compiled.loaded)


def test_torch(benchmark: BenchmarkFixture, compiled: Compiled, network: Network, row: NDArray[np.float32]) -> None:
    scaled = compiled.scaler.transform(row)
    benchmark(network.predict, scaled, "float32")


def test_plain_export(
    benchmark: BenchmarkFixture, compiled: Compiled, network: Network, row: NDArray[np.float32]
) -> None:
    exported = network.export(compiled.target.opset)
    session = open_session(exported.SerializeToString(), SessionSettings())
    scaled = compiled.scaler.transform(row)
    benchmark(session.run, None, {NETWORK_INPUT: scaled})


def test_bundle_with_scaler_and_score(
    benchmark: BenchmarkFixture, compiled: Compiled, row: NDArray[np.float32]
) -> None:
    session = open_session(compiled.built.model.SerializeToString(), SessionSettings())
    benchmark(session.run, None, {compiled.inputs[0].name: row})
