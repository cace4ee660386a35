"""Trained weights in a file → compiler → onnxruntime: the same model, for every architecture in every size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.pipeline import Compiled, CompileRequest, compile_artifact
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.targets import target_named
from dwcpc.models.bandwidth_predictor import BANDWIDTH_PREDICTOR, BandwidthPredictorConfig
from dwcpc.models.bilstm_attention_autoencoder import (
    BILSTM_ATTENTION_AUTOENCODER,
    BilstmAttentionAutoencoderConfig,
)
from dwcpc.models.lstm_attention_autoencoder import LSTM_ATTENTION_AUTOENCODER, LstmAttentionAutoencoderConfig
from dwcpc.parity.cases import draw_cases
from dwcpc.parity.checks import CHECKS
from dwcpc.parity.checks.base import Comparison
from dwcpc.parity.reference import CaseRequest, Reference, make_reference
from dwcpc.parity.runners.source import SourceModel
from dwcpc.parity.tolerance import NOISE_FACTOR, SPREAD_FACTOR

REAL = Path(__file__).resolve().parents[1] / ".." / "shared" / "real" / "consensus_latency"

pytestmark = pytest.mark.usefixtures("one_thread")

TARGET = target_named("cpu-fp32")
ROWS = 384
"""Four rows in the smallest group: a group of one has no spread, and its noise is one draw that may be 0 by chance."""
SEED = 7
PERTURBATION = 1e-3
SHARE_WITHIN_OWN_NOISE = 0.99
"""Of the values; where float32 hits float64 by chance, another order of additions need not."""
EXAMPLES = settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

timesteps = st.sampled_from([10, 20, 30, 40])
features = st.integers(6, 50)
encoding = st.integers(8, 32)
units = st.integers(4, 24)

BILSTM = st.builds(
    BilstmAttentionAutoencoderConfig, timesteps, features, units, units, units, encoding, units, units, units
)
LSTM = st.builds(
    LstmAttentionAutoencoderConfig, timesteps, features, units, units, units, units, encoding, units, units, units
)
BANDWIDTH = st.builds(
    BandwidthPredictorConfig, timesteps, features, units, units, units, units, units, units, units, st.integers(0, 1)
)
CASES = pytest.mark.parametrize(
    ("architecture", "configs"),
    [(BILSTM_ATTENTION_AUTOENCODER, BILSTM), (LSTM_ATTENTION_AUTOENCODER, LSTM), (BANDWIDTH_PREDICTOR, BANDWIDTH)],
    ids=["bilstm_autoencoder", "lstm_autoencoder", "bandwidth_predictor"],
)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a team hands over: weights, a scaler and, for a regression, the scaler of the targets."""

    weights: dict[str, torch.Tensor]
    folder: Path
    timesteps: int
    has_targets: bool

    def compiled(self, weights: dict[str, torch.Tensor] | None = None) -> Compiled:
        path = self.folder / "model.pth"
        torch.save(self.weights if weights is None else weights, path)
        return compile_artifact(
            CompileRequest(
                path,
                TARGET,
                scaler=self.folder / "scaler.json",
                target_scaler=self.folder / "targets.json" if self.has_targets else None,
                load=LoadOptions(timesteps=self.timesteps),
            )
        )


def trained(architecture, config, folder, randomised, seed):
    module = randomised(architecture.build(config), seed)
    rng = np.random.default_rng(seed)
    write_scaler(folder / "scaler.json", rng, config.features)
    has_targets = architecture.task == "regression"
    if has_targets:
        write_scaler(folder / "targets.json", rng, len(architecture.output_channels))
    return Trained(module.state_dict(), folder, config.timesteps, has_targets)


def write_scaler(path, rng, width):
    center = rng.normal(size=width) * 10.0 ** rng.integers(-3, 4, width)
    scale = 10.0 ** rng.uniform(-6.5, 3, width)
    path.write_text(json.dumps({"type": "RobustScaler", "center": center.tolist(), "scale": scale.tolist()}))


def reference_of(compiled: Compiled) -> Reference:
    source = SourceModel(compiled.loaded, compiled.scaler, compiled.target_scaler)
    return make_reference(source, CaseRequest(rows=ROWS, seed=SEED))


