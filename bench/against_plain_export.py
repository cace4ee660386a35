"""Is a bundle through Go slower than the plain export through Python's onnxruntime? Paired and interleaved, ABBA.

    python -m dwcpc.bench.against_plain_export ARTIFACT BUNDLE

A is the export of torch, skl2onnx or onnxmltools in Python: no pass applied, no scaler and no score in it. B is the
bundle through the Go harness: scaler and score included, copy in → run → copy out. Both run on one thread with the
bundle's session settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.bench.measure import go_samples, time_source
from dwcpc.bench.plain_export import plain_export
from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIRS = 20
CALLS = 300
GO_SECONDS = 0.1  # a block's least
# Of 20 ratios the 5th smallest and 5th largest bound the median with 99.4 % confidence each (sign test).
BOUND = 5


def main() -> None:
    """Print the medians of both and the bounds of their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("bundle", type=Path)
    options = parser.parse_args()
    bundle = open_bundle(options.bundle)
    rows = bundle.golden("input")[bundle.metadata.inputs[0].name].astype(np.float32)
    plain = _plain_export(options.artifact, bundle, rows)
    scaled = _scaled(bundle, rows)
    pairs = _abba(
        lambda: time_source(plain, scaled, CALLS, warmup=0),
        lambda: float(np.median(go_samples(bundle, rows, CALLS, GO_SECONDS)[1][:, 0])),
    )
    ratios = np.sort(pairs[:, 1] / pairs[:, 0])
    sys.stdout.write(
        f"plain export, python  p50 {np.median(pairs[:, 0]):.3f} ms\n"
        f"bundle, go            p50 {np.median(pairs[:, 1]):.3f} ms\n"
        f"ratio go / plain      {np.median(ratios):.3f}  [{ratios[BOUND - 1]:.3f}, {ratios[-BOUND]:.3f}]"
        f"  {PAIRS} pairs of {CALLS} calls\n"
    )


def _scaled(bundle: Bundle, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows as the plain export takes them: raw ones would lead trees to other leaves, and faster."""
    scaler = bundle.metadata.scaler
    in_graph = scaler.applied == "graph"
    return Scaler(scaler.type, scaler.center, scaler.scale).transform(rows) if in_graph else rows


def _abba(a: Callable[[], float], b: Callable[[], float]) -> NDArray[np.float64]:
    """Return the block medians [pairs, 2] in ms; every other pair runs B first."""
    a()
    pairs = np.empty((PAIRS, 2))
    for index in range(PAIRS):
        for column in (0, 1) if index % 2 == 0 else (1, 0):
            pairs[index, column] = (a, b)[column]()
    return pairs


def _plain_export(artifact: Path, bundle: Bundle, rows: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], object]:
    """Return a prediction by the plain export of the bundle's artifact."""
    source = bundle.metadata.source
    load = LoadOptions(source.architecture, source.architecture_config.get("timesteps"), rows.shape[1:])
    loaded = read_artifact(artifact)
    exported, feed = plain_export(source_of(loaded).load(loaded, load), bundle.metadata.model.opset)
    session = open_session(exported.SerializeToString(), bundle.metadata.runtime.session)
    return lambda row: session.run(None, {feed: row})


if __name__ == "__main__":
    main()
