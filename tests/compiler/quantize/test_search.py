"""The search keeps the fastest plan that keeps every promise, says why it dropped the others, and repeats itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dwcpc.compiler.metadata import LatencyRatio
from dwcpc.compiler.quantize.base import Layer, Proposal
from dwcpc.compiler.quantize.forms import Forms
from dwcpc.compiler.quantize.proposals import Offered
from dwcpc.compiler.quantize.search import ROW_SHARE, Goal, Outcome, Quality, Search
from dwcpc.compiler.steps import Steps
from dwcpc.compiler.targets.base import Promise

NAMES = ("first", "second")
SIZE = 32 * 32
FASTER = 0.7


def network() -> onnx.ModelProto:
    """Two products in a row, each a layer."""
    weights = [numpy_helper.from_array(np.eye(32, dtype=np.float32), f"w_{name}") for name in NAMES]
    nodes = [
        helper.make_node("MatMul", ["x", "w_first"], ["h"], name="first"),
        helper.make_node("MatMul", ["h", "w_second"], ["y"], name="second"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 32]) for name in ("x", "y")]
    return helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], weights))


def proposal(layer: str, precision: str, *, reads: int = 0) -> Proposal:
    """A layer that is marked by its precision, for the judge to see."""
    i, o = ("x", "h") if layer == "first" else ("h", "y")
    node = helper.make_node("MatMul", [i, f"{layer}/{precision}"], [o], name=layer)
    weight = numpy_helper.from_array(np.eye(32, dtype=np.int8), f"{layer}/{precision}")
    return Proposal(precision, onnx.GraphProto(name=layer, node=[node], initializer=[weight]), reads=reads)


@dataclass
class FakeJudge:
    """Noise powers add over the layers that are int8; each makes the model faster."""

    noise_db: Mapping[str, float]
    ratio: float = FASTER
    flips: int = 0
    broken: str = ""
    worst_row: float = 0.0
    on_others: Mapping[str, Quality] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)

    def served(self, model: onnx.ModelProto) -> bytes:
        return model.SerializeToString()

    def quality(self, served: bytes) -> Quality:
        model = onnx.ModelProto.FromString(served)
        int8 = [node.name for node in model.graph.node if node.input[1].endswith("/int8")]
        self.asked.append(",".join(int8))
        power = sum(10 ** (-self.noise_db[name] / 10) for name in int8) + 1e-12
        broken = "a row" if self.broken in int8 else ""
        worst = self.worst_row if int8 else 0.0
        return Quality(-10 * float(np.log10(power)), self.flips if int8 else 0, 100, broken, worst, "a row")

    def confirmation(self, served: bytes) -> Quality:
        """Say what `on_others` has of the layers that are int8; by default the same as on the search's rows."""
        model = onnx.ModelProto.FromString(served)
        int8 = ",".join(node.name for node in model.graph.node if node.input[1].endswith("/int8"))
        self.confirmed.append(int8)
        return self.on_others.get(int8) or Quality(60.0, 0, 200, worst_row=0.1)

    def latency(self, served: bytes) -> LatencyRatio:
        model = onnx.ModelProto.FromString(served)
        int8 = sum(node.input[1].endswith("/int8") for node in model.graph.node)
        ratio = self.ratio**int8
        return LatencyRatio(ratio, ratio - 0.01, ratio + 0.01)


def searched(judge: FakeJudge, floor: float = 30.0) -> Outcome:
    base = network()
    offered = [
        Offered(
            Layer(node, {1: np.eye(32, dtype=np.float32)}),
            {"int8": proposal(node.name, "int8", reads=SIZE)},
            {"float16 storage": "not today"},
        )
        for node in base.graph.node
    ]
    return Search(Forms(base), offered, Goal(floor, Promise(1.0, 1.0)), judge, Steps(lambda _: None, 1)).run()


def chosen(outcome: Outcome) -> dict[str, str]:
    return next(dict(each.layers) for each in outcome.candidates if each.chosen)


def test_takes_every_layer_where_the_floor_allows_it() -> None:
    assert chosen(searched(FakeJudge({"first": 40, "second": 40}))) == {"first": "int8", "second": "int8"}


def test_leaves_the_layer_that_carries_the_noise() -> None:
    outcome = searched(FakeJudge({"first": 20, "second": 40}))
    assert chosen(outcome) == {"first": "float32", "second": "int8"}
    precision, reason = outcome.layers["first"]
    assert precision == "float32"
    assert "int8 alone: 20.0 dB" in reason
    assert "no float16 storage: not today" in reason
    dropped = next(each for each in outcome.candidates if set(each.layers.values()) == {"int8"})
    assert not dropped.chosen
    assert dropped.reason == "20.0 dB, less than the 30 dB asked for"


@pytest.mark.parametrize(
    ("judge", "reason"),
    [
        (FakeJudge({"first": 40, "second": 40}, flips=2), "flips 2 of 100 decisions"),
        (FakeJudge({"first": 40, "second": 40}, ratio=1.005), "is no faster"),
    ],
)
def test_what_breaks_a_promise_is_not_chosen(judge: FakeJudge, reason: str) -> None:
    outcome = searched(judge)
    broken = [each for each in outcome.candidates if "int8" in each.layers.values()]
    assert broken
    assert all(not each.chosen for each in broken)
    assert all(reason in each.reason for each in broken)


@pytest.mark.parametrize("culprit", ["first", "second"])
def test_where_a_row_fails_the_loudest_layer_leaves_and_the_other_stays(culprit: str) -> None:
    """Both keep the floor together, by far: no budget would tell them apart."""
    noise = {"first": 45.0, "second": 45.0, culprit: 40.0}
    outcome = searched(FakeJudge(noise, broken=culprit))
    (kept,) = {"first", "second"} - {culprit}
    assert chosen(outcome) == {kept: "int8", culprit: "float32"}
    both = next(each for each in outcome.candidates if set(each.layers.values()) == {"int8"})
    assert both.reason == "a row"


