"""What kind of PyTorch file these bytes are, and the members of its archive."""

from __future__ import annotations

import io
import zipfile
from typing import Literal

from dwcpc.compiler.artifact import MAX_ARTIFACT_BYTES, Artifact
from dwcpc.compiler.errors import InputError

Kind = Literal["checkpoint", "torchscript", "exported_program"]

ZIP_MAGIC = b"PK\x03\x04"
# The protocol-2 pickle of torch's magic number 0x1950A86A20F9469CFC6C, which opens files older than torch 1.6.
LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")


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


def members(artifact: Artifact) -> dict[str, bytes]:
    """Return the content of each member by name; InputError where a name occurs twice."""
    with zipfile.ZipFile(io.BytesIO(artifact.data)) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):
            raise InputError(f"{artifact.path}: its archive names a member twice; save it again with torch")
        return {name: archive.read(name) for name in names}


def packed(content: dict[str, bytes]) -> bytes:
    """Return a new archive of these members, so that no two readers can disagree about what is in it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _checked_names(artifact: Artifact) -> set[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(artifact.data)) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
            broken = archive.testzip() if unpacked <= MAX_ARTIFACT_BYTES else None
            names = set(archive.namelist())
            start = min((info.header_offset for info in archive.infolist()), default=0)
    except Exception as error:  # zipfile raises half a dozen types on hostile bytes
        raise InputError(
            f"{artifact.path}: starts like a PyTorch file but its archive is broken ({error}); it is truncated or "
            "altered, save or copy it again"
        ) from error
    if unpacked > MAX_ARTIFACT_BYTES:
        raise InputError(
            f"{artifact.path}: unpacks to {unpacked} bytes, more than the {MAX_ARTIFACT_BYTES} of any model"
        )
    if start:  # what zipfile has found is an archive inside the archive
        raise InputError(f"{artifact.path}: its archive has no end; it is truncated or altered, save or copy it again")
    if broken is not None:
        raise InputError(
            f"{artifact.path}: {broken} does not match its checksum; the file is truncated or altered, save or copy "
            "it again"
        )
    return names
