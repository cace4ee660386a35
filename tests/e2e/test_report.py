"""`dwcpc report` from the command line: every format, from bundles and from findings; refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dwcpc.bench.reports import REPORTS

Run = Callable[..., Any]
GOOD = Path(__file__).resolve().parents[1] / "fixtures" / "bundles" / "good"


@pytest.mark.parametrize("suffix", REPORTS)
def test_a_bundle_is_reported_in_every_format(run: Run, suffix: str, tmp_path: Path) -> None:
    out = tmp_path / f"report{suffix}"
    ran = run("report", GOOD, "-o", out)
    assert ran.code == 0, ran.err
    assert ran.out == f"pass: {out}\n"
    assert "tiny_autoencoder" in out.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [out]


def test_findings_written_as_json_can_be_rendered_again(run: Run, tmp_path: Path) -> None:
    assert run("report", GOOD, "-o", tmp_path / "f.json").code == 0
    ran = run("--json", "report", tmp_path / "f.json", "-o", tmp_path / "r.MD")
    assert ran.json == {"report": str(tmp_path / "r.MD"), "verdict": "pass"}
    assert run("report", tmp_path / "f.json", "-o", tmp_path / "again.json").code == 0
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "f.json").read_bytes()


@pytest.mark.parametrize(
    ("paths", "out", "told"),
    [
        ((GOOD,), "r.pdf", "expected a name that ends in one of .json, .md, .xml, .csv, .html"),
        ((GOOD,), "absent/r.md", "cannot be written (No such file or directory)"),
        (("absent",), "r.md", "is no folder"),
        (("absent.json",), "r.md", "cannot be read (No such file or directory)"),
        (("absent.json", GOOD), "r.md", "expected no other PATH beside it"),
        ((), "r.md", "Missing argument 'PATH...'"),
    ],
)
def test_bad_usage_is_told_in_one_sentence(
    run: Run, paths: tuple[object, ...], out: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("report", *paths, "-o", out)
    assert ran.code == 2
    assert told in ran.err
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
