"""What bundles say of themselves, as findings: verdicts that are theirs, versions in order, nothing measured anew."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dwcpc.bench.budgets import Limits, judge
from dwcpc.bench.recorded import recorded_findings
from dwcpc.bench.stated_verdict import stated_verdict
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Metadata
from dwcpc.compiler.package import write_metadata

GOOD = Path(__file__).resolve().parents[1] / "fixtures" / "bundles" / "good"


@pytest.fixture
def proven() -> Metadata:
    """The good bundle's, with its budgets judged."""
    metadata = open_bundle(GOOD).metadata
    assert metadata.measurements is not None
    runs = {run.runtime: run for run in metadata.measurements.runs}
    return replace(metadata, budgets=judge(Limits(10.0), 5_000_000, runs))


@pytest.fixture
def registry(tmp_path: Path, proven: Metadata) -> Path:
    """Two versions of one model and one of another; `latest` of the first is not its newest."""
    for name, version in (("first", "1.9"), ("first", "1.10"), ("second", "1.0")):
        folder = tmp_path / "registry" / name / f"v{version}"
        shutil.copytree(GOOD, folder)
        write_metadata(folder, replace(proven, name=name, version=version))
    (tmp_path / "registry" / "first" / "latest").symlink_to("v1.9")
    (tmp_path / "registry" / "notes").mkdir()
    return tmp_path / "registry"


def told(findings: Any) -> list[tuple[str, str]]:
    return [(bundle.metadata.name, bundle.metadata.version) for bundle in findings.bundles]


def test_a_folder_of_models_is_reported_by_its_latest_versions(registry: Path) -> None:
    findings = recorded_findings([registry])
    assert told(findings) == [("first", "1.9"), ("second", "1.0")]
    assert findings.command == "compile"
    assert findings.environment is None
    assert findings.verdict == "pass"
    assert all(not bundle.runs and bundle.parity for bundle in findings.bundles)


def test_history_holds_every_version_in_the_order_of_their_numbers(registry: Path) -> None:
    history = recorded_findings([registry]).history
    assert [(each.name, each.version, each.latest) for each in history] == [
        ("first", "1.9", True),
        ("first", "1.10", False),
        ("second", "1.0", False),
    ]
    assert history[0].go_p99_ms is not None
    assert history[0].size_bytes == sum(
        path.stat().st_size for path in registry.glob("first/v1.9/**/*") if path.is_file()
    )


@pytest.mark.parametrize(("path", "version"), [("first", "1.9"), ("first/latest", "1.9"), ("first/v1.10", "1.10")])
def test_a_model_or_a_version_is_reported_by_itself_with_its_history(registry: Path, path: str, version: str) -> None:
    findings = recorded_findings([registry / path])
    assert told(findings) == [("first", version)]
    assert len(findings.history) == 2


def test_a_bundle_that_stands_alone_has_no_history() -> None:
    findings = recorded_findings([GOOD])
    assert findings.history == ()
    assert findings.bundles[0].size_bytes == open_bundle(GOOD).size_bytes


def test_a_bundle_named_twice_is_reported_once(registry: Path) -> None:
    assert len(recorded_findings([registry / "first", registry / "first" / "latest", registry]).bundles) == 2


def test_what_is_no_folder_of_bundles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        recorded_findings([tmp_path / "absent"])
    with pytest.raises(InputError, match="holds no bundle"):
        recorded_findings([tmp_path])


def test_a_version_that_cannot_be_read_is_not_passed_over(registry: Path) -> None:
    (registry / "first" / "v1.10" / "metadata.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"v1\.10.*is not JSON"):
        recorded_findings([registry / "first"])


def test_an_altered_bundle_is_refused(registry: Path) -> None:
    (registry / "second" / "v1.0" / "model.onnx").write_bytes(b"")
    with pytest.raises(InputError, match=r"model\.onnx"):
        recorded_findings([registry])


def test_a_bundle_that_was_proven_within_its_budgets_passes(proven: Metadata) -> None:
    assert stated_verdict(proven) == ("pass", ())


def test_a_bundle_of_which_something_is_unknown_is_inconclusive(proven: Metadata) -> None:
    unproven = replace(proven, parity=None)
    assert stated_verdict(unproven) == ("inconclusive", ("it was never proven equal to its source",))
    assert stated_verdict(replace(proven, budgets=())) == ("inconclusive", ("no budget was measured",))


def test_a_bundle_that_failed_says_of_what(proven: Metadata) -> None:
    over = replace(proven.budgets[1], verdict="fail", reason="too large")
    assert stated_verdict(replace(proven, budgets=(over,))) == ("fail", ("size_mb: too large",))
    assert proven.parity is not None
    unequal = replace(proven, parity=replace(proven.parity, verdict="fail"), budgets=())
    assert stated_verdict(unequal)[0] == "fail"
    unproven = replace(proven, parity=None, budgets=(over,))
    assert stated_verdict(unproven)[0] == "fail"


def test_equal_bundles_give_equal_findings(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    first = recorded_findings([registry])
    assert first.created == "2026-01-01T00:00:00Z"
    assert first == recorded_findings([registry])
    assert json.dumps(first.compiler).startswith('"dwcpc ')
