"""Read a pickle or joblib file without importing or calling anything that it names.

Python's unpickler calls what the file says. Here a name becomes an inert mark: one for an estimator's class only
records arguments and state, those for numpy's constructors lead to `joblib_format`, which checks every size, and a name
that the caller did not allow ends the reading, whatever would have been done with it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.joblib_format import (
    ArrayWrapper,
    PickledDtype,
    UnreadableError,
    array_from_bytes,
    checked_shape,
    decompressed,
)
from dwcpc.compiler.pickles.machine import Budget, Machine
from dwcpc.compiler.pickles.named_globals import printable

MAX_PICKLE_BYTES = 1 << 30


@dataclass(slots=True, eq=False, repr=False)
class PickledObject:
    """An object of a class that was never imported: what the pickle would have called it with, and its state.

    Not frozen, because a pickle refers to objects before it gives them their state; without `repr` and `==`, because a
    hostile state may contain itself.
    """

    module: str
    name: str
    args: tuple[object, ...] = ()
    state: object = None


class _Role(Enum):
    ESTIMATOR = auto()
    DTYPE = auto()
    NDARRAY = auto()
    RECONSTRUCT = auto()
    SCALAR = auto()
    FROMBUFFER = auto()
    WRAPPER = auto()
    ENCODE = auto()
    BYTES = auto()
    OBJECT = auto()
    NEW_OBJECT = auto()


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a name in the pickle becomes; not callable."""

    module: str
    name: str
    role: _Role


class _PendingWrapper:
    """A joblib array wrapper between its creation and its state."""


# What numpy, joblib and copyreg write, under the module paths of all their versions.
_ROLES = {
    ("numpy", "dtype"): _Role.DTYPE,
    ("numpy", "ndarray"): _Role.NDARRAY,
    ("numpy", "memmap"): _Role.NDARRAY,
    ("numpy.core.multiarray", "_reconstruct"): _Role.RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _Role.RECONSTRUCT,
    ("numpy.core.multiarray", "scalar"): _Role.SCALAR,
    ("numpy._core.multiarray", "scalar"): _Role.SCALAR,
    ("numpy.core.numeric", "_frombuffer"): _Role.FROMBUFFER,
    ("numpy._core.numeric", "_frombuffer"): _Role.FROMBUFFER,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _Role.WRAPPER,
    ("sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper"): _Role.WRAPPER,
    ("_codecs", "encode"): _Role.ENCODE,
    ("__builtin__", "bytes"): _Role.BYTES,
    ("__builtin__", "object"): _Role.OBJECT,
    ("builtins", "object"): _Role.OBJECT,
    ("copy_reg", "_reconstructor"): _Role.NEW_OBJECT,
    ("copyreg", "_reconstructor"): _Role.NEW_OBJECT,
}


