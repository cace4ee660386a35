"""Ensembles of a registry: `REGISTRY/NAME.ensemble.json` says which models answer together, and how.

The contract is `ensemble.schema.json`; Go's reader is `go_harness/ensemble`, and both are tested with the same files.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.json_schema import SchemaFile, first_misfit, shortened
from dwcpc.compiler.strict_json import parse_strictly
from dwcpc.compiler.whole_file import whole_file

SCHEMA = "dwcpc.ensemble/1"
ENSEMBLE_SCHEMA: SchemaFile = ("dwcpc.compiler.registry", "ensemble.schema.json")
SUFFIX = ".ensemble.json"
MAX_BYTES = 1 << 20  # as Go's reader
REMEDY = "write it with `dwcpc ensemble`"

Combine = Literal["average", "vote"]


@dataclass(frozen=True, slots=True)
class Member:
    """A model of the registry: one version for ever, or, with none, whatever `latest` names."""

    model: str
    version: str | None
    weight: float

    @property
    def name(self) -> str:
        """What it is called in an ensemble: `model`, or `model@1.0`."""
        return self.model if self.version is None else f"{self.model}@{self.version}"


@dataclass(frozen=True, slots=True)
class Definition:
    """An ensemble. `minimum` is how many members have to answer; with none, one that fails fails the call."""

    name: str
    combine: Combine
    members: tuple[Member, ...]
    minimum: int | None


def definition_path(registry: Path, name: str) -> Path:
    """Return where an ensemble is defined: beside the models' folders, whose names have no dot."""
    return registry / f"{name}{SUFFIX}"


def write_definition(path: Path, definition: Definition) -> None:
    """Write the file, whole or not at all; InputError where the definition is none."""
    members = []
    for each in definition.members:
        pinned = {} if each.version is None else {"version": each.version}
        members.append({"model": each.model, **pinned, "weight": each.weight})
    minimum = definition.minimum
    failing: dict[str, Any] = {"policy": "fail"} if minimum is None else {"policy": "drop", "minimum": minimum}
    document = {
        "schema": SCHEMA,
        "name": definition.name,
        "combine": definition.combine,
        "members": members,
        "failing": failing,
    }
    _checked(path, document)
    with whole_file(path) as file:
        file.write(f"{json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)}\n".encode())


def read_definition(path: Path) -> Definition:
    """Read the file; InputError names the field that is wrong."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: is larger than {MAX_BYTES} bytes, expected an ensemble's definition; {REMEDY}")
        document = parse_strictly(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected an ensemble's definition") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({shortened(str(error))}); {REMEDY}") from error
    return _checked(path, document)


def _checked(path: Path, document: Any) -> Definition:
    found = document.get("schema") if isinstance(document, dict) else None
    if isinstance(found, str) and found.startswith("dwcpc.ensemble/") and found != SCHEMA:
        raise InputError(f"{path}: schema is {found!r}, expected {SCHEMA!r}; use the dwcpc version that wrote it")
    misfit = first_misfit(document, ENSEMBLE_SCHEMA)
    if misfit is not None:
        raise InputError(f"{path}: {misfit}; {REMEDY}")
    members = tuple(Member(each["model"], each.get("version"), float(each["weight"])) for each in document["members"])
    odd = next((at for at, member in enumerate(members) if not math.isfinite(member.weight)), None)
    if odd is not None:  # no reader lets it through, but a writer may be given one
        raise InputError(f"{path}: members[{odd}].weight: {members[odd].weight} is no number; {REMEDY}")
    minimum = document["failing"].get("minimum")
    names = [member.name for member in members]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: members has {twice} {names.count(twice)} times, expected each once; {REMEDY}")
    if isinstance(minimum, float):  # 1.0, an integer to the schema
        raise InputError(f"{path}: failing.minimum is {minimum}, expected a whole number; {REMEDY}")
    if minimum is not None and minimum > len(members):
        raise InputError(
            f"{path}: failing.minimum is {minimum}, expected at most the number of members, {len(members)}; {REMEDY}"
        )
    return Definition(document["name"], document["combine"], members, minimum)
