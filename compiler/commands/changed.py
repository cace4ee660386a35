"""Which models of `dwcpc.toml` changed since a commit: their settings, or one of the files that they name."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from dwcpc.compiler.commands.config import Config, ModelConfig, read_config
from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.features.shipped import is_file_name


def changed_models(config: Config, commit: str) -> set[str]:
    """Return their names; InputError where git cannot tell."""
    _git(config, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    before = _models_at(config, commit)
    return {
        name
        for name, model in config.models.items()
        if before.get(name) != model or any(_differs(config, commit, file) for file in _files(model))
    }


def _models_at(config: Config, commit: str) -> dict[str, ModelConfig]:
    """Return the models as the file named them then, with today's folder in their paths; none if it was not there."""
    try:
        text = _git(config, "show", f"{commit}:./{config.path.name}")
    except InputError:
        return {}
    with tempfile.TemporaryDirectory(prefix="dwcpc-config-") as name:
        then = Path(name) / config.path.name
        then.write_text(text, encoding="utf-8")
        try:
            models = read_config(then).models
        except InputError:  # what it said then is not what it says now, and that is all there is to know
            return {}
    return {key: _moved(model, then.parent, config.path.parent) for key, model in models.items()}


def _moved(model: ModelConfig, old: Path, new: Path) -> ModelConfig:
    files = {
        key: new / path.relative_to(old) if path.is_relative_to(old) else path
        for key in ("artifact", "scaler", "target_scaler", "calibration", "features")
        if (path := getattr(model, key)) is not None
    }
    return replace(model, **files)


def _files(model: ModelConfig) -> list[Path]:
    named = (model.artifact, model.scaler, model.target_scaler, model.calibration)
    features = [] if model.features is None or not is_file_name(str(model.features)) else [model.features]
    return [*(path for path in named if path is not None), *features]


def _differs(config: Config, commit: str, file: Path) -> bool:
    """Whether the file is another than at `commit`; one that git does not know counts as new."""
    known = _git(config, "ls-files", "--", str(file.absolute()))
    return not known or bool(_git(config, "diff", "--name-only", commit, "--", str(file.absolute())))


def _git(config: Config, *arguments: str) -> str:
    folder = config.path.parent
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)  # noqa: S607 - the user's own git
    except FileNotFoundError as error:
        raise InputError("git: is not installed; --since needs it to see what changed") from error
    except subprocess.CalledProcessError as error:
        told = error.stderr.strip() or "no such commit"
        raise InputError(f"--since: git {arguments[0]} in {folder}: {first_line(ValueError(told))}") from error
    return done.stdout
