"""Every layer in every precision that a target allows, as computed from the float network and the calibration rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx

from dwcpc.compiler.quantize.base import Layer, Proposal, Technique
from dwcpc.compiler.quantize.cache import Cache, key_of
from dwcpc.compiler.quantize.layers import layers_of, record_activations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.steps import Steps


@dataclass(frozen=True, slots=True)
class Offered:
    """One layer: its forms by precision, and the reason for each precision that it cannot have."""

    layer: Layer
    proposals: Mapping[str, Proposal]
    refused: Mapping[str, str]


def offers(
    network: onnx.ModelProto,
    rows: NDArray[np.float32],
    techniques: Sequence[Technique],
    cache: Cache,
    steps: Steps,
) -> tuple[Offered, ...]:
    """Ask each technique for each layer of `network`, calibrated on scaled `rows`."""
    layers = layers_of(network)
    activations = record_activations(network, layers, rows)
    follows_from = (network.SerializeToString(deterministic=True), rows.tobytes(), onnx.__version__.encode())
    offered = []
    for layer in layers:
        proposals: dict[str, Proposal] = {}
        refused: dict[str, str] = {}
        for technique in techniques:
            steps.next(f"rounding {layer.name} to {technique.precision}")
            key = key_of((*follows_from, layer.name.encode(), technique.precision.encode()))
            found: Proposal | str | None = _read(technique.precision, cache.get(key))
            if found is None:
                found = technique.propose(layer, activations[layer.name])
                if isinstance(found, Proposal):
                    cache.put(key, _written(found))
            if isinstance(found, Proposal):
                proposals[technique.precision] = found
            else:
                refused[technique.precision] = found
        offered.append(Offered(layer, proposals, refused))
    return tuple(offered)


def _written(proposal: Proposal) -> bytes:
    head = f"{int(proposal.couples_rows)} {proposal.reads}\n"
    graph: bytes = proposal.graph.SerializeToString(deterministic=True)
    return head.encode() + graph


def _read(precision: str, data: bytes | None) -> Proposal | None:
    if data is None:
        return None
    head, graph = data.split(b"\n", 1)
    couples, reads = map(int, head.split())
    return Proposal(precision, onnx.GraphProto.FromString(graph), couples_rows=bool(couples), reads=reads)
