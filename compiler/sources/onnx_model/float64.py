"""The source in float64: onnxruntime on the widened graph where it has the kernels, else `onnx.reference`.

`onnx.reference` is numpy, node by node, with a few operators of this package's own. Only operators are taken there
that keep float64 inside; each is held against onnxruntime, and for rounding, by a test (which `onnx.reference` fails
for Erf, in float32 inside, and for GlobalMaxPool, of the wrong shape). What neither can do (operators
that quantise, above all) has no float64 reference, and float32 is what it is compared in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import NodeProto

from dwcpc.compiler.errors import PrecisionError, first_line
from dwcpc.compiler.sources.onnx_model.erf import Erf
from dwcpc.compiler.sources.onnx_model.protobuf import messages
from dwcpc.compiler.sources.onnx_model.recurrent import RECURRENT
from dwcpc.compiler.sources.onnx_model.session import Session
from dwcpc.compiler.sources.onnx_model.widened import widened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Run = Callable[[NDArray[np.floating]], NDArray[np.floating]]

OWN_OPERATORS = (*RECURRENT, Erf)
RECURRENT_NAMES = frozenset(operator.__name__ for operator in RECURRENT)
# Of ONNX's own domain. Those that move, compare or count are as exact in any precision.
_NAMES = (
    "Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant "
    "ConstantOfShape Conv ConvTranspose Cos CumSum DepthToSpace Div Dropout Elu Equal Erf Exp Expand Flatten "
    "Floor Gather GatherElements GatherND Gelu Gemm GlobalAveragePool Greater GreaterOrEqual "
    "HardSigmoid HardSwish Identity If InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Less "
    "LessOrEqual Log LogSoftmax MatMul Max MaxPool Mean Min Mish Mul Neg Not Or PRelu Pad Pow Range Reciprocal "
    "ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu "
    "Reshape ReverseSequence Round Selu Shape Sigmoid Sign Sin Size Slice Softmax Softplus Softsign SpaceToDepth "
    "Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile Transpose Trilu Unsqueeze Where Xor"
)
KEEPS_FLOAT64 = RECURRENT_NAMES | frozenset(_NAMES.split())
# How far the float64 answers may be from onnxruntime's in float32 before one of the two is taken to be wrong: float32's
# own noise is below 1e-4 of an output's largest value even in deep recurrent models.
AGREEMENT = 1e-2


def float64_run(model: onnx.ModelProto, probe: NDArray[np.float32], float32: NDArray[np.floating]) -> Run:
    """Return what runs `model` in float64; PrecisionError says why nothing does.

    `probe` is a call's input and `float32` the answer to it in float32, which the float64 answer must be near to.
    """
    wide = widened(model)
    run = _in_onnxruntime(wide) or _in_numpy(wide)
    try:
        answer = run(probe.astype(np.float64))
    except Exception as error:  # whatever an operator of the model raises
        raise PrecisionError(f"the model cannot be run in float64 ({first_line(error)})") from error
    if answer.dtype != np.float64 or answer.shape != float32.shape:
        raise PrecisionError(
            f"the model answers {answer.dtype} {answer.shape} in float64, and {float32.shape} in float32"
        )
    finite = np.isfinite(answer) & np.isfinite(float32)
    apart = float(np.abs(answer[finite] - float32[finite]).max(initial=0.0))
    if apart > AGREEMENT * float(np.abs(answer[finite]).max(initial=0.0)):
        raise PrecisionError(f"float64 and float32 are {apart:.2g} apart, so that one of the two is taken to be wrong")
    return run


def _in_onnxruntime(wide: onnx.ModelProto) -> Run | None:
    """Return a session; its recurrent kernels are registered for float64 and refuse it only when they are run."""
    if any(node.op_type in RECURRENT_NAMES for node in messages(wide, NodeProto)):
        return None
    try:
        return Session(wide.SerializeToString()).run
    except Exception:  # an operator without a float64 kernel, or with an input that is always float32
        return None


def _in_numpy(wide: onnx.ModelProto) -> Run:
    from onnx.reference import ReferenceEvaluator

    for node in messages(wide, NodeProto):
        if node.domain or node.op_type not in KEEPS_FLOAT64:
            raise PrecisionError(f"there is no float64 {node.domain or 'ONNX'} operator {node.op_type}")
    try:
        evaluator = ReferenceEvaluator(wide, new_ops=list(OWN_OPERATORS))
    except Exception as error:  # an operator in a version that it does not know
        raise PrecisionError(f"onnx.reference does not take the model ({first_line(error)})") from error
    weights = {tensor.name for tensor in wide.graph.initializer}
    name = next(value.name for value in wide.graph.input if value.name not in weights)

    def run(x: NDArray[np.floating]) -> NDArray[np.floating]:
        with np.errstate(all="ignore"):
            answers: Any = evaluator.run(None, {name: x})
        answer: NDArray[np.floating] = answers[0]
        return answer

    return run