REFUTED = [
    (Quality(29.0, 0, 200), "29.0 dB, less than the 30 dB asked for"),
    (Quality(60.0, 1, 200), "flips 1 of 300 decisions"),
    (Quality(60.0, 0, 200, "a row"), "a row"),
    (
        Quality(60.0, 0, 200, "", ROW_SHARE + 0.01, "a row: 6, allowed 10"),
        f"a row: 6, allowed 10; beyond {ROW_SHARE:g} of it, other rows may exceed it",
    ),
]


@pytest.mark.parametrize(("on_others", "reason"), REFUTED)
def test_a_choice_that_other_rows_refute_is_dropped_and_the_next_is_confirmed(on_others: Quality, reason: str) -> None:
    judge = FakeJudge({"first": 40.0, "second": 45.0}, on_others={"first,second": on_others})
    outcome = searched(judge)
    assert chosen(outcome) == {"first": "float32", "second": "int8"}
    both = next(each for each in outcome.candidates if set(each.layers.values()) == {"int8"})
    assert both.reason == reason
    assert both.rows == 300
    assert judge.confirmed == ["first,second", "second"]


def test_where_other_rows_refute_every_choice_there_is_none() -> None:
    refuted = Quality(60.0, 0, 200, "a row")
    everything = dict.fromkeys(("first,second", "first", "second", ""), refuted)
    outcome = searched(FakeJudge({"first": 40.0, "second": 45.0}, on_others=everything))
    assert outcome.network is None
    assert not any(each.chosen for each in outcome.candidates)


def test_a_refuted_choice_brings_a_plan_that_the_floor_alone_would_never_have_tried() -> None:
    """The coarse form keeps the floor by far and stores less, so that no budget asks for the fine one."""
    base = network()
    forms = {"coarse storage": proposal("first", "coarse"), "fine storage": proposal("first", "the finest")}
    offered = [Offered(Layer(base.graph.node[0], {1: np.eye(32, dtype=np.float32)}), forms, {})]

    class OfStorage(FakeJudge):
        refutes = False

        def quality(self, served: bytes) -> Quality:
            return Quality(60.0 if b"first/coarse" in served else 80.0, 0, 100)

        def confirmation(self, served: bytes) -> Quality:
            broken = "a row" if self.refutes and b"first/coarse" in served else ""
            return Quality(60.0, 0, 200, broken)

    def tried(judge: FakeJudge) -> Outcome:
        return Search(Forms(base), offered, Goal(30.0, Promise(1.0, 1.05)), judge, Steps(lambda _: None, 1)).run()

    judge = OfStorage({})
    calm = tried(judge)
    assert chosen(calm) == {"first": "coarse storage"}
    assert len(calm.candidates) == 1
    judge.refutes = True
    assert chosen(tried(judge)) == {"first": "fine storage"}


def test_only_what_would_be_chosen_is_compared_on_other_rows() -> None:
    judge = FakeJudge({"first": 20.0, "second": 40.0})
    outcome = searched(judge)
    assert judge.confirmed == ["second"]
    assert {each.rows for each in outcome.candidates if not each.chosen} == {100}
    assert next(each for each in outcome.candidates if each.chosen).rows == 300


@pytest.mark.parametrize("share", [ROW_SHARE, ROW_SHARE + 0.01])
def test_a_row_may_take_its_share_of_what_it_is_allowed_and_no_more(share: float) -> None:
    judge = FakeJudge({"first": 40.0, "second": 45.0}, worst_row=share)
    assert set(chosen(searched(judge)).values()) == ({"int8"} if share <= ROW_SHARE else {"float32"})


def test_of_plans_of_about_the_same_size_the_more_precise_wins() -> None:
    """Nothing is gained in time here; two bytes more hold 30 dB."""
    base = network()
    forms = {
        "coarse storage": proposal("first", "coarse"),
        "fine storage": proposal("first", "the finest"),
    }
    offered = [Offered(Layer(base.graph.node[0], {1: np.eye(32, dtype=np.float32)}), forms, {})]

    class OfStorage(FakeJudge):
        def quality(self, served: bytes) -> Quality:
            return Quality(41.0 if b"first/coarse" in served else 80.0, 0, 100)

    goal = Goal(40.0, Promise(1.0, 1.05))
    outcome = Search(Forms(base), offered, goal, OfStorage({}), Steps(lambda _: None, 1)).run()
    assert chosen(outcome) == {"first": "fine storage"}


def test_no_plan_is_measured_twice() -> None:
    judge = FakeJudge({"first": 40, "second": 45}, broken="first")
    outcome = searched(judge)
    assert len({tuple(each.layers.items()) for each in outcome.candidates}) == len(outcome.candidates)


def test_a_layer_that_is_slower_alone_is_no_option() -> None:
    outcome = searched(FakeJudge({"first": 40, "second": 40}, ratio=1.1))
    assert all(set(each.layers.values()) == {"float32"} for each in outcome.candidates)
    assert "slower alone" in outcome.layers["first"][1]


def test_no_candidate_no_network() -> None:
    outcome = searched(FakeJudge({"first": 40, "second": 40}), floor=130.0)
    assert outcome.network is None
    assert outcome.candidates
    assert not any(each.chosen for each in outcome.candidates)


def test_the_same_measurements_give_the_same_search() -> None:
    one, other = FakeJudge({"first": 33, "second": 33}), FakeJudge({"first": 33, "second": 33})
    assert searched(one).candidates == searched(other).candidates
    assert one.asked == other.asked
