"""Bundles to publish: the proven fixture, under any version and with any change of its metadata."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dwcpc.compiler.registry.publishing import destination_in, publish, take_snapshot
from dwcpc.compiler.seal import sealed

PROVEN = Path(__file__).resolve().parents[2] / "fixtures" / "bundles" / "proven"
NAME = "tiny_proven"

Made = Callable[..., Path]
Publish = Callable[..., bool]


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """Where a registry is to be; nothing is there yet."""
    return tmp_path / "registry"


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Return `made(version, **changes)`: the folder of a bundle, outside the registry."""
    count = iter(range(10_000))

    def make(version: str, **changes: Any) -> Path:
        folder = Path(shutil.copytree(PROVEN, tmp_path / f"made-{next(count)}"))
        path = folder / "metadata.json"
        document = json.loads(path.read_bytes()) | {"version": version} | changes
        path.write_text(sealed(document), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def put(made: Made, registry: Path) -> Publish:
    """Return `put(version, latest=True, **changes)`: publish a bundle, without a gate; say whether it is new."""

    def publish_one(version: str, *, latest: bool = True, **changes: Any) -> bool:
        snapshot = take_snapshot(made(version, **changes))
        return publish(snapshot, destination_in(registry, snapshot.bundle), latest=latest)

    return publish_one
