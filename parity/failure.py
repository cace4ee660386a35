"""A failed comparison, kept: the failing rows, the reference and every answer, versions, and how to see it again."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.parity.checks.closeness import excess
from dwcpc.parity.checks.decisions import flips
from dwcpc.parity.checks.finiteness import kind_differs
from dwcpc.parity.invariance import bits_differ
from dwcpc.parity.reference import Reference, ReferenceGroup
from dwcpc.parity.verify import split_by_group

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.metadata import Decision
    from dwcpc.parity.runners.base import Outputs
    from dwcpc.parity.verify import Verification

MOST_ROWS = 256
DESCRIPTION = "failure.json"
README = "README.txt"


def write_failure(
    folder: Path, reference: Reference, verification: Verification, decision: Decision | None, command: str
) -> None:
    """Write the failing rows of each group (the first rows where no single row is to blame) into `folder`."""
    groups = []
    for group, parts in _by_group(reference, verification):
        chosen = _failing(group, parts, decision)
        np.save(folder / f"{group.name}.input.npy", group.rows[chosen])
        for name, values in group.outputs.items():
            np.save(folder / f"{group.name}.reference.{name}.npy", values[chosen])
            tolerance = np.broadcast_to(group.tolerance[name], values.shape)[chosen]
            np.save(folder / f"{group.name}.tolerance.{name}.npy", tolerance)
        groups.append({"name": group.name, "rows": len(chosen), "outputs": list(group.outputs)})
        for runtime, outputs in parts.items():
            for name, values in outputs.items():
                np.save(folder / f"{group.name}.{runtime}.{name}.npy", values[chosen])
    failed = [result for result in verification.parity.results if not result.passed]
    description = {
        "groups": groups,
        "seed": reference.seed,
        "onnxruntime": verification.versions,
        "python": platform.python_version(),
        "failed": [
            f"{r.check} {r.runtime} {r.output} {r.group}: {r.worst:.6g} > {r.limit:.6g} {r.note}" for r in failed
        ],
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    (folder / README).write_text(f"To see this failure again:\n\n    {command}\n", encoding="utf-8")


def read_failure(folder: Path) -> Reference:
    """Return the kept rows as a reference to verify against."""
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        groups = tuple(_read_group(folder, entry) for entry in description["groups"] if entry["rows"])
        seed = int(description["seed"])
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise InputError(
            f"{folder}: is no failure folder ({error}); expected one that a failed verification wrote"
        ) from error
    if not groups:
        raise InputError(f"{folder}: holds no rows; run the verification again")
    rows = groups[0].rows[:1].copy()
    rows[...] = np.nan
    return Reference("golden", seed, groups, rows, ())


def _read_group(folder: Path, entry: Mapping[str, object]) -> ReferenceGroup:
    name = str(entry["name"])
    outputs = entry["outputs"]
    if not isinstance(outputs, list):
        raise TypeError("outputs is not a list")

    def load(what: str) -> dict[str, NDArray[Any]]:
        return {str(output): np.load(folder / f"{name}.{what}.{output}.npy", allow_pickle=False) for output in outputs}

    rows = np.load(folder / f"{name}.input.npy", allow_pickle=False)
    return ReferenceGroup(name, rows, load("reference"), load("tolerance"))


def _by_group(reference: Reference, verification: Verification) -> list[tuple[ReferenceGroup, dict[str, Outputs]]]:
    parts = {runtime: split_by_group(reference, answer) for runtime, answer in verification.answers.items()}
    return [
        (group, {runtime: split[index] for runtime, split in parts.items()})
        for index, group in enumerate(reference.groups)
    ]


def _failing(group: ReferenceGroup, parts: dict[str, Outputs], decision: Decision | None) -> NDArray[np.int64]:
    worst = np.zeros(len(group.rows))
    for outputs in parts.values():
        for name, reference in group.outputs.items():
            ratio = excess(reference, outputs[name], group.tolerance[name])
            if outputs[name].dtype != np.int64:
                ratio[kind_differs(reference, outputs[name])] = np.inf
            worst = np.maximum(worst, ratio.reshape(len(ratio), -1).max(axis=1))
        if decision is not None:
            flipped = flips(decision, group.outputs, outputs)
            worst[flipped] = np.maximum(worst[flipped], 1.0)
    first, *others = parts.values()
    for other in others:
        for name, values in first.items():
            differing = bits_differ(values, other[name])
            worst[differing.reshape(len(worst), -1).any(axis=1)] = np.inf
    order = np.argsort(-worst, kind="stable")
    failing = order[worst[order] > 1.0]
    return (failing if len(failing) else order)[:MOST_ROWS]
