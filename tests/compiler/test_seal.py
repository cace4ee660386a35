"""The checksum of metadata.json: any bit that changes is found, and what was never sealed is refused."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from dwcpc.compiler.bundle import open_bundle, read_metadata
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.seal import KEY, broken_seal, sealed

SEALED = Path(__file__).resolve().parents[1] / "fixtures" / "bundles" / "one_row"
PLACES = 300


def test_the_seal_is_broken_by_every_single_bit_that_changed() -> None:
    text = (SEALED / "metadata.json").read_bytes()
    document = json.loads(text)
    assert broken_seal(text, document) == ""
    changed = bytearray(text)
    for bit in range(8 * len(text)):
        changed[bit // 8] ^= 1 << bit % 8
        assert broken_seal(bytes(changed), document), f"bit {bit % 8} of byte {bit // 8}"
        changed[bit // 8] ^= 1 << bit % 8


def test_single_bits_that_changed_are_refused(tmp_path: Path) -> None:
    """Every bit of the line with the checksum, and as many of the rest as there is time for; Go tries them all."""
    text = (SEALED / "metadata.json").read_bytes()
    path = tmp_path / "metadata.json"
    drawn = random.Random(1)  # noqa: S311 - places, not secrets
    last = 8 * text.rindex(b",")
    for bit in [*drawn.sample(range(last), PLACES), *range(last, 8 * len(text))]:
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(InputError):
            read_metadata(path)


def test_a_digit_of_the_threshold_is_told_by_the_checksum(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SEALED, tmp_path / "bundle"))
    path = folder / "metadata.json"
    before = open_bundle(folder).metadata.decision
    assert before is not None
    text = path.read_text(encoding="utf-8")
    stated = f'"threshold": {json.dumps(before.threshold)}'
    assert stated in text
    path.write_text(text.replace(stated, f'"threshold": {before.threshold + 1}'), encoding="utf-8")
    with pytest.raises(InputError, match=r"checksum is .*: it was changed after it was written; compile or publish"):
        open_bundle(folder)


def test_what_was_never_sealed_is_refused(tmp_path: Path) -> None:
    document = json.loads((SEALED / "metadata.json").read_bytes())
    del document[KEY]
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match=r"metadata\.json: checksum is missing, expected the SHA-256 .*; compile"):
        read_metadata(path)


def test_the_checksum_of_another_text_is_no_seal_whatever_the_schema_says(tmp_path: Path) -> None:
    """Written anew by another program, with the checksum of the old text in it."""
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(json.loads((SEALED / "metadata.json").read_bytes()), indent=2), encoding="utf-8")
    with pytest.raises(InputError, match=r"checksum is '[0-9a-f]{64}', expected the SHA-256 of the text before it"):
        read_metadata(path)


@pytest.mark.parametrize("end", ["", "\n\n", " \n", "\r\n"])
def test_a_text_of_another_end_is_refused(tmp_path: Path, end: str) -> None:
    path = tmp_path / "metadata.json"
    path.write_bytes((SEALED / "metadata.json").read_bytes().removesuffix(b"\n") + end.encode())
    with pytest.raises(InputError, match="checksum is"):
        read_metadata(path)


def test_sealing_again_replaces_the_seal() -> None:
    text = sealed({"a": 1.5, "b": "µ"})
    document = json.loads(text)
    assert broken_seal(text.encode(), document) == ""
    assert sealed(document) == text
    assert broken_seal(text.replace("1.5", "1.6").encode(), document | {"a": 1.6}).startswith("checksum is ")


@pytest.mark.parametrize("other", ["", "0" * 64, "é" * 64])
def test_another_checksum_is_refused(other: str) -> None:
    text = sealed({"a": 1})
    changed = text.replace(json.loads(text)[KEY], other)
    assert broken_seal(changed.encode(), json.loads(changed))
