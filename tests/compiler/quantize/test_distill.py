"""Integer layers in torch: equal to what is served, and trained towards the float network."""

from __future__ import annotations

import importlib.util

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.quantize import int8_lstm
from dwcpc.compiler.quantize.cache import Cache
from dwcpc.compiler.quantize.distill import DISTILLED, Lessons, distilled
from dwcpc.compiler.quantize.int8_lstm import Int8Lstm
from dwcpc.compiler.quantize.layers import layers_of, with_proposals
from dwcpc.compiler.quantize.proposals import offers
from dwcpc.compiler.quantize.rounding import rounded_to_nearest
from dwcpc.compiler.quantize.saturation import PAIR_LIMIT, largest_pair
from dwcpc.compiler.steps import Steps

torch = pytest.importorskip("torch")

from dwcpc.compiler.quantize.distillation.graph import TorchGraph  # noqa: E402
from dwcpc.compiler.quantize.distillation.integer_lstm import IntegerLstm  # noqa: E402
from dwcpc.compiler.quantize.distillation.integers import whole_weights  # noqa: E402
from dwcpc.compiler.quantize.distillation.operators import UnsupportedError  # noqa: E402
from dwcpc.compiler.quantize.distillation.recurrence import Recurrence  # noqa: E402
from dwcpc.compiler.quantize.distillation.training import Schedule  # noqa: E402

BOTH = pytest.mark.parametrize("technique", [Int8Lstm(residual=False), Int8Lstm(residual=True)], ids=["8", "11"])
DIRECTIONS = pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
NAME = "int8, input in 11 bits"
QUIET = Steps(lambda _: None, 1)
AUTOENCODER = """
    network (float[B,12,9] network_input) => (float[B,12,9] network_output) <int64[3] flat = {0, 0, -1}> {
        steps = Transpose <perm = [1, 0, 2]> (network_input)
        y = LSTM <hidden_size = 16, direction = "bidirectional"> (steps, W1, R1, B1)
        by_step = Transpose <perm = [0, 2, 1, 3]> (y)
        code = Reshape (by_step, flat)
        z = LSTM <hidden_size = 16, direction = "bidirectional"> (code, W2, R2, B2)
        by_row = Transpose <perm = [2, 0, 1, 3]> (z)
        decoded = Reshape (by_row, flat)
        product = MatMul (decoded, V)
        network_output = Add (product, v)
    }"""


@pytest.fixture(scope="module")
def autoencoder(networks):
    """Return a network of two integer LSTMs, and `rows(count, seed)`."""
    rng = np.random.default_rng(0)
    weights = {"V": rng.normal(size=(32, 9)) / 4, "v": rng.normal(size=9)}
    for at, inputs in ((1, 9), (2, 32)):
        weights[f"W{at}"] = rng.uniform(-1, 1, (2, 64, inputs)) / inputs**0.5
        weights[f"R{at}"] = rng.uniform(-1, 1, (2, 64, 16)) / 4
        weights[f"B{at}"] = rng.uniform(-0.3, 0.3, (2, 128))
    _, rows = networks.recurrent()
    return networks.finished(AUTOENCODER, weights), rows


@pytest.fixture
def careless(autoencoder, monkeypatch):
    """Return what is offered for the autoencoder where each weight is rounded for itself."""
    monkeypatch.setattr(int8_lstm, "rounded", rounded_to_nearest)
    network, rows = autoencoder
    return offers(network, rows(256), [Int8Lstm(residual=True)], Cache(None), QUIET)


def lessons(rows, steps=150, seed=3):
    return Lessons(rows, seed, Schedule(steps=steps, held_out=128))


def integer_plan(offered):
    return {each.layer.name: NAME if NAME in each.proposals else "float32" for each in offered}


def distil(network, offered, given, cache=None):
    return distilled(network, offered, integer_plan(offered), given, cache or Cache(None), QUIET)


def proposals_of(offered):
    return {each.layer.name: each.proposals[NAME] for each in offered if NAME in each.proposals}


def in_torch(network, x, instead=None):
    with torch.no_grad():
        return TorchGraph(network, instead)(torch.from_numpy(x)).numpy()


@DIRECTIONS
@pytest.mark.parametrize("ends", [False, True])
def test_the_float_graph_in_torch_is_onnxruntimes(direction, ends, networks, run, decibels) -> None:
    network, rows = networks.recurrent(direction=direction, ends=ends, states=ends and direction != "bidirectional")
    x = rows(16)
    assert decibels(run(network, x), in_torch(network, x)) > 110


@pytest.mark.parametrize("kind", ["Gemm", "Gemm transB", "MatMul", "Conv"])
def test_linear_layers_in_torch_are_onnxruntimes(kind, networks, run) -> None:
    network, rows = networks.linear(kind)
    x = rows(16)
    np.testing.assert_allclose(in_torch(network, x), run(network, x), rtol=1e-5, atol=1e-5)


@BOTH
@DIRECTIONS
@pytest.mark.parametrize("states", [False, True])
def test_the_student_answers_as_the_served_layer(
    technique, direction, states, networks, proposed, *, run, decibels
) -> None:
    """Where a value falls between two whole numbers the two may round differently: few do."""
    network, rows = networks.recurrent(direction=direction, ends=True, states=states and direction != "bidirectional")
    proposal, quick = proposed(technique, network, rows(64))
    x = rows(16, seed=2)
    exact, expected = run(network, x), run(quick, x)
    (layer,) = layers_of(network)
    got = in_torch(network, x, {layer.name: IntegerLstm(layer, proposal)})
    assert np.median(np.abs(expected - got)) < 1e-6
    assert np.median(np.abs(exact - got)) > 1e-4
    assert decibels(expected, got) > decibels(exact, expected) + 10


