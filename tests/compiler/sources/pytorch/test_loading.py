"""TorchScript, exported programs and factories give the eager model's outputs; what cannot be served is refused."""

from __future__ import annotations

import copy
import sys
from io import BytesIO

import numpy as np
import pytest
import torch
from torch import nn

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.base import NETWORK_INPUT, NETWORK_OUTPUT

TOLERANCE_F32 = 1e-6
"""Another order of additions in values around 1."""
TOLERANCE_F64 = 1e-12
OPSET = 20

FACTORY = """
import torch
from torch import nn

class Doubler(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Linear(3, 3)  # called as Lightning's wrapper is

    def forward(self, x):
        return 2 * self.model(x)

def build():
    return Doubler()

def number():
    return 3

def broken():
    raise RuntimeError("no such configuration")

def with_more():
    module = Doubler()
    module.extra = nn.Linear(3, 3)
    return module

def bare():
    return nn.Linear(4, 3)
"""


@pytest.fixture(scope="session")
def forms(pooled, scripted, program):
    return {
        "traced": scripted(torch.jit.trace(pooled, torch.zeros(2, 5, 3))),
        "scripted": scripted(pooled),
        "exported": program,
    }


@pytest.fixture
def factory(tmp_path, monkeypatch):
    """A package in the working folder, as a user's project is; forgotten afterwards."""
    (tmp_path / "their_project").mkdir()
    (tmp_path / "their_project" / "nets.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    yield "their_project.nets"
    for name in [name for name in sys.modules if name.startswith("their_project")]:
        del sys.modules[name]


def widened(module):
    return copy.deepcopy(module).double()


def outputs(module, rows):
    with torch.no_grad():
        return module(torch.from_numpy(rows)).numpy()


@pytest.mark.parametrize("form", ["traced", "scripted", "exported"])
def test_each_form_gives_the_eager_models_outputs(load, forms, pooled, windows, form):
    network = load(forms[form], input_shape=(5, 3))
    assert network.spec.input_shape == (5, 3)
    assert network.spec.output_shape == (4,)
    assert network.spec.task == "regression"
    exact = outputs(widened(pooled), windows.astype(np.float64))
    float32 = network.predict(windows, "float32")
    assert float32.dtype == np.float32
    assert np.abs(float32 - outputs(pooled, windows)).max() <= TOLERANCE_F32
    assert np.abs(network.predict(windows, "float64") - exact).max() <= TOLERANCE_F64
    assert np.abs(float32 - exact).max() > TOLERANCE_F64


def test_slightly_other_weights_are_outside_both_tolerances(pooled, windows, randomised):
    other = randomised(type(pooled)(), 11)
    with torch.no_grad():
        other.lstm.weight_hh_l0 *= 1 + 1e-4
    assert np.abs(outputs(other, windows) - outputs(pooled, windows)).max() > TOLERANCE_F32
    exact = outputs(widened(pooled), windows.astype(np.float64))
    assert np.abs(outputs(widened(other), windows.astype(np.float64)) - exact).max() > TOLERANCE_F64


@pytest.mark.parametrize("form", ["traced", "exported"])
def test_torchs_own_double_leaves_float32_inside(forms, windows, form):
    data = BytesIO(forms[form])
    module = torch.jit.load(data) if form == "traced" else torch.export.load(data).module()
    with pytest.raises(RuntimeError, match=r"dtype|type"):
        outputs(module.double(), windows.astype(np.float64))


@pytest.mark.parametrize("form", ["traced", "scripted", "exported"])
@pytest.mark.parametrize("rows", [1, 9])
def test_each_form_is_exported_with_a_free_batch_axis(load, forms, pooled, windows, form, rows):
    import onnxruntime

    exported = load(forms[form], input_shape=(5, 3)).export(OPSET)
    session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run([NETWORK_OUTPUT], {NETWORK_INPUT: windows[:rows]})
    assert np.abs(answer - outputs(pooled, windows[:rows])).max() <= TOLERANCE_F32


class Repeats(nn.Module):
    """Uses the batch size in every way that decoders do."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(3, 6, batch_first=True)
        self.decoder = nn.LSTM(6, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.encoder(x)[0][:, -1].unsqueeze(1).expand(x.shape[0], 5, -1)
        d = self.decoder(z)[0].reshape(x.shape[0] * 5, 4)
        return d.view(x.size(0), 5, 4) + torch.ones(x.shape[0], 1, 4)


def test_an_exported_program_that_computes_with_its_batch_size_keeps_it_free(load, exported, randomised, windows):
    import onnxruntime

    module = randomised(Repeats(), 2)
    network = load(exported(module))
    session = onnxruntime.InferenceSession(network.export(OPSET).SerializeToString())
    for rows in (1, 2, 9):
        (answer,) = session.run(None, {NETWORK_INPUT: windows[:rows]})
        assert np.abs(answer - outputs(module, windows[:rows])).max() <= TOLERANCE_F32


def test_an_exported_program_of_a_fixed_batch_is_refused_before_it_runs(load, exported, pooled):
    with pytest.raises(InputError, match=r"shape \(2, 5, 3\), expected a free first axis.*dynamic_shapes"):
        load(exported(pooled, free_batch=False))


class Returns(nn.Module):
    """Gives back what `kind` says."""

    def __init__(self, kind: int) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor):
        return ((x, x * 2), x.long(), x.sum(), x.sum((1, 2)), x.transpose(0, 1))[self.kind]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (0, "returns a tuple, expected one tensor; wrap the module"),
        (1, r"returns torch\.int64 \(2, 5, 3\) for 2 rows, expected floats"),
        (2, r"returns torch\.float32 \(\) for 2 rows"),
        (3, r"returns torch\.float32 \(2,\) for 2 rows, expected .* one more axis"),
        (4, r"returns torch\.float32 \(5, 2, 3\) for 2 rows, expected .* the rows on the first axis"),
    ],
)
def test_another_output_than_one_tensor_of_floats_a_row_is_refused(load, scripted, kind, reason):
    with pytest.raises(InputError, match=reason):
        load(scripted(torch.jit.trace(Returns(kind), torch.zeros(2, 5, 3))), input_shape=(5, 3))


def test_a_model_that_does_not_tell_its_inputs_shape_is_refused_with_the_option(load, forms):
    with pytest.raises(InputError, match=r"give it without the batch axis: --input-shape 30,12"):
        load(forms["traced"])


def test_an_input_shape_that_the_model_does_not_take_is_refused(load, forms):
    with pytest.raises(InputError, match=r"cannot run on a float64 input of shape \(2, 5, 7\)"):
        load(forms["traced"], input_shape=(5, 7))


def test_a_factory_of_the_working_folder_builds_the_module(load, saved, factory):
    module = nn.Linear(3, 3)
    state = {f"model.{key}": value for key, value in module.state_dict().items()}
    network = load(saved(state), arch=f"{factory}:build", input_shape=(3,))
    assert network.spec.architecture == f"{factory}:build"
    assert network.spec.task == "autoencoder"
    rows = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    assert np.array_equal(network.predict(rows, "float32"), 2 * outputs(module, rows))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("number", "returned a int, expected a torch.nn.Module"),
        ("broken", r"cannot be called \(no such configuration\); expected package.module:factory"),
        ("absent", "cannot be called .*absent"),
        ("with_more", r"has no \w+\.weight; it does not fit Doubler, check --arch"),
        ("bare", "does not fit Linear .*size mismatch for weight"),
    ],
)
def test_a_factory_that_does_not_give_the_module_is_refused(load, saved, factory, name, reason):
    with pytest.raises(InputError, match=reason):
        load(saved(nn.Linear(3, 3).state_dict()), arch=f"{factory}:{name}", input_shape=(3,))


def test_a_factory_of_no_module_is_refused(load, saved):
    with pytest.raises(InputError, match=r"--arch nowhere\.nets:build: cannot be called \(No module named 'nowhere'\)"):
        load(saved(nn.Linear(3, 3).state_dict()), arch="nowhere.nets:build", input_shape=(3,))


def test_weights_beside_what_the_factory_expects_are_refused(load, saved, factory):
    state = nn.Linear(3, 3).state_dict() | {"extra": torch.zeros(1)}
    with pytest.raises(InputError, match=r"has .*extra beside what is expected; it does not fit Doubler"):
        load(saved(state), arch=f"{factory}:build", input_shape=(3,))


def test_an_architecture_that_nobody_knows_is_refused_with_the_known_ones(load, saved):
    with pytest.raises(InputError, match="no architecture is called 'transformer', expected one of bilstm_attention"):
        load(saved(nn.Linear(3, 3).state_dict()), arch="transformer")
