"""Nothing that a pickle names may run, and nothing that it contains may end in another error than InputError."""

from __future__ import annotations

import bz2
import collections
import contextlib
import gzip
import io
import os
import pickle
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import joblib
import numpy as np
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles import joblib_format, machine
from dwcpc.compiler.pickles.named_globals import globals_named
from dwcpc.compiler.pickles.safe import PickledObject, pickled_object, read_limited, read_pickle

REAL = Path(__file__).resolve().parents[3] / ".." / "shared" / "real"


class Box:
    """An estimator as far as a pickle is concerned: a class and a state."""

    def __init__(self, **state: object) -> None:
        self.__dict__.update(state)


BOX = f"{Box.__module__}.Box"


class Runs:
    """Pickles as a call of `function(*args)`."""

    def __init__(self, function: object, *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> object:
        return self.call


class ImportsInSetstate:
    """Would import a module when its state is set."""

    def __getstate__(self) -> dict[str, int]:
        return {"a": 1}

    def __setstate__(self, state: object) -> None:
        __import__("antigravity")


def read(data: bytes, *, classes: tuple[str, ...] = (BOX,)) -> PickledObject:
    return pickled_object(data, path=Path("model.pkl"), classes=classes, expected="a box")


def box_state(data: bytes) -> dict[str, object]:
    box = read(data)
    assert (box.module, box.name) == (Box.__module__, "Box")
    assert isinstance(box.state, dict)
    return box.state


def joblib_bytes(value: object, **options: object) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream, **options)
    return stream.getvalue()


ARRAYS = {
    "float64": np.linspace(-1, 1, 12),
    "float32 matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big endian": np.arange(4, dtype=">f8"),
    "integers": np.arange(5),
    "booleans": np.array([True, False]),
    "empty": np.zeros((0, 3)),
    "scalar array": np.array(3.5),
    "strings": np.array(["a", "bcd"]),
    "objects": np.array(["cpu", "memory"], dtype=object),
    "records": np.array([(1, 2.5), (3, 4.5)], dtype=[("feature", "<i8"), ("threshold", "<f8")]),
    "padded records": np.zeros(3, dtype=np.dtype([("missing", "u1"), ("value", "f8")], align=True)),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_reads_arrays_of_every_pickle_protocol(name: str, protocol: int) -> None:
    array = ARRAYS[name]
    state = box_state(pickle.dumps(Box(array=array, again=array, number=np.float64(2.5)), protocol))
    assert_same(state["array"], array)
    assert_same(state["again"], array)
    assert state["number"] == 2.5


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("options", [{}, {"compress": 3}, {"protocol": 2}, {"protocol": 5}], ids=str)
def test_reads_arrays_as_joblib_writes_them(name: str, options: dict[str, object]) -> None:
    array = ARRAYS[name]
    state = box_state(joblib_bytes(Box(array=array, between="text", again=array), **options))
    assert_same(state["array"], array)
    assert_same(state["again"], array)
    assert state["between"] == "text"


def assert_same(found: object, expected: np.ndarray) -> None:
    assert isinstance(found, np.ndarray)
    assert found.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "lzma", "xz"])
def test_reads_each_compression_of_joblib(method: str) -> None:
    state = box_state(joblib_bytes(Box(array=np.arange(1000.0)), compress=(method, 3)))
    assert_same(state["array"], np.arange(1000.0))


def test_reads_plain_values_and_shared_and_cyclic_references() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    plain = {"a": [1, -2, 2**40, 2.5, None, True, "ü", b"raw", (1, (2, 3), ())], 7: "int key"}
    state = box_state(pickle.dumps(Box(plain=plain, same=plain, cycle=cycle, inner=Box(x=1)), 4))
    assert state["plain"] == plain
    assert state["same"] is state["plain"]
    assert isinstance(state["cycle"], list)
    assert state["cycle"][0] is state["cycle"]
    assert isinstance(state["inner"], PickledObject)
    assert state["inner"].state == {"x": 1}


def test_reads_the_real_forest_with_its_tree_nodes(tmp_path: Path) -> None:
    path = REAL / "node_reliability" / "isolation_forest_node_reliability.pkl"
    if not path.is_file():
        pytest.skip("the folder shared/real is absent")
    names = {
        "sklearn.ensemble._iforest.IsolationForest",
        "sklearn.tree._classes.ExtraTreeRegressor",
        "sklearn.tree._tree.Tree",
    }
    forest = read_pickle(path, names, "an IsolationForest").state
    assert isinstance(forest, dict)
    assert len(forest["estimators_"]) == 100
    tree = forest["estimators_"][0].state["tree_"]
    assert (tree.module, tree.name, tree.args[0]) == ("sklearn.tree._tree", "Tree", 92)
    assert tree.state["nodes"].dtype.names[:4] == ("left_child", "right_child", "feature", "threshold")
    assert len(tree.state["nodes"]) == tree.state["node_count"]
    with pytest.raises(InputError, match=r"names sklearn\.tree\._tree\.Tree, expected an IsolationForest"):
        read_pickle(path, names - {"sklearn.tree._tree.Tree"}, "an IsolationForest")


