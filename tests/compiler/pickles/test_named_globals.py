"""Names are found without running anything, through joblib's raw bytes, compression and damage."""

from __future__ import annotations

import io
import itertools
import os
import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest

from dwcpc.compiler.pickles.named_globals import MAX_NAME_LENGTH, globals_named, printable

REAL = Path(__file__).resolve().parents[3] / ".." / "shared" / "real"

WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"


class Box:
    """An estimator as far as a pickle is concerned: a class and a state."""

    def __init__(self, **state: object) -> None:
        self.__dict__.update(state)


class Runs:
    """Pickles as a call of `function(*args)`."""

    def __init__(self, function: object, *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> object:
        return self.call


BOX = f"{Box.__module__}.Box"
SYSTEM = f"{os.system.__module__}.system"


def joblib_bytes(value: object, **options: object) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream, **options)
    return stream.getvalue()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_names_what_each_protocol_names(protocol: int) -> None:
    names = globals_named(pickle.dumps([Box(), Box(), Runs(os.system, "true"), Runs(eval, "1")], protocol))
    assert {BOX, SYSTEM} <= set(names)
    assert any(name.endswith(".eval") for name in names)
    assert list(names) == sorted(set(names))


def test_names_repeated_through_the_memo_are_found() -> None:
    # The module's name is in the stream once, both globals take it from the memo.
    names = globals_named(pickle.dumps([Runs(eval, "1"), Runs(exec, "1"), Runs(eval, "2")], 4))
    assert names == ("builtins.eval", "builtins.exec")


@pytest.mark.parametrize(
    "options", [{}, {"compress": 3}, {"compress": ("xz", 1)}, {"protocol": 2}, {"protocol": 5}], ids=str
)
def test_names_behind_raw_array_bytes_are_found(options: dict[str, object]) -> None:
    random = np.random.default_rng(3)
    value = {
        "noise": random.integers(0, 256, 50_000).astype(np.uint8),
        "small": np.arange(300),
        "names": np.array(["cpu", Runs(eval, "1")], dtype=object),
        "last": Runs(os.system, "true"),
    }
    names = globals_named(joblib_bytes(value, **options))
    assert {WRAPPER, "numpy.ndarray", "numpy.dtype", SYSTEM} <= set(names)
    assert any(name.endswith(".eval") for name in names)


def test_pickles_behind_each_other_are_all_searched() -> None:
    data = pickle.dumps(1, 2) + pickle.dumps(Box(), 2) + pickle.dumps(Runs(eval, "1"), 4)
    assert set(globals_named(data)) >= {BOX, "builtins.eval"}


def test_a_truncated_stream_gives_what_was_seen() -> None:
    data = pickle.dumps([Box(), Runs(os.system, "true")], 4)
    assert globals_named(data[:-1]) == globals_named(data)
    seen = [globals_named(data[:length]) for length in range(len(data))]
    assert seen[0] == ()
    assert all(set(shorter) <= set(longer) for shorter, longer in itertools.pairwise(seen))


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"hello", bytes(50), b"\x78\x9cbroken", b"\x80\x04\x93.", b"t.", b"\x82\x01."]
)
def test_nothing_is_found_in_what_is_no_pickle(data: bytes) -> None:
    assert globals_named(data) == ()


def test_names_are_fit_for_a_terminal() -> None:
    (name,) = globals_named(b"cos\x1b[31m\n" + b"x" * 1000 + b"\n.")
    assert name.startswith("os\\x1b[31m.xxx")
    assert name.isprintable()
    assert len(printable("é" * 1000)) == MAX_NAME_LENGTH * len("\\xe9")


def test_names_the_classes_of_the_real_forest() -> None:
    path = REAL / "node_reliability" / "isolation_forest_node_reliability.pkl"
    if not path.is_file():
        pytest.skip("the folder shared/real is absent")
    assert globals_named(path.read_bytes()) == (
        WRAPPER,
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
        "numpy.ndarray",
        "sklearn.ensemble._iforest.IsolationForest",
        "sklearn.tree._classes.ExtraTreeRegressor",
        "sklearn.tree._tree.Tree",
    )
