"""How long a model takes when it is served: compiled, and timed through Go in pairs with a yardstick.

The machine's speed drops out of a ratio, so that what several machines measure for one study can be compared, and so
can what one machine measures while it also trains.
"""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.paired import pair_bundles
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.commands.verify import golden_reference
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.targets import target_named
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.models.tuning.space import Artifact, Latency
from dwcpc.parity.defaults import DEFAULT_SEED
from dwcpc.parity.reproduction import require_reproduced
from dwcpc.parity.runners.go import GoRuntime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.models.tuning.space import Space

PAIRS = 20
SECONDS = 0.05  # of a block
PROOF_ROWS = 64  # what a point of the front is worth is proven when it is compiled for good


@dataclass(frozen=True, slots=True)
class ServedLatency:
    """Times models compiled for `target`. Compiled quickly: a bundle has to give its golden vectors in Go, no more."""

    target: str = CPU_FP32.name

    def __call__(self, artifact: Artifact, space: Space) -> Latency:
        """Return how the artifact compares with the space's yardstick, which this process compiles once."""
        _, yardstick, rows = _yardstick(space)
        with tempfile.TemporaryDirectory(prefix="dwcpc-latency-") as name:
            bundle = _compiled(artifact, self.target, Path(name))
            paired = pair_bundles(yardstick, bundle, rows, other_rows=artifact.rows, pairs=PAIRS, seconds=SECONDS)
        return Latency(paired.cpu_ratio, paired.low, paired.high, paired.b_p50_ms, paired.a_p50_ms)


@functools.lru_cache(maxsize=1)
def _yardstick(space: Space) -> tuple[tempfile.TemporaryDirectory[str], Bundle, NDArray[np.float32]]:
    """Compile the yardstick; its folder goes when the process does."""
    folder = tempfile.TemporaryDirectory(prefix="dwcpc-yardstick-")
    artifact = space.yardstick(Path(folder.name))
    return folder, _compiled(artifact, CPU_FP32.name, Path(folder.name)), artifact.rows


def _compiled(artifact: Artifact, target: str, folder: Path) -> Bundle:
    order = Order(
        request=CompileRequest(
            artifact.path,
            target_named(target),
            artifact.scaler,
            artifact.target_scaler,
            threshold=artifact.threshold,
            load=LoadOptions(timesteps=artifact.timesteps),
        ),
        name="timed",
        out=folder / "dist",
        version=None,
        replace=False,
        calibration=artifact.calibration,
        rows=PROOF_ROWS,
        seed=DEFAULT_SEED,
        verify=False,
        budgets=(),
    )
    bundle = open_bundle(compile_bundle(order, lambda _step: None).path)
    require_reproduced(bundle, golden_reference(bundle, DEFAULT_SEED), [GoRuntime()])
    return bundle
