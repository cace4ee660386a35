"""What a file may not be, each in a sentence that names it: operators, shapes, weights, circles, functions, types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dwcpc.compiler.errors import InputError

GOOD = "g (float[N,3] x) => (float[N,3] y) <float[3] w = {1,2,3}> { z = Mul (x, w)  y = Tanh (z) }"

TEXTS: dict[str, tuple[str, str]] = {
    "operator": ("g (float[N,3] x) => (float[N,3] y) { y = Tahn (x) }", r"Tahn \(node 'y'\) is no operator of ONNX in"),
    "newer operator": ("g (float[N,3] x) => (float[N,3] y) { y = Gelu (x) }", r"Gelu .* in version 17"),
    "chance": ("g (float[N,3] x) => (float[N,3] y) { y = RandomNormalLike (x) }", "draws by chance"),
    "sequence": (
        "g (float[N,3] x) => (float[N,3] y) { s = SequenceConstruct (x)  i = Constant <value_int = 0> ()  "
        "y = SequenceAt (s, i) }",
        "deals in sequences",
    ),
    "missing weight": ("g (float[N,3] x) => (float[N,3] y) { y = Mul (x, w) }", r"Mul \(node 'y'\) takes 'w', which"),
    "circle": (
        "g (float[N,3] x) => (float[N,3] y) { a = Add (x, b)  b = Add (x, a)  y = Tanh (a) }",
        "takes 'b'.*in a circle",
    ),
    "made twice": ("g (float[N,3] x) => (float[N,3] y) { y = Tanh (x)  y = Exp (x) }", "makes 'y', which is made"),
    "output of nothing": ("g (float[N,3] x) => (float[N,3] y) { z = Tanh (x) }", "nothing makes its output 'y'"),
    "no operator at all": ("g (float[N,3] x) => (float[N,3] x) { }", "holds no operator"),
    "two inputs": ("g (float[N,3] x, float[N,3] v) => (float[N,3] y) { y = Add (x, v) }", r"2 inputs \('x', 'v'\)"),
    "no input": ("g () => (float[1,3] y) { y = Constant <value = float[1,3] {1,2,3}> () }", "0 inputs"),
    "two outputs": (
        "g (float[N,3] x) => (float[N,3] y, float[N,3] z) { y = Tanh (x)  z = Exp (x) }",
        r"2 outputs \('y', 'z'\).*onnx\.utils\.extract_model",
    ),
    "input in float64": ("g (double[N,3] x) => (double[N,3] y) { y = Tanh (x) }", r"'x' is float64 \[N, 3\]"),
    "output of whole numbers": ("g (float[N,3] x) => (int64[N] y) { y = ArgMax <keepdims = 0> (x) }", "'y' is int64"),
    "no batch axis": ("g (float[3] x) => (float[3] y) { y = Tanh (x) }", "expected the batch on the first axis"),
    "empty axis": ("g (float[N,0] x) => (float[N,0] y) { y = Tanh (x) }", "positive others"),
    "enormous row": (
        "g (float[N,99999999999] x) => (float[N,1] y) { y = ReduceSum (x) }",
        "rows of 99999999999 values",
    ),
    "batch reduced": (
        "g (float[N,3] x) => (float[1,1] y) { y = ReduceSum (x) }",
        "its batch axis cannot be freed: in calls of 1 row it answers otherwise",
    ),
    "rows against rows": (
        "g (float[N,3] x) => (float[N,N] y) { t = Transpose (x)  y = MatMul (x, t) }",
        r"answers \(1, 1\) to 1 row and \(2, 2\) to 2",
    ),
    "shapes that do not fit": (
        "g (float[N,3] x) => (float[N,3] y) <float[4] w = {1,2,3,4}> { y = Mul (x, w) }",
        "cannot run on an input of shape|onnxruntime does not take it|no valid ONNX model",
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_refuses(case: str, from_text, load) -> None:
    text, pattern = TEXTS[case]
    with pytest.raises(InputError, match=pattern) as refused:
        load(from_text(text))
    assert "model.pt" in str(refused.value)


def edited(data: bytes, change: Callable[[onnx.ModelProto], Any]) -> bytes:
    model = onnx.load_from_string(data)
    change(model)
    return model.SerializeToString()


def sparse(model: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "w")
    model.graph.sparse_initializer.add(values=values, indices=numpy_helper.from_array(np.array([1])), dims=[3])
    del model.graph.initializer[:]


def no_domain(model: onnx.ModelProto) -> None:
    model.graph.node[1].domain, model.graph.node[1].name = "com.example", "own_node"


def segment(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].segment.begin = 0


CHANGES: dict[str, tuple[Callable[[onnx.ModelProto], Any], str]] = {
    "sparse weights": (sparse, "holds sparse weights"),
    "training": (lambda m: m.training_info.add(), "holds training information"),
    "domain without a version": (no_domain, r"com\.example\.Tanh \(node 'own_node'\).*states no version"),
    "opset of the future": (lambda m: setattr(m.opset_import[0], "version", 999), "opset 999, and onnx"),
    "ir version of the future": (lambda m: setattr(m, "ir_version", 999), "no valid ONNX model|does not take it"),
    "enormous weight": (lambda m: m.graph.initializer[0].dims.append(10**12), "'w' of shape .* holds 3"),
    "negative axis": (lambda m: m.graph.initializer[0].dims.append(-1), "negative axis"),
    "short raw data": (lambda m: setattr(m.graph.initializer[0], "raw_data", b"1234567"), "'w'.*holds 7 .*expected 12"),
    "unknown type": (lambda m: setattr(m.graph.initializer[0], "data_type", 77), "unknown type 77"),
    "a part of a weight": (segment, "a part of one"),
    "NaN": (lambda m: m.graph.initializer[0].float_data.__setitem__(1, float("nan")), "'w'.*holds NaN"),
    "two inputs of one name": (lambda m: m.graph.input.append(m.graph.input[0]), "the same name"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_refuses_a_file_with(case: str, from_text, load) -> None:
    change, pattern = CHANGES[case]
    with pytest.raises(InputError, match=pattern):
        load(edited(from_text(GOOD), change))


def test_an_unknown_domain_with_a_version_is_named(from_text, load) -> None:
    text = "g (float[N,3] x) => (float[N,3] y) { y = com.example.Magic (x) }"
    with pytest.raises(
        InputError, match=r"com\.example\.Magic \(node 'y'\) is no operator of com\.example in version 1"
    ):
        load(from_text(text, imports=', "com.example" : 1'))


def test_a_name_that_is_no_utf8_is_refused(from_text, load) -> None:
    with pytest.raises(InputError, match="holds a name that is no UTF-8"):
        load(from_text(GOOD).replace(b"Tanh", b"T\xffnh"))


def test_infinite_weights_are_taken_as_masks_hold_them(from_text, load) -> None:
    data = edited(from_text(GOOD), lambda m: m.graph.initializer[0].float_data.__setitem__(1, float("-inf")))
    assert load(data).predict(np.ones((1, 3), np.float32), "float32")[0, 1] == -1.0


CALLS = "g (float[N,3] x) => (float[N,3] y) { y = own.f0 (x) }"


def function(name: str, body: str) -> str:
    return f'<domain: "own", opset_import: ["" : 17, "own" : 1]> {name} (a) => (b) {{ {body} }}\n'


def test_functions_that_call_themselves_are_refused(from_text, load) -> None:
    text = function("f0", "b = own.f1 (a)") + function("f1", "b = own.f0 (a)")
    with pytest.raises(InputError, match=r"'f[01]' calls itself"):
        load(from_text(CALLS, imports=', "own" : 1', functions=text))


def test_functions_that_double_at_each_call_are_refused_before_they_are_written_out(from_text, load) -> None:
    text = "".join(function(f"f{i}", f"c = own.f{i + 1} (a)  b = own.f{i + 1} (c)") for i in range(60))
    with pytest.raises(InputError, match="once its functions are written out"):
        load(from_text(CALLS, imports=', "own" : 1', functions=text + function("f60", "b = Tanh (a)")))


def test_a_function_that_takes_an_operators_name_is_refused(from_text, load) -> None:
    model = onnx.load_from_string(from_text(GOOD))
    model.functions.add(name="Tanh", domain="", input=["a"], output=["b"]).node.append(
        helper.make_node("Exp", ["a"], ["b"])
    )
    with pytest.raises(InputError, match="has the name of another or of an operator"):
        load(model.SerializeToString())


def test_a_loop_of_a_fixed_count_is_taken(from_text, load) -> None:
    text = """
    g (float[N,3] x) => (float[N,3] y)
    { n = Constant <value_int = 3> ()  go = Constant <value = bool {1}> ()
      y = Loop (n, go, x) <body = b (int64 i, bool c, float[N,3] p) => (bool d, float[N,3] q)
                                  { d = Identity (c)  q = Add (p, p) }> }"""
    network = load(from_text(text))
    np.testing.assert_array_equal(network.predict(np.ones((2, 3), np.float32), "float32"), np.full((2, 3), 8))


def test_quantised_files_load(from_text, load) -> None:
    text = """
    g (float[N,3] x) => (float[N,2] y) <float s = {0.05}, uint8 z = {128}, int8[3,2] w = {1,-2,3,-4,5,-6}, int8 o = {0}>
    { q = QuantizeLinear (x, s, z)  m = QLinearMatMul (q, s, z, w, s, o, s, z)  y = DequantizeLinear (m, s, z) }"""
    assert load(from_text(text)).spec.output_shape == (2,)
    text = "g (float[N,3] x) => (float[N,3] y) { q, s, z = DynamicQuantizeLinear (x)  y = DequantizeLinear (q, s, z) }"
    assert load(from_text(text)).spec.task == "autoencoder"


def test_types_that_numpy_holds_wider_than_the_file_does_are_measured_by_the_file(from_text, load) -> None:
    model = onnx.load_from_string(from_text(GOOD, opset=21, ir_version=10))
    packed = helper.make_tensor("four_bits", TensorProto.INT4, [3], [1, -2, 3])
    half = helper.make_tensor("half", TensorProto.FLOAT16, [2], [0.5, 1.5])
    model.graph.initializer.extend([packed, half])
    assert load(model.SerializeToString()).spec.output_shape == (3,)
    model.graph.initializer[1].dims[0] = 9
    with pytest.raises(InputError, match="'four_bits'"):
        load(model.SerializeToString())