def run(compiled: Compiled, rows: np.ndarray, batch: int) -> dict[str, np.ndarray]:
    session = open_session(compiled.built.model.SerializeToString(), TARGET.session)
    names = [tensor.name for tensor in compiled.built.outputs]
    feed = compiled.inputs[0].name
    parts = [session.run(names, {feed: rows[at : at + batch]}) for at in range(0, len(rows), batch)]
    return {name: np.concatenate(column) for name, column in zip(names, zip(*parts, strict=True), strict=True)}


def failures(compiled: Compiled, reference: Reference) -> list[str]:
    results = []
    for group in reference.groups:
        comparison = Comparison(group, run(compiled, group.rows, 1), "python", None)
        results += [result for check in CHECKS for result in check(comparison)]
    assert {result.check for result in results} >= {"finiteness", "closeness", "noise_level"}
    return [f"{result.check} {result.output} {result.group}" for result in results if not result.passed]


@CASES
@EXAMPLES
@given(data=st.data(), seed=st.integers(0, 2**16))
def test_every_size_survives_the_way_into_onnxruntime_and_no_other_weights_do(
    architecture, configs, data, seed, tmp_path_factory, randomised
):
    original = trained(architecture, data.draw(configs), tmp_path_factory.mktemp("trained"), randomised, seed)
    compiled = original.compiled()
    reference = reference_of(compiled)
    assert failures(compiled, reference) == []

    key = data.draw(st.sampled_from([key for key in original.weights if moves_the_output(key)]))
    changed = original.weights | {key: original.weights[key] * (1 + PERTURBATION)}
    assert failures(original.compiled(changed), reference) != []


def moves_the_output(key):
    """Random attention is nearly uniform, so that its weights hardly matter; the counter of BatchNorm is not read."""
    return not key.startswith("attention.") and not key.endswith("num_batches_tracked")


@CASES
@EXAMPLES
@given(data=st.data(), seed=st.integers(0, 2**16))
def test_every_size_has_the_same_bits_at_every_batch_size_and_from_every_compilation(
    architecture, configs, data, seed, tmp_path_factory, randomised
):
    original = trained(architecture, data.draw(configs), tmp_path_factory.mktemp("trained"), randomised, seed)
    compiled, again = original.compiled(), original.compiled()
    models = [each.built.model.SerializeToString(deterministic=True) for each in (compiled, again)]
    assert models[0] == models[1]
    rows = draw_cases(compiled.spec.input_shape, compiled.scaler, 128, seed)[0].rows
    alone = run(compiled, rows, 1)
    for batch in (2, 7, 64):
        for name, values in run(compiled, rows, batch).items():
            assert np.array_equal(values.view(np.uint32), alone[name].view(np.uint32)), (batch, name)


@pytest.mark.skipif(not REAL.is_dir(), reason="the owners' artifact in ../shared/real is absent")
def test_the_real_autoencoder_is_as_near_to_float64_as_torch_in_float32(tmp_path):
    path = REAL / "consensus_latency_autoencoder.pth"
    with np.load(REAL / "expected.npz") as arrays:
        x, f32, f64 = arrays["x"], arrays["y_f32"], arrays["y_f64"]
    noise = np.abs(f32 - f64)
    spread = SPREAD_FACTOR * f64.std()

    def error_of(weights):
        request = CompileRequest(weights, TARGET, scaler=REAL / "consensus_scaler.pkl", scaler_applied="host")
        return np.abs(run(compile_artifact(request), x, 1)["reconstruction"] - f64)

    error = error_of(path)
    assert error.max() <= max(spread, NOISE_FACTOR * noise.max())
    assert (error <= np.maximum(spread, NOISE_FACTOR * noise)).mean() >= SHARE_WITHIN_OWN_NOISE

    weights = torch.load(path, weights_only=True)
    weights["decoder_lstm1.weight_hh_l0"] *= 1 + PERTURBATION
    torch.save(weights, tmp_path / "other.pth")
    other = error_of(tmp_path / "other.pth")
    assert other.max() > max(spread, NOISE_FACTOR * noise.max())
    assert (other <= np.maximum(spread, NOISE_FACTOR * noise)).mean() < SHARE_WITHIN_OWN_NOISE
