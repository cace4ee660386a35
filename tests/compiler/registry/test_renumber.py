"""Another version of the same bundle: only its label differs, in the metadata and in the model's own properties."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import onnx

from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.registry.publishing import take_snapshot
from dwcpc.compiler.registry.renumber import write_renumbered
from dwcpc.compiler.seal import sealed

Made = Callable[..., Path]


def label(folder: Path, **properties: str) -> None:
    """Give the model properties, as `dwcpc compile` does, and the metadata its new hash."""
    model = onnx.load(folder / "model.onnx")
    for key, value in properties.items():
        model.metadata_props.add(key=f"dwcpc.{key}", value=value)
    data = model.SerializeToString(deterministic=True)
    (folder / "model.onnx").write_bytes(data)
    document = json.loads((folder / "metadata.json").read_bytes())
    document["model"] |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "metadata.json").write_text(sealed(document), encoding="utf-8")


def test_the_label_differs_in_both_places_and_nothing_else_does(made: Made, tmp_path: Path) -> None:
    folder = made("1.0", future_key={"kept": [1, 2.5, None]})
    label(folder, name="tiny_proven", version="1.0")
    write_renumbered(take_snapshot(folder), (2, 7), tmp_path / "m" / "v2.7")
    before, after = open_bundle(folder), open_bundle(tmp_path / "m" / "v2.7")
    assert after.metadata.version == "2.7"
    assert dataclasses.replace(after.metadata, version="1.0", model=before.metadata.model) == before.metadata
    assert json.loads((after.path / "metadata.json").read_bytes())["future_key"] == {"kept": [1, 2.5, None]}
    old, new = onnx.load(before.model_path), onnx.load(after.model_path)
    assert {entry.key: entry.value for entry in new.metadata_props} == {
        "dwcpc.name": "tiny_proven",
        "dwcpc.version": "2.7",
    }
    assert new.graph == old.graph
    assert new.opset_import == old.opset_import


def test_a_model_that_states_no_version_keeps_its_bytes(made: Made, tmp_path: Path) -> None:
    folder = made("1.0")
    write_renumbered(take_snapshot(folder), (1, 1), tmp_path / "v1.1")
    assert (tmp_path / "v1.1" / "model.onnx").read_bytes() == (folder / "model.onnx").read_bytes()
    assert open_bundle(tmp_path / "v1.1").metadata.version == "1.1"
