"""From files to the served graph and what the metadata says of it; what does not fit together is refused."""

from __future__ import annotations

import hashlib
import json

import joblib
import numpy as np
import onnx
import pytest
import torch
from sklearn.preprocessing import RobustScaler

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.passes import PASSES
from dwcpc.compiler.pipeline import CompileRequest, compile_artifact
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.targets import target_named
from dwcpc.models.bandwidth_predictor import BANDWIDTH_PREDICTOR, BandwidthPredictorConfig
from dwcpc.models.conv_lstm_detector import CONV_LSTM_DETECTOR, ConvLstmDetectorConfig
from dwcpc.models.lstm_attention_autoencoder import LSTM_ATTENTION_AUTOENCODER, LstmAttentionAutoencoderConfig

pytestmark = pytest.mark.usefixtures("one_thread")

TARGET = target_named("cpu-fp32")
TIMESTEPS, FEATURES, OUTPUTS = 10, 6, 4
NAMES = ("rtt", "loss", "jitter", "queue", "hour", "weekday")
CENTER = [20.0, 0.01, 3.0, 100.0, 12.0, 3.0]
SCALE = [5.0, 6.4e-7, 1.0, 30.0, 6.0, 2.0]


@pytest.fixture
def autoencoder(tmp_path, randomised):
    config = LstmAttentionAutoencoderConfig(TIMESTEPS, FEATURES, 8, 6, 4, 3, 5, 4, 6, 8)
    path = tmp_path / "model.pth"
    torch.save(randomised(LSTM_ATTENTION_AUTOENCODER.build(config), 1).state_dict(), path)
    return path


@pytest.fixture
def regressor(tmp_path, randomised):
    config = BandwidthPredictorConfig(TIMESTEPS, FEATURES, 8, 6, 4, 3, 7, 6, 5)
    path = tmp_path / "model.pth"
    torch.save(randomised(BANDWIDTH_PREDICTOR.build(config), 1).state_dict(), path)
    return path


@pytest.fixture
def detector(tmp_path, randomised):
    config = ConvLstmDetectorConfig(TIMESTEPS, FEATURES, 8, 6, 5, 4, 3)
    module = randomised(CONV_LSTM_DETECTOR.build(config), 1)
    with torch.no_grad():
        module.output_fc.bias.fill_(-12.0)  # an anomaly is rare
    path = tmp_path / "model.pth"
    torch.save(module.state_dict(), path)
    return path


@pytest.fixture
def scaler(tmp_path):
    path = tmp_path / "scaler.json"
    content = {"type": "RobustScaler", "center": CENTER, "scale": SCALE, "feature_names": NAMES}
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def targets(tmp_path):
    """The scaler of the targets, as scikit-learn pickles it."""
    fitted = RobustScaler().fit(np.random.default_rng(0).normal(size=(50, OUTPUTS)) * 100)
    path = tmp_path / "targets.pkl"
    joblib.dump(fitted, path)
    return path


def request(artifact, **options):
    return CompileRequest(artifact, TARGET, load=LoadOptions(timesteps=TIMESTEPS), **options)


def run(compiled, rows):
    session = open_session(compiled.built.model.SerializeToString(), TARGET.session)
    names = [tensor.name for tensor in compiled.built.outputs]
    return dict(zip(names, session.run(names, {compiled.inputs[0].name: rows}), strict=True))


def rows(count=5):
    z = np.random.default_rng(3).normal(size=(count, TIMESTEPS, FEATURES))
    return (np.array(CENTER) + np.array(SCALE) * z).astype(np.float32)


def test_an_autoencoder_comes_with_its_scaler_its_score_and_its_provenance(autoencoder, scaler):
    compiled = compile_artifact(request(autoencoder, scaler=scaler))
    (given,) = compiled.inputs
    reconstruction, score = compiled.built.outputs
    assert (given.name, given.shape, given.channels) == ("input", ("batch", TIMESTEPS, FEATURES), NAMES)
    assert (reconstruction.name, reconstruction.units) == ("reconstruction", ("scaled",) * FEATURES)
    assert (score.name, score.shape) == ("anomaly_score", ("batch",))
    assert compiled.scaler_applied == "graph"
    assert compiled.scaler.scale == tuple(SCALE)
    assert compiled.source.sha256 == hashlib.sha256(autoencoder.read_bytes()).hexdigest()
    assert compiled.source.scaler_sha256 == hashlib.sha256(scaler.read_bytes()).hexdigest()
    assert compiled.source.architecture == "lstm_attention_autoencoder"
    assert compiled.source.file == "model.pth"
    assert compiled.built.model.opset_import[0].version == TARGET.opset
    onnx.checker.check_model(compiled.built.model, full_check=True)


def test_what_is_declared_is_what_the_model_has(autoencoder, scaler):
    compiled = compile_artifact(request(autoencoder, scaler=scaler))
    session = open_session(compiled.built.model.SerializeToString(), TARGET.session)
    assert [(each.name, tuple(each.shape)) for each in session.get_inputs()] == [
        (tensor.name, tensor.shape) for tensor in compiled.inputs
    ]
    assert [(each.name, tuple(each.shape)) for each in session.get_outputs()] == [
        (tensor.name, tensor.shape) for tensor in compiled.built.outputs
    ]


