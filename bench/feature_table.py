"""What the features of a large table cost: a million samples of a hundred nodes, 123 features each.

    python -m dwcpc.bench.feature_table

One thread computes, so on a machine of its own the processor's time is what passes; on a busy one it is not.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np

from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.compiler.features.spec import FeatureSpec
from dwcpc.compiler.features.table import Table

SPEC = "node_reliability_123"
ROWS, NODES = 1_000_000, 100
SEED = 20260101
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes: getrusage(2)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one computation; `peak_bytes` is the process's largest resident size, the table itself and numpy included."""

    rows: int
    features: int
    seconds: float
    processor_seconds: float
    peak_bytes: int


def main() -> None:
    """Print the cost as JSON."""
    spec = shipped_spec(SPEC)
    sys.stdout.write(json.dumps(asdict(measured(spec, node_table(spec, ROWS, NODES)))) + "\n")


def node_table(spec: FeatureSpec, rows: int, nodes: int) -> Table:
    """Return samples of nodes that are mixed together, in the order of time."""
    rng = np.random.default_rng(SEED)
    names = np.array([f"node-{at}" for at in range(nodes)])
    columns = {
        column.name: rng.choice(column.categories, rows) if column.is_category else rng.lognormal(size=rows)
        for column in spec.columns
    }
    return columns | {"node_id": names[rng.integers(0, nodes, rows)], "timestamp": np.arange(float(rows))}


def measured(spec: FeatureSpec, table: Table) -> Cost:
    """Return what one computation cost this process."""
    passed, worked = time.perf_counter(), time.process_time()
    rows, features = run_spec(spec, table).values.shape
    passed, worked = time.perf_counter() - passed, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    return Cost(rows, features, passed, worked, peak)


if __name__ == "__main__":
    main()
