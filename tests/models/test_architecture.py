import subprocess
import sys
from pathlib import Path

import pytest

from dwcpc.models.inference import ARCHITECTURES

IMPORT_WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import dwcpc.models
import dwcpc.models.architecture
import dwcpc.models.dimensions
"""


def test_shared_types_import_without_torch():
    subprocess.run([sys.executable, "-c", IMPORT_WITHOUT_TORCH], check=True)


def test_names_are_distinct_and_name_their_files():
    names = [architecture.name for architecture in ARCHITECTURES]
    assert len(set(names)) == len(names)
    folder = Path(__file__).resolve().parents[2] / "models"
    assert all((folder / f"{name}.py").is_file() for name in names)


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_builds_a_module_in_eval_mode_from_default_sizes(architecture):
    assert not architecture.build(architecture.config_from_shapes({}, 30)).training


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_budget_and_model_type_follow_the_task(architecture):
    expected = {
        "autoencoder": ("lstm_autoencoder", 10.0),
        "regression": ("lstm_regressor", 5.0),
        "anomaly_detection": ("lstm_detector", 5.0),
    }
    assert (architecture.model_type, architecture.latency_budget_ms) == expected[architecture.task]


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_only_a_regressor_has_channels_of_its_own(architecture):
    units = {channel.name: channel.unit for channel in architecture.output_channels}
    assert units == (
        {"bandwidth": "Mbps", "latency": "ms", "packet_loss": "ratio", "jitter": "ms"}
        if architecture.task == "regression"
        else {}
    )
