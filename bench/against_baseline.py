"""A bundle and its baseline, which runs again in the same job: never against milliseconds that were stored."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.measure import sampled, saved_inputs
from dwcpc.bench.paired import CALLS
from dwcpc.bench.regression_rule import judge_regression
from dwcpc.compiler.harness import TIMEOUT_S, call_harness

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.bench.findings import Regression
    from dwcpc.bench.measure import Answer
    from dwcpc.bench.protocol import Protocol
    from dwcpc.compiler.bundle import Bundle

logger = logging.getLogger(__name__)


def compare(bundle: Bundle, baseline: Bundle, protocol: Protocol, call_ms: float = 0.0) -> Regression:
    """Compare `bundle` with `baseline` in one Go process, on the bundle's rows where the baseline takes such ones.

    `call_ms` is how long a call takes about: a slow model's blocks take longer.
    """
    ours, theirs = golden_inputs(bundle), golden_inputs(baseline)
    if bundle.metadata.inputs[0].shape == baseline.metadata.inputs[0].shape:
        theirs = {baseline.metadata.inputs[0].name: next(iter(ours.values()))}
    block_s = max(protocol.block_seconds, CALLS * call_ms / 1e3)
    timeout_s = (
        TIMEOUT_S + 2 * 2 * 3 * protocol.pairs * block_s
    )  # a block to warm up, and twice the time for a busy machine
    with tempfile.TemporaryDirectory(prefix="dwcpc-baseline-") as name:
        other = ["--other", str(bundle.path), *saved_inputs("--other-input", ours, Path(name)), "--control"]

        def call(arguments: list[str]) -> Answer:
            return call_harness("pair", [*arguments, *other, "--pairs", str(protocol.pairs)], timeout_s)

        rows = next(iter(theirs.values()))
        answer, blocks = sampled(baseline, rows, CALLS, protocol.block_seconds, call)
    if not answer["stable"]:
        logger.warning("the calls had not settled after the warm-up; the machine is busy")
    return judge_regression(f"{baseline.metadata.name} v{baseline.metadata.version} ({baseline.path})", blocks)


def golden_inputs(bundle: Bundle) -> dict[str, NDArray[np.float32]]:
    """Return the golden rows of each input."""
    return {name: values.astype("float32") for name, values in bundle.golden("input").items()}
