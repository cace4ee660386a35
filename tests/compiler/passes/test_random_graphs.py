"""All passes but onnxsim's on graphs that nobody would write: the same numbers, no more nodes, and an end."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from dwcpc.compiler.passes import MAX_ROUNDS, PASSES, run_passes

OURS = tuple(each for each in PASSES if each.name != "simplify")
ROUNDING = 1e-5
"""Relative to the largest value; up to twelve operators whose sums are added in another order."""
BATCH = "B"


class Random:
    """A graph that grows by operators on values chosen at random, used as often as it happens."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights = [], []
        self.values = {"x": (BATCH, 4, 1, 6)}

    def grow(self):
        name = str(self.rng.choice([*self.values][-4:]))
        shape = self.values[name]
        kind = self.rng.choice([self.permuted, self.regrouped, self.curved, self.shifted, self.repeated, self.linear])
        kind(name, shape) if self.rng.random() < 0.85 else self.normalised(name, shape)

    def add(self, op, inputs, shape, **attributes):
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"n{len(self.nodes)}", **attributes))
        self.values[output] = tuple(shape)

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def drawn(self, *sizes):
        return self.constant(self.rng.normal(size=sizes).astype(np.float32))

    def permuted(self, name, shape):
        perm = [int(axis) for axis in self.rng.permutation(len(shape))]
        self.add("Transpose", [name], [shape[axis] for axis in perm], perm=perm)

    def regrouped(self, name, shape):
        at = int(self.rng.integers(len(shape)))
        if shape[at] == 1 and len(shape) > 2:
            self.add("Squeeze", [name, self.constant([at])], [*shape[:at], *shape[at + 1 :]])
        elif at + 1 < len(shape) and BATCH not in shape[at : at + 2] and self.rng.random() < 0.7:
            after = [*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :]]
            self.reshaped(name, after)
        elif len(shape) < 5 and isinstance(shape[at], int) and shape[at] % 2 == 0:
            self.reshaped(name, [*shape[:at], 2, shape[at] // 2, *shape[at + 1 :]])
        elif len(shape) < 5:
            self.add("Unsqueeze", [name, self.constant([at])], [*shape[:at], 1, *shape[at:]])

    def reshaped(self, name, after):
        self.add("Reshape", [name, self.constant([-1 if size == BATCH else size for size in after])], after)

    def curved(self, name, shape):
        if self.rng.random() < 0.3:
            self.add("Softmax", [name], shape, axis=int(self.rng.integers(len(shape))))
        else:
            self.add(str(self.rng.choice(["Tanh", "Relu", "Sigmoid"])), [name], shape)

    def shifted(self, name, shape):
        sizes = [size if isinstance(size, int) and self.rng.random() < 0.5 else 1 for size in shape]
        operands = [name, self.drawn(*sizes[int(self.rng.integers(len(sizes))) :])]
        self.add(str(self.rng.choice(["Add", "Mul", "Sub"])), operands[:: int(self.rng.choice([1, -1]))], shape)

    def repeated(self, name, shape):
        times = [3 if size == 1 and self.rng.random() < 0.7 else 1 for size in shape]
        after = [size if often == 1 else often for size, often in zip(shape, times, strict=True)]
        self.add(str(self.rng.choice(["Expand", "Tile"])), [name, self.constant(times)], after)

    def linear(self, name, shape):
        if shape[-1] == BATCH or len(shape) < 2:
            return
        self.add("MatMul", [name, self.drawn(shape[-1], 3)], [*shape[:-1], 3])
        product = [*self.values][-1]
        if self.rng.random() < 0.7:
            self.add("Add", [product, self.drawn(3)], self.values[product])

    def normalised(self, name, shape):
        if len(shape) < 2 or shape[1] == BATCH:
            return
        scale, offset, mean = (self.drawn(shape[1]) for _ in range(3))
        variance = self.constant(self.rng.uniform(0.5, 1, shape[1]).astype(np.float32))
        self.add("BatchNormalization", [name, scale, offset, mean, variance], shape)

    def model(self):
        last = [*self.values][-1]
        given_out = {last, *(name for name in [*self.values][1:] if self.rng.random() < 0.1)} - {"x"}
        info = helper.make_tensor_value_info
        outputs = [info(name, TensorProto.FLOAT, self.values[name]) for name in given_out]
        inputs = [info("x", TensorProto.FLOAT, self.values["x"])]
        graph = helper.make_graph(
            self.nodes, "random", inputs, sorted(outputs, key=lambda each: each.name), self.weights
        )
        made = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
        return onnx.shape_inference.infer_shapes(made)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), size=st.integers(2, 12))
def test_random_graphs_keep_their_numbers(run, seed, size):
    random = Random(seed)
    while len(random.nodes) < size:
        random.grow()
    model = random.model()
    rewritten, records = run_passes(model, OURS)
    assert len(rewritten.graph.node) <= len(model.graph.node)
    assert len(records) < MAX_ROUNDS * len(OURS)
    again, more = run_passes(rewritten, OURS)
    assert [record.changed for record in more] == [0] * len(OURS)
    assert again is rewritten
    x = np.random.default_rng(seed).normal(size=(3, 4, 1, 6)).astype(np.float32)
    for before, after in zip(run(model, x=x), run(rewritten, x=x), strict=True):
        assert before.shape == after.shape
        assert np.abs(after - before).max() <= ROUNDING * max(1.0, float(np.abs(before).max()))