def test_every_pass_has_a_record_and_the_exporters_nodes_are_counted(autoencoder):
    compiled = compile_artifact(request(autoencoder))
    assert {record.name for record in compiled.built.passes} == {each.name for each in PASSES}
    assert compiled.built.nodes_exported > compiled.built.passes[-1].nodes


def test_a_scaler_that_the_caller_applies_is_described_and_not_in_the_graph(autoencoder, scaler):
    in_graph = compile_artifact(request(autoencoder, scaler=scaler))
    on_host = compile_artifact(request(autoencoder, scaler=scaler, scaler_applied="host"))
    assert on_host.scaler == in_graph.scaler
    assert on_host.scaler_applied == "host"
    assert not any("dwcpc_scaler" in node.name for node in on_host.built.model.graph.node)
    scaled = in_graph.scaler.transform(rows())
    for name, values in run(on_host, scaled).items():
        assert np.array_equal(values, run(in_graph, rows())[name])
        assert not np.array_equal(values, run(on_host, rows())[name])


def test_without_a_scaler_the_metadata_says_identity(autoencoder):
    compiled = compile_artifact(request(autoencoder))
    assert compiled.scaler.type == "Identity"
    assert compiled.source.scaler_sha256 is None
    assert compiled.inputs[0].channels == tuple(f"feature_{index}" for index in range(FEATURES))


def test_a_regression_has_units_where_its_targets_scaler_is_known(regressor, scaler, targets):
    bare = compile_artifact(request(regressor, scaler=scaler))
    assert [tensor.name for tensor in bare.built.outputs] == ["prediction"]
    assert bare.built.outputs[0].channels == ("bandwidth", "latency", "packet_loss", "jitter")
    assert bare.built.outputs[0].units == ()
    whole = compile_artifact(request(regressor, scaler=scaler, target_scaler=targets))
    assert whole.built.outputs[0].units == ("Mbps", "ms", "ratio", "ms")
    assert whole.target_scaler is not None
    expected = whole.target_scaler.inverse_transform(run(bare, rows())["prediction"])
    assert np.array_equal(run(whole, rows())["prediction"], expected)
    assert "sklearn.preprocessing._data.RobustScaler" in whole.source.pickled_classes
    assert any("scikit-learn" in note for note in whole.source.notes)


def test_a_detector_answers_its_score_which_is_a_probability(detector, scaler):
    compiled = compile_artifact(request(detector, scaler=scaler, threshold=0.25))
    (score,) = compiled.built.outputs
    assert (score.name, score.shape, score.units) == ("anomaly_score", ("batch",), ("probability",))
    assert (compiled.decision.score, compiled.decision.comparison, compiled.decision.threshold) == (
        "anomaly_score",
        ">=",
        0.25,
    )
    assert compile_artifact(request(detector)).decision is None


def test_a_small_probability_is_as_exact_as_a_large_one(detector, scaler):
    compiled = compile_artifact(request(detector, scaler=scaler))
    answers = run(compiled, rows(200))["anomaly_score"]
    expected = compiled.loaded.predict(compiled.scaler.transform(rows(200)), "float64")
    assert expected.max() < 1e-4
    np.testing.assert_allclose(answers, expected, rtol=2e-5, atol=0)


def test_a_window_that_is_not_finite_has_no_probability(detector, scaler):
    x = rows(4)
    x[1, 3, 2], x[2, 0, 0] = np.nan, np.inf
    answers = run(compile_artifact(request(detector, scaler=scaler)), x)["anomaly_score"]
    assert np.isnan(answers).tolist() == [False, True, True, False]


@pytest.mark.parametrize("threshold", [0.0, -0.2, 1.5])
def test_what_is_no_probability_is_no_detectors_threshold(detector, threshold):
    with pytest.raises(InputError, match="expected a probability above 0 and up to 1"):
        compile_artifact(request(detector, threshold=threshold))


def test_a_detector_has_no_use_for_a_target_scaler(detector, targets):
    with pytest.raises(InputError, match="is a lstm_detector, which has no use for --target-scaler"):
        compile_artifact(request(detector, target_scaler=targets))


def test_a_reconstruction_in_input_units_says_so(autoencoder, scaler):
    compiled = compile_artifact(request(autoencoder, scaler=scaler, target_scaler=scaler))
    assert compiled.built.outputs[0].units == ("input",) * FEATURES


def test_a_scaler_of_another_width_is_refused_naming_it(autoencoder, targets):
    with pytest.raises(InputError, match=rf"targets\.pkl: the scaler has {OUTPUTS} features, expected the model's 6"):
        compile_artifact(request(autoencoder, scaler=targets))


def test_a_target_scaler_of_another_width_is_refused_naming_it(regressor, scaler):
    with pytest.raises(InputError, match=rf"scaler\.json: the scaler has {FEATURES} features, expected the model's 4"):
        compile_artifact(request(regressor, target_scaler=scaler))


