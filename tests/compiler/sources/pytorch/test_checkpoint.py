"""State dicts in every wrapping that training code gives them, and the files that are none."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from torch import nn

from dwcpc.compiler.errors import InputError
from dwcpc.models.lstm_attention_autoencoder import LSTM_ATTENTION_AUTOENCODER, LstmAttentionAutoencoderConfig

TIMESTEPS = 7
CONFIG = LstmAttentionAutoencoderConfig(
    timesteps=TIMESTEPS,
    features=6,
    encoder_units1=8,
    encoder_units2=6,
    encoder_units3=4,
    attention_units=3,
    encoding=5,
    decoder_units1=4,
    decoder_units2=6,
    decoder_units3=8,
)
TOLERANCE_F64 = 1e-12


@pytest.fixture(scope="module")
def module(randomised):
    return randomised(LSTM_ATTENTION_AUTOENCODER.build(CONFIG), 3)


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(1).normal(size=(4, TIMESTEPS, 6)).astype(np.float32)


def eager(state, rows, dtype):
    built = LSTM_ATTENTION_AUTOENCODER.build(CONFIG).to(dtype)
    built.load_state_dict(state)
    with torch.no_grad():
        return built(torch.from_numpy(rows).to(dtype)).numpy()


def prefixed(state, prefix):
    return {prefix + key: value for key, value in state.items()}


WRAPPINGS = {
    "plain": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"lr": 1e-3}},
    "model_state_dict": lambda state: {"epoch": 3, "model_state_dict": state, "loss": 0.1, "notes": ["a", None]},
    "model": lambda state: {"model": state},
    "data parallel": lambda state: prefixed(state, "module."),
    "torch.compile": lambda state: prefixed(state, "_orig_mod."),
    "compiled data parallel": lambda state: {"state_dict": prefixed(state, "module._orig_mod.")},
    "lightning": lambda state: {"state_dict": prefixed(state, "model."), "pytorch-lightning_version": "2.4"},
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
def test_every_wrapping_gives_the_eager_models_outputs(load, saved, module, rows, wrapping, zip_format):
    data = saved(WRAPPINGS[wrapping](module.state_dict()), _use_new_zipfile_serialization=zip_format)
    network = load(data, timesteps=TIMESTEPS)
    assert network.spec.architecture == "lstm_attention_autoencoder"
    assert network.spec.input_shape == network.spec.output_shape == (TIMESTEPS, 6)
    state = module.state_dict()
    assert np.array_equal(network.predict(rows, "float32"), eager(state, rows, torch.float32))
    exact = eager(state, rows, torch.float64)
    assert np.abs(network.predict(rows, "float64") - exact).max() <= TOLERANCE_F64
    assert np.abs(network.predict(rows, "float32") - exact).max() > TOLERANCE_F64


@pytest.mark.parametrize("key", ["config", "hyper_parameters", "args"])
@pytest.mark.parametrize("name", ["timesteps", "sequence_length", "seq_len", "window_size"])
def test_the_number_of_timesteps_is_taken_from_a_config_beside_the_weights(load, saved, module, key, name):
    network = load(saved({"state_dict": module.state_dict(), key: {name: TIMESTEPS, "lr": 0.1}}))
    assert network.spec.input_shape == (TIMESTEPS, 6)
    assert network.spec.notes == ()


def test_an_option_overrides_the_config_beside_the_weights(load, saved, module):
    data = saved({"state_dict": module.state_dict(), "timesteps": TIMESTEPS})
    assert load(data, timesteps=9).spec.input_shape == (9, 6)


def test_a_number_of_timesteps_that_nothing_tells_is_noted(load, saved, module):
    network = load(saved(module.state_dict()))
    assert network.spec.input_shape == (30, 6)
    assert "--timesteps sets it" in network.spec.notes[0]


def test_float64_weights_keep_their_digits_in_the_float64_reference(load, saved, module, rows):
    state = {
        key: value.double() * (1 + 1e-10) if value.is_floating_point() else value
        for key, value in module.state_dict().items()
    }
    network = load(saved(state), timesteps=TIMESTEPS)
    exact = eager(state, rows, torch.float64)
    dtypes = {key: value.dtype for key, value in module.state_dict().items()}
    rounded = eager({key: value.to(dtypes[key]) for key, value in state.items()}, rows, torch.float64)
    assert np.abs(network.predict(rows, "float64") - exact).max() <= TOLERANCE_F64
    assert np.abs(rounded - exact).max() > TOLERANCE_F64


def test_float64_weights_among_float32_ones_keep_their_digits_too(load, saved, module, rows):
    state = dict(module.state_dict())
    state["output_fc.weight"] = state["output_fc.weight"].double() * (1 + 1e-10)
    network = load(saved(state), timesteps=TIMESTEPS)
    assert np.abs(network.predict(rows, "float64") - eager(state, rows, torch.float64)).max() <= TOLERANCE_F64
    rounded = eager(state | {"output_fc.weight": state["output_fc.weight"].float()}, rows, torch.float64)
    assert np.abs(network.predict(rows, "float64") - rounded).max() > TOLERANCE_F64


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_computed_with_in_float32_and_float64(load, saved, module, rows, dtype):
    state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in module.state_dict().items()}
    network = load(saved(state), timesteps=TIMESTEPS)
    assert np.array_equal(network.predict(rows, "float32"), eager(state, rows, torch.float32))
    assert np.abs(network.predict(rows, "float64") - eager(state, rows, torch.float64)).max() <= TOLERANCE_F64
    unrounded = eager(module.state_dict(), rows, torch.float64)
    assert np.abs(network.predict(rows, "float64") - unrounded).max() > TOLERANCE_F64


def test_weights_that_fit_nothing_are_refused_with_what_was_looked_for(load, saved):
    with pytest.raises(InputError, match="bilstm_attention_autoencoder, lstm_attention_autoencoder, bandwidth_predic"):
        load(saved(nn.Linear(3, 3).state_dict()))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_naming_the_tensor(load, saved, module, bad):
    state = {key: value.clone() for key, value in module.state_dict().items()}
    state["encoder_fc.weight"][0, 1] = bad
    with pytest.raises(InputError, match=r"encoder_fc\.weight has 1 NaN or infinite values of 20"):
        load(saved(state), timesteps=TIMESTEPS)


@pytest.mark.parametrize("content", [[1], 1.0, {}, {"epoch": 3}, {"state_dict": {"a": 1}}, torch.zeros(3)], ids=repr)
def test_a_file_without_weights_is_refused_with_the_way_to_save_them(load, saved, content):
    with pytest.raises(InputError, match=r"expected (a state dict|tensors or one of state_dict).*torch\.save"):
        load(saved(content))


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
def test_a_whole_pickled_module_is_refused_with_its_class_and_the_remedy(load, saved, zip_format):
    data = saved(nn.Linear(3, 3), _use_new_zipfile_serialization=zip_format)
    expected = r"names torch\.nn\.modules\.linear\.Linear.*nothing was executed.*state_dict\(\).*--trust-pickle"
    with pytest.raises(InputError, match=expected):
        load(data, input_shape=(5, 3))


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
def test_a_whole_pickled_module_loads_when_its_author_is_trusted(load, saved, pooled, windows, zip_format, caplog):
    data = saved(pooled, _use_new_zipfile_serialization=zip_format)
    network = load(data, input_shape=windows.shape[1:], trust_pickle=True)
    assert network.spec.kind == "pickled_module"
    assert network.spec.pickled_classes[0].endswith(".Pooled")
    assert "can run any code" in caplog.text
    with torch.no_grad():
        assert np.array_equal(network.predict(windows, "float32"), pooled(torch.from_numpy(windows)).numpy())


def test_trust_does_not_turn_a_state_dict_into_a_module(load, saved, module):
    with pytest.raises(InputError, match="holds a OrderedDict, expected a module; omit --trust-pickle"):
        load(saved(module.state_dict()), trust_pickle=True)


HOSTILE = {
    "os.system": lambda runs, path: runs(os.system, f"touch {path}"),
    "eval": lambda runs, path: runs(eval, f"open({str(path)!r}, 'w')"),
    "exec": lambda runs, path: runs(exec, f"open({str(path)!r}, 'w')"),
    "nested beside weights": lambda runs, path: {
        "state_dict": {"weight": torch.zeros(1)},
        "config": [{"a": runs(os.system, f"touch {path}")}],
    },
    "among weights": lambda runs, path: {"weight": torch.zeros(1), "bias": runs(os.system, f"touch {path}")},
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
def test_a_hostile_pickle_is_refused_by_name_and_does_not_run(load, saved, runs, marker, name, zip_format):
    data = saved(HOSTILE[name](runs, marker), _use_new_zipfile_serialization=zip_format)
    with pytest.raises(InputError, match=r"names (posix\.system|eval|exec), .*nothing was executed"):
        load(data)
    assert not marker.exists()


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
def test_the_hostile_pickle_would_run_if_it_were_trusted(load, saved, runs, marker, zip_format):
    data = saved(HOSTILE["os.system"](runs, marker), _use_new_zipfile_serialization=zip_format)
    with pytest.raises(InputError, match="holds a int, expected a module"):
        load(data, trust_pickle=True)
    assert marker.exists()


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("share", [0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999])
def test_a_truncated_checkpoint_is_refused_in_one_line(load, saved, module, zip_format, share):
    data = saved(module.state_dict(), _use_new_zipfile_serialization=zip_format)
    with pytest.raises(InputError, match=r"^model\.pt: .*(truncated|copy it again|nothing was executed)") as caught:
        load(data[: int(len(data) * share)])
    assert "\n" not in str(caught.value)
