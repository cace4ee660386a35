"""Reading a bundle: nothing is returned that does not fit the schema, itself and its hashes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dwcpc.compiler.consistency import inconsistencies
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.bundled import feature_use, vector_problem
from dwcpc.compiler.json_schema import BUNDLE_SCHEMA, first_misfit, shortened
from dwcpc.compiler.metadata import SCHEMA, GoldenFile, Metadata
from dwcpc.compiler.onnx_rows import first_axes
from dwcpc.compiler.seal import broken_seal
from dwcpc.compiler.strict_json import parse_strictly
from dwcpc.compiler.versions import folder_name, latest_version, version_of, version_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

METADATA_FILE = "metadata.json"
MODEL_FILE = "model.onnx"
GOLDEN_FOLDER = "golden"
MAX_METADATA_BYTES = 4 * 1024**2  # as Go's reader


@dataclass(frozen=True, slots=True)
class Bundle:
    """One version's folder and its metadata, both checked."""

    path: Path
    metadata: Metadata

    @property
    def model_path(self) -> Path:
        """The ONNX file."""
        return self.path / MODEL_FILE

    def golden(self, kind: str) -> dict[str, NDArray[np.floating]]:
        """Return the golden inputs or outputs by tensor name; outputs are float64."""
        import numpy as np

        listed = [file for file in self.metadata.golden.files if file.kind == kind]
        return {file.tensor: np.load(self.path / file.file, allow_pickle=False) for file in listed}

    @property
    def size_bytes(self) -> int:
        """Bytes on disk of the whole bundle."""
        return sum(self.files.values())

    @property
    def files(self) -> dict[str, int]:
        """Bytes on disk by file, named from the bundle's folder."""
        paths = sorted(path for path in self.path.rglob("*") if path.is_file())
        return {path.relative_to(self.path).as_posix(): path.stat().st_size for path in paths}


def open_bundle(path: Path) -> Bundle:
    """Read the bundle at `path`: a version's folder, or a model's with `latest`. InputError says what is wrong."""
    folder = _version_folder(path)
    _require_inside(folder, METADATA_FILE)
    metadata = read_metadata(folder / METADATA_FILE)
    bundle = Bundle(folder, metadata)
    _check_folder(folder, metadata)
    _check_consistency(folder / METADATA_FILE, metadata)
    model = _check_file(folder, MODEL_FILE, metadata.model.sha256, metadata.model.bytes)
    _check_rows(folder, model, metadata.model.batch)
    for file in metadata.golden.files:
        _check_file(folder, file.file, file.sha256)
        _check_golden(folder, file, metadata)
    _check_features(folder, metadata)
    return bundle


def read_metadata(path: Path) -> Metadata:
    """Read one `metadata.json` by the schema."""
    import msgspec

    data, document = _read_json(path)
    found = document.get("schema") if isinstance(document, dict) else None
    if isinstance(found, str) and found != SCHEMA and not found.startswith(SCHEMA + "."):
        raise InputError(
            f"{path}: schema is {found!r}, expected {SCHEMA!r}; read it with the dwcpc version that wrote it"
        )
    validate(path, document)
    try:
        metadata = msgspec.convert(document, Metadata)
    except msgspec.ValidationError as error:  # 1.0 where a whole number belongs: an integer to the schema
        raise InputError(f"{path}: {shortened(str(error))}; compile the bundle again") from error
    broken = broken_seal(data, document)
    if broken:
        raise InputError(f"{path}: {broken}: it was changed after it was written; compile or publish the bundle again")
    return metadata


def validate(path: Path, document: object) -> None:
    """Hold `document` against the schema; InputError names the first field that does not fit."""
    misfit = first_misfit(document, BUNDLE_SCHEMA)
    if misfit is not None:
        raise InputError(f"{path}: {misfit}; compile the bundle again")


def _version_folder(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: no such folder; expected a bundle, such as dist/consensus_latency/v1.0")
    if (path / METADATA_FILE).exists():
        return path
    if not path.is_dir():
        raise InputError(f"{path}: is not a folder; expected a bundle's folder")
    latest = latest_version(path)
    if latest is not None:
        return path / folder_name(latest)
    raise InputError(f"{path}: holds no {METADATA_FILE}; expected a bundle's folder, such as {path.name}/v1.0")


def _read_json(path: Path) -> tuple[bytes, Any]:
    try:
        if path.stat().st_size > MAX_METADATA_BYTES:
            raise InputError(f"{path}: is larger than {MAX_METADATA_BYTES} bytes; compile the bundle again")
        data = path.read_bytes()
        return data, parse_strictly(data)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); compile the bundle again") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({shortened(str(error))}); compile the bundle again") from error