@pytest.mark.parametrize("what", ["missing", "a folder", "empty"])
def test_an_artifact_that_is_no_file_with_content_is_refused(tmp_path, what):
    path = tmp_path / "model.pth"
    if what == "a folder":
        path.mkdir()
    elif what == "empty":
        path.touch()
    with pytest.raises(
        InputError, match=r"model\.pth: (no such file|is not a regular file|is empty); expected a trained"
    ):
        compile_artifact(request(path))


def test_a_number_of_timesteps_that_was_assumed_is_noted(autoencoder):
    compiled = compile_artifact(CompileRequest(autoencoder, TARGET))
    assert compiled.inputs[0].shape == ("batch", 30, FEATURES)
    assert any("--timesteps" in note for note in compiled.source.notes)


def test_says_what_it_does_in_order_and_writes_nothing(autoencoder, scaler, tmp_path):
    before = sorted(tmp_path.iterdir())
    said = []
    compile_artifact(request(autoencoder, scaler=scaler), said.append)
    assert said == ["loading the model", "exporting to ONNX", "simplifying the graph"]
    assert sorted(tmp_path.iterdir()) == before


def test_a_threshold_needs_a_score(regressor):
    assert compile_artifact(request(regressor)).decision is None
    with pytest.raises(InputError, match=r"--threshold 0\.3: the model is a lstm_regressor without an anomaly score"):
        compile_artifact(request(regressor, threshold=0.3))


def test_an_autoencoder_takes_a_threshold(autoencoder):
    assert compile_artifact(request(autoencoder)).decision is None
    decision = compile_artifact(request(autoencoder, threshold=0.3)).decision
    assert (decision.score, decision.threshold, decision.comparison, decision.flag) == ("anomaly_score", 0.3, ">", None)


@pytest.fixture
def one_row(autoencoder, scaler):
    """The autoencoder for any number of rows, and for one."""
    return [compile_artifact(request(autoencoder, scaler=scaler, one_row=one_row)) for one_row in (False, True)]


def test_a_model_of_one_row_answers_each_row_as_the_other_does(one_row):
    usual, single = one_row
    expected = run(usual, rows())
    for index, row in enumerate(rows()):
        for name, values in run(single, row[None]).items():
            np.testing.assert_allclose(values[0], expected[name][index], rtol=2e-6, atol=2e-6)
    with pytest.raises(Exception, match="Got invalid dimensions"):
        run(single, rows(2))


def moved(model):
    """Return for each Transpose the axes that it exchanges, but for those of length 1, which move nothing."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {each.name: [size.dim_value for size in each.type.tensor_type.shape.dim] for each in graph.value_info}
    orders = [(shapes[node.input[0]], node.attribute[0].ints) for node in graph.node if node.op_type == "Transpose"]
    return [[axis for axis in order if shape[axis] != 1] for shape, order in orders]


def test_a_model_of_one_row_has_it_on_every_first_axis_and_moves_nothing_for_its_sake(one_row):
    usual, single = one_row
    graph = single.built.model.graph
    assert {each.type.tensor_type.shape.dim[0].dim_value for each in (*graph.input, *graph.output)} == {1}
    assert len(graph.node) < len(usual.built.model.graph.node)
    assert len(moved(single.built.model)) < len(moved(usual.built.model))
    assert all(axes != sorted(axes) for axes in moved(single.built.model))
    assert single.inputs == usual.inputs
    assert single.built.outputs == usual.built.outputs


def test_what_fixing_the_batch_did_is_told_behind_what_the_passes_did(one_row):
    usual, single = one_row
    count = len(usual.built.passes)
    assert single.built.passes[:count] == usual.built.passes
    assert [record.name for record in single.built.passes[count:]] == ["fix_batch", "simplify", "cancel_layout_pairs"]
    assert all(record.changed for record in single.built.passes[count:])
    assert len(single.built.stages) == len(single.built.passes) + 1
    for record, stage in zip(single.built.passes, single.built.stages[1:], strict=True):
        assert record.nodes == len(stage.graph.node)


def test_the_core_that_is_calibrated_takes_any_number_of_rows(one_row):
    usual, single = one_row
    assert single.built.core == usual.built.core


def test_every_form_of_a_model_of_one_row_is_served_so(one_row):
    _, single = one_row
    graph = single.served(single.built.core).graph
    assert {each.type.tensor_type.shape.dim[0].dim_value for each in (*graph.input, *graph.output)} == {1}
    onnx.checker.check_model(single.served(single.built.core), full_check=True)


def test_a_regression_of_one_row_keeps_its_targets_scaler(regressor, scaler, targets):
    usual, single = (
        compile_artifact(request(regressor, scaler=scaler, target_scaler=targets, one_row=one_row))
        for one_row in (False, True)
    )
    np.testing.assert_allclose(
        run(single, rows(1))["prediction"], run(usual, rows(1))["prediction"], rtol=2e-6, atol=1e-4
    )
