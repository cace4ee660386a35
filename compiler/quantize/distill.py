"""Distillation: the integer layers of a plan are trained until the network answers as its float original does.

Rounding (`rounding.py`) looks at one layer at a time and at the calibration rows alone. Here all integer layers of a
plan are trained together against the float network's answers, on rows drawn afresh for each step; the result is a
proposal for each of them, to be measured as any other. Only what they store changes, never the arithmetic.

So it makes up for the rounding of weights. What the rounding of activations adds is the operator's own, and is most of
the noise where weights were rounded with compensation: there little is left to win.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.quantize.cache import Cache, key_of
from dwcpc.compiler.quantize.int8_lstm import EQUALISING
from dwcpc.compiler.quantize.layers import with_proposals
from dwcpc.compiler.quantize.options import DISTILLED, FLOAT32

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.quantize.base import Proposal
    from dwcpc.compiler.quantize.distillation.training import Schedule
    from dwcpc.compiler.quantize.proposals import Offered
    from dwcpc.compiler.steps import Steps

VERSION = b"distillation 1"  # counts up when the same rows would train otherwise
FINGERPRINT_ROWS = 64
Draw = Callable[[int, int], "NDArray[np.float32]"]  # (count, seed) → scaled rows


@dataclass(frozen=True, slots=True)
class Lessons:
    """What to learn from: `draw(count, seed)` gives scaled rows; `schedule` is the usual one where it is none."""

    draw: Draw
    seed: int
    schedule: Schedule | None = None


def require_torch() -> None:
    """Refuse where torch is missing."""
    if importlib.util.find_spec("torch") is None:
        raise InputError("--distill needs torch and it is not installed; install dwcpc[torch] or omit --distill")


def is_integer(proposal: Proposal) -> bool:
    """Say whether the layer's input and state are integers, which is what distillation trains."""
    return any(constant.name.endswith(f"/{EQUALISING}") for constant in proposal.graph.initializer)


def distilled(
    network: onnx.ModelProto,
    offered: Sequence[Offered],
    plan: Mapping[str, str],
    lessons: Lessons,
    cache: Cache,
    steps: Steps,
) -> dict[str, Proposal] | str:
    """Return trained proposals for the integer layers of `plan`, by layer; or why distillation is not offered."""
    require_torch()
    chosen = {each.layer.name: each.proposals[p] for each in offered if (p := plan[each.layer.name]) != FLOAT32}
    integers = {name: proposal for name, proposal in chosen.items() if is_integer(proposal)}
    if not integers:
        return "distillation is not offered: no layer of the plan computes in integers"
    # A layer whose state alone is in integers stays as it was: it is not trained, and torch has no such operator.
    stored = with_proposals(network, {name: each for name, each in chosen.items() if not each.couples_rows})
    key = key_of(_follows_from(network, stored, integers, lessons))
    graphs = _read(cache.get(key), len(integers))
    if graphs is None:
        trained = _trained(network, stored, offered, integers, lessons, steps)
        if isinstance(trained, str):
            return trained
        graphs = [trained[name].graph for name in integers]
        cache.put(key, _written(graphs))
    return {
        name: replace(proposal, graph=graph, precision=proposal.precision + DISTILLED)
        for (name, proposal), graph in zip(integers.items(), graphs, strict=True)
    }


def _trained(
    network: onnx.ModelProto,
    stored: onnx.ModelProto,
    offered: Sequence[Offered],
    integers: Mapping[str, Proposal],
    lessons: Lessons,
    steps: Steps,
) -> dict[str, Proposal] | str:
    from dwcpc.compiler.quantize.distillation.graph import TorchGraph
    from dwcpc.compiler.quantize.distillation.integer_lstm import IntegerLstm
    from dwcpc.compiler.quantize.distillation.operators import UnsupportedError
    from dwcpc.compiler.quantize.distillation.training import Noise, Schedule, train

    layers = {each.layer.name: each.layer for each in offered}
    students = {name: IntegerLstm(layers[name], proposal) for name, proposal in integers.items()}
    try:
        noise = Noise(TorchGraph(network), TorchGraph(stored, students))
        train(noise, students, lessons.draw, lessons.seed, lessons.schedule or Schedule(), steps)
    except UnsupportedError as error:
        return f"distillation is not offered: operator {error}"
    return {name: each.trained() for name, each in students.items()}


def _follows_from(
    network: onnx.ModelProto, stored: onnx.ModelProto, integers: Mapping[str, Proposal], lessons: Lessons
) -> list[bytes]:
    models = [model.SerializeToString(deterministic=True) for model in (network, stored)]
    graphs = [each.graph.SerializeToString(deterministic=True) for each in integers.values()]
    rows = np.ascontiguousarray(lessons.draw(FINGERPRINT_ROWS, lessons.seed)).tobytes()
    return [VERSION, *models, *graphs, rows, repr((lessons.seed, lessons.schedule)).encode()]


def _written(graphs: Sequence[onnx.GraphProto]) -> bytes:
    held = onnx.ModelProto(functions=[])
    held.graph.node.extend(
        onnx.helper.make_node("Distilled", [], [], name=str(at), graph=graph) for at, graph in enumerate(graphs)
    )
    data: bytes = held.SerializeToString(deterministic=True)
    return data


def _read(data: bytes | None, count: int) -> list[onnx.GraphProto] | None:
    if data is None:
        return None
    graphs = [node.attribute[0].g for node in onnx.ModelProto.FromString(data).graph.node]
    return graphs if len(graphs) == count else None
