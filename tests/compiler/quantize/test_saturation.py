"""What x86 without VNNI makes of int8 products, emulated here: the plain recipe's are wrong, ours cannot be."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from onnxruntime.quantization import quantize_dynamic

from dwcpc.compiler.quantize.int8_lstm import Int8Lstm
from dwcpc.compiler.quantize.rounding import rounded, second_moment
from dwcpc.compiler.quantize.saturation import PAIR_LIMIT, largest_pair

WRONG = 0.1  # of the products' root mean square
UNITS, INPUTS = 64, 256


def exact(activations, weights):
    return activations.astype(np.int64) @ weights.astype(np.int64)


def vpmaddubsw(activations, weights):
    """Return uint8 [rows, k] · int8 [k, outputs] as AVX2 does: neighbours along k are added in 16 bits, cut off."""
    odd = activations.shape[1] % 2
    a = np.pad(activations.astype(np.int64), ((0, 0), (0, odd)))
    w = np.pad(weights.astype(np.int64), ((0, odd), (0, 0)))
    pairs = a[:, 0::2, None] * w[None, 0::2] + a[:, 1::2, None] * w[None, 1::2]
    return np.clip(pairs, -32768, 32767).sum(axis=1)


def worst_activations(weights):
    """Return two rows for each output: 255 where its weights have one sign, 0 elsewhere."""
    return np.concatenate([255 * (weights > 0).T, 255 * (weights < 0).T]).astype(np.uint8)


def quantised(x):
    """Return x as uint8 with a range per call, as onnxruntime's dynamic quantisation does, and the zero point."""
    low, high = min(x.min(), 0.0), max(x.max(), 0.0)
    step = (high - low) / 255
    zero = round(-low / step)
    return np.clip(np.round(x / step) + zero, 0, 255).astype(np.uint8), zero


def relative_error(activations, zero, weights):
    """Return the saturation's root mean square error over that of the products, zero point taken off."""
    right = exact(activations, weights)
    products = right - zero * weights.astype(np.int64).sum(axis=0)
    return np.sqrt(((vpmaddubsw(activations, weights) - right) ** 2).mean() / (products**2).mean())


@pytest.fixture(scope="module")
def float_weights():
    """As torch draws them."""
    return np.random.default_rng(0).uniform(-1, 1, size=(INPUTS, UNITS)) / INPUTS**0.5


@pytest.fixture(scope="module")
def ordinary():
    """Values on both sides of zero, most of them large: the states of an LSTM, or a BatchNorm's output behind tanh."""
    return np.tanh(3 * np.random.default_rng(1).normal(size=(32, INPUTS)))


@pytest.fixture(scope="module")
def plain_gemm(networks, float_weights, tmp_path_factory):
    """The int8 weights of onnxruntime's quantize_dynamic with its defaults."""
    text = f"g (float[B,{INPUTS}] x) => (float[B,{UNITS}] y) {{ y = MatMul (x, W) }}"
    path = tmp_path_factory.mktemp("plain") / "model.onnx"
    quantize_dynamic(networks.finished(text, {"W": float_weights}), path)
    return next(
        numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
        if tensor.name.endswith("_quantized")
    )


def ours(weights):
    """Return [k, outputs] rounded by `rounding.py` on white inputs."""
    k = len(weights)
    return rounded(weights.T, (k,), np.eye(k)).q.T.astype(np.int8)


def test_the_plain_recipe_saturates_on_ordinary_activations(plain_gemm, ordinary) -> None:
    assert largest_pair(plain_gemm) > PAIR_LIMIT
    assert relative_error(*quantised(ordinary), plain_gemm) >= WRONG


def test_the_plain_recipe_is_useless_on_the_worst_activations(plain_gemm) -> None:
    assert relative_error(worst_activations(plain_gemm), 0, plain_gemm) >= WRONG


def test_ours_does_not_saturate_on_the_same_weights_and_activations(float_weights, ordinary) -> None:
    weights = ours(float_weights)
    assert largest_pair(weights) <= PAIR_LIMIT
    assert relative_error(*quantised(ordinary), weights) == 0
    assert relative_error(worst_activations(weights), 0, weights) == 0