def _require_inside(folder: Path, file: str) -> None:
    """A link may lead from file to file within the bundle, as Kubernetes mounts them; out of it none may."""
    if not (folder / file).resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{folder / file}: is a link out of the bundle; compile it again")


def _check_file(folder: Path, file: str, sha256: str, size: int | None = None) -> bytes:
    """Return what is in the file."""
    path = folder / file
    _require_inside(folder, file)
    if not path.is_file():
        raise InputError(f"{path}: is missing from the bundle; compile it again")
    data = path.read_bytes()
    if size is not None and len(data) != size:
        raise InputError(f"{path}: is {len(data)} bytes, expected {size}; the bundle was altered, compile it again")
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise InputError(
            f"{path}: has SHA-256 {found[:12]}…, expected {sha256[:12]}…; the bundle was altered, compile it again"
        )
    return data


def _check_rows(folder: Path, model: bytes, batch: int | None) -> None:
    """A model of one row under metadata that promises any number fails at the second; the reverse hides what it can."""
    try:
        found = first_axes(model)
    except ValueError as error:
        raise InputError(f"{folder / MODEL_FILE}: is no ONNX file ({error}); compile the bundle again") from error
    for name, rows in found.items():
        if rows != batch:
            said, is_ = ("null" if batch is None else batch), ("free" if rows is None else rows)
            raise InputError(
                f"{folder / METADATA_FILE}: model.batch is {said}, expected what fits {MODEL_FILE}, where the first "
                f"axis of {name} is {is_}; compile the bundle again"
            )


def _check_folder(folder: Path, metadata: Metadata) -> None:
    """A folder that is named as a version holds that one: a copy under another number would be served as that."""
    named = version_of(folder.name)
    if named is not None and version_text(named) != metadata.version:
        raise InputError(
            f"{folder / METADATA_FILE}: version is {metadata.version!r}, expected {version_text(named)!r}, as its "
            "folder; publish it with --version instead of copying it"
        )


def _check_consistency(path: Path, metadata: Metadata) -> None:
    for problem in inconsistencies(metadata):
        raise InputError(f"{path}: {problem}; compile the bundle again")


def _check_features(folder: Path, metadata: Metadata) -> None:
    """Hold the golden feature vectors against their hashes, the shapes they need, and what Python's executor says."""
    features, use = metadata.features, feature_use(metadata)
    if features is None or use is None:
        return
    arrays = []
    for file in (features.golden.raw, features.golden.features):
        _check_file(folder, file.file, file.sha256)
        arrays.append(_array(folder / file.file))
    raw, computed = arrays
    samples = (use.timesteps or 1, len(use.spec.features))
    for file, array, shape in (
        (features.golden.raw, raw, (len(raw) if raw.ndim else 0, *use.raw_shape)),
        (features.golden.features, computed, (len(raw) if raw.ndim else 0, *samples)),
    ):
        _check_array(folder / file.file, array, "float64", shape)
    problem = vector_problem(use, raw, computed)
    if problem is not None:
        raise InputError(f"{folder / features.golden.features.file}: {problem}; compile the bundle again")


def _check_golden(folder: Path, file: GoldenFile, metadata: Metadata) -> None:
    path = folder / file.file
    tensors = metadata.inputs if file.kind == "input" else metadata.outputs
    tensor = next(tensor for tensor in tensors if tensor.name == file.tensor)
    dtype = "float32" if file.kind == "input" else "float64"
    _check_array(path, _array(path), dtype, tensor.batched(metadata.golden.rows))


def _array(path: Path) -> NDArray[Any]:
    import numpy as np

    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: is not a .npy array ({shortened(str(error))}); compile the bundle again") from error
    return array


def _check_array(path: Path, array: NDArray[Any], dtype: str, expected: tuple[int, ...]) -> None:
    if not array.flags.c_contiguous:
        raise InputError(f"{path}: is in Fortran order, expected C order; compile the bundle again")
    if array.shape != expected or array.dtype != dtype:
        raise InputError(
            f"{path}: is {array.dtype} {array.shape}, expected {dtype} {expected}; compile the bundle again"
        )
