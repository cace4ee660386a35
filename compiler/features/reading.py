"""Reading a feature specification: nothing is returned that does not fit the schema and itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.checks import first_problem
from dwcpc.compiler.features.spec import SCHEMA, STEP_TYPES, Column, FeatureSpec, Time
from dwcpc.compiler.json_schema import SchemaFile, first_misfit, shortened
from dwcpc.compiler.strict_json import parse_strictly

FEATURES_SCHEMA: SchemaFile = ("dwcpc.compiler.features", "features.schema.json")
MAX_SPEC_BYTES = 4 * 1024**2  # as Go's reader
REMEDY = "see docs/features.md and `dwcpc features check`"


def read_spec(path: Path) -> FeatureSpec:
    """Read the specification at `path`; InputError names the step or the field that is wrong."""
    return checked_spec(read_document(path), str(path))


def read_document(path: Path) -> Any:
    """Read the JSON at `path`, which `checked_spec` has still to judge."""
    try:
        if path.stat().st_size > MAX_SPEC_BYTES:
            raise InputError(f"{path}: is larger than {MAX_SPEC_BYTES} bytes; expected a feature specification")
        return parse_strictly(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a feature specification") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({shortened(str(error))}); {REMEDY}") from error


def checked_spec(document: Any, where: str) -> FeatureSpec:
    """Return the specification that `document` (parsed JSON) is; InputError begins with `where`."""
    found = document.get("schema") if isinstance(document, dict) else None
    if isinstance(found, str) and found.startswith("dwcpc.features/") and found != SCHEMA:
        raise InputError(f"{where}: schema is {found!r}, expected {SCHEMA!r}; use the dwcpc version that wrote it")
    misfit = first_misfit(document, FEATURES_SCHEMA)
    if misfit is not None:
        raise InputError(f"{where}: {_named(misfit, document)}; {REMEDY}")
    spec = _converted(document)
    problem = first_problem(spec)
    if problem is not None:
        raise InputError(f"{where}: {problem}; {REMEDY}")
    return spec


def _named(misfit: str, document: Any) -> str:
    """Put the step's name before `steps[3].window: …`."""
    field, _, rest = misfit.partition(": ")
    if not field.startswith("steps["):
        return misfit
    place, _, inner = field.removeprefix("steps[").partition("]")
    step = document["steps"][int(place)]
    name = step.get("name") if isinstance(step, dict) else None
    label = f"step {name!r}" if isinstance(name, str) else f"steps[{place}]"
    return f"{label}: {inner.removeprefix('.')}: {rest}" if inner else f"{label}: {rest}"


def _converted(document: dict[str, Any]) -> FeatureSpec:
    import msgspec

    columns = msgspec.convert(document["columns"], tuple[Column, ...])
    # Not strict: to a schema 5.0 is an integer. It has checked every type.
    steps = tuple(msgspec.convert(step, STEP_TYPES[step["op"]], strict=False) for step in document["steps"])
    time = msgspec.convert(document.get("time"), Time | None)
    return FeatureSpec(name=document["name"], group=document.get("group"), time=time, columns=columns, steps=steps)
