"""A compiled model with its features in front: what a caller gives is a raw window."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dwcpc.compiler.features.lowering.prepend import prepend_features
from dwcpc.compiler.metadata import StepRecord, TensorSpec
from dwcpc.compiler.signature import GRAPH_INPUT

if TYPE_CHECKING:
    from dwcpc.compiler.pipeline import Compiled

EMBED_FEATURES = "embed_features"


def embedded(compiled: Compiled) -> Compiled:
    """Return `compiled` on raw windows, where its features are to be embedded.

    Last of all, so that no pass and no rounding of weights ever sees a node of it.
    """
    use = compiled.features
    if use is None or not use.embedded:
        return compiled
    model = prepend_features(compiled.built.model, use.spec, use.timesteps)
    nodes = len(model.graph.node)
    record = StepRecord(EMBED_FEATURES, nodes - len(compiled.built.model.graph.node), (), nodes)
    built = dataclasses.replace(compiled.built, model=model, passes=(*compiled.built.passes, record))
    raw = TensorSpec(GRAPH_INPUT, "float32", ("batch", *use.raw_shape), use.column_names, use.column_units)
    return dataclasses.replace(compiled, built=built, inputs=(raw,))
