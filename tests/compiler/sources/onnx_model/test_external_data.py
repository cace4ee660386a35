"""Weights beside the model: read from its folder alone, hashed, and refused in every other place."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data

from dwcpc.compiler import artifact as artifact_module
from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions, Network
from dwcpc.compiler.sources.onnx_model import external_data


def loaded(path: Path) -> Network:
    artifact = read_artifact(path)
    network = source_of(artifact).load(artifact, LoadOptions())
    assert isinstance(network, Network)
    return network


@pytest.fixture
def model_path(tmp_path, keras_like) -> Path:
    """A model whose weights are in `weights.bin` beside it."""
    path = tmp_path / "model.onnx"
    onnx.save(keras_like(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def moved_to(path: Path, location: str, **entries: str) -> None:
    """Let every tensor of the model at `path` say that its data is in `location`."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = location if entry.key == "location" else entries.get(entry.key, entry.value)
    path.write_bytes(model.SerializeToString())


def test_answers_as_the_model_in_one_file_does(model_path, keras_like, load, rows) -> None:
    network = loaded(model_path)
    whole = load(keras_like().SerializeToString())
    for precision in ("float32", "float64"):
        np.testing.assert_array_equal(network.predict(rows, precision), whole.predict(rows, precision))
    assert not any(tensor.external_data for tensor in network.export(20).graph.initializer)


def test_each_file_beside_it_is_named_with_its_hash(model_path) -> None:
    sha256 = hashlib.sha256((model_path.parent / "weights.bin").read_bytes()).hexdigest()
    assert loaded(model_path).spec.files_beside == (f"external data weights.bin has SHA-256 {sha256}",)


@pytest.mark.parametrize(
    "location", ["../weights.bin", "/etc/hostname", "sub/weights.bin", "..", ".", "", "a\\b", "./weights.bin", "w\0"]
)
def test_a_place_that_is_no_file_beside_it_is_refused(location, model_path) -> None:
    (model_path.parent / "sub").mkdir()
    (model_path.parent / "sub" / "weights.bin").write_bytes((model_path.parent / "weights.bin").read_bytes())
    moved_to(model_path, location)
    with pytest.raises(InputError, match=r"model\.onnx: the data of '\w+' is in .*expected the name of a file"):
        loaded(model_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path_factory, model_path) -> None:
    weights = model_path.parent / "weights.bin"
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "weights.bin"
    elsewhere.write_bytes(weights.read_bytes())
    weights.unlink()
    weights.symlink_to(elsewhere)
    with pytest.raises(InputError, match=r"'weights\.bin' is a link out of"):
        loaded(model_path)
    weights.unlink()
    weights.symlink_to(weights)
    with pytest.raises(InputError, match="which is not there"):
        loaded(model_path)


def test_a_link_within_the_folder_is_followed(model_path) -> None:
    weights = model_path.parent / "weights.bin"
    weights.rename(model_path.parent / "other.bin")
    weights.symlink_to("other.bin")
    assert loaded(model_path).spec.output_shape == (6, 3)


def test_a_file_that_is_missing_short_or_none_is_refused(model_path) -> None:
    weights = model_path.parent / "weights.bin"
    content = weights.read_bytes()
    weights.write_bytes(content[:-10])
    with pytest.raises(InputError, match=r"of 'weights\.bin', which holds \d+; copy both"):
        loaded(model_path)
    weights.unlink()
    with pytest.raises(InputError, match=r"is in 'weights\.bin', which is not there"):
        loaded(model_path)
    weights.mkdir()
    with pytest.raises(InputError, match="is not a regular file"):
        loaded(model_path)


@pytest.mark.parametrize("entries", [{"offset": "-4"}, {"length": "9" * 40}, {"offset": "ten"}, {"length": "3"}])
def test_offsets_and_lengths_are_not_believed(entries, model_path) -> None:
    moved_to(model_path, "weights.bin", **entries)
    with pytest.raises(InputError, match=r"model\.onnx: the (data|tensor)"):
        loaded(model_path)


def test_the_size_limit_counts_what_is_beside(model_path, monkeypatch) -> None:
    monkeypatch.setattr(external_data, "MAX_ARTIFACT_BYTES", model_path.stat().st_size + 10)
    with pytest.raises(InputError, match=r"bytes with weights\.bin, more than the"):
        loaded(model_path)
    assert artifact_module.MAX_ARTIFACT_BYTES == 2**31


def test_data_of_a_constant_within_the_graph_is_read_too(tmp_path, from_text) -> None:
    text = "g (float[N,3] x) => (float[N,3] y) { w = Constant <value = float[3] {1,2,3}> ()  y = Mul (x, w) }"
    model = onnx.load_from_string(from_text(text))
    tensor = model.graph.node[0].attribute[0].t
    tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor)))
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0, convert_attribute=True)
    onnx.save(model, tmp_path / "model.onnx")
    answer = loaded(tmp_path / "model.onnx").predict(np.ones((1, 3), np.float32), "float32")
    np.testing.assert_array_equal(answer, [[1, 2, 3]])
