"""docs/features.md's specification, script and commands, run literally: they print what it shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from dwcpc.compiler.cli import main
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.shipped import shipped_names, shipped_spec

DOC = (Path(__file__).resolve().parents[1] / "docs" / "features.md").read_text(encoding="utf-8")
RAW = "timestamp,node_id,latency_p50,latency_p99\n0,a,10,30\n1,a,12,28\n1,b,5,9\n2,a,14,\n"


def block(begin: str) -> str:
    """Return the indented block whose first line begins so."""
    found = re.search(rf"^    {re.escape(begin)}.*\n(?:(?:    .*)?\n)*", DOC, flags=re.MULTILINE)
    assert found is not None
    return re.sub(r"^    ", "", found[0], flags=re.MULTILINE).rstrip("\n")


def shown() -> list[tuple[list[str], str]]:
    """Return each command's arguments, and what it prints."""
    parts = block("$ dwcpc").split("$ dwcpc ")[1:]
    pairs = [part.partition("\n") for part in parts]
    return [(shlex.split(command, comments=True), out.rstrip("\n")) for command, _, out in pairs]


def test_the_script_and_the_commands_do_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raw.csv").write_text(RAW, encoding="utf-8")
    Path("renamed.csv").write_text(RAW.replace("latency_p50", "p50"), encoding="utf-8")
    exec(compile(block("from pathlib"), "nodes.py", "exec"), {})  # noqa: S102 - the document's own script
    commands = shown()
    assert [argv[1] for argv, _ in commands] == ["show", "check", "run", "run"]
    for argv, expected in commands:
        with pytest.raises(SystemExit) as done:
            main(argv)
        out, err = capsys.readouterr()
        refused = "renamed.csv" in argv
        assert (done.value.code or 0) == (2 if refused else 0)
        assert (err.splitlines()[-1] if refused else out.rstrip("\n")) == expected


def test_the_specification_at_the_top_can_be_run() -> None:
    assert checked_spec(json.loads(block("{")), "docs/features.md").name == "node_reliability_123"


def test_what_is_shipped_is_listed_with_every_bandwidth_column() -> None:
    text = DOC.split("## What is shipped")[1].split("\n## ")[0]
    listed = text.replace("`_163`", "`node_reliability_163`")
    assert [name for name in shipped_names() if f"`{name}`" not in listed] == []
    spec = shipped_spec("bandwidth_predictor")
    assert spec.time is not None
    columns = [spec.group, spec.time.column, *(column.name for column in spec.columns)]
    assert len(columns) == 22
    assert [name for name in columns if f"`{name}`" not in listed] == []
