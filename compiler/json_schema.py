"""Holding a document against a packaged JSON Schema: the first field that does not fit, as a clause of a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

SchemaFile = tuple[str, str]  # package and file
BUNDLE_SCHEMA: SchemaFile = ("dwcpc.compiler", "bundle.schema.json")


def first_misfit(document: object, schema: SchemaFile, *referred: SchemaFile) -> str | None:
    """Return `field: what is wrong with it`, none where `document` fits; `referred` are schemas that `schema` names."""
    errors = _validator(schema, referred).iter_errors(document)
    # A key whose value does not fit counts as unevaluated too: that it is unknown is said where nothing else is wrong.
    ordered = sorted(
        errors,
        key=lambda error: (error.validator == "unevaluatedProperties", [str(part) for part in error.absolute_path]),
    )
    if not ordered:
        return None
    field = _field(ordered[0].absolute_path) or "the document"
    return f"{field}: {shortened(ordered[0].message)}"


def shortened(message: str) -> str:
    """Return a library's message at one sentence's length."""
    return message if len(message) <= 200 else message[:120] + " … " + message[-60:]


@cache
def _validator(schema: SchemaFile, referred: tuple[SchemaFile, ...]) -> Any:
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend
    from referencing import Registry, Resource

    def pattern(_validator: Any, expression: str, value: object, _schema: Any) -> Iterator[Any]:
        # In a schema `$` is the very end; in Python it also stands before a line break there.
        if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", expression), value):
            yield ValidationError(f"{value!r} does not match {expression!r}")

    beside = [(file, Resource.from_contents(_read((package, file)))) for package, file in referred]
    registry: Any = Registry().with_resources(beside)
    return extend(Draft202012Validator, {"pattern": pattern})(_read(schema), registry=registry)  # type: ignore[no-untyped-call]


def _read(schema: SchemaFile) -> Any:
    package, file = schema
    return json.loads(files(package).joinpath(file).read_text(encoding="utf-8"))


def _field(parts: Iterable[str | int]) -> str:
    """Return `inputs[0].dtype`, as Go writes it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
