"""Broken and bloated archives end in one sentence, whatever kind of file they were."""

from __future__ import annotations

import random
import zipfile
from io import BytesIO

import pytest

from dwcpc.compiler.artifact import MAX_ARTIFACT_BYTES
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.pytorch import archive as pytorch_archive

FLIPS = 40


@pytest.fixture(scope="session")
def archives(pooled, saved, scripted, program):
    return {"checkpoint": saved(pooled.state_dict()), "torchscript": scripted(pooled), "exported_program": program}


KINDS = ["checkpoint", "torchscript", "exported_program"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_refused(load, archives, kind, share):
    data = archives[kind]
    with pytest.raises(InputError, match=r"^model\.pt: .*truncated or altered, save or copy it again"):
        load(data[: int(len(data) * share)], input_shape=(5, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_byte_is_refused_in_one_line_or_changes_nothing(load, archives, kind, windows):
    data = archives[kind]
    options = {} if kind == "checkpoint" else {"input_shape": (5, 3)}
    generator = random.Random(7)  # noqa: S311 - places of damage, not secrets
    refusals = []
    for _ in range(FLIPS):
        place = generator.randrange(len(data))
        flipped = data[:place] + bytes([data[place] ^ (1 << generator.randrange(8))]) + data[place + 1 :]
        try:
            load(flipped, **options)
        except InputError as error:
            refusals.append(str(error))
    assert len(refusals) > FLIPS // 4  # what is accepted lies in padding and in times of files
    assert not any("\n" in text for text in refusals)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_of_a_weight_is_refused_by_the_checksum(load, archives, kind, pooled):
    weight = pooled.state_dict()["lstm.weight_hh_l0"].numpy().tobytes()
    place = archives[kind].index(weight) + 5
    data = archives[kind]
    flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    with pytest.raises(InputError, match="does not match its checksum; the file is truncated or altered"):
        load(flipped, input_shape=(5, 3))


def test_an_archive_that_unpacks_to_more_than_any_model_is_refused_unread(load, monkeypatch):
    monkeypatch.setattr(pytorch_archive, "MAX_ARTIFACT_BYTES", 1 << 20)
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", bytes(2 << 20))
    assert len(stream.getvalue()) < MAX_ARTIFACT_BYTES
    with pytest.raises(InputError, match="unpacks to 2097152 bytes, more than"):
        load(stream.getvalue())
