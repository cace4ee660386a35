"""What a gate is about: the paths that were given, or the models of `dwcpc.toml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dwcpc.compiler.commands.config import read_config
from dwcpc.compiler.errors import InputError


@dataclass(frozen=True, slots=True)
class Scope:
    """Bundles or folders of them, what they are compared with, and budgets by the names of models."""

    paths: tuple[Path, ...]
    baseline: Path | None
    budgets: dict[str, dict[str, float]] = field(default_factory=dict)


def scope_of(paths: Sequence[Path], baseline: Path | None, config_file: Path) -> Scope:
    """Return what `paths` mean, or `config_file` where there are none: each of its models, and its registry.

    A registry that is not there yet serves nothing to compare with; a model that is not compiled yet is missed.
    """
    if paths:
        return Scope(tuple(paths), baseline)
    config = read_config(config_file)
    folders = {name: config.out / name for name in config.models}
    missing = [name for name, folder in folders.items() if not folder.is_dir()]
    if missing:
        raise InputError(f"{config.out}: holds no {', '.join(missing)}, which {config.path} names; run dwcpc compile")
    serving = config.registry if config.registry is not None and config.registry.is_dir() else None
    budgets = {name: model.budgets for name, model in config.models.items()}
    return Scope(tuple(folders.values()), serving if baseline is None else baseline, budgets)
