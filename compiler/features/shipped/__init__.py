"""The specifications that travel with dwcpc, by name: a JSON file each, made from `definitions.py`."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.reading import checked_spec, read_document
from dwcpc.compiler.features.spec import FeatureSpec

PACKAGE = "dwcpc.compiler.features.shipped"


def shipped_names() -> list[str]:
    """Return the names, sorted."""
    return sorted(Path(file.name).stem for file in files(PACKAGE).iterdir() if file.name.endswith(".json"))


def shipped_spec(name: str) -> FeatureSpec:
    """Return the specification of that name."""
    return checked_spec(_shipped_document(name), name)


def named_spec(name: str) -> FeatureSpec:
    """Return the specification in the file `name`, or else the shipped one of that name."""
    return checked_spec(named_document(name), name)


def named_document(name: str) -> Any:
    """Return the JSON of the same, which `checked_spec` has still to judge."""
    return read_document(Path(name)) if is_file_name(name) else _shipped_document(name)


def is_file_name(name: str) -> bool:
    """Say whether `name` means a file and not a shipped specification."""
    return "." in name or "/" in name or Path(name).exists()


def _shipped_document(name: str) -> Any:
    if name not in shipped_names():
        raise InputError(
            f"{name}: no specification of that name is shipped, expected one of {', '.join(shipped_names())}"
        )
    with as_file(files(PACKAGE).joinpath(f"{name}.json")) as path:
        return read_document(path)
