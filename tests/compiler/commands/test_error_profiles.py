"""The error of each position: of timesteps where there are some, of channels, or of the only value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dwcpc.bench.findings import ErrorProfile
from dwcpc.compiler.bundle import open_bundle
from dwcpc.compiler.commands.error_profiles import error_profiles
from dwcpc.compiler.metadata import Parity
from dwcpc.parity.reference import Reference, ReferenceGroup
from dwcpc.parity.runners.base import Outputs
from dwcpc.parity.verify import Verification

BUNDLE = open_bundle(Path(__file__).resolve().parents[2] / "fixtures" / "bundles" / "good")
ROWS = np.zeros((2, 3, 2), np.float32)
SCORE = np.array([1.0, 2.0])
WINDOWS = np.zeros((2, 3, 2))


def profiles(windows: np.ndarray, score: np.ndarray, expected_score: np.ndarray = SCORE) -> dict[str, ErrorProfile]:
    tolerance = {"reconstruction": np.array([0.5, 0.25]), "anomaly_score": np.array([0.1, 0.2])}
    group = ReferenceGroup("typical", ROWS, {"reconstruction": WINDOWS, "anomaly_score": expected_score}, tolerance)
    reference = Reference("golden", 0, (group,), ROWS[:0], ())
    answers: Outputs = {"reconstruction": windows.astype(np.float32), "anomaly_score": score.astype(np.float32)}
    verification = Verification(Parity("pass", "golden", 0, {}, ()), {"go": "1"}, {"go": answers})
    return {profile.output: profile for profile in error_profiles(BUNDLE, reference, verification)}


def test_a_position_of_a_window_is_its_timestep() -> None:
    windows = WINDOWS.copy()
    windows[1, 2, 0], windows[0, 2, 1], windows[0, 0, 1] = -0.5, 0.25, 0.125
    found = profiles(windows, SCORE)["reconstruction"]
    assert (found.runtime, found.axis) == ("go", "timestep")
    assert found.worst == (0.125, 0.0, 0.5)
    assert found.tolerance == (0.25, 0.25, 0.25)


def test_a_score_has_one_position() -> None:
    found = profiles(WINDOWS, SCORE + np.array([0.0, 0.125]))["anomaly_score"]
    assert (found.axis, found.worst, found.tolerance) == ("value", (0.125,), (0.1,))


def test_a_position_of_a_row_of_values_is_its_channel() -> None:
    flat = replace(BUNDLE.metadata.outputs[0], name="probability", shape=("batch", 2))
    bundle = replace(BUNDLE, metadata=replace(BUNDLE.metadata, outputs=(flat,)))
    group = ReferenceGroup("typical", ROWS, {"probability": np.zeros((2, 2))}, {"probability": np.array([0.1])})
    answers: Outputs = {"probability": np.array([[0, 0.5], [0, 0.25]], np.float32)}
    verification = Verification(Parity("pass", "golden", 0, {}, ()), {}, {"python": answers})
    (found,) = error_profiles(bundle, Reference("golden", 0, (group,), ROWS[:0], ()), verification)
    assert (found.axis, found.worst, found.tolerance) == ("channel", (0.0, 0.5), (0.1, 0.1))


def test_a_row_that_both_refuse_has_no_error_and_one_that_only_one_does_the_largest() -> None:
    refused = np.array([np.nan, 2.0])
    assert profiles(WINDOWS, refused, refused)["anomaly_score"].worst == (0.0,)
    assert profiles(WINDOWS, refused)["anomaly_score"].worst == pytest.approx((np.finfo(np.float64).max,))
