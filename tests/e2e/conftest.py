"""The command line, run in this process or in one of its own; the artifact it is run on and what it makes of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dwcpc.bench import measure
from dwcpc.compiler.cli import main
from dwcpc.compiler.seal import sealed

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "models" / "demo"
NAME = "consensus_demo"
CASES = "256"
# Whether this machine is quiet enough for a verdict on latency is not tested.
WIDE_BUDGET = "latency_p99_ms=1000"
CREATED_S = "1767225600"  # 2026-01-01T00:00:00Z


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of the command line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stdout holds, as one JSON document."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return `run(*arguments)`: the command line in this process."""

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return call


def run_process(*arguments: object, environment: dict[str, str] | None = None) -> Ran:
    """Run the installed `dwcpc` in a process of its own."""
    argv = [str(Path(sys.executable).with_name("dwcpc")), *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def process() -> Run:
    """Return `process(*arguments, environment=None)`: the command line in a process of its own."""
    return run_process


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """The trained model that ships with the project."""
    return DEMO / "consensus_demo.pth"


@pytest.fixture(scope="session")
def demo_scaler() -> Path:
    """Its scaler."""
    return DEMO / "consensus_demo_scaler.json"


@pytest.fixture(scope="session")
def demo_threshold() -> str:
    """Its anomaly threshold."""
    return (DEMO / "threshold.txt").read_text(encoding="ascii").strip()


def tree(folder: Path) -> dict[str, bytes | str]:
    """Return every file's bytes and every link's target below `folder`, by relative path."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = path.read_bytes() if path.is_file() else "a folder"
    return found


@pytest.fixture(scope="session")
def snapshot() -> Callable[[Path], dict[str, bytes | str]]:
    """Return `snapshot(folder)`: what is below it, to compare with a later one."""
    return tree


@dataclass(frozen=True, slots=True)
class Compiled:
    """The first compile: what it printed and the folder it wrote to."""

    ran: Ran
    out: Path

    @property
    def folder(self) -> Path:
        """The version's folder."""
        return self.out / NAME / "v1.0"

    @property
    def metadata(self) -> dict[str, Any]:
        """The version's metadata.json."""
        read: dict[str, Any] = json.loads((self.folder / "metadata.json").read_bytes())
        return read


@pytest.fixture(scope="session")
def arguments(demo_model: Path, demo_scaler: Path, demo_threshold: str) -> list[str]:
    """What every compile of the demo is given, but for --out."""
    named = ["--scaler", str(demo_scaler), "--threshold", demo_threshold, "--name", NAME]
    return ["compile", str(demo_model), *named, "--cases", CASES, "--budget", WIDE_BUDGET]


@pytest.fixture(scope="session")
def compiled(arguments: list[str], process: Run, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Compile the demo once, in a process of its own."""
    out = tmp_path_factory.mktemp("compiled") / "dist"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": CREATED_S}
    return Compiled(process("--json", *arguments, "--out", out, environment=environment), out)


@pytest.fixture
def registry(compiled: Compiled, tmp_path: Path) -> Path:
    """A copy of the first compile's output, to compile into or to spoil."""
    return Path(shutil.copytree(compiled.out, tmp_path / "dist", symlinks=True))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure for no longer than the smallest number of calls takes."""
    monkeypatch.setattr(measure, "DEFAULT_SECONDS", 0.0)


@pytest.fixture(scope="session")
def perturbed() -> Callable[[onnx.ModelProto], None]:
    """Return a function that makes a model's largest weight 0.1 % larger, in place."""

    def change(model: onnx.ModelProto) -> None:
        weights = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
        largest = max(weights, key=lambda tensor: numpy_helper.to_array(tensor).size)
        values = numpy_helper.to_array(largest) * np.float32(1.001)
        largest.CopyFrom(numpy_helper.from_array(values, largest.name))

    return change


def exchange_model(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    """Change the model and make the metadata's hash agree, as somebody would who means to deceive."""
    model = onnx.load(folder / "model.onnx")
    change(model)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    metadata = json.loads((folder / "metadata.json").read_bytes())
    metadata["model"] |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "metadata.json").write_text(sealed(metadata), encoding="utf-8")


@pytest.fixture(scope="session")
def exchange() -> Callable[[Path, Callable[[onnx.ModelProto], None]], None]:
    """Return `exchange(folder, change)`: a bundle's model changed, with a hash that agrees."""
    return exchange_model
