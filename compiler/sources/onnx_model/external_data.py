"""Weights in files beside the model: read from its own folder and from nowhere else, and hashed as they are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from dwcpc.compiler.artifact import MAX_ARTIFACT_BYTES, Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.onnx_model.protobuf import messages


@dataclass(frozen=True, slots=True)
class FileBeside:
    """A file that belongs to the model, as it was read."""

    name: str
    bytes: int
    sha256: str

    @property
    def note(self) -> str:
        """What the bundle's notes say of it, and `verify --source` compares."""
        return f"external data {self.name} has SHA-256 {self.sha256}"


def external_names(model: onnx.ModelProto) -> tuple[str, ...]:
    """Return the files that the model's tensors name, as they stand there."""
    tensors = [tensor for tensor in messages(model, TensorProto) if _is_external(tensor)]
    return tuple(dict.fromkeys(_entry(tensor, "location") for tensor in tensors))


def read_external_data(artifact: Artifact, model: onnx.ModelProto) -> tuple[FileBeside, ...]:
    """Put the data of the files beside `artifact` into the tensors of `model`, in place, and return those files."""
    contents: dict[str, bytes] = {}
    total = len(artifact.data)
    for tensor in messages(model, TensorProto):
        if not _is_external(tensor):
            continue
        location = _entry(tensor, "location")
        if location not in contents:
            path = _path_beside(artifact, tensor, location)
            total += path.stat().st_size
            if total > MAX_ARTIFACT_BYTES:
                raise InputError(
                    f"{artifact.path}: is {total} bytes with {location}, more than the {MAX_ARTIFACT_BYTES} that a "
                    "model may have"
                )
            contents[location] = _content(artifact, path, location)
        _fill(artifact, tensor, location, contents[location])
    return tuple(FileBeside(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in contents.items())


def _path_beside(artifact: Artifact, tensor: TensorProto, location: str) -> Path:
    """Return the file; a name that leads out of the model's folder, by its letters or by a link, is refused."""
    folder = artifact.path.parent
    if not location or Path(location).name != location or "\\" in location or "\0" in location or location == "..":
        raise InputError(
            f"{artifact.path}: the data of {tensor.name!r} is in {location!r}, expected the name of a file in the same "
            "folder; save it again with onnx.save(model, path, save_as_external_data=True)"
        )
    try:
        path = (folder / location).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"{artifact.path}: the data of {tensor.name!r} is in {location!r}, which is not there; copy that file into "
            f"{folder}"
        ) from error
    if path.parent != folder.resolve():
        raise InputError(f"{artifact.path}: its data {location!r} is a link out of {folder}; copy that file there")
    if not path.is_file():
        raise InputError(f"{artifact.path}: its data {location!r} is not a regular file; copy that file into {folder}")
    return path


def _content(artifact: Artifact, path: Path, location: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{artifact.path}: its data {location!r} cannot be read ({error.strerror}); check its permissions"
        ) from error


def _fill(artifact: Artifact, tensor: TensorProto, location: str, content: bytes) -> None:
    try:
        offset = int(_entry(tensor, "offset") or "0")
        length = int(_entry(tensor, "length") or str(len(content) - offset))
    except ValueError:
        offset = length = -1
    if offset < 0 or length < 0 or offset + length > len(content):
        raise InputError(
            f"{artifact.path}: the data of {tensor.name!r} is {_entry(tensor, 'length')!r} bytes from "
            f"{_entry(tensor, 'offset')!r} of {location!r}, which holds {len(content)}; copy both files again"
        )
    tensor.raw_data = content[offset : offset + length]
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")


def _is_external(tensor: TensorProto) -> bool:
    return tensor.data_location == TensorProto.EXTERNAL or bool(tensor.external_data)


def _entry(tensor: TensorProto, key: str) -> str:
    return next((entry.value for entry in tensor.external_data if entry.key == key), "")
