"""The versions of a registry as reports show them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dwcpc.bench.findings import Published
from dwcpc.bench.history import history
from dwcpc.bench.stated_verdict import stated_verdict
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.metadata import Verdict
from dwcpc.compiler.seal import sealed

PROVEN = Path(__file__).resolve().parents[1] / "fixtures" / "bundles" / "proven"


def placed(registry: Path, version: str, **changes: Any) -> Path:
    folder = Path(shutil.copytree(PROVEN, registry / "tiny_proven" / f"v{version}"))
    path = folder / "metadata.json"
    path.write_text(sealed(json.loads(path.read_bytes()) | {"version": version} | changes), encoding="utf-8")
    return folder


def test_history_is_each_whole_version_as_it_was_compiled_the_lowest_first(tmp_path: Path) -> None:
    placed(tmp_path, "1.10", measurements=None, created="2024-03-01T00:00:00Z")
    first = placed(tmp_path, "1.9")
    (placed(tmp_path, "1.11") / "model.onnx").write_bytes(b"")
    (tmp_path / "tiny_proven" / "latest").symlink_to("v1.9")
    size = open_bundle(first).size_bytes
    old, new = history(tmp_path)
    assert old == Published(
        "tiny_proven", "1.9", "2024-02-29T12:00:00Z", "cpu-fp32", True, "pass", size, 0.01, 0.02, 20_000_000
    )
    assert (new.version, new.created, new.latest) == ("1.10", "2024-03-01T00:00:00Z", False)
    assert (new.go_p50_ms, new.go_p99_ms, new.go_peak_memory_bytes) == (None, None, None)


BUDGET = {"name": "size_mb", "limit": 50.0, "measured": 1.0, "reason": ""}


@pytest.mark.parametrize(
    ("parity", "budgets", "verdict"),
    [
        ("pass", ["pass", "pass"], "pass"),
        ("pass", ["pass", "inconclusive"], "inconclusive"),
        ("pass", ["inconclusive", "fail"], "fail"),
        ("pass", [], "inconclusive"),
        ("fail", ["pass"], "fail"),
        (None, ["pass"], "inconclusive"),
        (None, [], "inconclusive"),
    ],
)
def test_the_stated_verdict_is_the_worst_and_never_better_than_what_was_judged(
    tmp_path: Path, parity: str | None, budgets: list[str], verdict: Verdict
) -> None:
    document = json.loads((PROVEN / "metadata.json").read_bytes())
    stated = None if parity is None else document["parity"] | {"verdict": parity}
    folder = placed(tmp_path, "1.0", parity=stated, budgets=[BUDGET | {"verdict": each} for each in budgets])
    assert stated_verdict(open_bundle(folder).metadata)[0] == verdict
