"""Is a bundle through Go slower than the plain export of its artifact? Paired and interleaved, ABBA.

    python -m dwcpc.bench.against_plain_export ARTIFACT BUNDLE [--simplified] [--runtime go]

The plain export is that of torch, skl2onnx or onnxmltools: no pass of ours applied, no scaler and no score in it; with
`--simplified` it went through onnxsim. It runs in Python's onnxruntime or, with `--runtime go`, in the same Go process
as the bundle. The bundle always runs in Go: scaler and score included, copy in → run → copy out. Both run on one thread
with the bundle's session settings.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.bench.measure import go_samples
from dwcpc.bench.paired import CALLS, PAIRS, SECONDS, Block, FreshSession, Paired, pair_blocks, pair_model
from dwcpc.bench.plain_export import plain_export
from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.passes.simplify import Simplify
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.bench.timed_calls import Rows


def main(arguments: list[str] | None = None) -> None:
    """Print the medians of both, the bounds of their ratio, and what they say."""
    options = _options(arguments)
    bundle = open_bundle(options.bundle)
    rows = bundle.golden("input")[bundle.metadata.inputs[0].name].astype(np.float32)
    model, feed = _plain(options.artifact, bundle, rows, simplified=options.simplified)
    compare = {"python": _against_python, "go": _against_go}[options.runtime]
    paired = compare(bundle, rows, model, {feed: _scaled(bundle, rows)}, options.pairs)
    plain = f"plain export{' + onnxsim' if options.simplified else ''}, {options.runtime}"
    width = max(len(plain), len("bundle / plain"))
    sys.stdout.write(
        f"{plain:{width}}  p50 {paired.a_p50_ms:.4g} ms\n"
        f"{'bundle, go':{width}}  p50 {paired.b_p50_ms:.4g} ms\n"
        f"{'bundle / plain':{width}}  {paired}  cpu {paired.cpu_ratio:.3f}  {paired.pairs} pairs: {_verdict(paired)}\n"
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--simplified", action="store_true", help="hand the plain export to onnxsim")
    parser.add_argument("--runtime", choices=("python", "go"), default="python", help="of the plain export")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    return parser.parse_args(arguments)


def _verdict(paired: Paired) -> str:
    """Name what the bounds leave; each holds with 99 %."""
    if paired.slower:
        return "the bundle is slower"
    if paired.faster:
        return "the bundle is faster"
    return f"no difference is shown; the bundle is at most {100 * (paired.high - 1):.1f} % slower"


def _against_go(bundle: Bundle, rows: NDArray[np.float32], model: bytes, feeds: Rows, pairs: int) -> Paired:
    with tempfile.TemporaryDirectory(prefix="dwcpc-plain-") as name:
        path = Path(name) / "plain_export.onnx"
        path.write_bytes(model)
        return pair_model(bundle, path, rows, feeds=feeds, pairs=pairs).swapped()


def _against_python(bundle: Bundle, rows: NDArray[np.float32], model: bytes, feeds: Rows, pairs: int) -> Paired:
    plain = FreshSession(model, feeds, bundle.metadata.runtime.session, SECONDS)
    return pair_blocks(lambda _: (plain.opened(), _process_of(bundle, rows)), pairs)


def _process_of(bundle: Bundle, rows: NDArray[np.float32]) -> Block:
    """Return a block of the bundle in a Go process of its own, which warms itself up."""

    def block() -> tuple[float, float]:
        wall, cpu = np.median(go_samples(bundle, rows, CALLS, SECONDS)[1], axis=0)
        return float(wall), float(cpu)

    return block


def _scaled(bundle: Bundle, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows as the plain export takes them: raw ones would lead trees to other leaves, and faster."""
    scaler = bundle.metadata.scaler
    in_graph = scaler.applied == "graph"
    return Scaler(scaler.type, scaler.center, scaler.scale).transform(rows) if in_graph else rows


def _plain(artifact: Path, bundle: Bundle, rows: NDArray[np.float32], *, simplified: bool) -> tuple[bytes, str]:
    """Return the plain export of the bundle's artifact, and the name of its input."""
    source = bundle.metadata.source
    load = LoadOptions(source.architecture, source.architecture_config.get("timesteps"), rows.shape[1:])
    loaded = read_artifact(artifact)
    exported, feed = plain_export(source_of(loaded).load(loaded, load), bundle.metadata.model.opset)
    if simplified:
        exported = Simplify().apply(exported).model
    return exported.SerializeToString(), feed


if __name__ == "__main__":
    main()
