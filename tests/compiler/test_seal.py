"""The checksum of metadata.json: any bit that changes is found, and what was never sealed is read."""

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


def test_a_single_bit_that_changed_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    """Only the checksum's own name may lose a bit: the file is then one without a checksum."""
    good, text = read_metadata(SEALED / "metadata.json"), (SEALED / "metadata.json").read_bytes()
    path = tmp_path / "metadata.json"
    drawn = random.Random(1)  # noqa: S311 - places, not secrets
    refused = 0
    for at in drawn.sample(range(len(text)), PLACES):
        changed = bytearray(text)
        changed[at] ^= 1 << drawn.randrange(7)
        path.write_bytes(changed)
        try:
            assert read_metadata(path) == good
        except InputError:
            refused += 1
    assert refused >= PLACES - len(KEY)


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


def test_what_was_never_sealed_is_read(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SEALED, tmp_path / "bundle"))
    document = json.loads((folder / "metadata.json").read_bytes())
    del document[KEY]
    (folder / "metadata.json").write_text(json.dumps(document), encoding="utf-8")
    assert open_bundle(folder).metadata == open_bundle(SEALED).metadata


def test_sealing_again_replaces_the_seal() -> None:
    text = sealed({"a": 1.5, "b": "µ"})
    document = json.loads(text)
    assert broken_seal(text.encode(), document) == ""
    assert sealed(document) == text
    assert broken_seal(text.replace("1.5", "1.6").encode(), document | {"a": 1.6}).startswith("checksum is ")


@pytest.mark.parametrize("other", ["", "0" * 64, 7, None])
def test_another_checksum_is_refused(other: object) -> None:
    text = sealed({"a": 1})
    assert broken_seal(text.encode(), json.loads(text) | {KEY: other})