def test_the_plain_recipe_of_an_lstm_saturates_and_ours_does_not(networks, proposed, tmp_path) -> None:
    network, rows = networks.recurrent(inputs=45, units=64)
    path = tmp_path / "plain.onnx"
    quantize_dynamic(network, path, op_types_to_quantize=["LSTM"])
    plain = [numpy_helper.to_array(each)[0] for each in onnx.load(path).graph.initializer if each.data_type == 3]
    plain = [weight for weight in plain if weight.ndim == 2]
    proposal, _ = proposed(Int8Lstm(residual=True), network, rows(32))
    own = [numpy_helper.to_array(each) for each in proposal.graph.initializer if each.data_type == 3]
    own = [weight[0] for weight in own if weight.ndim == 3]
    assert len(plain) == len(own) == 2
    for weights in plain:
        assert relative_error(worst_activations(weights), 0, weights) >= WRONG
    for weights in own:
        assert relative_error(worst_activations(weights), 0, weights) == 0


@settings(max_examples=60, deadline=None)
@given(
    outputs=st.integers(1, 12),
    widths=st.lists(st.integers(1, 13), min_size=1, max_size=3),
    kind=st.sampled_from(["normal", "uniform", "heavy", "equal", "sparse", "huge", "tiny"]),
    correlated=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_rounded_weights_never_saturate(outputs, widths, kind, correlated, seed) -> None:
    rng = np.random.default_rng(seed)
    k = sum(widths)
    weights = {
        "normal": rng.normal(size=(outputs, k)),
        "uniform": rng.uniform(-1, 1, size=(outputs, k)),
        "heavy": rng.standard_cauchy(size=(outputs, k)),
        "equal": np.full((outputs, k), 0.3),
        "sparse": rng.normal(size=(outputs, k)) * (rng.random((outputs, k)) < 0.2),
        "huge": 1e6 * rng.normal(size=(outputs, k)),
        "tiny": 1e-9 * rng.normal(size=(outputs, k)),
    }[kind]
    inputs = rng.normal(size=(50, 2)) @ rng.normal(size=(2, k)) if correlated else rng.normal(size=(50, k))
    q = rounded(weights, tuple(widths), second_moment(inputs, np.full(k, 1e-3))).q
    assert np.abs(q).max() <= 127
    np.testing.assert_array_equal(q, np.round(q))
    start = 0
    for width in widths:  # each operand is a product of its own, with pairs from its start
        operand = q[:, start : start + width].T.astype(np.int8)
        assert largest_pair(operand) <= PAIR_LIMIT
        worst = worst_activations(operand)
        np.testing.assert_array_equal(vpmaddubsw(worst, operand), exact(worst, operand))
        start += width


@pytest.mark.parametrize(
    ("pair", "saturates"), [((64, 64), False), ((65, 64), True), ((1, 127), False), ((2, 127), True)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_bound_is_tight(pair, saturates, sign) -> None:
    weights = sign * np.array(pair, np.int64)[:, None]
    assert (largest_pair(weights) > PAIR_LIMIT) is saturates
    worst = worst_activations(weights)
    assert (vpmaddubsw(worst, weights) != exact(worst, weights)).any() == saturates


def test_weights_of_two_signs_do_not_add_up() -> None:
    weights = np.array([[127], [-127]])
    assert largest_pair(weights) == 127
    worst = worst_activations(weights)
    np.testing.assert_array_equal(vpmaddubsw(worst, weights), exact(worst, weights))


def test_pairs_are_those_along_the_contracted_axis_from_its_start() -> None:
    assert largest_pair(np.array([[1], [100], [100], [1]])) == 101
    assert largest_pair(np.array([[100], [100], [1]])) == 200
    assert largest_pair(np.array([[1], [1], [100]])) == 100
    assert largest_pair(np.array([[100, 100]])) == 100
    assert largest_pair(np.array([[[1], [2]], [[-60], [-70]]])) == 130
    assert largest_pair(np.zeros((0, 4), np.int8)) == 0
