"""A pickle interpreter that can only push, pop and group: what names, calls and states mean is its caller's business.

Compared with `pickle.Unpickler`, no opcode imports, calls or sets an attribute by itself, opcodes outside the set that
pickled estimators consist of are refused (extensions, persistent ids, INST, out-of-band buffers), sets are lists, for
hashing runs with what a file chose, only lists are appended to, only dicts get items, and the number of opcodes is
limited. Opcodes are decoded by `pickletools`.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from dwcpc.compiler.pickles.joblib_format import UnreadableError

# A forest of 300 trees takes about 60,000 opcodes. An opcode makes at most one small object in some microseconds, so
# the limit bounds memory (0.3 GB) and time (some seconds) of a file that only pretends to be a model.
MAX_OPCODES = 2_000_000

_HIGHEST_PROTOCOL = 5
_MAX_KEY = 1 << 32

_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}

_NUMBERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
_STRINGS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")
_LITERALS = frozenset((*_NUMBERS, *_STRINGS, *_BYTES))


class Meaning(Protocol):
    """What the machine asks for at the four opcodes that are dangerous in Python's own unpickler."""

    def named(self, module: str, name: str) -> object:
        """Return what stands for a global (GLOBAL, STACK_GLOBAL)."""
        ...

    def made(self, cls: object, args: tuple[object, ...]) -> object:
        """Return what stands for `cls.__new__(cls, *args)` (NEWOBJ)."""
        ...

    def called(self, function: object, args: tuple[object, ...]) -> object:
        """Return what stands for `function(*args)` (REDUCE)."""
        ...

    def built(self, target: object, state: object, stream: io.BytesIO) -> object:
        """Return `target` with its state, or what replaces it (BUILD); bytes may be taken off `stream`."""
        ...


@dataclass(slots=True)
class Budget:
    """Opcodes left for a whole file, nested streams included."""

    opcodes: int = MAX_OPCODES

    def spend(self) -> None:
        """Raise UnreadableError when nothing is left."""
        self.opcodes -= 1
        if self.opcodes < 0:
            raise UnreadableError(f"the pickle has more than {MAX_OPCODES} opcodes, expected a trained model")


