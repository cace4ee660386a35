"""Which classes and functions a pickle names, found without running it. Safety does not rest upon this.

The stack is simulated with the effects that `pickletools` states for each opcode, keeping only strings. A stream can be
made that hides a name from here, but none from `safe`, which decides on each name as it reads it.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import pickletools
import re
import struct
from dataclasses import dataclass, field

from dwcpc.compiler.pickles.joblib_format import decompressed

# What a report lists and a terminal shows of one name.
MAX_NAME_LENGTH = 200

_MAX_OPCODES = 2_000_000
_MAX_BYTES = 1 << 30
_MAX_NESTED_PICKLES = 100

_JOBLIB_WRAPPER = re.compile(r"(sklearn\.externals\.)?joblib\.numpy_pickle\.NumpyArrayWrapper")
_GLOBAL_OPCODE = re.compile(rb"c([A-Za-z_][\w.]{0,199})\n([A-Za-z_][\w.]{0,199})\n")
_NESTED_PICKLE = re.compile(rb"\x80[\x04\x05]\x95")
_FRAME_OPCODE = b"\x95"
_FRAME_HEADER_BYTES = 9
_SMALLEST_FRAME_BYTES = 4
_FIRST_FRAMED_PROTOCOL = 4
_PROTO_OPCODE = b"\x80"
# A frame ends before joblib's bytes (BUILD), at the end of the pickle (STOP) or where the next frame begins.
_LAST_OPCODES = (b"b", b".")

# What pickletools and the simulated stack raise for bytes that are no pickle.
_DAMAGE = (ArithmeticError, AssertionError, LookupError, ValueError, struct.error)


def printable(text: str) -> str:
    """Return `text` on one line, escaped to ASCII and cut to MAX_NAME_LENGTH."""
    return text[:MAX_NAME_LENGTH].encode("unicode_escape").decode("ascii")


def globals_named(data: bytes) -> tuple[str, ...]:
    """Return every "module.name" that the pickles in `data` name, sorted, as far as the stream can be followed.

    Takes plain and compressed joblib files, and pickles behind each other; damage ends the search early. Never raises.
    """
    try:
        content = decompressed(data, _MAX_BYTES)
    except Exception:  # whatever a decompressor says, there is nothing to report
        return ()
    scan = _Scan(content)
    scan.run()
    return tuple(sorted({printable(name) for name in scan.names}))


class _Wrapper:
    """Stands on the simulated stack for joblib's array wrapper, class and instance alike."""


class _Mark:
    """Stands on the simulated stack for MARK."""


@dataclass(slots=True)
class _Scan:
    content: bytes
    names: set[str] = field(default_factory=set)
    opcodes_left: int = _MAX_OPCODES
    stack: list[object] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)

    def run(self) -> None:
        """Collect names pickle by pickle until the data ends or makes no sense."""
        stream = io.BytesIO(self.content)
        try:
            self._one_pickle(stream)
            while self.content[stream.tell() : stream.tell() + 1] == _PROTO_OPCODE:
                self._one_pickle(stream)
        except _DAMAGE:
            return  # what was seen up to here still counts

    def _one_pickle(self, stream: io.BytesIO) -> None:
        self.stack, self.memo = [], {}
        version = 0
        for opcode, argument, _ in pickletools.genops(stream):
            self.opcodes_left -= 1
            if self.opcodes_left < 0:
                raise ValueError("too many opcodes")
            if opcode.name == "PROTO" and isinstance(argument, int):
                version = argument
            taken = self._take(opcode)
            self._put(opcode, argument, taken)
            if opcode.name == "BUILD" and isinstance(taken[0], _Wrapper):
                self._skip_array(stream, version)

    def _take(self, opcode: pickletools.OpcodeInfo) -> list[object]:
        """Pop what `opcode` pops; return what it took from below an open mark, or without one."""
        before = opcode.stack_before
        if pickletools.markobject in before:
            while not isinstance(self.stack.pop(), _Mark):
                pass
            before = before[: before.index(pickletools.markobject)]
        first = len(self.stack) - len(before)
        if first < 0:
            raise ValueError("stack underflow")
        taken = self.stack[first:]
        del self.stack[first:]
        return taken

    def _put(self, opcode: pickletools.OpcodeInfo, argument: object, taken: list[object]) -> None:
        match opcode.name:
            case "GLOBAL" | "INST":
                self.stack.append(self._named(str(argument).replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                module, name = taken
                known = isinstance(module, str) and isinstance(name, str)
                self.stack.append(self._named(f"{module}.{name}") if known else None)
            case "MARK":
                self.stack.append(_Mark())
            case "DUP":
                self.stack += taken * 2
            case "NEWOBJ" | "BUILD":
                self.stack.append(taken[0])
            case "GET" | "BINGET" | "LONG_BINGET":
                self.stack.append(self.memo.get(argument) if isinstance(argument, int) else None)
            case "MEMOIZE" | "PUT" | "BINPUT" | "LONG_BINPUT":
                self.stack += taken
                self.memo[argument if isinstance(argument, int) else len(self.memo)] = self.stack[-1]
            case _:
                pushed = argument if isinstance(argument, str) else None
                self.stack += [pushed] * len(opcode.stack_after)

    def _named(self, name: str) -> _Wrapper | None:
        self.names.add(name)
        return _Wrapper() if _JOBLIB_WRAPPER.fullmatch(name) else None

    def _skip_array(self, stream: io.BytesIO, version: int) -> None:
        """Move `stream` behind joblib's raw bytes, whose number only running the pickle would tell.

        Since protocol 4 a frame begins there. Before, names are spelled out and are searched for in all that follows.
        """
        start = stream.tell()
        if self.content[start : start + 1] == _PROTO_OPCODE:  # an object array, which is a pickle of its own
            outer = self.stack, self.memo
            self._one_pickle(stream)
            self.stack, self.memo = outer
        elif version >= _FIRST_FRAMED_PROTOCOL:
            stream.seek(self._next_frame(start))
        else:
            self._search(start)
            stream.seek(len(self.content))

    def _search(self, start: int) -> None:
        for module, name in _GLOBAL_OPCODE.findall(self.content, start):
            self._named(f"{module.decode()}.{name.decode()}")
        stream = io.BytesIO(self.content)
        for nested in itertools.islice(_NESTED_PICKLE.finditer(self.content, start), _MAX_NESTED_PICKLES):
            stream.seek(nested.start())
            with contextlib.suppress(*_DAMAGE):
                self._one_pickle(stream)

    def _next_frame(self, start: int) -> int:
        position = self.content.find(_FRAME_OPCODE, start)
        while position >= 0:
            header = self.content[position + 1 : position + _FRAME_HEADER_BYTES]
            length = int.from_bytes(header, "little")
            end = position + _FRAME_HEADER_BYTES + length
            closed = self.content[end - 1 : end] in _LAST_OPCODES or self.content[end : end + 1] == _FRAME_OPCODE
            if length >= _SMALLEST_FRAME_BYTES and end <= len(self.content) and closed:
                return position
            position = self.content.find(_FRAME_OPCODE, position + 1)
        return len(self.content)
