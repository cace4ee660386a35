"""What was measured of one model, as data; kept beside the model, so that the page can be written of all of them."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.bench.paired import Paired
from dwcpc.bench.precision_accuracy import Accuracy
from dwcpc.compiler.metadata import Machine

if TYPE_CHECKING:
    from typing import Any

BASE = "cpu-fp32"  # the target whose bundle the others are compared with
RESULT_FILE = "table_result.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a model that there is takes and is worth; `bundle_bytes` is none for a file without a bundle.

    `latency` has it as B and the cpu-fp32 bundle as A.
    """

    accuracy: Accuracy
    model_bytes: int
    bundle_bytes: int | None
    nodes: int
    latency: Paired


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table: a target or a recipe. `layers` has the names of the layers by their precision."""

    name: str
    verdict: str
    reason: str
    measured: Measured | None
    layers: dict[str, tuple[str, ...]]
    search: str


@dataclass(frozen=True, slots=True)
class ModelResult:
    """Everything about one model, measured in one run of the command."""

    name: str
    title: str
    weights: str
    rows: str
    date: str
    compiler: str
    onnxruntime: str
    machine: Machine
    pairs: int
    entries: tuple[Entry, ...]


def write_result(path: Path, result: ModelResult) -> None:
    """Write `result` as JSON; infinities as Python's json has them."""
    path.write_text(json.dumps(dataclasses.asdict(result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_result(path: Path) -> ModelResult:
    """Read what `write_result` wrote."""
    import msgspec

    return msgspec.convert(json.loads(path.read_bytes()), ModelResult)


def layers_of(metadata: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the layers that `metadata["precision"]` names, by precision, both in the order they appear in."""
    layers: dict[str, tuple[str, ...]] = {}
    for each in metadata.get("precision", ()):
        layers[each["precision"]] = (*layers.get(each["precision"], ()), each["layer"])
    return layers


def search_of(metadata: dict[str, Any]) -> str:
    """Say what `metadata["precision_search"]` chose from; empty where nothing was searched."""
    search = metadata.get("precision_search")
    if not search:
        return ""
    candidates = search["candidates"]
    chosen = [each["name"] for each in candidates if each["chosen"]]
    calibration = search["calibration"]
    return (
        f"{', '.join(chosen) or 'none'} of {len(candidates)} candidates; floor {search['min_sqnr_db']:g} dB; "
        f"calibrated on {calibration['rows']:,} rows ({calibration['kind']})"
    )
