"""The same bundle under another version: the label in the metadata and in the model's own properties, nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dwcpc.compiler.bundle import METADATA_FILE, MODEL_FILE
from dwcpc.compiler.package import PROPERTY_PREFIX
from dwcpc.compiler.registry.publishing import Snapshot, copy_bundle
from dwcpc.compiler.seal import sealed
from dwcpc.compiler.strict_json import parse_strictly
from dwcpc.compiler.versions import Version, version_text


def write_renumbered(snapshot: Snapshot, version: Version, folder: Path) -> None:
    """Write the bundle into `folder`, which must not exist, as `version`; keys that dwcpc does not know are kept."""
    folder.mkdir(parents=True)
    copy_bundle(snapshot, folder)
    document = parse_strictly(snapshot.metadata)
    document["version"] = version_text(version)
    model = _relabelled((folder / MODEL_FILE).read_bytes(), version)
    if model is not None:
        (folder / MODEL_FILE).write_bytes(model)
        document["model"] |= {"sha256": hashlib.sha256(model).hexdigest(), "bytes": len(model)}
    (folder / METADATA_FILE).write_text(sealed(document), encoding="utf-8")


def _relabelled(data: bytes, version: Version) -> bytes | None:
    """Return the model with its own version changed; none where it states none."""
    import onnx

    model = onnx.load_model_from_string(data)
    stated = [entry for entry in model.metadata_props if entry.key == f"{PROPERTY_PREFIX}version"]
    for entry in stated:
        entry.value = version_text(version)
    return model.SerializeToString(deterministic=True) if stated else None