@dataclass(slots=True)
class Machine:
    """One pickle stream: its stack, the stacks below each open mark, and the memo."""

    stream: io.BytesIO
    meaning: Meaning
    budget: Budget
    stack: list[Any] = field(default_factory=list)
    outer: list[list[Any]] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)

    def run(self) -> object:
        """Execute up to STOP and return the object on the stack.

        Raises UnreadableError for what is refused, and for damage whatever pickletools, a codec or a stack raises.
        """
        for opcode, argument, _ in pickletools.genops(self.stream):
            self.budget.spend()
            if opcode.name in _LITERALS:
                self.stack.append(argument)
            elif opcode.name in _CONSTANTS:
                self.stack.append(_CONSTANTS[opcode.name])
            elif opcode.name in self._STEPS:
                self._STEPS[opcode.name](self, argument)
            else:
                raise UnreadableError(f"the pickle uses the opcode {opcode.name}, which no trained model needs")
        return self.stack.pop()

    def _protocol(self, version: int) -> None:
        if version > _HIGHEST_PROTOCOL:
            raise UnreadableError(f"the pickle has protocol {version}, expected at most {_HIGHEST_PROTOCOL}")

    def _nothing(self, _: object) -> None:
        """FRAME is a hint for reading ahead; STOP ends the decoding by itself."""

    def _mark(self, _: object) -> None:
        self.outer.append(self.stack)
        self.stack = []

    def _marked(self) -> list[Any]:
        items = self.stack
        self.stack = self.outer.pop()
        return items

    def _pop(self, _: object) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._marked()

    def _pop_mark(self, _: object) -> None:
        self._marked()

    def _duplicate(self, _: object) -> None:
        self.stack.append(self.stack[-1])

    def _remember(self, index: int | None) -> None:
        key = len(self.memo) if index is None else index
        if not 0 <= key < _MAX_KEY:
            raise UnreadableError("the pickle has a memo index out of range")
        self.memo[key] = self.stack[-1]

    def _recall(self, index: int) -> None:
        if index not in self.memo:
            raise UnreadableError("the pickle refers to a memo entry that does not exist")
        self.stack.append(self.memo[index])

    def _tuple(self, _: object) -> None:
        items = tuple(self._marked())
        self.stack.append(items)

    def _tuple1(self, _: object) -> None:
        self._tuple_of_last(1)

    def _tuple2(self, _: object) -> None:
        self._tuple_of_last(2)

    def _tuple3(self, _: object) -> None:
        self._tuple_of_last(3)

    def _tuple_of_last(self, count: int) -> None:
        if len(self.stack) < count:
            raise UnreadableError("the pickle takes more from its stack than there is")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def _empty_list(self, _: object) -> None:
        self.stack.append([])

    def _list(self, _: object) -> None:
        items = self._marked()
        self.stack.append(items)

    def _append(self, _: object) -> None:
        self._extend([self.stack.pop()])

    def _appends(self, _: object) -> None:
        self._extend(self._marked())

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise UnreadableError("the pickle appends to something that is not a list")
        target.extend(items)

    def _empty_dict(self, _: object) -> None:
        self.stack.append({})

    def _dict(self, _: object) -> None:
        items = self._marked()
        self.stack.append({})
        self._update(items)

    def _set_item(self, _: object) -> None:
        value = self.stack.pop()
        self._update([self.stack.pop(), value])

    def _set_items(self, _: object) -> None:
        self._update(self._marked())

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise UnreadableError("the pickle sets items of something that is not a dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Hashing a deep tuple overflows the C stack, and large integers can be chosen to collide.
            if type(key) is not str and not (type(key) in (int, bool) and abs(key) < _MAX_KEY):
                raise UnreadableError("the pickle has a dict key that is neither a string nor a small integer")
            target[key] = value

    def _global_pair(self, names: str) -> None:
        module, _, name = names.partition(" ")
        self.stack.append(self.meaning.named(module, name))

    def _instance(self, names: str) -> None:
        # Asking first lets the error name the class.
        self._global_pair(names)
        raise UnreadableError("the pickle uses the opcode INST, which no trained model needs")

    def _global_from_stack(self, _: object) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise UnreadableError("the pickle names a global by something that is not a string")
        self.stack.append(self.meaning.named(module, name))

    def _arguments(self) -> tuple[object, ...]:
        args = self.stack.pop()
        if type(args) is not tuple:
            raise UnreadableError("the pickle has arguments that are not a tuple")
        return args

    def _new_object(self, _: object) -> None:
        args = self._arguments()
        self.stack.append(self.meaning.made(self.stack.pop(), args))

    def _reduce(self, _: object) -> None:
        args = self._arguments()
        self.stack.append(self.meaning.called(self.stack.pop(), args))

    def _build(self, _: object) -> None:
        state = self.stack.pop()
        self.stack[-1] = self.meaning.built(self.stack[-1], state, self.stream)

    _STEPS: ClassVar[dict[str, Callable[[Machine, Any], None]]] = {
        "PROTO": _protocol,
        "FRAME": _nothing,
        "STOP": _nothing,
        "MARK": _mark,
        "POP": _pop,
        "POP_MARK": _pop_mark,
        "DUP": _duplicate,
        "MEMOIZE": _remember,
        "PUT": _remember,
        "BINPUT": _remember,
        "LONG_BINPUT": _remember,
        "GET": _recall,
        "BINGET": _recall,
        "LONG_BINGET": _recall,
        "TUPLE": _tuple,
        "TUPLE1": _tuple1,
        "TUPLE2": _tuple2,
        "TUPLE3": _tuple3,
        "EMPTY_LIST": _empty_list,
        "LIST": _list,
        "APPEND": _append,
        "APPENDS": _appends,
        "EMPTY_SET": _empty_list,
        "ADDITEMS": _appends,
        "FROZENSET": _list,
        "EMPTY_DICT": _empty_dict,
        "DICT": _dict,
        "SETITEM": _set_item,
        "SETITEMS": _set_items,
        "GLOBAL": _global_pair,
        "INST": _instance,
        "STACK_GLOBAL": _global_from_stack,
        "NEWOBJ": _new_object,
        "REDUCE": _reduce,
        "BUILD": _build,
    }