HOSTILE_WRAPPERS = {
    "alone": lambda payload: payload,
    "in the state": lambda payload: Box(center=payload),
    "in an object array": lambda payload: Box(names=np.array(["cpu", payload], dtype=object)),
    "as an argument of another call": lambda payload: Box(x=Runs(collections.OrderedDict, payload)),
    "before a good value": lambda payload: [payload, Box(center=np.zeros(3))],
}


@pytest.mark.parametrize("place", HOSTILE_WRAPPERS)
@pytest.mark.parametrize("form", ["pickle 0", "pickle 2", "pickle 5", "joblib", "joblib compressed"])
def test_never_runs_a_command(tmp_path: Path, place: str, form: str) -> None:
    marker = tmp_path / "executed"
    value = HOSTILE_WRAPPERS[place](Runs(os.system, f"touch {marker}"))
    data = {
        "pickle 0": lambda: pickle.dumps(value, 0),
        "pickle 2": lambda: pickle.dumps(value, 2),
        "pickle 5": lambda: pickle.dumps(value, 5),
        "joblib": lambda: joblib_bytes(value),
        "joblib compressed": lambda: joblib_bytes(value, compress=("gzip", 3)),
    }[form]()
    with pytest.raises(InputError, match=r"names (posix|nt|collections)\.(system|OrderedDict), expected a box"):
        read(data)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (Runs(eval, "1/0"), "builtins.eval"),
        (Runs(getattr, Box(), "x"), "builtins.getattr"),
        (Runs(__import__, "antigravity"), "builtins.__import__"),
        (Runs(np.load, "x.npy"), "numpy.load"),
        (Runs(np.ndarray, (10**12,)), None),
        (Runs(np.dtype, "O"), None),
        (ImportsInSetstate(), f"{ImportsInSetstate.__module__}.ImportsInSetstate"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses_every_name_that_was_not_allowed(payload: object, name: str | None) -> None:
    with pytest.raises(InputError) as failure:
        read(pickle.dumps(payload, 4))
    assert name is None or f"names {name}," in str(failure.value)


def test_a_payload_inside_the_metadata_of_a_joblib_array_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper(
        np.ndarray, (3,), "C", Runs(os.system, f"touch {marker}"), numpy_array_alignment_bytes=16
    )
    with pytest.raises(InputError, match=r"names (posix|nt)\.system"):
        read(pickle.dumps(Box(center=wrapper), 4))
    assert not marker.exists()


def test_names_of_numpy_cannot_be_redefined_by_the_caller() -> None:
    classes = (BOX, "numpy.dtype", "numpy.ndarray")
    box = read(pickle.dumps(Box(array=np.zeros(3)), 4), classes=classes)
    assert isinstance(box.state, dict)
    assert_same(box.state["array"], np.zeros(3))


def test_a_hostile_name_cannot_write_to_the_terminal() -> None:
    with pytest.raises(InputError) as failure:
        read(b"\x80\x04\x8c\x03\x1b[2\x8c\x04e\nil\x93.")
    assert "\\x1b[2.e\\nil" in str(failure.value)
    assert str(failure.value).isprintable()


def stream(*opcodes: bytes) -> bytes:
    return b"\x80\x04" + b"".join(opcodes) + b"."


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def name_of(full_name: str) -> bytes:
    module, _, name = full_name.rpartition(".")
    return text(module) + text(name) + b"\x93"


DTYPE_F8 = name_of("numpy.dtype") + text("f8") + b"\x89\x88\x87R"
RECONSTRUCT = name_of("numpy._core.multiarray._reconstruct") + name_of("numpy.ndarray") + b"K\x00\x85C\x01b\x87R"
WRAPPER = name_of("joblib.numpy_pickle.NumpyArrayWrapper") + b")\x81}("
HUGE = b"\x8a\x06" + (10**12).to_bytes(6, "little")


def array_state(shape: bytes, dtype: bytes, content: bytes) -> bytes:
    return b"(K\x01" + shape + dtype + b"\x89" + content + b"tb"


CRAFTED = {
    "an extension of the registry": stream(b"\x82\x01"),
    "a two byte extension": stream(b"\x83\x01\x00"),
    "a four byte extension": stream(b"\x84\x01\x00\x00\x00"),
    "a persistent id": b"Pabc\n.",
    "a binary persistent id": stream(text("abc"), b"Q"),
    "protocol six": b"\x80\x06N.",
    "an old style instance": b"(i" + Box.__module__.encode() + b"\nBox\n.",
    "an object opcode": stream(b"(", name_of(BOX), b"o"),
    "keyword arguments": stream(name_of(BOX), b")}\x92"),
    "an out of band buffer": stream(b"\x97"),
    "a set": stream(b"\x8f"),
    "a call of a string": stream(text("x"), b")R"),
    "a call of a dtype": stream(DTYPE_F8, b")R"),
    "a new object of a function": stream(name_of("_codecs.encode"), b")\x81"),
    "a new ndarray": stream(name_of("numpy.ndarray"), HUGE, b"\x85\x81"),
    "state for a dict": stream(b"}}b"),
    "state for a class": stream(name_of(BOX), b"}b"),
    "append to a name": stream(name_of(BOX), b"Na"),
    "item of a list": stream(b"]K\x00Ns"),
    "a tuple as a key": stream(b"})Ns"),
    "an odd number of items": stream(b"}(Nu"),
    "a memo entry that is missing": stream(b"h\x05"),
    "a memo entry before anything": stream(b"\x94"),
    "a huge memo index": stream(b"Np99999999999999999999\n"),
    "a tuple of too few": stream(b"\x87"),
    "no mark": stream(b"t"),
    "a negative length": stream(b"\x8b\xff\xff\xff\xff"),
    "a bytearray of a petabyte": stream(b"\x96" + struct.pack("<Q", 1 << 50)),
    "bytes of a petabyte": stream(b"\x8e" + struct.pack("<Q", 1 << 50)),
    "a frame of a petabyte": stream(b"\x95" + struct.pack("<Q", 1 << 50)),
    "an integer of 5000 digits": b"L" + b"9" * 5000 + b"L\n.",
    "a name that is a number": stream(b"K\x01K\x02\x93"),
    "an array of 10**12": stream(RECONSTRUCT, array_state(HUGE + b"\x85", DTYPE_F8, b"C\x08" + bytes(8))),
    "a negative shape": stream(RECONSTRUCT, array_state(b"J\xff\xff\xff\xff\x85", DTYPE_F8, b"C\x08" + bytes(8))),
    "objects out of bytes": stream(
        RECONSTRUCT, array_state(b"K\x01\x85", DTYPE_F8.replace(b"f8", b"O8"), b"C\x08" + bytes(8))
    ),
    "a list shorter than its shape": stream(
        RECONSTRUCT, array_state(b"K\x64\x85", DTYPE_F8.replace(b"f8", b"O8"), b"](K\x01e")
    ),
    "an array filled twice": stream(RECONSTRUCT, 2 * array_state(b"K\x01\x85", DTYPE_F8, b"C\x08" + bytes(8))),
    "a dtype of Python code": stream(
        name_of("numpy.dtype"),
        text("f8,O"),
        b"\x89\x88\x87R\x94",
        RECONSTRUCT,
        array_state(b"K\x01\x85", b"h\x00", b"C\x08" + bytes(8)),
    ),
    "a joblib array of 10**12": stream(
        WRAPPER, text("shape"), HUGE, b"\x85", text("dtype"), DTYPE_F8, text("order"), text("C"), b"ub"
    ),
    "a joblib array without a dtype": stream(WRAPPER, text("shape"), b"K\x01\x85", b"ub"),
    "a joblib array in itself": stream(
        WRAPPER, text("shape"), b")", text("dtype"), DTYPE_F8.replace(b"f8", b"O8"), text("order"), text("C"), b"ub"
    ).removesuffix(b".")
    * 50,
    "lz4": b"\x04\x22\x4d\x18" + bytes(20),
    "joblib before 0.10": b"ZF0x10" + bytes(20),
    "text": b"node,cpu,memory\n1,2,3\n",
    "zeros": bytes(100),
    "a dict": pickle.dumps({"center": [1.0]}),
    "None": pickle.dumps(None),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_refuses_with_one_sentence(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as failure:
            read(CRAFTED[name])
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(failure.value)
    assert message.startswith("model.pkl: ")
    assert "\n" not in message
    assert len(message) < 600
    assert peak_bytes < 4 << 20


def test_deep_nesting_neither_recurses_nor_crashes() -> None:
    depth = 200_000
    assert isinstance(read(stream(name_of(BOX), b")\x81", b"]" + b"\x85" * depth, b"b")), PickledObject)
    with pytest.raises(InputError, match="dict key"):
        read(stream(b"}", b")" + b"\x85" * depth, b"Ns"))


def test_arrays_nested_in_arrays_do_not_overflow_the_stack_when_they_are_freed() -> None:
    depth = 50_000
    objects = DTYPE_F8.replace(b"f8", b"O8")
    parts = (
        name_of("numpy._core.multiarray._reconstruct")
        + b"\x94"
        + name_of("numpy.ndarray")
        + b"\x94"
        + objects
        + b"\x94"
    )
    opened = b"h\x00h\x01K\x00\x85C\x01b\x87R(K\x01K\x01\x85h\x02\x89]("
    with pytest.raises(InputError, match="an array of objects holds another array"):
        read(stream(parts, opened * depth, b"N", b"etb" * depth))


def test_ends_after_the_largest_number_of_opcodes() -> None:
    start = time.monotonic()
    with pytest.raises(InputError, match=f"more than {machine.MAX_OPCODES} opcodes"):
        read(stream(b"N0" * machine.MAX_OPCODES))
    assert time.monotonic() - start < 30


def test_memo_entries_cannot_multiply_a_large_string() -> None:
    raw = b"B" + struct.pack("<I", 8 << 20) + bytes(8 << 20)
    once = array_state(b"M\x00\x10M\x00\x01\x86", b"h\x01", b"h\x00")
    data = stream(raw, b"\x94", DTYPE_F8.replace(b"f8", b"i8"), b"\x94", (RECONSTRUCT + once) * 10)
    with pytest.raises(InputError, match="add up to more than the file holds"):
        read(data)


@pytest.mark.parametrize("compress", [zlib.compress, gzip.compress, bz2.compress])
def test_a_decompression_bomb_stops_at_the_limit(compress: object) -> None:
    assert callable(compress)
    bomb = compress(bytes(joblib_format.EXPANSION_FLOOR_BYTES * 4))
    with pytest.raises(InputError, match=f"grows to more than {joblib_format.EXPANSION_FLOOR_BYTES} bytes"):
        read(bomb)


def test_a_compressed_file_below_the_limit_is_no_bomb() -> None:
    zeros = np.zeros(joblib_format.EXPANSION_FLOOR_BYTES // 16)
    assert_same(box_state(joblib_bytes(Box(zeros=zeros), compress=9))["zeros"], zeros)


@pytest.fixture(scope="module")
def good() -> bytes:
    return joblib_bytes(
        Box(center=np.linspace(-3, 3, 7), names=np.array(["a", "b"], dtype=object), count=np.int64(5), on=True)
    )


def test_truncation_anywhere_is_an_input_error(good: bytes) -> None:
    read(good)
    for length in range(len(good)):
        with pytest.raises(InputError):
            read(good[:length] or b"\x80")


def test_flipped_bits_give_a_box_or_an_input_error(good: bytes) -> None:
    random = np.random.default_rng(7)
    outcomes = collections.Counter()
    for _ in range(3000):
        damaged = bytearray(good)
        for position in random.integers(0, len(good), random.integers(1, 4)):
            damaged[position] ^= 1 << int(random.integers(8))
        try:
            outcomes[type(read(bytes(damaged))).__name__] += 1
        except InputError:
            outcomes["refused"] += 1
        assert isinstance(globals_named(bytes(damaged)), tuple)
    assert outcomes["refused"] > 500
    assert outcomes["PickledObject"] > 50


def test_random_opcodes_give_a_box_or_an_input_error() -> None:
    random = np.random.default_rng(11)
    alphabet = [
        *CRAFTED.values(),
        DTYPE_F8,
        RECONSTRUCT,
        WRAPPER,
        name_of(BOX),
        *(bytes([code]) for code in range(256)),
    ]
    for _ in range(2000):
        pieces = [alphabet[int(index)] for index in random.integers(0, len(alphabet), 12)]
        with contextlib.suppress(InputError):
            read(stream(*(piece.removeprefix(b"\x80\x04").removesuffix(b".") for piece in pieces)))


def test_reads_a_file_of_at_most_the_given_size(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(bytes(10))
    assert read_limited(path, 10, "a box") == bytes(10)
    with pytest.raises(InputError, match="more than 9 bytes, expected a box"):
        read_limited(path, 9, "a box")


def test_refuses_an_absent_an_empty_and_an_irregular_file(tmp_path: Path) -> None:
    (tmp_path / "empty.pkl").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.pkl")
    for path in (tmp_path / "absent.pkl", tmp_path, tmp_path / "empty.pkl", tmp_path / "pipe.pkl"):
        with pytest.raises(InputError, match="expected a box"):
            read_pickle(path, {BOX}, "a box")
