"""`dwcpc ensemble`: a definition is written where its members fit together, and checked when it is asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dwcpc.compiler.commands.publish import Gated, PublishOrder, publish_bundle
from dwcpc.compiler.seal import sealed

Run = Callable[..., Any]
BUNDLES = Path(__file__).resolve().parents[1] / "fixtures" / "bundles"


def place(registry: Path, bundle: str, name: str, version: str) -> None:
    """Put a fixture where a publish would, under another name."""
    folder = registry / name / f"v{version}"
    shutil.copytree(BUNDLES / bundle, folder)
    path = folder / "metadata.json"
    path.write_text(sealed(json.loads(path.read_bytes()) | {"name": name, "version": version}), encoding="utf-8")
    latest = registry / name / "latest"
    latest.unlink(missing_ok=True)
    latest.symlink_to(folder.name)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    shelf = tmp_path / "registry"
    place(shelf, "good", "left", "1.0")
    place(shelf, "good", "right", "1.0")
    place(shelf, "good", "right", "1.1")
    place(shelf, "classifier", "classes", "1.0")
    return shelf


def test_writes_what_go_loads_and_checks_it_again(run: Run, shelf: Path) -> None:
    members = ("--member", "left", "--member", "right@1.0:3")
    ran = run("ensemble", "both", "--registry", shelf, *members, "--drop-failing", 1)
    assert ran.code == 0, ran.err
    path = shelf / "both.ensemble.json"
    assert ran.out.splitlines() == [
        "both   average of 2",
        "  left   latest, now v1.0   25 % of the weight",
        "  right   v1.0, for ever   75 % of the weight",
        "  a member that fails is left out, as long as 1 answer",
        f"definition: {path}",
    ]
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "schema": "dwcpc.ensemble/1",
        "name": "both",
        "combine": "average",
        "members": [{"model": "left", "weight": 1.0}, {"model": "right", "version": "1.0", "weight": 3.0}],
        "failing": {"policy": "drop", "minimum": 1},
    }
    checked = run("--json", "ensemble", "both", "--registry", shelf)
    assert (checked.code, checked.json["serving"]) == (0, ["1.0", "1.0"])
    assert [each["name"] for each in run("--json", "list", "--registry", shelf).json] == ["classes", "left", "right"]


def test_a_registry_with_an_ensemble_can_still_be_published_to(run: Run, shelf: Path) -> None:
    assert run("ensemble", "both", "--registry", shelf, "--member", "left", "--member", "right").code == 0
    order = PublishOrder(BUNDLES / "proven", shelf, None, latest=True)
    assert publish_bundle(order, lambda _: Gated("pass", ()), lambda _: None).verdict == "pass"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("both", "--member", "left", "--member", "absent"), "absent: no such model"),
        (("both", "--member", "left@2.0"), "v2.0: no such folder"),
        (("both", "--member", "left@one"), "--version is 'one'"),
        (("both", "--member", "left:heavy"), "--member is 'left:heavy', expected MODEL"),
        (("both", "--member", "left:-1"), "members[0].weight"),
        (("both", "--member", "left:nan"), "weight"),
        (("both", "--member", "left", "--member", "left"), "members has left 2 times"),
        (("both", "--member", "left", "--drop-failing", "2"), "failing.minimum is 2"),
        (("both", "--member", "left", "--member", "classes"), "takes other inputs than"),
        (("a.b", "--member", "left"), "--name is 'a.b'"),
        (("both",), "both.ensemble.json: cannot be read"),
    ],
)
def test_what_does_not_fit_together_is_one_sentence_and_nothing_is_written(
    run: Run, shelf: Path, arguments: tuple[str, ...], says: str
) -> None:
    ran = run("ensemble", arguments[0], "--registry", shelf, *arguments[1:])
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not list(shelf.glob("*.json"))


def test_members_without_a_decision_have_no_vote(run: Run, shelf: Path) -> None:
    for name in ("left", "right"):
        path = shelf / name / "v1.0" / "metadata.json"
        path.write_text(sealed(json.loads(path.read_bytes()) | {"decision": None}), encoding="utf-8")
    ran = run("ensemble", "both", "--registry", shelf, "--member", "left", "--member", "right@1.0", "--combine", "vote")
    assert ran.code == 2
    assert "has no vote; average instead" in ran.err