@BOTH
def test_untrained_it_is_the_proposal_that_it_was_made_from(technique, networks, proposed) -> None:
    network, rows = networks.recurrent(direction="bidirectional", inputs=45)
    proposal, _ = proposed(technique, network, rows(64))
    (layer,) = layers_of(network)
    again = IntegerLstm(layer, proposal).trained()
    for before, after in zip(proposal.graph.initializer, again.graph.initializer, strict=True):
        one, other = numpy_helper.to_array(before), numpy_helper.to_array(after)
        if one.dtype == np.int8:
            assert np.array_equal(one, other)
        elif not before.name.endswith("/B"):
            np.testing.assert_allclose(one, other, rtol=1e-5)


def test_the_gradient_of_the_recurrence_is_that_of_its_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = ((4, 2, 3, 12), (2, 12, 3), (2, 3, 3), (2, 3, 3))
    given = [torch.randn(*s, dtype=torch.float64, generator=generator, requires_grad=True) for s in shapes]
    assert torch.autograd.gradcheck(lambda *values: Recurrence.apply(*values, False), given)


def test_whole_weights_cannot_saturate() -> None:
    generator = torch.Generator().manual_seed(0)
    latent = 200 * torch.randn(2, 64, 33, generator=generator)
    q = whole_weights(latent).numpy().astype(np.int8)
    assert largest_pair(q.swapaxes(1, 2)) <= PAIR_LIMIT
    assert largest_pair(np.clip(latent.round().numpy(), -127, 127).astype(np.int8).swapaxes(1, 2)) > PAIR_LIMIT


def test_what_was_rounded_carelessly_is_trained_back(autoencoder, careless, run, decibels) -> None:
    network, rows = autoencoder
    x = rows(128, seed=7)
    exact, before = run(network, x), proposals_of(careless)
    after = distil(network, careless, lessons(rows))
    assert after.keys() == before.keys()
    assert {each.precision for each in after.values()} == {NAME + DISTILLED}
    gain = decibels(exact, run(with_proposals(network, after), x)) - decibels(
        exact, run(with_proposals(network, before), x)
    )
    assert gain > 3
    for proposal in after.values():
        for tensor in proposal.graph.initializer:
            if tensor.data_type == onnx.TensorProto.INT8 and not tensor.name.endswith("_zero"):
                assert largest_pair(numpy_helper.to_array(tensor)) <= PAIR_LIMIT


def graphs_of(proposals):
    return [each.graph.SerializeToString(deterministic=True) for each in proposals.values()]


def test_the_same_seed_trains_the_same_weights_and_another_others(autoencoder, careless) -> None:
    network, rows = autoencoder
    first, second, other = (
        graphs_of(distil(network, careless, lessons(rows, steps=20, seed=seed))) for seed in (3, 3, 4)
    )
    assert first == second
    assert first != other


def test_it_is_trained_once_and_then_read_from_the_cache(autoencoder, careless, tmp_path, monkeypatch) -> None:
    network, rows = autoencoder
    first = distil(network, careless, lessons(rows, steps=10), Cache(tmp_path))
    monkeypatch.setattr("dwcpc.compiler.quantize.distillation.training.train", None)
    assert graphs_of(distil(network, careless, lessons(rows, steps=10), Cache(tmp_path))) == graphs_of(first)
    with pytest.raises(TypeError):
        distil(network, careless, lessons(rows, steps=11), Cache(tmp_path))


def test_it_is_never_worse_on_the_rows_held_out(autoencoder, monkeypatch) -> None:
    """Of rates that destroy the network, the weights before the first step are what is left."""
    network, rows = autoencoder
    offered = offers(network, rows(128), [Int8Lstm(residual=True)], Cache(None), QUIET)
    monkeypatch.setattr("dwcpc.compiler.quantize.distillation.training.WEIGHT_RATE", 10.0)
    after = distil(network, offered, lessons(rows, steps=10))
    for name, before in proposals_of(offered).items():
        for one, other in zip(before.graph.initializer, after[name].graph.initializer, strict=True):
            if one.data_type == onnx.TensorProto.INT8:
                assert one.raw_data == other.raw_data


def test_an_unknown_operator_is_named(autoencoder, careless) -> None:
    network, rows = autoencoder
    odd = onnx.ModelProto()
    odd.CopyFrom(network)
    odd.graph.node[-1].op_type = "Mod"
    assert distil(odd, careless, lessons(rows)) == "distillation is not offered: operator Mod"


def test_an_lstm_with_activations_of_its_own_is_refused(networks) -> None:
    network, rows = networks.recurrent()
    lstm = next(node for node in network.graph.node if node.op_type == "LSTM")
    lstm.attribute.append(onnx.helper.make_attribute("activations", ["Sigmoid", "Relu", "Tanh"]))
    with pytest.raises(UnsupportedError, match="activations"):
        in_torch(network, rows(4))


def test_a_plan_without_integers_is_refused(autoencoder, careless) -> None:
    network, rows = autoencoder
    plan = dict.fromkeys(integer_plan(careless), "float32")
    found = distilled(network, careless, plan, lessons(rows), Cache(None), QUIET)
    assert found == "distillation is not offered: no layer of the plan computes in integers"


def test_without_torch_it_says_how_to_get_it(autoencoder, careless, monkeypatch) -> None:
    network, rows = autoencoder
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else found(name, *rest)
    )
    with pytest.raises(InputError, match=r"install dwcpc\[torch\]"):
        distil(network, careless, lessons(rows))
