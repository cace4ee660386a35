"""An ONNX file as a network: its own answers, its graph under the compiler's names in the compiler's opset."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.graphs.built import Surroundings
from dwcpc.compiler.graphs.networks import build_network

WINDOW = (6, 3)
OPSET = 20
CLOSE = 1e-5
EXACT = 1e-10  # an epsilon is a float32 in the file
MLP = """
g (float[N,3] x) => (float[N,2] y) <float[3,2] w = {1,2,3,4,5,6}, float[2] b = {-1,0.5}>
{ z = MatMul (x, w)  s = Add (z, b)  y = Tanh (s) }"""


@pytest.mark.parametrize("name", ["repeats", "gated", "convolved"])
@pytest.mark.parametrize("batch", [None, 1, 2, 3])
def test_torchs_export_answers_as_torch_does_at_any_batch_size(name, batch, modules, torch_export, load, rows):
    network = load(torch_export(modules[name], batch=batch))
    with torch.no_grad():
        f32 = modules[name](torch.from_numpy(rows)).numpy()
        f64 = modules[name].double()(torch.from_numpy(rows).double()).numpy()
        modules[name].float()
    assert network.spec.output_shape == f32.shape[1:]
    assert np.abs(network.predict(rows, "float32") - f32).max() < CLOSE
    assert np.abs(network.predict(rows, "float64") - f64).max() < EXACT
    for count in (1, 4):
        answer = onnxruntime.InferenceSession(network.export(OPSET).SerializeToString()).run(
            None, {"network_input": rows[:count]}
        )[0]
        assert np.abs(answer - f32[:count]).max() < CLOSE
    assert any("batch axis was freed" in note for note in network.spec.notes) == (batch is not None)


def test_a_keras_like_autoencoder_is_one_and_says_who_wrote_it(keras_like, load, rows, run):
    model = keras_like()
    network = load(model.SerializeToString())
    spec = network.spec
    assert (spec.task, spec.model_type, spec.input_shape, spec.output_shape) == (
        "autoencoder",
        "autoencoder",
        WINDOW,
        WINDOW,
    )
    assert (spec.framework, spec.kind, spec.framework_version) == ("onnx", "onnx", "tf2onnx 1.16.1, opset 15")
    assert spec.notes == ()
    expected = run(model, rows)
    assert np.abs(network.predict(rows, "float32") - expected).max() < CLOSE
    assert np.abs(run(network.export(OPSET), rows) - expected).max() < CLOSE


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 18, 21, 23])
def test_any_opset_is_turned_into_the_one_asked_for(opset, from_text, load, run):
    network = load(from_text(MLP, opset=opset, ir_version=4 if opset < 13 else 10))
    graph = network.export(OPSET)
    assert [each.version for each in graph.opset_import] == [OPSET]
    assert (graph.graph.input[0].name, graph.graph.output[0].name) == ("network_input", "network_output")
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    assert np.abs(run(graph, x) - network.predict(x, "float32")).max() < CLOSE
    assert network.spec.opset == opset


def test_an_opset_that_cannot_be_turned_is_refused_with_the_one_to_export(from_text, load):
    text = "g (float[N,4] x) => (float[N,4] y) <float[4] s = {1,2,3,4}> { y = RMSNormalization (x, s) }"
    network = load(from_text(text, opset=23, ir_version=10))
    with pytest.raises(InputError, match=r"opset 23, which onnx cannot turn into 20 \(No Previous .*with opset 20"):
        network.export(OPSET)


def test_older_files_list_their_weights_among_the_inputs(from_text, load, run):
    model = onnx.load_from_string(from_text(MLP, opset=9, ir_version=3))
    model.graph.input.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in model.graph.initializer
    )
    network = load(model.SerializeToString())
    x = np.ones((2, 3), np.float32)
    assert np.abs(run(network.export(OPSET), x) - network.predict(x, "float32")).max() < CLOSE
    assert [value.name for value in network.export(OPSET).graph.input] == ["network_input"]
    assert network.predict(x, "float64").dtype == np.float64


def test_an_output_without_a_second_axis_gets_one(from_text, load, run):
    text = "g (float[N,1] x) => (float[N] y) <int64[1] a = {1}> { s = Squeeze (x, a)  y = Tanh (s) }"
    network = load(from_text(text))
    assert network.spec.output_shape == (1,)
    assert network.spec.task == "regression"
    assert "the output [batch] became [batch, 1]" in network.spec.notes
    x = np.array([[0.5], [-2.0]], np.float32)
    for answer in (network.predict(x, "float32"), network.predict(x, "float64"), run(network.export(OPSET), x)):
        assert answer.shape == (2, 1)
        np.testing.assert_allclose(answer, np.tanh(x), rtol=CLOSE)


def test_an_output_in_float64_is_rounded_once(from_text, load, run):
    text = "g (float[N,3] x) => (double[N,3] y) { w = Cast <to = 11> (x)  y = Exp (w) }"
    network = load(from_text(text))
    assert "from double to float32" in network.spec.notes[0]
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    assert run(network.export(OPSET), x).dtype == np.float32
    np.testing.assert_allclose(network.predict(x, "float64"), np.exp(x.astype(np.float64)), rtol=EXACT)


def test_what_the_compiler_adds_meets_no_name_of_the_files(from_text, load):
    text = """
    g (float[N,3] network_output) => (float[N,3] network_input) <float[1] dwcpc_guard_zeros = {2}, float[1] input = {3}>
    { dwcpc_guard_row = Mul (network_output, dwcpc_guard_zeros)
      anomaly_score = Mul (dwcpc_guard_row, input)
      network_input = Tanh (anomaly_score) }"""
    network = load(from_text(text))
    around = Surroundings(None, None)
    built = build_network(network, around, OPSET, ("a", "b", "c"), lambda _: None)
    session = onnx.reference.ReferenceEvaluator(built.model)
    x = np.array([[0.1, -0.2, 0.3]], np.float32)
    np.testing.assert_allclose(session.run(None, {"input": x})[0], np.tanh(6 * x), rtol=CLOSE)
    assert network.spec.task == "autoencoder"


def test_a_branch_that_looks_outside_keeps_what_it_sees(from_text, load, run):
    text = """
    g (float[N,3] x) => (float[N,3] y) <float[1] dwcpc_weight = {2}>
    { s = ReduceSum <keepdims = 0> (x)  zero = Constant <value_float = 0.0> ()  more = Greater (s, zero)
      y = If (more) <then_branch = a () => (float[N,3] p) { p = Mul (x, dwcpc_weight) },
                     else_branch = b () => (float[N,3] q) { q = Sub (x, dwcpc_weight) }> }"""
    network = load(from_text(text))
    for x in (np.ones((1, 3), np.float32), -np.ones((1, 3), np.float32)):
        expected = 2 * x if x.sum() > 0 else x - 2
        np.testing.assert_allclose(run(network.export(OPSET), x), expected)
        np.testing.assert_allclose(network.predict(x, "float64"), expected)


def test_open_axes_are_filled_by_the_user_and_by_nobody_else(from_text, load, keras_like):
    text = "g (float[N,T,3] x) => (float[N,T,3] y) { y = Tanh (x) }"
    with pytest.raises(InputError, match=r"rows of \[\?, 3\].*--input-shape"):
        load(from_text(text))
    assert load(from_text(text), input_shape=(6, 3)).spec.input_shape == (6, 3)
    for wrong in ((6, 4), (6,), (6, 3, 1)):
        with pytest.raises(InputError, match=r"--input-shape .*\[\?, 3\]"):
            load(from_text(text), input_shape=wrong)
    with pytest.raises(InputError, match=r"--input-shape 7,3.*\[6, 3\]"):
        load(keras_like().SerializeToString(), input_shape=(7, 3))


def test_a_file_of_fixed_batch_answers_in_its_own_size(keras_like, load, rows):
    free = load(keras_like().SerializeToString())
    for batch in (1, 3, 7, 9):
        fixed = load(keras_like(batch).SerializeToString())
        for precision in ("float32", "float64"):
            for count in (1, 7):
                np.testing.assert_allclose(
                    fixed.predict(rows[:count], precision),
                    free.predict(rows[:count], precision),
                    rtol=CLOSE,
                    atol=CLOSE,
                )


def test_many_rows_are_answered_in_order(keras_like, load):
    network = load(keras_like().SerializeToString())
    rows = np.random.default_rng(1).normal(size=(300, *WINDOW)).astype(np.float32)
    for precision in ("float32", "float64"):
        whole = network.predict(rows, precision)
        for at in (0, 127, 128, 299):
            np.testing.assert_allclose(
                whole[at], network.predict(rows[at : at + 1], precision)[0], rtol=1e-4, atol=1e-5
            )


def test_the_models_own_functions_are_written_out(from_text, load, run):
    text = "g (float[N,3] x) => (float[N,3] y) { z = own.twice (x)  y = own.twice (z) }"
    functions = """
    <domain: "own", opset_import: ["" : 17]> double (a) => (b) { b = Add (a, a) }
    <domain: "own", opset_import: ["" : 17, "own" : 1]> twice (a) => (b) { c = own.double (a)  b = Tanh (c) }"""
    network = load(from_text(text, imports=', "own" : 1', functions=functions))
    assert "2 functions of the file's own were written out" in network.spec.notes
    x = np.array([[0.3, -0.1, 0.7]], np.float32)
    expected = np.tanh(2 * np.tanh(2 * x))
    np.testing.assert_allclose(run(network.export(OPSET), x), expected, rtol=CLOSE)
    np.testing.assert_allclose(network.predict(x, "float32"), expected, rtol=CLOSE)


def test_an_operator_of_onnxruntimes_own_is_taken_and_compared_in_float32(from_text, load, run):
    from dwcpc.compiler.errors import PrecisionError

    text = "g (float[N,3] x) => (float[N,3] y) { z = com.microsoft.Gelu (x)  y = Tanh (z) }"
    network = load(from_text(text, opset=15, imports=', "com.microsoft" : 1'))
    x = np.array([[0.3, -0.1, 0.7]], np.float32)
    np.testing.assert_allclose(run(network.export(OPSET), x), network.predict(x, "float32"), rtol=CLOSE)
    with pytest.raises(PrecisionError, match=r"no float64 com\.microsoft operator Gelu"):
        network.predict(x, "float64")


def test_nodes_without_a_name_or_with_one_of_the_compilers_get_names_of_their_own(keras_like, load) -> None:
    model = keras_like()
    for node in model.graph.node:
        node.name = "" if node.op_type == "LSTM" else f"dwcpc_{node.output[0]}"
    names = [node.name for node in load(model.SerializeToString()).export(OPSET).graph.node]
    assert len(set(names)) == len(names)
    assert all(name and not name.startswith("dwcpc_") for name in names)


LOOKUP = """
g (float[N,3] x) => (float[N,3] y) <float[5] t = {1,2,3,4,5}, float low = {0}, float high = {4}>
{ k = Clip (x, low, high)  c = Cast <to = 7> (k)  v = Gather (t, c)  y = Mul (v, x) }"""


def test_a_row_that_is_no_number_is_refused_where_it_would_be_an_index(from_text, load, run) -> None:
    network = load(from_text(LOOKUP))
    built = build_network(network, Surroundings(None, None), OPSET, ("a", "b", "c"), lambda _: None)
    rows = np.array([[0, 1.5, 9], [np.nan, 1, 1], [1, np.inf, 1], [1, 1, -np.inf]], np.float32)
    session = onnxruntime.InferenceSession(built.model.SerializeToString())
    for chosen in (rows, rows[1:2], rows[:1]):
        answer = session.run(["reconstruction"], {"input": chosen})[0]
        finite = np.isfinite(chosen).all(axis=1)
        np.testing.assert_array_equal(answer[finite], network.predict(chosen[finite], "float32"))
        assert np.isnan(answer[~finite]).all()


def test_shapes_that_become_integers_cost_nothing(torch_export, modules, load) -> None:
    graph = load(torch_export(modules["repeats"])).export(OPSET).graph
    assert not any(node.op_type == "IsNaN" for node in graph.node)


def test_a_row_that_the_file_itself_does_not_answer_ends_in_a_sentence(from_text, load) -> None:
    network = load(
        from_text(
            "g (float[N,3] x) => (float[N,3] y) <float[200] t = {" + ",".join(["1"] * 200) + "}>"
            "{ c = Cast <to = 7> (x)  v = Gather (t, c)  y = Mul (v, x) }"
        )
    )
    for precision in ("float32", "float64"):
        assert network.predict(np.ones((1, 3), np.float32), precision).shape == (1, 3)
        with pytest.raises(InputError, match=r"does not answer every row of numbers .*with Clip"):
            network.predict(np.full((1, 3), 1e4, np.float32), precision)
