"""A network for one row: where its batch axis cannot be fixed it is refused with the pass's reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import onnx.parser
import pytest

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.graphs.built import Surroundings
from dwcpc.compiler.graphs.networks import build_network
from dwcpc.compiler.sources.base import NetworkSpec

OPSET = 20
SPEC = NetworkSpec("none", "1", "made up", "lstm_regressor", "regression", (3,), (3,))
TURNED = "g (float[batch,3] network_input) => (float[batch,3] network_output) { network_output = Tanh (network_input) }"
FROZEN = TURNED.replace("=> (float[batch,", "=> (float[2,")


@dataclass(frozen=True, slots=True)
class Exported:
    """A network that is its graph alone."""

    text: str
    spec: NetworkSpec = SPEC

    def export(self, opset: int) -> onnx.ModelProto:
        """Return the graph."""
        return onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : {opset}]>\n{self.text}')

    def predict(self, x, _precision):
        """Answer as the graph does."""
        return np.tanh(x)


def built(text, *, one_row):
    return build_network(Exported(text), Surroundings(None, None, one_row), OPSET, ("a", "b", "c"), lambda _: None)


def rows_of(model):
    return [each.type.tensor_type.shape.dim[0].dim_value for each in (*model.graph.input, *model.graph.output)]


def test_takes_any_number_of_rows_unless_one_was_asked_for():
    usual, single = built(TURNED, one_row=False), built(TURNED, one_row=True)
    assert rows_of(usual.model) == [0, 0]
    assert rows_of(single.model) == [1, 1]
    assert rows_of(single.core) == [0, 0]
    assert [record.name for record in single.passes if record not in usual.passes] == ["fix_batch"]


def test_refuses_one_row_with_the_reason_where_the_graph_contradicts_it():
    with pytest.raises(
        InputError, match=r"^--batch 1: the batch axis cannot be fixed \(one row contradicts .*; omit it$"
    ):
        built(FROZEN, one_row=True)
