"""What stands around the network is exact to the last bit, at every optimisation level and batch size."""

from __future__ import annotations

import dataclasses

import joblib
import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.preprocessing import RobustScaler, StandardScaler

from dwcpc.compiler.graphs.assemble import assemble
from dwcpc.compiler.graphs.built import Surroundings
from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.scalers import Scaler, load_scaler
from dwcpc.compiler.signature import GRAPH_INPUT, SCORE_OUTPUT
from dwcpc.compiler.sources.base import NETWORK_INPUT, NETWORK_OUTPUT, NetworkSpec

LEVELS = ("none", "basic", "extended", "all")
TIMESTEPS, FEATURES, UNITS = 10, 6, 5
WINDOW = (TIMESTEPS, FEATURES)
ROWS = 64
FLOAT32 = np.finfo(np.float32)
ULPS_OF_SCORE = 1

# Numbers as fitted scalers have them: an interquartile range of 6.4e-7, far centers, and 1 for a constant feature.
CENTERS = np.array([0.0, -3.7, 1234.567, 1e-3, 98.6, 5e8])
SCALES = np.array([6.4e-7, 73.9, 1.0, 0.33, 1e-3, 2.1e6])


@pytest.fixture(scope="module")
def ordinary():
    rows = CENTERS + SCALES * np.random.default_rng(0).normal(size=(ROWS, *WINDOW))
    return rows.astype(np.float32)


@pytest.fixture(scope="module")
def hostile():
    """Finite values that arithmetic likes to bend."""
    smallest = FLOAT32.smallest_subnormal
    values = [0.0, -0.0, smallest, -smallest, FLOAT32.tiny, FLOAT32.max, FLOAT32.min]
    values += [1e-40, -3e-39, 1e38, -1e30, 5e8, 1 + FLOAT32.eps, 0.1, 1e-20]
    return np.random.default_rng(1).choice(np.array(values, np.float32), (ROWS, *WINDOW))


@pytest.fixture(scope="module")
def lstm():
    """An autoencoder of one LSTM and a dense layer, as an exporter writes it."""
    rng = np.random.default_rng(2)

    def weights(name, *shape):
        return numpy_helper.from_array(rng.uniform(-0.5, 0.5, shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Transpose", [NETWORK_INPUT], ["by_time"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["by_time", "W", "R", "B"], ["states"], hidden_size=UNITS),
        helper.make_node("Squeeze", ["states", "direction"], ["h"]),
        helper.make_node("Transpose", ["h"], ["by_row"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["by_row", "dense"], [NETWORK_OUTPUT]),
    ]
    constants = [
        weights("W", 1, 4 * UNITS, FEATURES),
        weights("R", 1, 4 * UNITS, UNITS),
        weights("B", 1, 8 * UNITS),
        weights("dense", UNITS, FEATURES),
        numpy_helper.from_array(np.array([1]), "direction"),
    ]
    return network_model(nodes, constants)


@pytest.fixture(scope="module")
def robust(tmp_path_factory):
    return fitted(RobustScaler(), "center_", tmp_path_factory)


@pytest.fixture(scope="module")
def standard(tmp_path_factory):
    return fitted(StandardScaler(), "mean_", tmp_path_factory)


@pytest.fixture(params=["RobustScaler", "StandardScaler"])
def scalers(request, robust, standard):
    """scikit-learn's scaler, and what the compiler reads from its file."""
    return robust if request.param == "RobustScaler" else standard


def fitted(scaler, center, tmp_path_factory):
    scaler.fit(np.random.default_rng(0).normal(size=(10, FEATURES)))
    setattr(scaler, center, CENTERS.copy())
    scaler.scale_ = SCALES.copy()
    path = tmp_path_factory.mktemp("scaler") / "scaler.pkl"
    joblib.dump(scaler, path)
    return scaler, load_scaler(path).scaler


def network_model(nodes, constants=(), shape=("batch", *WINDOW)):
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in (NETWORK_INPUT, NETWORK_OUTPUT)]
    graph = helper.make_graph(nodes, "network", info[:1], info[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def identity_network():
    return network_model([helper.make_node("Identity", [NETWORK_INPUT], [NETWORK_OUTPUT])])


def spec(task="autoencoder"):
    return NetworkSpec("none", "0", "none", "lstm_autoencoder", task, WINDOW, WINDOW)


def run(model, rows, level="all"):
    session = open_session(model.SerializeToString(), SessionSettings(optimization=level))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: rows}), strict=True))


