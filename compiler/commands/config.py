"""`dwcpc.toml`: the models of a project, how each is compiled, and what it may take. Paths are relative to the file.

out = "dist"                     # where `dwcpc compile` writes and `dwcpc gate` looks
registry = "registry"            # what the gate compares with; none: no comparison

[budgets]                        # of every model
memory_mb = 300

[models.consensus_latency]       # the bundle's name
artifact = "consensus.pth"
scaler = "scaler.pkl"
target = "cpu-int8"
threshold = 0.2918
features = "features.json"       # or a shipped specification's name
embed_features = true            # the model then takes raw windows
budgets = {latency_p99_ms = 10}  # of this one
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dwcpc.bench.budgets import DEFAULT_LIMITS
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.shipped import is_file_name
from dwcpc.compiler.versions import checked_name
from dwcpc.parity.defaults import DEFAULT_ROWS, DEFAULT_SEED

FILE = "dwcpc.toml"
FINITE = 1e300

Number = Annotated[float, Meta(ge=-FINITE, le=FINITE)]
Count = Annotated[int, Meta(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """One model; each key is the option of `dwcpc compile` of that name, and has its default."""

    artifact: Path
    scaler: Path | None = None
    target_scaler: Path | None = None
    calibration: Path | None = None
    target: str = "cpu-fp32"
    scaler_applied: Literal["graph", "host"] = "graph"
    arch: str | None = None
    timesteps: Count | None = None
    input_shape: tuple[Count, ...] | None = None
    threshold: Number | None = None
    missing: Number | None = None
    features: Path | None = None  # a shipped specification's name, or a file
    embed_features: bool = False
    batch: Literal[1] | None = None  # fixed to one row
    min_sqnr: Annotated[float, Meta(ge=1, le=150)] | None = None
    distill: bool = False
    cases: Annotated[int, Meta(ge=64)] = DEFAULT_ROWS
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = DEFAULT_SEED
    budgets: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole file; `models` by name, each with its own budgets over those of all."""

    path: Path
    models: dict[str, ModelConfig]
    out: Path
    registry: Path | None


def read_config(path: Path) -> Config:
    """Read and check the file at `path`; InputError names the key that is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; write one, or name an ARTIFACT") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: is no TOML file: {error}") from error
    models, budgets = _table(path, document, "models"), _budgets(path, document, "")
    _refuse_unknown(path, document, ("out", "registry", "budgets", "models"), "")
    if not models:
        raise InputError(f"{path}: models: names no model; add a table such as [models.consensus_latency]")
    return Config(
        path,
        {name: _model(path, name, models, budgets) for name in models},
        _path(path, document.get("out", "dist"), "out"),
        _path(path, document["registry"], "registry") if "registry" in document else None,
    )


def _model(path: Path, name: str, models: dict[str, Any], defaults: dict[str, float]) -> ModelConfig:
    key = f"models.{name}"
    try:
        checked_name(name)
    except InputError as error:
        raise InputError(f"{path}: {key}: {error}") from error
    table = _table(path, models, name, "models.")
    _refuse_unknown(path, table, [each.name for each in fields(ModelConfig)], f"{key}.")
    if "artifact" not in table:
        raise InputError(f"{path}: {key}.artifact: is missing; name the model's file")
    files = ("artifact", "scaler", "target_scaler", "calibration", "features")
    given = {
        **table,
        **{option: _path(path, table[option], f"{key}.{option}") for option in files if option in table},
        **_shipped(table),
        "budgets": {**defaults, **_budgets(path, table, f"{key}.")},
    }
    try:
        return msgspec.convert(given, ModelConfig)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        raise InputError(f"{path}: {key}{where.rstrip('`')}: {message[:1].lower()}{message[1:]}") from error


def _shipped(table: dict[str, Any]) -> dict[str, Path]:
    """Return the features where they are named and no file: that name is relative to nothing."""
    name = table.get("features")
    return {"features": Path(name)} if isinstance(name, str) and name and not is_file_name(name) else {}


def _budgets(path: Path, table: dict[str, Any], before: str) -> dict[str, float]:
    budgets = _table(path, table, "budgets", before)
    _refuse_unknown(path, budgets, tuple(DEFAULT_LIMITS), f"{before}budgets.")
    for name, limit in budgets.items():
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit < float("inf"):
            raise InputError(f"{path}: {before}budgets.{name}: is {limit!r}, expected a positive number")
    return budgets


def _table(path: Path, table: dict[str, Any], key: str, before: str = "") -> dict[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise InputError(f"{path}: {before}{key}: is {found!r}, expected a table")
    return found


def _path(path: Path, value: object, key: str) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise InputError(f"{path}: {key}: is {value!r}, expected a path")
    return path.parent / value


def _refuse_unknown(path: Path, table: dict[str, Any], known: list[str] | tuple[str, ...], before: str) -> None:
    for key in table:
        if key not in known:
            raise InputError(f"{path}: {before}{key}: is no setting, expected one of {', '.join(known)}")
