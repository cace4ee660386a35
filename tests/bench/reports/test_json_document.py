"""The JSON report: by its schema, which says what the dataclasses say, and read back as it was."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from dwcpc.bench import findings as model
from dwcpc.bench.findings import Findings
from dwcpc.bench.findings_file import FINDINGS_SCHEMA, read_findings
from dwcpc.bench.reports.json_document import INFINITE, render
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.json_schema import BUNDLE_SCHEMA, first_misfit

ROOT = Path(__file__).resolve().parents[3]
SCHEMA: dict[str, Any] = json.loads((ROOT / "bench" / "reports" / "findings.schema.json").read_bytes())
BUNDLE: dict[str, Any] = json.loads((ROOT / "compiler" / "bundle.schema.json").read_bytes())
OURS = [name for name, item in vars(model).items() if getattr(item, "__module__", "") == model.__name__]


def misfit(document: object) -> str | None:
    return first_misfit(document, FINDINGS_SCHEMA, BUNDLE_SCHEMA)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Follow references, into the bundle's schema too."""
    while "$ref" in schema:
        file, _, path = schema["$ref"].partition("#")
        schema = BUNDLE if file else SCHEMA
        for part in filter(None, path.split("/")):
            schema = schema[part]
    return schema


def takes_null(schema: dict[str, Any]) -> bool:
    schema = resolved(schema)
    return "null" in schema.get("type", ()) or any(map(takes_null, schema.get("anyOf", ())))


def differ(said: dict[str, Any], derived: dict[str, Any]) -> bool:
    nullable = {"type": "null"} in derived.get("anyOf", ())
    return takes_null(said) != nullable or set(resolved(said).get("enum", ())) != set(derived.get("enum", ()))


def drift(schema: dict[str, Any]) -> list[str]:
    """Return each key, null and constant on which the schema and the types of the dataclasses disagree."""
    _, derived = msgspec.json.schema_components((Findings,))
    found = []
    for name in OURS:
        fields, said = derived[name], schema["$defs"][name]
        if set(fields["properties"]) != set(said["properties"]) or set(fields["required"]) != set(said["required"]):
            found.append(f"{name}: {set(fields['properties']) ^ set(said['required'])}")
        both = fields["properties"].keys() & said["properties"].keys()
        found += [f"{name}.{key}" for key in both if differ(said["properties"][key], fields["properties"][key])]
    return found


def test_the_schema_and_the_dataclasses_say_the_same() -> None:
    assert {"Findings", "ProcessRun", "Published"} <= set(OURS)
    assert drift(SCHEMA) == []


@pytest.mark.parametrize("change", ["key", "required", "null", "constant"])
def test_a_drift_would_be_found(change: str) -> None:
    schema = json.loads(json.dumps(SCHEMA))
    findings = schema["$defs"]["Findings"]
    match change:
        case "key":
            findings["properties"]["colour"] = {}
        case "required":
            findings["required"].remove("decisive")
        case "null":
            findings["properties"]["decisive"] = {"type": ["boolean", "null"]}
        case _:
            findings["properties"]["command"]["enum"].append("publish")
    assert len(drift(schema)) == 1


def test_the_schema_is_valid_and_asks_for_each_key(passed_findings: Findings) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = json.loads(render(passed_findings))
    assert misfit(document) is None
    for key in document:
        assert misfit({name: value for name, value in document.items() if name != key}) is not None
    del document["bundles"][0]["metadata"]["golden"]  # what the bundle's own schema asks for
    assert misfit(document) == "bundles[0].metadata: 'golden' is a required property"


@pytest.mark.parametrize("name", ["passed_findings", "hostile_findings"])
def test_what_is_written_is_what_is_read(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    findings = request.getfixturevalue(name)
    (tmp_path / "f.json").write_text(render(findings), encoding="utf-8")
    read = read_findings(tmp_path / "f.json")
    assert render(read) == render(findings)
    if name == "passed_findings":
        assert read == findings


@pytest.mark.parametrize(("value", "written"), [(math.inf, INFINITE), (-math.inf, -INFINITE), (math.nan, INFINITE)])
def test_what_json_cannot_hold_becomes_the_largest_number(
    value: float, written: float, passed_findings: Findings
) -> None:
    (bundle,) = passed_findings.bundles
    assert bundle.regression is not None
    odd = replace(bundle, regression=replace(bundle.regression, slower_by_ms=value))
    document = json.loads(render(replace(passed_findings, bundles=(odd,))))
    assert document["bundles"][0]["regression"]["slower_by_ms"] == written
    assert misfit(document) is None


def changed(findings: Findings, **changes: Any) -> bytes:
    return json.dumps({**json.loads(render(findings)), **changes}).encode()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema": "dwcpc.report/2"}, "schema is 'dwcpc.report/2', expected 'dwcpc.report/1'"),
        ({"verdict": "maybe"}, "verdict: 'maybe' is not one of"),
        ({"bundles": [{}]}, "bundles[0]: "),
        ({"decisive": None}, "decisive: None is not of type 'boolean'"),
        ({"created": "2026-01-07T12:30:00Z\n"}, "created: "),
    ],
)
def test_findings_that_do_not_fit_are_refused_by_their_field(
    changes: dict[str, Any], told: str, passed_findings: Findings, tmp_path: Path
) -> None:
    (tmp_path / "f.json").write_bytes(changed(passed_findings, **changes))
    with pytest.raises(InputError) as error:
        read_findings(tmp_path / "f.json")
    assert str(error.value).startswith(f"{tmp_path / 'f.json'}: {told}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON (not UTF-8"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"schema": NaN}', "is not JSON (NaN"),
        (b"[]", "the document: [] is not of type 'object'"),
        (b'{"a": 1, "a": 2}', "is not JSON (ambiguous"),
    ],
)
def test_what_is_no_findings_is_refused_in_one_sentence(data: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(data)
    with pytest.raises(InputError) as error:
        read_findings(tmp_path / "f.json")
    assert told in str(error.value)
    assert "gate --json-file" in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_findings(tmp_path / "f.json")


def test_an_error_profile_needs_a_tolerance_for_each_position(passed_findings: Findings, tmp_path: Path) -> None:
    (bundle,) = passed_findings.bundles
    odd = replace(bundle, errors=(dataclasses.replace(bundle.errors[0], tolerance=(1.0,)),))
    (tmp_path / "f.json").write_text(render(replace(passed_findings, bundles=(odd,))), encoding="utf-8")
    with pytest.raises(InputError, match=r"errors\[0\]: worst has 30 positions and tolerance 1"):
        read_findings(tmp_path / "f.json")
