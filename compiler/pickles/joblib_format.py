"""What joblib and numpy put into a model file: compression around the pickle, and arrays as raw bytes in it.

No size that the file states is believed: an array is made only from bytes that are there, and decompression stops
at a limit. Everything here raises `UnreadableError`, or another ValueError from the library that found the damage.
"""

from __future__ import annotations

import bz2
import io
import lzma
import math
import re
import zlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

# A file may grow to MAX_EXPANSION times its size, for trained trees compress 3 to 20 times. Arrays of one repeated
# value reach 1000 times, hence a floor below which no ratio counts.
MAX_EXPANSION = 200
EXPANSION_FLOOR_BYTES = 16 << 20

# What the header of an xz file may ask for; `xz -9` needs 65 MiB.
LZMA_MEMORY_BYTES = 256 << 20

_MAX_DIMENSIONS = 32
_MAX_EXTENT = 1 << 40

_DTYPE_CODE = re.compile(r"[biufUSV][0-9]{1,9}|O[0-9]?")


class UnreadableError(ValueError):
    """The reason why a file cannot be read, worded for its user; the caller adds the path."""


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...

    @property
    def eof(self) -> bool: ...


def _decompressor(data: bytes) -> _Decompressor | None:
    """The magic numbers are joblib's (`joblib.compressor`)."""
    if data.startswith(b"\x78"):
        return zlib.decompressobj()
    if data.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    if data.startswith(b"BZ"):
        return bz2.BZ2Decompressor()
    if data.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return lzma.LZMADecompressor(memlimit=LZMA_MEMORY_BYTES)
    return None


def decompressed(data: bytes, max_bytes: int) -> bytes:
    """Return the pickle inside `data`: itself, or what zlib, gzip, bz2, lzma or xz made it.

    Raises UnreadableError for lz4, joblib older than 0.10, a truncated stream, and more than `max_bytes` or
    MAX_EXPANSION times the input.
    """
    if data.startswith(b"\x04\x22\x4d\x18"):
        raise UnreadableError(
            "the file is compressed with lz4, expected zlib, gzip, bz2, xz or none; "
            "save it again with joblib.dump(model, path, compress=3)"
        )
    if data.startswith(b"ZF"):
        raise UnreadableError("the file was written by joblib older than 0.10; save it again with a newer joblib")
    decompressor = _decompressor(data)
    if decompressor is None:
        return data
    limit = min(max_bytes, max(EXPANSION_FLOOR_BYTES, MAX_EXPANSION * len(data)))
    content = decompressor.decompress(data, limit + 1)
    if len(content) > limit:
        raise UnreadableError(
            f"the compressed file of {len(data)} bytes grows to more than {limit} bytes, expected a trained model; "
            "save it again without compression if it is one"
        )
    if not decompressor.eof:
        raise UnreadableError("the compressed file ends too early; copy it again")
    return content


@dataclass(slots=True)
class PickledDtype:
    """A numpy dtype as the pickle spells it: constructor code, then the state that BUILD brings."""

    code: str
    state: object = None

    def resolve(self) -> np.dtype[Any]:
        """Return the dtype: a bool, number, string, object, or record without objects; else UnreadableError."""
        order, names, fields = self._parts()
        if names is None:
            return np.dtype(object) if self.code.startswith("O") else np.dtype(order + self.code)
        members = [_field(fields, name) for name in names]
        record = np.dtype(
            {
                "names": list(names),
                "formats": [dtype.resolve() for dtype, _ in members],
                "offsets": [offset for _, offset in members],
                "itemsize": int(self.code[1:]),
            }
        )
        if record.hasobject:
            raise UnreadableError("a record array holds Python objects")
        return record

    def _parts(self) -> tuple[str, tuple[str, ...] | None, object]:
        if not _DTYPE_CODE.fullmatch(self.code):
            raise UnreadableError("an array has a dtype that no estimator stores")
        match self.state:
            case None:
                return "=", None, None
            # `dtype.__reduce__`: version, byte order, subarray, names, fields, item size, alignment, flags
            case (_, "<" | ">" | "|" | "=" as order, None, None, *_):
                return order, None, None
            case (_, "<" | ">" | "|" | "=" as order, None, tuple() as names, fields, *_) if self.code[0] == "V":
                return order, names, fields
        raise UnreadableError("an array has a dtype that no estimator stores")


def _field(fields: object, name: object) -> tuple[PickledDtype, int]:
    member = fields.get(name) if isinstance(fields, dict) and isinstance(name, str) else None
    match member:
        case (PickledDtype(state=(_, _, None, None, *_)) as dtype, int(offset), *_):
            return dtype, offset
    raise UnreadableError("a record array has a field that is not a number")


def checked_shape(shape: object) -> tuple[int, ...]:
    """Return `shape`, which must be a tuple of sane extents."""
    if type(shape) is not tuple or len(shape) > _MAX_DIMENSIONS:
        raise UnreadableError("an array's shape is not a tuple of integers")
    if not all(type(extent) is int and 0 <= extent <= _MAX_EXTENT for extent in shape):
        raise UnreadableError("an array's shape is not a tuple of integers of a sane size")
    return shape


def array_from_bytes(
    raw: bytes | bytearray, dtype: np.dtype[Any], shape: object, order: Literal["C", "F"]
) -> npt.NDArray[Any]:
    """Return `raw` seen as an array, without a copy; UnreadableError unless the sizes agree exactly."""
    extents = checked_shape(shape)
    if dtype.hasobject or len(raw) != math.prod(extents) * dtype.itemsize:
        raise UnreadableError(
            f"an array of shape {extents} and {dtype.itemsize} bytes an element cannot come from {len(raw)}"
        )
    flat: npt.NDArray[Any] = np.frombuffer(raw, dtype) if raw else np.empty(0, dtype)
    return flat.reshape(extents, order=order)


@dataclass(slots=True)
class ArrayWrapper:
    """The inert twin of `joblib.numpy_pickle.NumpyArrayWrapper`: it announces raw bytes behind it in the stream."""

    dtype: np.dtype[Any]
    shape: object
    order: Literal["C", "F"]
    padded: bool

    @classmethod
    def from_state(cls, state: object) -> ArrayWrapper:
        """Check what BUILD brings; UnreadableError if it is not joblib's."""
        match state:
            case {"dtype": PickledDtype() as dtype, "shape": shape, "order": "C" | "F" as order, **others}:
                # joblib up to 1.1 wrote no alignment, and none into streams without a position.
                padded = others.get("numpy_array_alignment_bytes") is not None
                return cls(dtype.resolve(), shape, order, padded)
        raise UnreadableError("a joblib array lacks its dtype, shape or order")

    def read(self, stream: io.BytesIO) -> npt.NDArray[Any]:
        """Take padding (one byte for its length, then as many) and elements off the stream."""
        if self.padded:
            length = stream.read(1)
            stream.read(length[0] if length else 0)
        left = stream.getbuffer().nbytes - stream.tell()
        size_bytes = math.prod(checked_shape(self.shape)) * self.dtype.itemsize
        if size_bytes > left:
            raise UnreadableError(f"an array claims {size_bytes} bytes where {left} are left")
        return array_from_bytes(stream.read(size_bytes), self.dtype, self.shape, self.order)
