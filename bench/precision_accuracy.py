"""How far answers are from the source model in float64, in the network's own scaled units.

For answers a and the float64 reference r, over rows and timesteps, with m the mean of r in each channel,

    SQNR = 10·log10( Σ(r − m)² / Σ(r − a)² )

This shares no code with the comparison that a bundle has to pass (`parity/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.artifact import read_artifact
from dwcpc.compiler.errors import DwcpcError, InputError
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.scalers import Scaler, load_scaler
from dwcpc.compiler.signature import SCORE_OUTPUT
from dwcpc.compiler.sources import source_of
from dwcpc.compiler.sources.base import LoadOptions, Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.bench.precision_models import TableModel
    from dwcpc.compiler.bundle import Bundle
    from dwcpc.compiler.metadata import SessionSettings


@dataclass(frozen=True, slots=True)
class Flips:
    """Rows that are an anomaly to one side alone; how far their true scores lie from the threshold, as shares of it."""

    count: int
    nearest: float | None
    farthest: float | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What the answers to `rows` rows are worth; `flips` is none where there is no decision."""

    sqnr_db: float
    rows: int
    flips: Flips | None


@dataclass(frozen=True, slots=True)
class Reference:
    """The source model's answers in float64: `output` scaled, and `score` of an autoencoder that has a threshold."""

    network: Network
    target_scaler: Scaler | None
    threshold: float | None
    rows: NDArray[np.float32]
    scaled: NDArray[np.float32]
    output: NDArray[np.float64]
    score: NDArray[np.float64] | None


def reference_of(model: TableModel) -> Reference:
    """Load the model and run it in float64 on its evaluation rows."""
    artifact = read_artifact(model.artifact)
    network = source_of(artifact).load(artifact, LoadOptions())
    if not isinstance(network, Network):
        raise InputError(f"{model.artifact}: is a {network.spec.model_type}, expected a network")
    rows = np.load(model.evaluation, allow_pickle=False)
    scaled = load_scaler(model.scaler).scaler.transform(rows)
    output = network.predict(scaled, "float64").astype(np.float64)
    target_scaler = None if model.target_scaler is None else load_scaler(model.target_scaler).scaler
    score = None if model.threshold is None else reconstruction_error(scaled, output)
    return Reference(network, target_scaler, model.threshold, rows, scaled, output, score)


def bundle_accuracy(reference: Reference, bundle: Bundle) -> Accuracy:
    """Run the bundle in Python's onnxruntime, a row at a time, and compare."""
    metadata = bundle.metadata
    names = [metadata.outputs[0].name, *([SCORE_OUTPUT] if reference.score is not None else [])]
    feeds = {metadata.inputs[0].name: reference.rows}
    answers = answered(bundle.model_path.read_bytes(), metadata.runtime.session, feeds, names)
    output = answers[0].astype(np.float64)
    if reference.target_scaler is not None:
        output = (output - np.array(reference.target_scaler.center)) / np.array(reference.target_scaler.scale)
    return accuracy(reference, output, answers[1] if reference.score is not None else None)


def plain_accuracy(reference: Reference, model: bytes, feed: str, settings: SessionSettings) -> Accuracy:
    """Run a model without scalers and score, and compare; the score is taken in float64."""
    output = answered(model, settings, {feed: reference.scaled}, None)[0].astype(np.float64)
    score = None if reference.score is None else reconstruction_error(reference.scaled, output)
    return accuracy(reference, output, score)


def accuracy(reference: Reference, output: NDArray[np.float64], score: NDArray[np.floating] | None) -> Accuracy:
    """Compare scaled outputs, and the scores where there is a threshold."""
    flips = None
    if reference.score is not None and reference.threshold is not None and score is not None:
        flips = flipped(reference.score, score.astype(np.float64), reference.threshold)
    return Accuracy(sqnr_db(reference.output, output), len(reference.output), flips)


def sqnr_db(reference: NDArray[np.float64], answer: NDArray[np.float64]) -> float:
    """Return the SQNR in dB of `[rows, ..., channels]`: ∞ without any noise, −∞ where an answer is not finite."""
    if reference.shape != answer.shape:
        raise DwcpcError(f"the answers are {answer.shape}, expected {reference.shape}; both are of the same rows")
    if not np.isfinite(answer).all():
        return float("-inf")
    mean = reference.mean(axis=tuple(range(reference.ndim - 1)))
    noise = float(np.square(reference - answer).sum())
    if noise == 0:
        return float("inf")
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.square(reference - mean).sum() / noise))


def flipped(reference: NDArray[np.float64], score: NDArray[np.float64], threshold: float) -> Flips:
    """Count the rows whose score is above the threshold on one side alone; NaN is above nothing."""
    different = (reference > threshold) != (score > threshold)
    distance = np.abs(reference[different] - threshold) / abs(threshold)
    if not len(distance):
        return Flips(0, None, None)
    return Flips(len(distance), float(distance.min()), float(distance.max()))


def reconstruction_error(scaled: NDArray[np.float32], output: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of (x − y)² of each window, in float64."""
    error: NDArray[np.float64] = np.square(scaled.astype(np.float64) - output).mean(axis=tuple(range(1, scaled.ndim)))
    return error


def answered(
    model: bytes, settings: SessionSettings, feeds: dict[str, NDArray[np.float32]], outputs: list[str] | None
) -> list[NDArray[np.floating]]:
    """Return the outputs (none: all) for each row alone, as it is served, put together again."""
    session = open_session(model, settings)
    ((name, rows),) = feeds.items()
    answers = [session.run(outputs, {name: rows[index : index + 1]}) for index in range(len(rows))]
    return [np.concatenate(output) for output in zip(*answers, strict=True)]
