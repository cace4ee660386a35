"""XGBoost's dialect of UBJSON (https://ubjson.org): lengths and keys are int64, numbers big endian.

No length that the file states is believed: an array or a string is made only from bytes that are there, and values,
nesting and the document are bounded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_NESTING = 32  # XGBoost's own documents have eight levels
# 20 for each tree and a few thousand names; a value takes at most a hundred bytes of memory.
MAX_VALUES = 1 << 22

_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_CONSTANTS = {b"T": True, b"F": False, b"Z": None}
_LENGTH_BYTES = 8


class UbjsonError(ValueError):
    """What is wrong with the bytes, and where."""


def parse_ubjson(data: bytes) -> Any:
    """Return the document; typed arrays as numpy arrays in native byte order. UbjsonError says what is wrong."""
    reader = _Reader(data)
    document = reader.value(reader.marker(), MAX_NESTING)
    if reader.position != len(data):
        raise reader.error("bytes behind the end of the document")
    return document


@dataclass(slots=True)
class _Reader:
    data: bytes
    position: int = 0
    values_left: int = MAX_VALUES

    def error(self, what: str) -> UbjsonError:
        return UbjsonError(f"{what}, at byte {self.position}")

    def marker(self) -> bytes:
        if self.position >= len(self.data):
            raise self.error("it ends too early")
        self.position += 1
        return self.data[self.position - 1 : self.position]

    def expect(self, marker: bytes) -> None:
        if self.marker() != marker:
            raise self.error(f"no {marker.decode()!r} where one has to be")

    def value(self, marker: bytes, nesting_left: int) -> Any:
        self.values_left -= 1
        if self.values_left < 0:
            raise self.error(f"more than {MAX_VALUES} values")
        if not nesting_left:
            raise self.error(f"nested deeper than {MAX_NESTING} levels")
        match marker:
            case b"{":
                return self.members(nesting_left)
            case b"[":
                return self.array(nesting_left)
            case b"S":
                return self.text()
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        return self.numbers(marker, 1)[0].item()

    def members(self, nesting_left: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (marker := self.marker()) != b"}":
            self.position -= len(marker)
            key = self.text()
            if key in found:
                raise self.error(f"the key {key[:40]!r} stands twice in one object")
            found[key] = self.value(self.marker(), nesting_left - 1)
        return found

    def array(self, nesting_left: int) -> list[Any] | NDArray[Any]:
        marker = self.marker()
        if marker == b"$":
            element = self.marker()
            self.expect(b"#")
            return self.numbers(element, self.length())
        if marker == b"#":
            # An element takes a byte at least: `value` finds the end of the bytes before the list grows.
            return [self.value(self.marker(), nesting_left - 1) for _ in range(self.length())]
        elements = []
        while marker != b"]":
            elements.append(self.value(marker, nesting_left - 1))
            marker = self.marker()
        return elements

    def length(self) -> int:
        self.expect(b"L")
        if len(self.data) - self.position < _LENGTH_BYTES:
            raise self.error("it ends too early")
        (length,) = struct.unpack_from(">q", self.data, self.position)
        self.position += _LENGTH_BYTES
        if not 0 <= length <= len(self.data) - self.position:
            raise self.error(f"a length of {length} where {len(self.data) - self.position} bytes are left")
        return int(length)

    def text(self) -> str:
        length = self.length()
        raw = self.data[self.position : self.position + length]
        self.position += length
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.error("a text that is no UTF-8") from error

    def numbers(self, marker: bytes, count: int) -> NDArray[Any]:
        if marker not in _NUMBERS:
            raise self.error(f"the type {marker!r}, which XGBoost does not write")
        stored = np.dtype(_NUMBERS[marker])
        if count * stored.itemsize > len(self.data) - self.position:
            raise self.error(f"{count} numbers where {len(self.data) - self.position} bytes are left")
        array = np.frombuffer(self.data, stored, count, self.position)
        self.position += count * stored.itemsize
        return array.astype(stored.newbyteorder("="))
