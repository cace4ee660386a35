"""The schema and the dataclasses say the same, key by key: neither may drift from the other."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import jsonschema
import pytest

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.metadata import SCHEMA, Candidate, CheckResult, Metadata, ModelFile, Source
from dwcpc.compiler.package import write_metadata
from dwcpc.compiler.seal import KEY

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "compiler" / "bundle.schema.json").read_bytes())
GOOD = ROOT / "tests" / "fixtures" / "bundles" / "good"
CLASSIFIER = GOOD.with_name("classifier")
ONE_ROW = GOOD.with_name("one_row")
FEATURES = GOOD.with_name("features")

# Written always, but a reader takes a result, a model, a source and a candidate without them.
OPTIONAL = {(CheckResult, "note"), (ModelFile, "batch"), (Source, "training"), (Candidate, "worst_row")}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = DOCUMENT["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        return found
    return schema


def without_null(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the schema of what is not null, and whether null is allowed."""
    schema = resolved(schema)
    if "anyOf" in schema:
        others = [part for part in schema["anyOf"] if part != {"type": "null"}]
        assert len(others) == 1
        return resolved(others[0]), len(others) < len(schema["anyOf"])
    kinds = schema.get("type")
    return schema, isinstance(kinds, list) and "null" in kinds


def without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in {Union, types.UnionType} and type(None) in get_args(hint):
        (other,) = (part for part in get_args(hint) if part is not type(None))
        return other, True
    return hint, False


def drift(cls: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    """Yield each key, constant and null on which the dataclass and the schema disagree, recursively."""
    fields = get_type_hints(cls)
    properties, required = schema["properties"], set(schema["required"])
    optional = {name for owner, name in OPTIONAL if owner is cls}
    if required != set(fields) - optional:
        yield f"{at}: required {sorted(required ^ (set(fields) - optional))}"
    if not set(properties) <= set(fields):
        yield f"{at}: properties {sorted(set(properties) - set(fields))}"
    for name, annotation in fields.items():
        if name not in properties:
            if not isinstance(schema.get("additionalProperties"), dict):
                yield f"{at}.{name}: says nothing"
            continue
        inner, nullable = without_null(properties[name])
        hint, optional_hint = without_none(annotation)
        if nullable is not optional_hint:
            yield f"{at}.{name}: null"
        yield from drift_of_value(hint, inner, f"{at}.{name}")


def drift_of_value(hint: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    if dataclasses.is_dataclass(hint):
        yield from drift(hint, schema, at)
    elif get_origin(hint) is Literal:
        if set(schema.get("enum", ())) != set(get_args(hint)):
            yield f"{at}: {get_args(hint)}"
    elif get_origin(hint) is tuple and dataclasses.is_dataclass(get_args(hint)[0]):
        yield from drift(get_args(hint)[0], resolved(schema["items"]), f"{at}[]")


def of_fields(document: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without the checksum, which is the text's and no field: `seal.py` asks for it."""
    properties = dict(document["properties"])
    del properties[KEY]
    return document | {"properties": properties}


def test_every_key_of_the_schema_is_a_field_and_every_field_a_key() -> None:
    assert list(drift(Metadata, of_fields(DOCUMENT), "metadata")) == []


@pytest.mark.parametrize("change", ["field", "key", "deep key", "constant", "null"])
def test_a_drift_would_be_found(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = json.loads(json.dumps(DOCUMENT))
    monkeypatch.setitem(globals(), "DOCUMENT", schema)
    match change:
        case "field":
            schema["required"].remove("task")
        case "key":
            schema["required"].append("colour")
        case "deep key":
            schema["properties"]["golden"]["properties"]["files"]["items"]["required"].append("bytes")
        case "constant":
            schema["$defs"]["scaler"]["properties"]["type"]["enum"].append("MinMaxScaler")
        case _:
            schema["properties"]["scaler"] = {"anyOf": [schema["properties"]["scaler"], {"type": "null"}]}
    assert len(list(drift(Metadata, of_fields(schema), "metadata"))) >= 1


def test_the_schema_is_a_valid_schema_and_refuses_without_each_key_it_requires() -> None:
    jsonschema.Draft202012Validator.check_schema(DOCUMENT)
    good = json.loads((GOOD / "metadata.json").read_bytes())
    validator = jsonschema.Draft202012Validator(DOCUMENT)
    assert validator.is_valid(good)
    for key in DOCUMENT["required"]:
        assert not validator.is_valid({name: value for name, value in good.items() if name != key})


def test_the_version_that_is_written_is_the_one_that_is_read() -> None:
    assert open_bundle(GOOD).metadata.schema == SCHEMA


@pytest.mark.parametrize("bundle", [GOOD, CLASSIFIER, ONE_ROW, FEATURES])
def test_what_is_written_is_what_was_read(bundle: Path, tmp_path: Path) -> None:
    write_metadata(tmp_path, open_bundle(bundle).metadata)
    written, read = (json.loads((folder / "metadata.json").read_bytes()) for folder in (tmp_path, bundle))
    assert written.pop(KEY)  # which is the text's
    assert read.pop(KEY)
    assert written == read


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_know_cannot_be_written(number: float, tmp_path: Path) -> None:
    metadata = open_bundle(GOOD).metadata
    assert metadata.decision is not None
    bad = dataclasses.replace(metadata, decision=dataclasses.replace(metadata.decision, threshold=number))
    with pytest.raises(ValueError, match="JSON"):
        write_metadata(tmp_path, bad)
    assert list(tmp_path.iterdir()) == []
