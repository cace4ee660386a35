"""The rows of one model's table: bundles and plain recipes, each measured against the same cpu-fp32 bundle."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.measure import DISTINCT_ROWS
from dwcpc.bench.paired import pair_bundles, pair_model
from dwcpc.bench.plain_export import plain_export
from dwcpc.bench.plain_int8 import RECIPES, quantized
from dwcpc.bench.precision_accuracy import Reference, bundle_accuracy, plain_accuracy
from dwcpc.bench.precision_result import Entry, Measured, layers_of, search_of
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.passes.simplify import Simplify

if TYPE_CHECKING:
    from dwcpc.bench.precision_compile import Outcome

PLAIN = "export + onnxsim"
NO_VERDICT = "–"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What every row is measured with: the source's answers, the cpu-fp32 bundle, and the pairs of timed blocks."""

    reference: Reference
    base: Bundle
    pairs: int


def target_entry(target: str, outcome: Outcome, yardstick: Yardstick) -> Entry:
    """Measure the bundle of a target, where there is one."""
    if outcome.bundle is None:
        return Entry(target, outcome.verdict, outcome.reason, None, {}, "")
    bundle, reference = open_bundle(outcome.bundle), yardstick.reference
    made = Measured(
        accuracy=bundle_accuracy(reference, bundle),
        model_bytes=bundle.metadata.model.bytes,
        bundle_bytes=bundle.size_bytes,
        nodes=bundle.metadata.model.nodes,
        latency=pair_bundles(yardstick.base, bundle, reference.rows[:DISTINCT_ROWS], pairs=yardstick.pairs),
    )
    return Entry(
        target, outcome.verdict, outcome.reason, made, layers_of(outcome.metadata), search_of(outcome.metadata)
    )


def recipe_entries(yardstick: Yardstick) -> Iterator[Entry]:
    """Measure the plain export after onnxsim, then each recipe on it."""
    exported, feed = plain_export(yardstick.reference.network, yardstick.base.metadata.model.opset)
    simplified = Simplify().apply(exported).model
    yield _plain_entry(PLAIN, simplified.SerializeToString(), feed, yardstick)
    for recipe in RECIPES:
        yield _plain_entry(recipe.name, quantized(simplified, recipe), feed, yardstick)


def _plain_entry(name: str, model: bytes, feed: str, yardstick: Yardstick) -> Entry:
    import onnx

    reference, base = yardstick.reference, yardstick.base
    with tempfile.TemporaryDirectory(prefix="dwcpc-plain-") as folder:
        path = Path(folder) / "plain.onnx"
        path.write_bytes(model)
        feeds = {feed: reference.scaled[:DISTINCT_ROWS]}
        latency = pair_model(base, path, reference.rows[:DISTINCT_ROWS], feeds=feeds, pairs=yardstick.pairs)
    made = Measured(
        accuracy=plain_accuracy(reference, model, feed, base.metadata.runtime.session),
        model_bytes=len(model),
        bundle_bytes=None,
        nodes=len(onnx.load_from_string(model).graph.node),
        latency=latency,
    )
    return Entry(name, NO_VERDICT, "", made, {}, "")