def read_limited(path: Path, max_bytes: int, expected: str) -> bytes:
    """Return the content of the regular file `path`; InputError if there is none, it is empty or too long."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file, expected {expected}; check the path")
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected {expected}; check its mode") from error
    if len(data) > max_bytes:
        raise InputError(f"{path}: more than {max_bytes} bytes, expected {expected}; check that it is the right file")
    if not data:
        raise InputError(f"{path}: the file is empty, expected {expected}; copy it again")
    return data


def read_pickle(path: Path, classes: Collection[str], expected: str) -> PickledObject:
    """Read a pickle or joblib file of at most MAX_PICKLE_BYTES; see `pickled_object`."""
    data = read_limited(path, MAX_PICKLE_BYTES, expected)
    return pickled_object(data, path=path, classes=classes, expected=expected)


def pickled_object(
    data: bytes, *, path: Path, classes: Collection[str], expected: str, max_bytes: int = MAX_PICKLE_BYTES
) -> PickledObject:
    """Return the object that a pickle or joblib file holds, arrays as numpy arrays, objects as `PickledObject`.

    `classes` are the full names that may occur ("sklearn.preprocessing._data.RobustScaler"), functions that rebuild
    objects included; `expected` says in words what the file should hold. Arrays may be read-only and of foreign byte
    order. `max_bytes` limits the pickle after decompression. Every failure is an InputError of one sentence.
    """
    try:
        content = decompressed(data, max_bytes)
        meaning = _InertMeaning(path, classes, expected, Budget(), 2 * len(content))
        value = Machine(io.BytesIO(content), meaning, meaning.budget).run()
    except InputError:
        raise
    except UnreadableError as error:
        raise InputError(f"{path}: {error}; nothing was executed, expected {expected}") from error
    # Damage surfaces as almost any exception of pickletools, the codecs or numpy, and is the file's fault each time.
    except Exception as error:
        reason = printable(str(error) or type(error).__name__)
        raise InputError(
            f"{path}: not a readable pickle ({reason}), expected {expected}; copy or save it again"
        ) from error
    if not isinstance(value, PickledObject):
        raise InputError(
            f"{path}: the pickle holds a plain {type(value).__name__}, expected {expected}; save the estimator itself"
        )
    return value


@dataclass(slots=True)
class _InertMeaning:
    """`machine.Meaning` without effects. `bytes_left` is what arrays may still copy out of the file."""

    path: Path
    classes: Collection[str]
    expected: str
    budget: Budget
    bytes_left: int
    nested: bool = False
    pending: dict[int, npt.NDArray[Any]] = field(default_factory=dict)

    def named(self, module: str, name: str) -> _Mark:
        full_name = f"{module}.{name}"
        role = _ROLES.get((module, name), _Role.ESTIMATOR if full_name in self.classes else None)
        if role is None:
            raise InputError(
                f"{self.path}: the pickle names {printable(full_name)}, expected {self.expected}; "
                "nothing was executed; give a file of that kind, from a source you trust"
            )
        return _Mark(module, name, role)

    def made(self, cls: object, args: tuple[object, ...]) -> object:
        match cls:
            case _Mark(role=_Role.ESTIMATOR):
                return PickledObject(cls.module, cls.name, args)
            # A pickled object array inside a joblib file is a pickle of its own; joblib nests no further.
            case _Mark(role=_Role.WRAPPER) if not self.nested:
                return _PendingWrapper()
        raise UnreadableError("the pickle makes an object of something that is not an estimator")

    def called(self, function: object, args: tuple[object, ...]) -> object:
        match function, args:
            case _Mark(role=_Role.ESTIMATOR), _:
                return PickledObject(function.module, function.name, args)
            case _Mark(role=_Role.NEW_OBJECT), (_Mark() as cls, _Mark(role=_Role.OBJECT), None):
                return self.made(cls, ())
            case _Mark(), _:
                return self._numpy_called(function, args)
        raise UnreadableError("the pickle calls something that is not a name")

    def _numpy_called(self, function: _Mark, args: tuple[object, ...]) -> object:
        match function.role, args:
            case _Role.DTYPE, (str(code), *_):
                return PickledDtype(code)
            case _Role.RECONSTRUCT, (_Mark(role=_Role.NDARRAY), *_):
                array: npt.NDArray[Any] = np.empty(0, np.int8)
                self.pending[id(array)] = array
                return array
            case _Role.SCALAR, (PickledDtype() as dtype, (bytes() | str()) as raw):
                return array_from_bytes(self._bytes(raw), dtype.resolve(), (), "C")[()]
            case _Role.FROMBUFFER, ((bytes() | bytearray()) as raw, PickledDtype() as dtype, shape, "C" | "F" as order):
                return array_from_bytes(raw, dtype.resolve(), shape, order)
            case _Role.ENCODE, (str(text), "latin1" | "latin-1"):
                return self._bytes(text)
            case _Role.BYTES, ():  # how protocol 2 writes no bytes at all
                return b""
        raise UnreadableError(f"the pickle calls {function.module}.{function.name} in a way that numpy does not")

    def built(self, target: object, state: object, stream: io.BytesIO) -> object:
        if isinstance(target, PickledObject | PickledDtype):
            target.state = state
            return target
        if isinstance(target, _PendingWrapper):
            return self._wrapped_array(ArrayWrapper.from_state(state), stream)
        if isinstance(target, np.ndarray) and self.pending.pop(id(target), None) is target:
            self._fill(target, state)
            return target
        raise UnreadableError(f"the pickle sets the state of a {type(target).__name__}")

    def _wrapped_array(self, wrapper: ArrayWrapper, stream: io.BytesIO) -> object:
        if not wrapper.dtype.hasobject:
            return wrapper.read(stream)
        self.nested = True
        array = Machine(stream, self, self.budget).run()
        self.nested = False
        return array

    def _fill(self, array: npt.NDArray[Any], state: object) -> None:
        """Give `array` its content in place, for the memo may already refer to it."""
        match state:
            case (_, shape, PickledDtype() as spelled, bool() | int() as fortran, bytes() | str() | list() as content):
                dtype, extents = spelled.resolve(), checked_shape(shape)
            case _:
                raise UnreadableError("the pickle has an array without content")
        if isinstance(content, list):
            self._spend(len(content))
            # Freeing arrays in arrays in arrays overflows the C stack: numpy recurses without a limit.
            if any(isinstance(element, np.ndarray) for element in content):
                raise UnreadableError("an array of objects holds another array")
            # numpy reads as many elements as the shape says, however long the list is.
            fits = dtype.hasobject and len(content) == math.prod(extents)
        else:
            content = self._bytes(content)
            fits = not dtype.hasobject and len(content) == math.prod(extents) * dtype.itemsize
        if not fits:
            raise UnreadableError("an array's content and shape disagree")
        # numpy's stub asks for np.bool, its code for bool.
        array.__setstate__((1, extents, dtype, bool(fortran), content))  # type: ignore[arg-type]

    def _bytes(self, raw: bytes | str) -> bytes:
        """Python 2 and protocol 2 write bytes as text, one character a byte."""
        self._spend(len(raw))
        return raw.encode("latin-1") if isinstance(raw, str) else raw

    def _spend(self, size_bytes: int) -> None:
        # The memo lets a few bytes of pickle copy one large string again and again.
        self.bytes_left -= size_bytes
        if self.bytes_left < 0:
            raise UnreadableError("the arrays of the pickle add up to more than the file holds")
