"""The Python executor on what training reads: a million samples of a hundred nodes, 123 features each."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.shipped import shipped_spec

ROWS, NODES = 1_000_000, 100


@pytest.mark.benchmark(min_rounds=3)
def test_a_million_samples_of_123_features(benchmark: BenchmarkFixture) -> None:
    spec = shipped_spec("node_reliability_123")
    rng = np.random.default_rng(0)
    table = {column.name: rng.lognormal(size=ROWS) for column in spec.columns if not column.is_category}
    table |= {column.name: rng.choice(column.categories, ROWS) for column in spec.columns if column.is_category}
    table |= {"node_id": np.array([f"n{at}" for at in range(NODES)])[rng.integers(0, NODES, ROWS)]}
    table |= {"timestamp": np.arange(float(ROWS))}
    benchmark(run_spec, spec, table)
