"""The command from models to page: real compilation and comparison of small models, timing left out."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from dwcpc.bench import precision_entries, precision_table
from dwcpc.bench.paired import Paired
from dwcpc.bench.precision_compile import Outcome, compile_for
from dwcpc.bench.precision_models import Plan, TableModel
from dwcpc.bench.precision_table import main
from dwcpc.compiler.bundle import Bundle

# The command line, told not to prove anything; cpu-int8 is refused, whether or not this version has that target.
QUICK = """
import sys
from dwcpc.compiler.cli import main
if "cpu-int8" in sys.argv:
    print('{"error": {"message": "nothing reaches 30 dB", "exit_code": 1}}')
    sys.exit(1)
main([*sys.argv[1:], "--no-verify", "--cases", "64"])
"""


@pytest.fixture
def folder(
    small_autoencoder: TableModel, small_predictor: TableModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Let the command have small models, no proof and no timing; return the folder to give it."""
    made = {model.name: model for model in (small_autoencoder, small_predictor)}
    plans = tuple(Plan(name, made[name].title, lambda plan, _: made[plan.name]) for name in made)
    script = tmp_path / "quick.py"
    script.write_text(QUICK)

    def quickly(target: str, model: TableModel, out: Path) -> Outcome:
        return compile_for(target, model, out, [sys.executable, str(script)])

    def paired(base: Bundle, *_: Any, pairs: int, **__: Any) -> Paired:
        assert base.metadata.target == "cpu-fp32"
        return Paired(1.0, 0.9, 1.1, 0.5, 0.5, 1.0, pairs)

    monkeypatch.setattr(precision_table, "plans", lambda: plans)
    monkeypatch.setattr(precision_table, "compile_for", quickly)
    monkeypatch.setattr(precision_entries, "pair_bundles", paired)
    monkeypatch.setattr(precision_entries, "pair_model", paired)
    return tmp_path / "tables"


def row(page: str, name: str) -> list[str]:
    """Return the cells of the only row called `name`."""
    (line,) = re.findall(rf"^\| {re.escape(name)} \|.*$", page, re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.slow
def test_models_are_compiled_measured_and_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "docs" / "precision.md"
    main([str(folder), "--only", "autoencoder_random", "--target", "cpu-int8", "--pairs", "7", "-o", str(output)])
    page = output.read_text(encoding="utf-8")
    fp32, int8 = row(page, "cpu-fp32"), row(page, "cpu-int8")
    assert float(fp32[1]) > 90
    assert fp32[2] == "0 of 48"
    assert fp32[4] == fp32[6] == "100.0 %"
    assert fp32[9] == "inconclusive"  # it was not proven
    assert int8[1:] == ["–"] * 8 + ["refused (1)"]
    assert "1. nothing reaches 30 dB" in page
    assert float(row(page, "export + onnxsim")[1]) > 90
    assert float(row(page, "quantize_dynamic, defaults")[1]) < 60
    assert row(page, "quantize_dynamic, per_channel, reduce_range")[5] == "–"
    assert "7 pairs of blocks" in page
    assert str(tmp_path) not in page
    assert "autoencoder_random: compiling for cpu-fp32" in capsys.readouterr().err

    main([str(folder), "--only", "predictor_random", "--target", "cpu-fp32", "--pairs", "7", "-o", str(output)])
    both = output.read_text(encoding="utf-8")
    assert both.startswith(page.rstrip("\n"))  # the first keeps its place
    predictor = both[len(page) :]
    assert float(row(predictor, "cpu-fp32")[1]) > 90
    assert row(predictor, "cpu-fp32")[2] == "–"

    output.unlink()
    main([str(folder), "--page-only", "-o", str(output)])
    assert output.read_text(encoding="utf-8") == both


def test_an_unknown_target_or_model_ends_the_command_with_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "precision.md"
    for arguments, said in (
        (["--only", "nope"], "--only nope: names no model"),
        (["--only", "autoencoder_random", "--target", "cpu-int3"], "for cpu-int3 ended with exit code 2: --target is"),
    ):
        with pytest.raises(SystemExit) as ended:
            main([str(folder), *arguments, "-o", str(output)])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
    assert not output.exists()
