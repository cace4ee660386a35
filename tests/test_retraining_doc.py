"""docs/retraining.md names what there is: options, models, limits and files."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from dwcpc.compiler.cli.main import cli
from dwcpc.compiler.commands.retrain.bandwidth import BandwidthSettings
from dwcpc.compiler.commands.retrain.models import MODELS
from dwcpc.models.data.bandwidth.simulate import MEASURED
from dwcpc.models.evaluation.forecast_evaluation import BLOCK_WINDOWS, ENOUGH_GROUPS
from dwcpc.models.retraining.comparison import LEAST_BLOCKS, LEAST_LABELLED, LEAST_WINDOWS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "retraining.md").read_text(encoding="utf-8")


def options_of(command: str) -> set[str]:
    return set(re.findall(r"--[a-z][a-z-]+", CliRunner().invoke(cli, [command, "--help"]).output))


def test_every_option_that_is_named_is_one() -> None:
    commands = re.sub(r"^ *docker .*$", "", TEXT, flags=re.MULTILINE)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", commands))
    known = options_of("retrain") | options_of("ensemble")
    assert named - known == {"--ensemble"}  # of train consensus


def test_models_limits_and_files_are_as_they_are() -> None:
    for model in MODELS:
        (row,) = re.findall(rf"^\| `{model.name}` \| `{model.published}` \|.*$", TEXT, flags=re.MULTILINE)
        assert f"| {model.tolerance:g} |" in row
        assert all(f"{least:g}" in TEXT for one in model.minimum for least in one.values())
    assert f"fewer than {LEAST_LABELLED} labelled fresh rows, or than {LEAST_BLOCKS} blocks" in TEXT
    assert f"fewer than {LEAST_WINDOWS:,} fresh windows, or than {LEAST_BLOCKS} blocks" in TEXT
    assert f"fewer than {ENOUGH_GROUPS} links has stretches of {BLOCK_WINDOWS} neighbouring windows" in TEXT
    assert f"Simulated links are {BandwidthSettings().fresh_links} " in TEXT
    for name in MEASURED:
        assert f"`{name}`" in TEXT
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
