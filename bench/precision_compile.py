"""`dwcpc compile` for one model and target, in a process of its own: a bundle, or the sentence that refuses it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dwcpc.compiler.bundle import METADATA_FILE
from dwcpc.compiler.errors import DwcpcError, InputError

if TYPE_CHECKING:
    from dwcpc.bench.precision_models import TableModel

DWCPC = (str(Path(sys.executable).with_name("dwcpc")),)
VERDICT_FAIL = 1
INCONCLUSIVE = 4
VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the folder of the bundle, also of one that failed, or none and why in `reason`."""

    verdict: str
    bundle: Path | None
    metadata: dict[str, Any]
    reason: str


def compile_for(target: str, model: TableModel, out: Path, command: Sequence[str] = DWCPC) -> Outcome:
    """Compile anew into `out`; a refusal is an outcome, bad usage or a bug of the compiler an error."""
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([*command, *_arguments(target, model, out)], capture_output=True, text=True, check=False)
    answer = _answer(done)
    if done.returncode not in (0, VERDICT_FAIL, INCONCLUSIVE):
        said = answer["error"]["message"] if "error" in answer else done.stderr.strip()[-500:]
        message = f"compiling {model.name} for {target} ended with exit code {done.returncode}: {said}"
        raise (InputError if done.returncode == InputError.exit_code else DwcpcError)(message)
    if "error" in answer:
        return Outcome("refused", None, {}, str(answer["error"]["message"]))
    metadata: dict[str, Any] = answer["metadata"]
    return Outcome(str(answer["verdict"]), _bundle(Path(answer["path"])), metadata, failures(metadata))


def failures(metadata: dict[str, Any]) -> str:
    """Return what did not pass: checks of the parity with their worst value and limit, and budgets."""
    results = (metadata.get("parity") or {}).get("results", [])
    failed = [
        f"{each['check']} of {each['output']} on {each['group']} rows in {each['runtime']}: "
        f"{each['worst']:.4g} of {each['limit']:.4g}"
        for each in results
        if not each["passed"]
    ]
    budgets = [
        f"{each['name']} {each['verdict']}: {each['reason']}"
        for each in metadata.get("budgets", [])
        if each["verdict"] != "pass"
    ]
    return "; ".join(failed + budgets)


def _arguments(target: str, model: TableModel, out: Path) -> list[str]:
    given = {
        "--target": target,
        "--scaler": model.scaler,
        "--target-scaler": model.target_scaler,
        "--threshold": model.threshold,
        "--calibration": model.calibration,
        "--name": model.name,
        "--version": VERSION,
        "--out": out,
    }
    options = [part for option, value in given.items() if value is not None for part in (option, str(value))]
    return ["--json", "-q", "compile", str(model.artifact), *options]


def _answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        said = done.stderr.strip()[-500:]
        raise DwcpcError(f"`dwcpc compile` wrote no JSON and exit code {done.returncode}: {said}") from error
    return answer


def _bundle(path: Path) -> Path:
    """Return the version's folder, or the bundle inside the folder that a failure is kept in."""
    return path if (path / METADATA_FILE).exists() else path / "bundle"
