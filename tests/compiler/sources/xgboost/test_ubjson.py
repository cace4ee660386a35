"""XGBoost's UBJSON: what it writes is read, and no length in it is believed."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from dwcpc.compiler.sources.xgboost import ubjson
from dwcpc.compiler.sources.xgboost.ubjson import UbjsonError, parse_ubjson


def length(count):
    return b"L" + struct.pack(">q", count)


def text(value):
    return length(len(value)) + value


def members(**values):
    return b"{" + b"".join(text(key.encode()) + value for key, value in values.items()) + b"}"


def test_each_kind_of_value_is_read():
    data = members(
        small=b"i\xff",
        unsigned=b"U\xff",
        short=b"I\xff\xfe",
        whole=b"l\xff\xff\xff\xfd",
        long=length(-4),
        single=b"d" + struct.pack(">f", 0.1),
        double=b"D" + struct.pack(">d", 0.1),
        name=b"S" + text("größe".encode()),
        yes=b"T",
        no=b"F",
        nothing=b"Z",
        mixed=b"[#" + length(2) + b"i\x01T",
        open=b"[i\x01[i\x02]]",
        empty=b"[#" + length(0),
        inner=members(a=b"T"),
    )
    assert parse_ubjson(data) == {
        "small": -1,
        "unsigned": 255,
        "short": -2,
        "whole": -3,
        "long": -4,
        "single": float(np.float32(0.1)),
        "double": 0.1,
        "name": "größe",
        "yes": True,
        "no": False,
        "nothing": None,
        "mixed": [1, True],
        "open": [1, [2]],
        "empty": [],
        "inner": {"a": True},
    }


@pytest.mark.parametrize(("marker", "dtype"), [(b"U", "u1"), (b"l", "i4"), (b"L", "i8"), (b"d", "f4"), (b"D", "f8")])
def test_a_typed_array_is_an_array_in_native_order(marker, dtype):
    values = np.array([1, 2, 100], f">{dtype}")
    array = parse_ubjson(b"[$" + marker + b"#" + length(3) + values.tobytes())
    assert array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends too early, at byte 0"),
        (b"{", "ends too early"),
        (b"{L\0\0", "ends too early"),
        (b"[", "ends too early"),
        (b"T ", "bytes behind the end of the document, at byte 1"),
        (b"Q", "the type b'Q', which XGBoost does not write"),
        (b"S" + length(-1), "a length of -1 where 0 bytes are left"),
        (b"S" + length(2**62), "a length of 4611686018427387904 where 0 bytes are left"),
        (b"S" + length(2) + b"a", "a length of 2 where 1 bytes are left"),
        (b"S" + length(1) + b"\xff", "a text that is no UTF-8"),
        (b"Si\x01a", "no 'L' where one has to be"),
        (b"[$d#" + length(2) + bytes(7), "2 numbers where 7 bytes are left"),
        (b"[$L#" + length(2**60), "a length of"),
        (b"[$Z#" + length(1) + b"Z", "the type b'Z'"),
        (b"[$[#" + length(1) + b"[]", r"the type b'\['"),
        (b"[$di", "no '#' where one has to be"),
        (b"[#" + length(3) + b"TT", "a length of 3 where 2 bytes"),
        (b"[#" + length(2) + b"i\x01", "ends too early"),
        (b"{" + text(b"a") + b"T" + text(b"a") + b"F}", "the key 'a' stands twice in one object"),
        (b"{i\x01aT}", "no 'L' where one has to be"),
        (b"l\0\0\0", "1 numbers where 3 bytes are left"),
        (b"[" * 40, "nested deeper than 32 levels"),
        ((b"{" + text(b"a")) * 40, "nested deeper than 32 levels"),
        (b"[" * 100_000, "nested deeper than 32 levels"),
    ],
)
def test_damage_is_told_with_its_place(data, reason):
    with pytest.raises(UbjsonError, match=reason):
        parse_ubjson(data)


def test_the_number_of_values_is_limited(monkeypatch):
    monkeypatch.setattr(ubjson, "MAX_VALUES", 10)
    monkeypatch.setattr(ubjson._Reader.__init__, "__defaults__", (0, 10))
    assert parse_ubjson(b"[" + b"T" * 9 + b"]") == [True] * 9
    with pytest.raises(UbjsonError, match="more than 10 values"):
        parse_ubjson(b"[" + b"T" * 10 + b"]")
