"""dwcpc.toml: what it may say, and the key that every mistake is told with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwcpc.compiler.commands.config import Config, ModelConfig, read_config
from dwcpc.compiler.commands.configured import orders
from dwcpc.compiler.errors import InputError

WHOLE = """
out = "built"
registry = "../registry"

[budgets]
memory_mb = 300
latency_p99_ms = 4

[models.latency]
artifact = "a/model.pth"
scaler = "scaler.pkl"
target_scaler = "targets.json"
calibration = "rows.npy"
features = "features.json"
embed_features = true
batch = 1
target = "cpu-int8"
scaler_applied = "host"
arch = "package.module:factory"
timesteps = 30
input_shape = [30, 12]
threshold = 0.2918
missing = -1
min_sqnr = 35
distill = true
cases = 128
seed = 7
budgets = {latency_p99_ms = 10}

[models.nodes]
artifact = "forest.pkl"
features = "node_reliability_123"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "dwcpc.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str) -> Config:
    return read_config(written(folder, text))


def test_every_key_is_read_and_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = read(tmp_path, WHOLE)
    assert (config.out, config.registry) == (tmp_path / "built", tmp_path / "../registry")
    assert config.models["latency"] == ModelConfig(
        artifact=tmp_path / "a/model.pth",
        scaler=tmp_path / "scaler.pkl",
        target_scaler=tmp_path / "targets.json",
        calibration=tmp_path / "rows.npy",
        features=tmp_path / "features.json",
        embed_features=True,
        batch=1,
        target="cpu-int8",
        scaler_applied="host",
        arch="package.module:factory",
        timesteps=30,
        input_shape=(30, 12),
        threshold=0.2918,
        missing=-1.0,
        min_sqnr=35.0,
        distill=True,
        cases=128,
        seed=7,
        budgets={"memory_mb": 300, "latency_p99_ms": 10},
    )


def test_what_is_left_out_is_as_on_the_command_line(tmp_path: Path) -> None:
    config = read(tmp_path, '[models.nodes]\nartifact = "forest.pkl"')
    assert config.models == {"nodes": ModelConfig(artifact=tmp_path / "forest.pkl")}
    assert (config.out, config.registry) == (tmp_path / "dist", None)


def test_every_setting_reaches_the_compiler(tmp_path: Path) -> None:
    first, second = orders(read(tmp_path, WHOLE), (), None, replace=True, verify=False)
    assert (first.name, first.out, first.replace, first.verify) == ("latency", tmp_path / "built", True, False)
    request = first.request
    assert (request.artifact, request.scaler, request.target_scaler) == (
        tmp_path / "a/model.pth",
        tmp_path / "scaler.pkl",
        tmp_path / "targets.json",
    )
    assert (request.target.name, request.scaler_applied, request.threshold) == ("cpu-int8", "host", 0.2918)
    load = request.load
    assert (load.arch, load.timesteps, load.input_shape, load.missing) == ("package.module:factory", 30, (30, 12), -1)
    assert not load.trust_pickle
    assert (request.features, request.embed_features) == (str(tmp_path / "features.json"), True)
    assert (second.request.features, second.request.embed_features) == ("node_reliability_123", False)
    assert (request.one_row, second.request.one_row) == (True, False)
    assert (first.calibration, first.rows, first.seed) == (tmp_path / "rows.npy", 128, 7)
    assert (first.min_sqnr_db, first.distil) == (35, True)
    assert set(first.budgets) == {"memory_mb=300.0", "latency_p99_ms=10.0"}
    assert set(second.budgets) == {"memory_mb=300.0", "latency_p99_ms=4.0"}


def test_some_models_alone_and_another_folder(tmp_path: Path) -> None:
    (only,) = orders(read(tmp_path, WHOLE), ("nodes",), Path("elsewhere"), replace=False, verify=True)
    assert (only.name, only.out) == ("nodes", Path("elsewhere"))
    with pytest.raises(InputError, match="models: has no model_x, expected one of latency, nodes"):
        orders(read(tmp_path, WHOLE), ("model_x",), None, replace=False, verify=True)


MODEL = '[models.m]\nartifact = "x"\n'


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (MODEL + 'threshold = "high"', "models.m.threshold"),
        (MODEL + "threshold = nan", "models.m.threshold"),
        (MODEL + "missing = inf", "models.m.missing"),
        (MODEL + "input_shape = [30, 0]", "models.m.input_shape[1]"),
        (MODEL + "timesteps = 0", "models.m.timesteps"),
        (MODEL + "timesteps = 1.5", "models.m.timesteps"),
        (MODEL + "cases = 63", "models.m.cases"),
        (MODEL + "seed = -1", "models.m.seed"),
        (MODEL + "min_sqnr = 0.5", "models.m.min_sqnr"),
        (MODEL + "distill = 1", "models.m.distill"),
        (MODEL + 'scaler_applied = "nobody"', "models.m.scaler_applied"),
        (MODEL + "scaler = 3", "models.m.scaler"),
        (MODEL + 'calibration = ""', "models.m.calibration"),
        (MODEL + "thershold = 1", "models.m.thershold"),
        (MODEL + "budgets = {size = 3}", "models.m.budgets.size"),
        (MODEL + "budgets = {size_mb = 0}", "models.m.budgets.size_mb"),
        (MODEL + "budgets = {size_mb = true}", "models.m.budgets.size_mb"),
        (MODEL + "budgets = 3", "models.m.budgets"),
        (MODEL + "[budgets]\ncpu_percent = -1", "budgets.cpu_percent"),
        ('[models.m]\nscaler = "x"', "models.m.artifact"),
        ('[models."a b"]\nartifact = "x"', "models.a b"),
        ("models = 3", "models"),
        ("[models]\nm = 3", "models.m"),
        ("", "models"),
        (MODEL + "[model.n]", "model"),
        ("out = 3\n" + MODEL, "out"),
        ("registry = []\n" + MODEL, "registry"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, text: str, key: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as raised:
        read_config(path)
    assert str(raised.value).startswith(f"{path}: {key}: ")
    assert len(str(raised.value).splitlines()) == 1


def test_an_unknown_target_is_told_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"models\.m\.target: "):
        orders(read(tmp_path, MODEL + 'target = "gpu"'), (), None, replace=False, verify=True)


@pytest.mark.parametrize("content", [b"x =", b"\xff\xfe", b"[models.m]\nartifact = 1\nartifact = 2"])
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "dwcpc.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no TOML file"):
        read_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; write one, or name an ARTIFACT"):
        read_config(tmp_path / "dwcpc.toml")
