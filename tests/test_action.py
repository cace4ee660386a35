"""The GitHub action's script, run as the runner would: settings in the environment, outputs in files."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDER = REPOSITORY / ".github" / "actions" / "gate"
PROVEN = REPOSITORY / "tests" / "fixtures" / "bundles" / "proven"
BIN = Path(sys.executable).parent


def ran(folder: Path, path: str | None = None, **settings: str) -> tuple[int, dict[str, str], str]:
    """Run the script in `folder`; return its exit code, the outputs and the job's summary."""
    outputs, summary = folder / "outputs", folder / "summary"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GATE_", "GITHUB_"))}
    environment |= {"PATH": path or f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary), **settings}
    done = subprocess.run(
        [FOLDER / "gate.sh"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    lines = outputs.read_text(encoding="utf-8").splitlines() if outputs.exists() else []
    told = dict(line.split("=", 1) for line in lines)
    return done.returncode, told, summary.read_text(encoding="utf-8") if summary.exists() else ""


def pretending(folder: Path, code: int) -> str:
    """Return a PATH whose `dwcpc` notes its arguments, one a line, writes a summary and exits with `code`."""
    programs = folder / "bin"
    programs.mkdir()
    script = programs / "dwcpc"
    script.write_text(
        f'#!/bin/bash\nprintf "%s\\n" "$@" > "{folder}/arguments"\necho told > "$GATE_OUT/gate.md"\nexit {code}\n',
        encoding="utf-8",
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return f"{programs}{os.pathsep}{os.environ['PATH']}"


def test_a_real_gate_leaves_its_three_reports_and_tells_its_verdict(tmp_path: Path) -> None:
    code, told, summary = ran(tmp_path, GATE_PATHS=str(PROVEN), GATE_QUICK="true")
    assert (code, told) == (4, {"verdict": "inconclusive", "summary": "gate/gate.md"})
    assert "--quick is not decisive" in summary
    assert {path.name for path in (tmp_path / "gate").iterdir()} == {"gate.md", "gate.json", "junit.xml"}
    assert ET.parse(tmp_path / "gate" / "junit.xml").getroot().tag == "testsuites"  # noqa: S314 - our own


def test_what_cannot_be_read_is_an_error_and_leaves_no_earlier_verdict(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "gate.md").write_text("pass", encoding="utf-8")
    code, told, summary = ran(tmp_path, GATE_PATHS="nowhere")
    assert (code, told["verdict"], summary) == (2, "error", "")
    assert not (tmp_path / "gate" / "gate.md").exists()


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, "pass"), (1, "fail"), (4, "inconclusive"), (2, "error"), (3, "error")]
)
def test_the_exit_code_is_the_gates_own(tmp_path: Path, code: int, verdict: str) -> None:
    given, told, summary = ran(tmp_path, pretending(tmp_path, code), GATE_OUT=".")
    assert (given, told["verdict"], summary) == (code, verdict, "told\n")


def test_every_setting_reaches_the_command_and_none_is_run(tmp_path: Path) -> None:
    ran(
        tmp_path,
        pretending(tmp_path, 0),
        GATE_PATHS="dist other",
        GATE_BASELINE="my registry; touch ran",
        GATE_BUDGETS="latency_p99_ms=5 size_mb=$(touch${IFS}ran)",
        GATE_QUICK="true",
        GATE_OUT=".",
    )
    arguments = (tmp_path / "arguments").read_text(encoding="utf-8").splitlines()
    reports = ["--summary", "./gate.md", "--json-file", "./gate.json", "--junit", "./junit.xml"]
    assert arguments == [
        "gate",
        *reports,
        "--baseline",
        "my registry; touch ran",
        "--quick",
        "--budget",
        "latency_p99_ms=5",
        "--budget",
        "size_mb=$(touch${IFS}ran)",
        "--",
        "dist",
        "other",
    ]
    assert not (tmp_path / "ran").exists()


def test_the_action_hands_over_every_input() -> None:
    text = (FOLDER / "action.yml").read_text(encoding="utf-8")
    inputs = re.findall(r"^  (\w+):\n    description", text.split("outputs:")[0], flags=re.MULTILINE)
    assert inputs == ["paths", "baseline", "budgets", "quick", "out"]
    script = (FOLDER / "gate.sh").read_text(encoding="utf-8")
    for name in inputs:
        assert f"GATE_{name.upper()}: ${{{{ inputs.{name} }}}}" in text
        assert f"GATE_{name.upper()}" in script
