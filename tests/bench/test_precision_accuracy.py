"""What the table says of accuracy: by hand, and on a small predictor whose bundle scales inputs and outputs."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import onnx
import pytest

from dwcpc.bench.plain_export import plain_export
from dwcpc.bench.plain_int8 import RECIPES, quantized
from dwcpc.bench.precision_accuracy import (
    Flips,
    accuracy,
    bundle_accuracy,
    flipped,
    plain_accuracy,
    reconstruction_error,
    reference_of,
    sqnr_db,
)
from dwcpc.bench.precision_models import TableModel
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.cli import main as dwcpc
from dwcpc.compiler.errors import DwcpcError
from dwcpc.compiler.metadata import SessionSettings
from dwcpc.compiler.scalers import Scaler

REFERENCE = np.array([[0.0, 100.0], [2.0, 104.0], [4.0, 108.0]])  # Σ(r − m)² = 8 + 32
FLOAT32_DB = 90  # onnxruntime's float32 on these models gives 100 to 125
INT8_DB = 60  # which no int8 model reaches


def test_signal_and_noise_are_those_counted_by_hand() -> None:
    answer = REFERENCE + np.array([[0.1, 0.0], [0.0, -0.1], [0.1, 0.1]])  # 0.04 of 40
    assert sqnr_db(REFERENCE, answer) == pytest.approx(30)


def test_ten_times_the_noise_is_twenty_decibels_less() -> None:
    noise = np.random.default_rng(1).normal(size=REFERENCE.shape)
    less = sqnr_db(REFERENCE, REFERENCE + 0.01 * noise)
    assert less - sqnr_db(REFERENCE, REFERENCE + 0.1 * noise) == pytest.approx(20)


def test_an_answer_that_is_always_the_mean_has_no_decibels_whatever_its_height() -> None:
    mean = np.broadcast_to(REFERENCE.mean(axis=0), REFERENCE.shape)
    assert sqnr_db(REFERENCE, mean) == pytest.approx(0)
    assert sqnr_db(REFERENCE, 0 * mean) < -25  # a constant that is far off must not look better


def test_means_are_taken_by_channel_over_rows_and_timesteps() -> None:
    windows = REFERENCE.reshape(1, 3, 2)
    assert sqnr_db(windows, windows + 0.1) == pytest.approx(sqnr_db(REFERENCE, REFERENCE + 0.1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_is_nothing_but_noise(value: float) -> None:
    answer = REFERENCE.copy()
    answer[0, 0] = value
    assert sqnr_db(REFERENCE, answer) == -math.inf


def test_equal_answers_have_no_noise() -> None:
    assert sqnr_db(REFERENCE, REFERENCE.copy()) == math.inf


def test_answers_to_other_rows_are_refused() -> None:
    with pytest.raises(DwcpcError, match=r"the answers are \(2, 2\), expected \(3, 2\)"):
        sqnr_db(REFERENCE, REFERENCE[:2])


def test_flips_are_rows_above_the_threshold_on_one_side_alone() -> None:
    score = np.array([0.5, 0.98, 1.0, 1.1, 2.0])
    other = np.array([0.6, 1.01, 1.0, np.nan, 2.1])
    assert flipped(score, other, 1.0) == Flips(2, pytest.approx(0.02), pytest.approx(0.1))
    assert flipped(score, score, 1.0) == Flips(0, None, None)


def test_a_reconstruction_error_is_the_mean_of_squares_of_a_window() -> None:
    scaled = np.array([[[1.0, 2.0]], [[0.0, 0.0]]], np.float32)
    assert reconstruction_error(scaled, np.array([[[0.0, 0.0]], [[1.0, 1.0]]])) == pytest.approx([2.5, 1.0])


@pytest.fixture(scope="module")
def predictor(small_predictor: TableModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[TableModel, Bundle]:
    out = tmp_path_factory.mktemp("bundles")
    assert small_predictor.target_scaler is not None
    options = {
        "--scaler": small_predictor.scaler,
        "--target-scaler": small_predictor.target_scaler,
        "--name": "predictor",
        "--version": "1.0",
        "--cases": 64,
        "--out": out,
    }
    with pytest.raises(SystemExit) as ended:
        dwcpc(["compile", str(small_predictor.artifact), "--no-verify", *(str(p) for o in options.items() for p in o)])
    assert ended.value.code == 4  # written, and not judged
    return small_predictor, open_bundle(out / "predictor" / "v1.0")


def test_a_bundle_is_compared_in_the_units_of_its_network(predictor: tuple[TableModel, Bundle]) -> None:
    model, bundle = predictor
    reference = reference_of(model)
    found = bundle_accuracy(reference, bundle)
    assert found.sqnr_db > FLOAT32_DB
    assert found.rows == len(np.load(model.evaluation))
    assert found.flips is None
    scaler = reference.target_scaler
    assert scaler is not None
    other = Scaler(scaler.type, scaler.center, tuple(1.01 * scale for scale in scaler.scale))
    assert bundle_accuracy(dataclasses.replace(reference, target_scaler=other), bundle).sqnr_db < INT8_DB


def test_the_plain_recipes_answer_and_are_worse_than_the_export(predictor: tuple[TableModel, Bundle]) -> None:
    reference = reference_of(predictor[0])
    exported, feed = plain_export(reference.network, 18)
    settings = SessionSettings()
    plain = plain_accuracy(reference, exported.SerializeToString(), feed, settings)
    assert plain.sqnr_db > FLOAT32_DB
    for recipe in RECIPES:
        model = quantized(exported, recipe)
        assert "DynamicQuantizeLSTM" in {node.op_type for node in onnx.load_from_string(model).graph.node}
        assert plain_accuracy(reference, model, feed, settings).sqnr_db < INT8_DB


def test_an_autoencoders_decisions_are_compared_with_those_in_float64(small_autoencoder: TableModel) -> None:
    reference = reference_of(small_autoencoder)
    assert reference.score is not None
    same = accuracy(reference, reference.output, reference.score)
    assert same.flips == Flips(0, None, None)
    assert reference.threshold is not None
    anomalies = int((reference.score > reference.threshold).sum())
    assert anomalies > 0
    without_any = accuracy(reference, reference.output, 0 * reference.score)
    assert without_any.flips is not None
    assert without_any.flips.count == anomalies


def test_the_rows_of_the_model_are_those_it_is_judged_on(small_autoencoder: TableModel, tmp_path: Path) -> None:
    rows = np.load(small_autoencoder.evaluation)[:5]
    np.save(tmp_path / "fewer.npy", rows)
    reference = reference_of(dataclasses.replace(small_autoencoder, evaluation=tmp_path / "fewer.npy"))
    np.testing.assert_array_equal(reference.rows, rows)
    assert reference.output.dtype == np.float64
    assert reference.output.shape == (5, 30, 12)
