"""Whose file it is, told by content; what is nobody's gets one sentence."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from dwcpc.compiler.artifact import Artifact, read_artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources import source_of


def test_a_state_dict_is_pytorchs(saved, pooled):
    assert source_of(Artifact(Path("model.bin"), saved(pooled.state_dict()), "")).name == "pytorch"


@pytest.mark.parametrize("data", [b"hello world", b"\x80\x04K\x01.", b"PK\x05\x06" + bytes(18), b"\x08\x0a"], ids=repr)
def test_what_is_nobodys_is_refused_with_what_was_expected(data):
    with pytest.raises(InputError, match=r"model\.bin: starts with .* expected a PyTorch state dict"):
        source_of(Artifact(Path("model.bin"), data, ""))


def test_an_empty_file_is_refused_when_it_is_read(tmp_path):
    (tmp_path / "model.pt").touch()
    with pytest.raises(InputError, match=r"is empty; expected a trained model"):
        read_artifact(tmp_path / "model.pt")


def test_a_zip_of_something_else_is_refused_naming_what_it_holds(load):
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(InputError, match=r"holds notes\.txt, not a PyTorch checkpoint; expected .*torch\.save"):
        load(stream.getvalue())


def test_an_empty_zip_is_refused(load):
    with pytest.raises(InputError, match="no model file that dwcpc knows"):
        load(b"PK\x05\x06" + bytes(18))
