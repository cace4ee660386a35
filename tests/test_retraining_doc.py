"""docs/retraining.md names what there is: options, models, limits and files."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from dwcpc.compiler.cli.main import cli
from dwcpc.compiler.commands.retrain.models import MODELS
from dwcpc.models.retraining.comparison import LEAST_BLOCKS, LEAST_LABELLED, TOLERANCE

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
        assert f"| `{model.name}` | `{model.published}` |" in TEXT
        assert all(f"{least:g}" in TEXT for one in model.minimum for least in one.values())
    assert f"fewer than {LEAST_LABELLED} labelled fresh rows, or than {LEAST_BLOCKS} blocks" in TEXT
    assert f"`--tolerance {TOLERANCE:g}`" in TEXT
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
