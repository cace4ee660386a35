"""The float64 reference: every operator on the list keeps float64 inside, and what cannot be run so says why."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from dwcpc.compiler.errors import PrecisionError
from dwcpc.compiler.sources.onnx_model import float64
from dwcpc.compiler.sources.onnx_model.float64 import KEEPS_FLOAT64, OWN_OPERATORS, RECURRENT_NAMES
from dwcpc.compiler.sources.onnx_model.widened import widened

CLOSE = 2e-5
MOVED = 1e-10  # relative, and far below float32's 6e-8: what rounds to float32 inside jumps or stands still
OPSET = 20

# The input x is [2, 3, 4] and positive; bodies end in y. What only moves, compares or counts values is not here.
UNARY = """
Abs Celu Cos Elu Erf Exp Gelu GlobalAveragePool HardSwish Identity LeakyRelu Log LogSoftmax Mish Neg Reciprocal
Relu Selu Sigmoid Sin Softmax Softplus Softsign Sqrt Tanh"""
BINARY = "Add Div Max Mean Min Mul Pow PRelu Sub Sum"
REDUCTIONS = """
ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare"""
ARITHMETIC = {
    **{name: f"y = {name} (x)" for name in UNARY.split()},
    **{name: f"y = {name} (x, k)" for name in BINARY.split()},
    **{name: f"y = {name} <keepdims = 1> (x, last)" for name in REDUCTIONS.split()},
    "AveragePool": "y = AveragePool <kernel_shape = [2], count_include_pad = 1, pads = [1, 0]> (x)",
    "BatchNormalization": "y = BatchNormalization (x, three, three, three, three)",
    "Clip": "y = Clip (x, low, high)",
    "Concat": "y = Concat <axis = 1> (x, x)",
    "Conv": "y = Conv <dilations = [2], pads = [1, 1]> (x, kernel, two)",
    "ConvTranspose": "y = ConvTranspose <strides = [2]> (x, transposed)",
    "CumSum": "axis = Constant <value_int = 1> ()  y = CumSum (x, axis)",
    "Dropout": "y = Dropout (x)",
    "Gemm": "f = Flatten (x)  y = Gemm <alpha = 0.5, beta = 2.0> (f, wide, two)",
    "HardSigmoid": "t = Mul (x, tenth)  y = HardSigmoid (t)",
    "InstanceNormalization": "y = InstanceNormalization (x, three, three)",
    "LayerNormalization": "y = LayerNormalization <axis = -1> (x, four, four)",
    "MatMul": "y = MatMul (x, square)",
    "MaxPool": "y = MaxPool <kernel_shape = [2]> (x)",
    "Tan": "t = Mul (x, tenth)  y = Tan (t)",
    "ThresholdedRelu": "y = ThresholdedRelu <alpha = 0.5> (x)",
    "Where": "c = Greater (x, k)  n = Neg (x)  y = Where (c, x, n)",
    "Cast": "y = Cast <to = 1> (x)",
    "CastLike": "y = CastLike (x, k)",
}
_EXACT = """
And ArgMax ArgMin Ceil Constant ConstantOfShape DepthToSpace Equal Expand Flatten Floor Gather GatherElements
GatherND Greater GreaterOrEqual If IsInf IsNaN Less LessOrEqual Not Or Pad Range Reshape ReverseSequence Round
Shape Sign Size Slice SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze Xor"""
MOVES_OR_COUNTS = frozenset(_EXACT.split())
CONSTANTS = {
    "k": (1, 1, 1),
    "two": (2,),
    "three": (3,),
    "four": (4,),
    "tenth": (1,),
    "wide": (12, 2),
    "square": (4, 5),
    "kernel": (2, 3, 2),
    "transposed": (3, 2, 2),
    "low": (),
    "high": (),
}


def model_of(body: str) -> onnx.ModelProto:
    """Return the float32 model of `body`."""
    rng = np.random.default_rng(4)
    text = f'<ir_version: 9, opset_import: ["" : {OPSET}]> g (float[2,3,4] x) => (float y) {{ {body} }}'
    model = onnx.parser.parse_model(text)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    for name, shape in CONSTANTS.items():
        values = np.array(rng.uniform(0.5, 1.5, shape), np.float32)
        values = {"low": np.float32(0.7), "high": np.float32(1.2), "tenth": np.full(1, 0.1, np.float32)}.get(
            name, values
        )
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1]), "last"))
    return model


def test_each_operator_of_the_list_is_tested_here() -> None:
    assert set(ARITHMETIC) | MOVES_OR_COUNTS | RECURRENT_NAMES == KEEPS_FLOAT64


@pytest.mark.parametrize("operator", ARITHMETIC)
def test_an_operator_answers_as_onnxruntime_does_and_rounds_nowhere_to_float32(operator: str) -> None:
    model = model_of(ARITHMETIC[operator])
    x = np.random.default_rng(6).uniform(0.3, 1.9, (2, 3, 4)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": x})[0]
    evaluator = ReferenceEvaluator(widened(model), new_ops=list(OWN_OPERATORS))
    wide = x.astype(np.float64)
    answer, moved = (evaluator.run(None, {"x": value})[0] for value in (wide, wide * (1 + MOVED)))
    assert answer.dtype == np.float64
    assert answer.shape == expected.shape
    np.testing.assert_allclose(answer, expected, rtol=CLOSE, atol=CLOSE)
    change = np.abs(moved - answer)
    assert change.max() < 100 * MOVED * max(1.0, np.abs(answer).max())
    if operator not in ("Clip", "InstanceNormalization", "Max"):
        assert (change > 0).mean() > 0.5


def test_an_operator_that_rounds_to_float32_would_be_seen() -> None:
    model = widened(model_of("y = Exp (x)"))
    model.graph.node[0].output[0] = "e"
    model.graph.node.append(helper.make_node("Cast", ["e"], ["n"], to=TensorProto.FLOAT))
    model.graph.node.append(helper.make_node("Cast", ["n"], ["y"], to=TensorProto.DOUBLE))
    x = np.random.default_rng(6).uniform(0.3, 1.9, (2, 3, 4))
    answer, moved = (ReferenceEvaluator(model).run(None, {"x": value})[0] for value in (x, x * (1 + MOVED)))
    change = np.abs(moved - answer)
    assert (change > 0).mean() < 0.5


QUANTISED = """
g (float[N,3] x) => (float[N,3] y) <float s = {0.05}, uint8 z = {128}>
{ q = QuantizeLinear (x, s, z)  d = DequantizeLinear (q, s, z)  y = Tanh (d) }"""


def test_what_quantises_has_no_float64_and_says_so(from_text, load) -> None:
    network = load(from_text(QUANTISED))
    x = np.ones((2, 3), np.float32)
    assert network.predict(x, "float32").shape == (2, 3)
    with pytest.raises(PrecisionError, match="no float64 ONNX operator QuantizeLinear"):
        network.predict(x, "float64")


def test_an_evaluation_that_is_far_from_float32_is_not_believed(from_text, load, monkeypatch) -> None:
    network = load(from_text("g (float[N,3] x) => (float[N,3] y) { y = Tanh (x) }"))
    monkeypatch.setattr(float64, "_in_onnxruntime", lambda wide: lambda x: np.tanh(x) * 1.05)
    with pytest.raises(PrecisionError, match="apart, so that one of the two is taken to be wrong"):
        network.predict(np.ones((2, 3), np.float32), "float64")


def test_a_recurrent_option_that_is_not_computed_says_so(keras_like, load) -> None:
    model = keras_like()
    for node in model.graph.node:
        if node.op_type == "LSTM":
            node.attribute.append(helper.make_attribute("clip", 50.0))
    with pytest.raises(PrecisionError, match=r"cannot be run in float64 \(clip 50"):
        load(model.SerializeToString()).predict(np.zeros((1, 6, 3), np.float32), "float64")


def test_all_that_is_float32_or_float16_is_widened_and_nothing_else(from_text) -> None:
    text = """
    g (float[N,3] x) => (float[N,3] y) <float[3] w = {1,2,3}, int64[1] axis = {1}>
    { h = Cast <to = 10> (x)  f = Cast <to = 1> (h)  k = Constant <value_floats = [1.0, 2.0, 3.0]> ()
      i = Cast <to = 7> (f)  j = Cast <to = 1> (i)  s = Shape (x)  zeros = ConstantOfShape (s)
      a = Add (f, w)  b = Mul (a, k)  c = Add (b, zeros)  y = Add (c, j) }"""
    wide = widened(onnx.load_from_string(from_text(text)))
    casts = [helper.get_attribute_value(node.attribute[0]) for node in wide.graph.node if node.op_type == "Cast"]
    assert casts == [TensorProto.DOUBLE, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.DOUBLE]
    assert {each.name: each.data_type for each in wide.graph.initializer} == {"w": 11, "axis": 7}
    onnx.checker.check_model(wide, full_check=True)
    x = np.array([[0.1, 1.7, -2.3]])
    w = np.array([1, 2, 3])
    answer = ReferenceEvaluator(wide).run(None, {"x": x})[0]
    np.testing.assert_allclose(answer, (x + w) * w + [[0, 1, -2]], rtol=1e-15)
