"""Reading findings that a gate wrote as JSON: nothing is returned that does not fit the schema and itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dwcpc.bench.findings import SCHEMA, Findings
from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.json_schema import BUNDLE_SCHEMA, SchemaFile, first_misfit, shortened
from dwcpc.compiler.strict_json import parse_strictly

FINDINGS_SCHEMA: SchemaFile = ("dwcpc.bench.reports", "findings.schema.json")
MAX_BYTES = 256 * 1024**2  # a gate over a hundred bundles writes some 30 MB
REMEDY = "write it again with dwcpc gate --json-file"


def read_findings(path: Path) -> Findings:
    """Read one findings file. InputError says what is wrong with it."""
    import msgspec

    document = _parsed(path)
    found = document.get("schema") if isinstance(document, dict) else None
    if isinstance(found, str) and found != SCHEMA and not found.startswith(SCHEMA + "."):
        raise InputError(
            f"{path}: schema is {found!r}, expected {SCHEMA!r}; read it with the dwcpc version that wrote it"
        )
    misfit = first_misfit(document, FINDINGS_SCHEMA, BUNDLE_SCHEMA)
    if misfit is not None:
        raise InputError(f"{path}: {misfit}; {REMEDY}")
    try:
        findings: Findings = msgspec.convert(document, Findings)
    except msgspec.ValidationError as error:  # 1.0 where a whole number belongs: an integer to the schema
        raise InputError(f"{path}: {shortened(first_line(error))}; {REMEDY}") from error
    for problem in _inconsistencies(findings):
        raise InputError(f"{path}: {problem}; {REMEDY}")
    return findings


def _parsed(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: is larger than {MAX_BYTES} bytes, expected a gate's findings; {REMEDY}")
        return parse_strictly(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected a gate's findings; {REMEDY}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({shortened(first_line(error))}); {REMEDY}") from error


def _inconsistencies(findings: Findings) -> Iterator[str]:
    for at, bundle in enumerate(findings.bundles):
        for index, profile in enumerate(bundle.errors):
            if len(profile.worst) != len(profile.tolerance):
                yield (
                    f"bundles[{at}].errors[{index}]: worst has {len(profile.worst)} positions and tolerance "
                    f"{len(profile.tolerance)}, expected as many of both"
                )
