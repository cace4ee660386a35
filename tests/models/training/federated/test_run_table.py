"""The table of several runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dwcpc.models.data.windows import Windows
from dwcpc.models.evaluation.detection import evaluate_detection
from dwcpc.models.training.federated.run_table import table
from dwcpc.models.training.report import plain
from dwcpc.models.training.run_files import write_json


def test_a_run_is_called_by_its_folder_and_has_intervals(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    steps = np.where(rng.random(200) < 0.2, 10, 0)
    windows = Windows(
        np.zeros((200, 10, 2), np.float32), steps, np.repeat(np.arange(10), 20), np.tile(np.arange(20.0), 10),
        np.where(steps > 0, "slow_disk", ""),
    )  # fmt: skip
    score = (steps > 0) + rng.normal(0, 0.7, 200)
    folder = tmp_path / "fedavg"
    folder.mkdir()
    write_json(folder / "evaluation.json", plain([evaluate_detection("later", "x", windows, score, 0.5)]))
    head, _, line = table([folder]).splitlines()
    assert head.startswith("| run | data | accuracy, % |")
    run, data, *figures = line.strip("| ").split(" | ")
    assert (run, data, len(figures)) == ("fedavg", "later", 5)
    for figure in figures:
        value, low, high = (float(part.strip("[],")) for part in figure.split())
        assert low <= value <= high
        assert low < high
