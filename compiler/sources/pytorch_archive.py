"""What kind of PyTorch file these bytes are, and whether a .pt2 archive would make torch unpickle code.

`torch.export.load` falls back to plain pickle for some members (pickled weights, custom and opaque objects, sample
inputs); an archive that holds any of them is refused before torch sees it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Literal

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError

Kind = Literal["checkpoint", "torchscript", "exported_program"]

ZIP_MAGIC = b"PK\x03\x04"
# The protocol-2 pickle of torch's magic number 0x1950A86A20F9469CFC6C, which opens files older than torch 1.6.
LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")

# Every member of a .pt2 archive that torch reads as JSON, raw bytes or (with weights_only) tensors.
INERT_PT2_MEMBERS = re.compile(
    r"(archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)"
    r"|models/[^/]+\.json|data/(weights|constants)/[^/]+_config\.json|data/weights/weight_\d+"
    r"|data/constants/tensor_\d+|data/sample_inputs/[^/]+\.pt)"
)


def looks_like_torch(data: bytes) -> bool:
    """Say whether the first bytes are those of a torch file."""
    return data.startswith((ZIP_MAGIC, LEGACY_MAGIC))


def kind_of(artifact: Artifact) -> Kind:
    """Return the kind of torch file; InputError for a broken zip or one that is no torch file."""
    if artifact.data.startswith(LEGACY_MAGIC):
        return "checkpoint"
    names = _checked_names(artifact)
    inner = {name.partition("/")[2] for name in names}
    if "archive_format" in inner or "serialized_exported_program.json" in names | inner:
        return "exported_program"
    if "constants.pkl" in inner and any(name.startswith("code/") for name in inner):
        return "torchscript"
    if "data.pkl" in inner:
        return "checkpoint"
    listed = ", ".join(sorted(names)[:3]) or "nothing"
    raise InputError(
        f"{artifact.path}: is a zip archive that holds {listed}, not a PyTorch checkpoint; expected a file written by "
        "torch.save(model.state_dict()), torch.jit.save or torch.export.save"
    )


def member(artifact: Artifact, suffix: str) -> bytes | None:
    """Return the bytes of the archive's member whose name ends in `/suffix`, if there is one."""
    with zipfile.ZipFile(io.BytesIO(artifact.data)) as archive:
        for name in archive.namelist():
            if name.endswith("/" + suffix):
                return archive.read(name)
    return None


def refuse_unsafe_program(artifact: Artifact) -> None:
    """Refuse a .pt2 archive that torch would hand to plain pickle, naming the first such member."""
    import torch

    with zipfile.ZipFile(io.BytesIO(artifact.data)) as archive:
        for name in archive.namelist():
            inner = name.partition("/")[2]
            if not INERT_PT2_MEMBERS.fullmatch(inner):
                raise InputError(_unsafe(artifact, inner or name, "is not plain data"))
            if inner.endswith("_config.json") and _asks_for_pickle(archive.read(name)):
                raise InputError(_unsafe(artifact, inner, "asks for pickled tensors"))
            if inner.endswith(".pt"):
                try:
                    torch.load(io.BytesIO(archive.read(name)), weights_only=True, map_location="cpu")
                except Exception as error:
                    raise InputError(_unsafe(artifact, inner, "does not load as plain tensors")) from error


def _checked_names(artifact: Artifact) -> set[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(artifact.data)) as archive:
            broken = archive.testzip()
            names = set(archive.namelist())
    except Exception as error:  # zipfile raises half a dozen types on hostile bytes
        raise InputError(
            f"{artifact.path}: starts like a PyTorch file but its archive is broken ({error}); it is truncated or "
            "altered, save or copy it again"
        ) from error
    if broken is not None:
        raise InputError(
            f"{artifact.path}: {broken} does not match its checksum; the file is truncated or altered, save or copy "
            "it again"
        )
    return names


def _asks_for_pickle(config: bytes) -> bool:
    try:
        entries = json.loads(config)["config"].values()
        return any(entry["use_pickle"] is not False for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError):
        return True


def _unsafe(artifact: Artifact, name: str, why: str) -> str:
    return (
        f"{artifact.path}: its member {name} {why}, so loading it could run code; nothing was executed; export the "
        "model again with torch.export.save from plain tensors"
    )
