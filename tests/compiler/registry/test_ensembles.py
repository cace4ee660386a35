"""Ensembles' definitions: what is written is what is read, and what is bad is refused as Go refuses it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.registry.ensembles import MAX_BYTES, Definition, Member, read_definition, write_definition

SHARED = Path(__file__).resolve().parents[2] / "fixtures" / "ensembles"


def listed(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SHARED / file).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("case", listed("good.json"), ids=lambda case: case["name"])
def test_a_good_definition_is_read_and_written_as_it_was(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "both.ensemble.json"
    path.write_text(json.dumps(case["document"]), encoding="utf-8")
    definition = read_definition(path)
    assert [member.name for member in definition.members] == case["members"]
    assert [member.weight for member in definition.members] == case["weights"]
    assert definition.minimum == case["minimum"]
    write_definition(path, definition)
    assert json.loads(path.read_text(encoding="utf-8")) == case["document"]
    assert read_definition(path) == definition


@pytest.mark.parametrize("case", listed("bad.json"), ids=lambda case: case["name"])
def test_a_bad_definition_is_one_sentence_that_names_what_is_wrong(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "bad.ensemble.json"
    path.write_text(case["text"], encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_definition(path)
    told = str(error.value)
    assert case["says"] in told
    assert str(path) in told
    assert "\n" not in told


def test_a_file_that_is_absent_or_huge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_definition(tmp_path / "absent.ensemble.json")
    huge = tmp_path / "huge.ensemble.json"
    huge.write_text(" " * (MAX_BYTES + 1), encoding="utf-8")
    with pytest.raises(InputError, match="is larger than"):
        read_definition(huge)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "a b"}, "name"),
        ({"minimum": 3}, "failing.minimum is 3, expected at most the number of members, 2"),
        ({"members": (Member("adder", None, float("nan")),)}, "weight"),
        ({"members": ()}, "members"),
    ],
)
def test_nothing_bad_is_written(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    good = Definition("both", "vote", (Member("adder", None, 1.0), Member("other", "1.0", 2.0)), 1)
    path = tmp_path / "both.ensemble.json"
    with pytest.raises(InputError) as error:
        write_definition(path, dataclasses.replace(good, **change))
    assert says in str(error.value)
    assert not path.exists()