def showing(model, name):
    """Return the model with the value `name` among its outputs."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    shown.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *WINDOW]))
    return shown


def differing_bits(left, right):
    assert left.dtype == right.dtype == np.float32
    return int((left.view(np.uint32) != right.view(np.uint32)).sum())


def by_sklearn(step, rows):
    with np.errstate(all="ignore"):
        return step(rows.reshape(-1, FEATURES).copy()).reshape(rows.shape)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("rows", ["ordinary", "hostile"])
def test_the_scaler_has_the_bits_of_scikit_learn(scalers, level, rows, request):
    rows = request.getfixturevalue(rows)
    theirs, ours = scalers
    model = showing(assemble(identity_network(), spec(), Surroundings(ours, None)), NETWORK_INPUT)
    expected = by_sklearn(theirs.transform, rows)
    assert differing_bits(run(model, rows, level)[NETWORK_INPUT], expected) == 0
    assert differing_bits(np.nextafter(expected, np.float32(0)), expected) > 0


@pytest.mark.parametrize("level", LEVELS)
def test_the_network_gets_what_scikit_learn_gives(scalers, ordinary, level):
    theirs, ours = scalers
    model = assemble(identity_network(), spec(), Surroundings(ours, None))
    expected = by_sklearn(theirs.transform, ordinary)
    assert differing_bits(run(model, ordinary, level)["reconstruction"], expected) == 0


@pytest.mark.parametrize("level", LEVELS)
def test_multiplying_by_the_reciprocal_as_skl2onnx_does_has_other_bits(robust, ordinary, level):
    scaler = helper.make_node(
        "Scaler",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        offset=CENTERS.astype(np.float32).tolist(),
        scale=(1 / SCALES).astype(np.float32).tolist(),
    )
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", FEATURES]) for name in "xy"]
    graph = helper.make_graph([scaler], "scaler", info[:1], info[1:])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    skl2onnx_way = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    rows = ordinary.reshape(-1, FEATURES)
    assert differing_bits(run(skl2onnx_way, rows, level)["y"], robust[0].transform(rows.copy())) > rows.size // 10


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("rows", ["ordinary", "hostile"])
def test_the_inverse_of_the_target_scaler_has_the_bits_of_scikit_learn(scalers, level, rows, request):
    rows = request.getfixturevalue(rows)
    theirs, ours = scalers
    model = assemble(identity_network(), spec("regression"), Surroundings(None, ours))
    expected = by_sklearn(theirs.inverse_transform, rows)
    assert differing_bits(run(model, rows, level)["prediction"], expected) == 0
    with np.errstate(over="ignore"):
        rounded_once = (rows * np.array(ours.scale) + np.array(ours.center)).astype(np.float32)
    assert differing_bits(rounded_once, expected) > 0


@pytest.mark.parametrize("level", LEVELS)
def test_the_score_is_the_mean_squared_error_of_float64_rounded_once(robust, lstm, ordinary, level):
    ours = robust[1]
    outputs = run(assemble(lstm, spec(), Surroundings(ours, None)), ordinary, level)
    scaled = ours.transform(ordinary)
    error = scaled.astype(np.float64) - outputs["reconstruction"]
    expected = (error**2).mean(axis=(1, 2))
    assert outputs[SCORE_OUTPUT].shape == (ROWS,)
    ulp = np.spacing(expected.astype(np.float32)).astype(np.float64)
    assert (np.abs(outputs[SCORE_OUTPUT] - expected) <= ULPS_OF_SCORE * ulp).all()
    in_float32 = np.add.accumulate((error.astype(np.float32) ** 2).reshape(ROWS, -1), axis=1)[:, -1] / error[0].size
    assert (np.abs(in_float32 - expected) > ULPS_OF_SCORE * ulp).any()


def test_the_score_is_on_scaled_values_also_where_the_reconstruction_is_not(robust, standard, lstm, ordinary):
    around = Surroundings(robust[1], None)
    plain = run(assemble(lstm, spec(), around), ordinary)
    unscaled = run(assemble(lstm, spec(), dataclasses.replace(around, target_scaler=standard[1])), ordinary)
    assert differing_bits(unscaled[SCORE_OUTPUT], plain[SCORE_OUTPUT]) == 0
    expected = by_sklearn(standard[0].inverse_transform, plain["reconstruction"])
    assert differing_bits(unscaled["reconstruction"], expected) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("level", ["none", "all"])
@pytest.mark.parametrize("rescaled", [False, True])
def test_a_value_that_is_no_number_makes_every_output_of_its_row_nan(robust, lstm, ordinary, value, level, rescaled):
    around = Surroundings(robust[1], robust[1] if rescaled else None)
    model = assemble(lstm, spec(), around)
    rows = np.resize(ordinary, (TIMESTEPS * FEATURES, *WINDOW)).copy()
    places = np.arange(len(rows))
    rows.reshape(len(rows), -1)[places, places] = value
    for output in run(model, rows, level).values():
        assert np.isnan(output).all()
    neighbours = run(model, np.concatenate([rows[:1], ordinary[:3]]), level)
    alone = run(model, ordinary[:3], level)
    for name, output in neighbours.items():
        assert differing_bits(output[1:], alone[name]) == 0


def test_the_network_alone_turns_values_that_are_no_numbers_into_numbers(lstm, ordinary):
    for value in (np.nan, np.inf, -np.inf):
        rows = ordinary.copy()
        rows[:, 3, 2] = value
        assert np.isfinite(run(lstm, rows)[NETWORK_OUTPUT]).any()


def test_finite_values_are_not_called_nan_by_the_guard(lstm):
    rows = np.full((3, *WINDOW), FLOAT32.max)
    rows[1] = FLOAT32.min
    rows[2, ::2] = FLOAT32.min
    assert np.isfinite(run(assemble(lstm, spec(), Surroundings(None, None)), rows)["reconstruction"]).all()


@pytest.mark.parametrize("level", ["none", "all"])
@pytest.mark.parametrize("batch", [2, 7, 64])
def test_every_output_has_the_same_bits_at_every_batch_size(robust, standard, lstm, ordinary, level, batch):
    model = assemble(lstm, spec(), Surroundings(robust[1], standard[1]))
    session = open_session(model.SerializeToString(), SessionSettings(optimization=level))

    def answers(size):
        parts = [session.run(None, {GRAPH_INPUT: ordinary[at : at + size]}) for at in range(0, ROWS, size)]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    for alone, together in zip(answers(1), answers(batch), strict=True):
        assert differing_bits(alone, together) == 0


def test_an_identity_scaler_changes_no_bit(hostile):
    model = showing(
        assemble(identity_network(), spec(), Surroundings(Scaler.identity(FEATURES), None)),
        NETWORK_INPUT,
    )
    assert differing_bits(run(model, hostile)[NETWORK_INPUT], hostile) == 0


def test_without_a_scaler_the_network_gets_what_the_caller_gives(hostile, lstm, ordinary):
    model = showing(assemble(identity_network(), spec(), Surroundings(None, None)), NETWORK_INPUT)
    assert differing_bits(run(model, hostile)[NETWORK_INPUT], hostile) == 0
    outputs = run(assemble(lstm, spec(), Surroundings(None, None)), ordinary)
    assert differing_bits(outputs["reconstruction"], run(lstm, ordinary)[NETWORK_OUTPUT]) == 0


def test_declares_its_inputs_and_outputs_with_a_free_batch_axis(lstm):
    session = onnxruntime.InferenceSession(assemble(lstm, spec(), Surroundings(None, None)).SerializeToString())
    (given,) = session.get_inputs()
    assert (given.name, given.shape) == (GRAPH_INPUT, ["batch", *WINDOW])
    declared = {output.name: output.shape for output in session.get_outputs()}
    assert declared == {"reconstruction": ["batch", *WINDOW], SCORE_OUTPUT: ["batch"]}


def test_a_regression_has_no_score(lstm):
    model = assemble(lstm, spec("regression"), Surroundings(None, None))
    assert [output.name for output in model.graph.output] == ["prediction"]


def test_weights_called_as_inputs_and_outputs_are_not_mistaken_for_them():
    network = onnx.parser.parse_model(
        """<ir_version: 9, opset_import: ["" : 20]>
        g (float[B,3] network_input) => (float[B,3] network_output)
        <float[3] input = {1, 2, 3}, float[3] reconstruction = {5, 6, 7}>
        {
            anomaly_score = Mul (network_input, input)
            network_output = Add (anomaly_score, reconstruction)
        }"""
    )
    small = dataclasses.replace(spec(), input_shape=(3,), output_shape=(3,))
    outputs = run(assemble(network, small, Surroundings(None, None)), np.full((2, 3), 2, np.float32))
    assert outputs["reconstruction"].tolist() == [[7, 10, 13]] * 2
    assert outputs[SCORE_OUTPUT].tolist() == [(25 + 64 + 121) / 3] * 2


def test_one_vector_a_row_is_guarded_too():
    network = onnx.parser.parse_model(
        """<ir_version: 9, opset_import: ["" : 20]>
        g (float[B,10,6] network_input) => (float[B,6] network_output)
        <int64[1] axes = {1}, float[6] zero = {0, 0, 0, 0, 0, 0}>
        {
            s = ReduceSum <keepdims = 0> (network_input, axes)
            n = IsNaN (s)
            network_output = Where (n, zero, s)
        }"""
    )
    small = dataclasses.replace(spec("regression"), output_shape=(FEATURES,))
    rows = np.ones((2, *WINDOW), np.float32)
    rows[1, 0, 0] = np.nan
    assert np.isfinite(run(network, rows)[NETWORK_OUTPUT]).all()
    prediction = run(assemble(network, small, Surroundings(None, None)), rows)["prediction"]
    assert np.isnan(prediction).tolist() == [[False] * FEATURES, [True] * FEATURES]
