"""The wheel in an empty environment: core dependencies only, no torch, no Go on the path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
DEMO = REPOSITORY / "models" / "demo"
ONNX = REPOSITORY / "tests" / "fixtures" / "add_one.onnx"
UV = Path(sys.executable).with_name("uv")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from the sdist, so that nothing stale in the checkout can slip in."""
    folder = tmp_path_factory.mktemp("wheels")
    argv = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(argv, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def empty_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of an environment that holds the wheel and its core dependencies."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    constraints = REPOSITORY / "requirements" / "constraints.txt"
    argv = [UV, "pip", "install", "--quiet", "--python", folder / "bin" / "python", "-c", constraints, wheel]
    subprocess.run(argv, check=True, capture_output=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the demo here, where torch is; its golden vectors are all that the empty environment needs."""
    out = tmp_path_factory.mktemp("dist")
    argv = [str(Path(sys.executable).with_name("dwcpc")), "-q", "compile", str(DEMO / "consensus_demo.pth")]
    argv += ["--scaler", str(DEMO / "consensus_demo_scaler.json"), "--name", "demo", "--out", str(out), "--no-verify"]
    assert subprocess.run(argv, check=False, capture_output=True).returncode == 4
    return out / "demo" / "v1.0"


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the environment's dwcpc with nothing else on the path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DWCPC_")}
    environment["PATH"] = str(folder)
    argv = [str(folder / "dwcpc"), *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, env=environment, cwd=folder, check=False)


def test_holds_only_dwcpc_and_the_harness(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"dwcpc", next(n for n in names if "dist-info" in n).split("/")[0]}
    assert "dwcpc/compiler/bin/dwcpc-harness" in names
    assert "dwcpc/compiler/bundle.schema.json" in names
    assert wheel.name.startswith("dwcpc-")
    assert wheel.name.split("-")[2:4] == ["py3", "none"]
    assert not wheel.name.endswith("-any.whl")


def test_verifies_a_bundle_in_python_and_in_go_without_torch_or_go(empty_environment: Path, bundle: Path) -> None:
    for absent in ("torch", "sklearn", "onnxsim"):
        probe = [str(empty_environment / "python"), "-c", f"import {absent}"]
        assert subprocess.run(probe, capture_output=True, check=False).returncode == 1
    assert shutil.which("go", path=str(empty_environment)) is None

    done = run(empty_environment, "--json", "-q", "verify", bundle)

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "pass"
    assert set(answer["bundles"][0]["onnxruntime"]) == {"python", "go"}


def test_says_what_to_install_when_torch_is_needed(empty_environment: Path) -> None:
    done = run(empty_environment, "-q", "compile", DEMO / "consensus_demo.pth", "--out", empty_environment / "never")
    assert done.returncode == 2
    assert "install dwcpc[torch]" in done.stderr
    done = run(empty_environment, "-q", "compile", ONNX, "--out", empty_environment / "never")
    assert done.returncode == 2
    assert "install dwcpc[onnx]" in done.stderr
    assert not (empty_environment / "never").exists()


def test_help_and_doctor_work(empty_environment: Path) -> None:
    assert run(empty_environment, "--help").returncode == 0
    done = run(empty_environment, "doctor")
    assert done.returncode == 0, done.stdout
    assert "torch" in done.stdout
