"""The Python executor on what training reads: a million samples of a hundred nodes, 123 features each."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from dwcpc.bench.feature_table import NODES, ROWS, SPEC, node_table
from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.shipped import shipped_spec


@pytest.mark.benchmark(min_rounds=3)
def test_a_million_samples_of_123_features(benchmark: BenchmarkFixture) -> None:
    spec = shipped_spec(SPEC)
    benchmark(run_spec, spec, node_table(spec, ROWS, NODES))
