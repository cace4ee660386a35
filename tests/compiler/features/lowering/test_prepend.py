"""The features stand in front of a model that stays as it is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import parser

from dwcpc.compiler.features.executor import run_windows
from dwcpc.compiler.features.lowering.prepend import prepend_features
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.ort_session import open_session

SPEC = checked_spec(
    {
        "schema": "dwcpc.features/1",
        "name": "s",
        "columns": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
        "steps": [
            {"name": "m", "op": "rolling_mean", "of": "b", "window": 3},
            {"name": "a", "op": "copy", "of": "a"},
        ],
    },
    "s",
)
MODEL = """
<ir_version: 10, opset_import: ["" : 20]>
twice ({shape} input) => ({shape} output, {shape} again) <float two = {{2.0}}>
{{ output = Mul(input, two)
   again = Add(input, output) }}
"""


def model_of(shape: str) -> onnx.ModelProto:
    return parser.parse_model(MODEL.format(shape=shape))


@pytest.mark.parametrize("timesteps", [None, 5])
def test_every_reader_of_the_input_reads_the_features(timesteps: int | None) -> None:
    given = model_of("float[batch, 2]" if timesteps is None else "float[batch, 5, 2]")
    before = given.SerializeToString()
    model = prepend_features(given, SPEC, timesteps)
    assert given.SerializeToString() == before
    rows = (timesteps or 1) + 2
    windows = np.random.default_rng(0).normal(size=(7, rows, 3)).astype(np.float32)
    output, again = open_session(model.SerializeToString(), SessionSettings()).run(None, {"input": windows})
    features = run_windows(SPEC, windows).astype(np.float32).reshape(output.shape)
    np.testing.assert_array_equal(output, 2 * features)
    np.testing.assert_array_equal(again, features + output)


def test_a_model_of_one_row_stays_one() -> None:
    model = prepend_features(model_of("float[1, 2]"), SPEC, None)
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_value for dim in dims] == [1, 3, 3]


def test_everything_of_the_features_is_in_float64() -> None:
    model = prepend_features(model_of("float[batch, 2]"), SPEC, None)
    kinds = {each.data_type for each in model.graph.initializer if each.name.startswith("dwcpc_feature_")}
    assert kinds == {onnx.TensorProto.DOUBLE, onnx.TensorProto.INT64}
