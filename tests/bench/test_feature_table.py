"""The features of a million samples: in how much time and memory, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dwcpc.bench.feature_table import Cost, measured, node_table
from dwcpc.compiler.features.shipped import shipped_spec

SECONDS = 20.0  # of the processor: what passes on a machine of its own
PEAK_BYTES = 4 * 2**30


def within(cost: Cost) -> bool:
    return cost.processor_seconds < SECONDS and cost.peak_bytes < PEAK_BYTES


@pytest.mark.slow
def test_a_million_samples_of_123_features_take_less_than_20_s_and_4_gib() -> None:
    argv = [sys.executable, "-m", "dwcpc.bench.feature_table"]
    cost = Cost(**json.loads(subprocess.run(argv, capture_output=True, check=True).stdout))
    assert (cost.rows, cost.features) == (1_000_000, 123)
    assert within(cost), cost
    assert cost.peak_bytes > 8 * cost.rows * cost.features, "less than what was computed: the peak is not measured"
    assert cost.processor_seconds > 0.1, "a million samples in no time: the time is not measured"


def test_more_time_or_more_memory_would_be_seen() -> None:
    spec = shipped_spec("node_reliability_123")
    cost = measured(spec, node_table(spec, 100, 3))
    assert within(cost)
    assert not within(Cost(cost.rows, cost.features, cost.seconds, SECONDS, cost.peak_bytes))
    assert not within(Cost(cost.rows, cost.features, cost.seconds, cost.processor_seconds, PEAK_BYTES))
