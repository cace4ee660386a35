"""The .csv files that the Go module's collector writes, which its own tests compare with these fixtures."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from dwcpc.parity.csv_samples import read_samples

SAMPLES = Path(__file__).parents[1] / "fixtures" / "samples"


def test_calibration_reads_what_a_go_service_collected() -> None:
    values = read_samples(SAMPLES / "calibration.csv", 2, ("throughput", "rtt"))
    assert values.tolist() == np.array([[100.25, 40], [0.1, 1e-7], [3e8, -2]], np.float32).tolist()


def test_training_reads_names_times_and_missing_values() -> None:
    with (SAMPLES / "training.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["time", "throughput", "rtt"]
    assert datetime.fromisoformat(rows[3]["time"]) == datetime(2024, 2, 29, 12, 3, tzinfo=UTC)
    assert [row["throughput"] for row in rows] == ["100.25", "", "0.1", "3e+08"]
    assert np.float32(rows[2]["rtt"]) == np.float32(1e-7)
