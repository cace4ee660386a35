"""Looking at artifacts, bundles and the machine: nothing is made, and scripts can read the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
NAME = "consensus_demo"


def test_inspects_artifact_scaler_and_bundle(run: Run, compiled: Any, demo_model: Path, demo_scaler: Path) -> None:
    model = run("-q", "--json", "inspect", demo_model)
    fields = dict(model.json)
    assert model.code == 0
    assert fields["framework"] == "pytorch"
    assert "bilstm_attention_autoencoder" in fields["architecture"]
    assert fields["output_fc.weight"] == "12×48"
    scaler = run("-q", "--json", "inspect", demo_scaler)
    assert dict(scaler.json)["scaler"] == "RobustScaler, 12 features"
    bundle = run("-q", "--json", "inspect", compiled.out / NAME)
    assert dict(bundle.json)["name"].startswith(f"{NAME} v1.0")
    assert dict(bundle.json)["parity"] == "pass, reference float64"
    text = run("-q", "inspect", compiled.folder).out
    assert "RobustScaler, applied by the graph" in text


def test_doctor_looks_at_both_runtimes(run: Run) -> None:
    ran = run("--json", "doctor")
    findings = {finding["subject"]: finding for finding in ran.json}
    assert {"dwcpc", "python", "onnxruntime", "runtime library", "go harness", "go runtime"} <= set(findings)
    assert ran.code == (0 if all(finding["good"] for finding in ran.json) else 2)
    assert len(run("doctor").out.splitlines()) == len(findings)


def test_doctor_prints_the_runtime_library_alone(run: Run) -> None:
    ran = run("doctor", "--ort-lib")
    assert ran.code == 0
    (line,) = ran.out.splitlines()
    assert Path(line).is_file()
    assert run("--json", "doctor", "--ort-lib").json == {"ort_lib": line}
