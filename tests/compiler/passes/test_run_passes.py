"""Passes run in order until nothing changes, and each leaves a record."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx
import pytest

from dwcpc.compiler.metadata import StepRecord
from dwcpc.compiler.passes import MAX_ROUNDS, PASSES, run_passes
from dwcpc.compiler.passes.base import Rewritten


@dataclass
class Counting:
    """Changes the model as often as it is told to, and notes when it ran."""

    name: str
    changes: list[int]
    journal: list[str]
    refused: tuple[str, ...] = ()
    seen: list[int] = field(default_factory=list)

    def apply(self, model: onnx.ModelProto) -> Rewritten:
        self.journal.append(self.name)
        self.seen.append(len(model.graph.node))
        changed = self.changes.pop(0) if self.changes else 0
        rewritten = onnx.ModelProto()
        rewritten.CopyFrom(model)
        del rewritten.graph.node[:changed]
        return Rewritten(rewritten, changed, self.refused)


@pytest.fixture
def model(parsed):
    return parsed("g (float[B] x) => (float[B] y) { a = Exp (x) b = Exp (a) c = Exp (b) d = Exp (c) y = Exp (d) }")


def test_stops_after_the_first_round_without_a_change(model):
    journal = []
    passes = (Counting("first", [1], journal), Counting("second", [0, 2], journal))
    rewritten, records = run_passes(model, passes)
    assert journal == ["first", "second"] * 3
    assert len(rewritten.graph.node) == 2
    assert records == (
        StepRecord("first", 1, (), 4),
        StepRecord("second", 0, (), 4),
        StepRecord("second", 2, (), 2),
    )


def test_each_pass_gets_what_the_one_before_has_made(model):
    journal = []
    passes = (Counting("first", [2], journal), Counting("second", [1], journal))
    run_passes(model, passes)
    assert [each.seen[0] for each in passes] == [5, 3]


def test_a_model_that_nothing_changes_takes_one_round_and_keeps_its_reasons(model):
    journal = []
    rewritten, records = run_passes(model, (Counting("only", [], journal, refused=("y: why not",)),))
    assert journal == ["only"]
    assert rewritten == model
    assert records == (StepRecord("only", 0, ("y: why not",), 5),)


def test_a_pass_that_never_stops_is_stopped(model):
    journal = []
    run_passes(model, (Counting("endless", [1] * 100, journal),))
    assert len(journal) == MAX_ROUNDS


def test_the_passes_have_names_of_their_own():
    assert len({each.name for each in PASSES}) == len(PASSES)


def test_all_passes_together_are_idempotent(parsed):
    text = """
        g (float[B,5,1] a, float[B,5,4] h) => (float[B,4] y) <int64[1] axes = {1}, float one = {1.0}>
        { i = Identity (h) p = Mul (a, i) q = Mul (p, one) y = ReduceSum <keepdims = 0> (q, axes) }"""
    once, records = run_passes(parsed(text))
    assert sum(record.changed for record in records) > 0
    again, records = run_passes(once)
    assert [record.changed for record in records] == [0] * len(PASSES)
    assert again.graph.node == once.graph.node


def test_a_repeated_vector_reaches_a_recurrent_layer_in_its_order_by_one_operator(parsed, run):
    """Unsqueeze → Expand → Transpose, by three passes, becomes an Expand of the vector itself."""
    text = """
        g (float[B,3] v) => (float[5,1,B,2] y)
        <int64[1] one = {1}, int64[3] times = {1, 5, 1}, float[1,8,3] W, float[1,8,2] R>
        { u = Unsqueeze (v, one) r = Expand (u, times) s = Transpose <perm = [1,0,2]> (r)
          y = LSTM <hidden_size = 2> (s, W, R) }"""
    model = with_recurrent_weights(parsed, text)
    rewritten, _ = run_passes(model)
    assert [node.op_type for node in rewritten.graph.node] == ["Expand", "LSTM"]
    v = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    assert np.array_equal(run(rewritten, v=v)[0], run(model, v=v)[0])


def with_recurrent_weights(parsed, text):
    rng = np.random.default_rng(2)
    listed = {name: ", ".join(map(str, rng.normal(size=size))) for name, size in (("[1,8,3] W", 24), ("[1,8,2] R", 16))}
    for name, values in listed.items():
        text = text.replace(f"float{name}", f"float{name} = {{{values}}}")
    return parsed(text)
