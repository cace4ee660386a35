"""The specifications that travel with dwcpc, by name: a JSON file each, made from `definitions.py`."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.reading import read_spec
from dwcpc.compiler.features.spec import FeatureSpec

PACKAGE = "dwcpc.compiler.features.shipped"


def shipped_names() -> list[str]:
    """Return the names, sorted."""
    return sorted(Path(file.name).stem for file in files(PACKAGE).iterdir() if file.name.endswith(".json"))


def shipped_spec(name: str) -> FeatureSpec:
    """Return the specification of that name."""
    if name not in shipped_names():
        raise InputError(
            f"{name}: no specification of that name is shipped, expected one of {', '.join(shipped_names())}"
        )
    with as_file(files(PACKAGE).joinpath(f"{name}.json")) as path:
        return read_spec(path)


def named_spec(name: str) -> FeatureSpec:
    """Return the specification in the file `name`, or else the shipped one of that name."""
    return read_spec(Path(name)) if Path(name).exists() or "." in name or "/" in name else shipped_spec(name)
