"""The command that compares a bundle with the plain export of its artifact, on the demonstration booster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from dwcpc.bench import against_plain_export
from dwcpc.bench.against_plain_export import main
from dwcpc.bench.paired import Paired
from dwcpc.compiler.cli import main as dwcpc

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"
ARTIFACT = DEMO / "fault_demo.ubj"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the booster with its scaler in the graph."""
    out = tmp_path_factory.mktemp("bundles")
    options = ["--scaler", str(DEMO / "trees_demo_scaler.json"), "--name", "fault", "--out", str(out), "--cases", "64"]
    with pytest.raises(SystemExit) as ended:
        dwcpc(["compile", str(ARTIFACT), *options, "--version", "1.0", "--no-verify"])
    assert ended.value.code == 4  # written, and not judged
    return out / "fault" / "v1.0"


def test_both_sides_run_in_one_go_process(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[onnx.ModelProto, np.ndarray, np.ndarray]] = []
    real = against_plain_export.pair_model

    def watched(a: Any, model: Path, rows: np.ndarray, **options: Any) -> Paired:
        seen.append((onnx.load(model), rows, options["feeds"]["features"]))
        return real(a, model, rows, **options)

    monkeypatch.setattr(against_plain_export, "pair_model", watched)
    capsys.readouterr()
    main([str(ARTIFACT), str(bundle), "--simplified", "--runtime", "go", "--pairs", "7"])
    out = capsys.readouterr().out
    assert re.fullmatch(
        r"plain export \+ onnxsim, go  p50 \S+ ms\nbundle, go {18}p50 \S+ ms\n"
        r"bundle / plain {14}\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]  cpu \d\.\d{3}  7 pairs: .+\n",
        out,
    ), out
    ((model, rows, scaled),) = seen
    assert [node.op_type for node in model.graph.node] == ["TreeEnsembleClassifier"]
    assert not np.array_equal(rows, scaled)  # the plain export takes scaled rows


def test_the_plain_side_runs_in_python_against_processes_of_go(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = np.tile([1e3, 5e2], (3, 1))
    monkeypatch.setattr(against_plain_export, "SECONDS", 0.0)
    monkeypatch.setattr(against_plain_export, "go_samples", lambda *_: ({}, slow))
    main([str(ARTIFACT), str(bundle), "--pairs", "7"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("plain export, python  p50 0.0")
    assert lines[1] == "bundle, go            p50 1000 ms"
    assert lines[2].endswith("7 pairs: the bundle is slower")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.01, 1.02, "the bundle is slower"),
        (0.98, 0.99, "the bundle is faster"),
        (0.99, 1.013, "no difference is shown; the bundle is at most 1.3 % slower"),
    ],
)
def test_the_bounds_are_put_into_words(
    low: float,
    high: float,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    bundle: Path,
) -> None:
    monkeypatch.setattr(against_plain_export, "_against_go", lambda *_: Paired(1.0, low, high, 2.0, 2.0, 1.0, 20))
    main([str(ARTIFACT), str(bundle), "--runtime", "go"])
    assert capsys.readouterr().out.endswith(f"cpu 1.000  20 pairs: {said}\n")
