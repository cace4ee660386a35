"""`dwcpc doctor`: versions, processor, runtime library and Go harness, and what is known to go wrong with them."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from dwcpc.bench.environment import cpu_ticks, describe_machine
from dwcpc.compiler.errors import DwcpcError
from dwcpc.compiler.harness import call_harness, find_harness, runtime_library

CORE = ("numpy", "onnx", "onnxruntime")
OPTIONAL = ("torch", "onnxsim", "onnx-ir", "scikit-learn", "xgboost")
# onnxruntime#28557: wrong RandomForest results.
KNOWN_BAD = {("onnxruntime", "1.26.0"): "computes some random forests wrongly (onnxruntime#28557); install another"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, and whether that is good."""

    subject: str
    found: str
    good: bool


def diagnose() -> list[Finding]:
    """Look at everything that dwcpc depends on; nothing is raised."""
    machine = describe_machine(cpu_ticks())
    findings = [
        Finding("dwcpc", version("dwcpc"), good=True),
        Finding("python", platform.python_version(), good=True),
        Finding("machine", f"{machine.cpu}, {machine.cores} cores, {' '.join(machine.flags)}", good=True),
    ]
    findings += [_package(name, required=True) for name in CORE]
    findings += [_package(name, required=False) for name in OPTIONAL]
    return findings + _go()


def _package(name: str, *, required: bool) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        remedy = "missing: install dwcpc again" if required else "not installed (needed for its own artifacts only)"
        return Finding(name, remedy, good=not required)
    trouble = KNOWN_BAD.get((name, found))
    return Finding(name, found if trouble is None else f"{found}: {trouble}", good=trouble is None)


def _go() -> list[Finding]:
    try:
        findings = [Finding("runtime library", str(runtime_library()), good=True)]
        findings.append(Finding("go harness", str(find_harness()), good=True))
        answer = call_harness("version", [])
    except DwcpcError as error:
        return [Finding("go", str(error), good=False)]
    same = answer["onnxruntime"] == version("onnxruntime")
    text = f"{answer['go']} with onnxruntime {answer['onnxruntime']} from {answer['library']}"
    found = text if same else f"{text}: not Python's version, so equal bits are not required of the two"
    return [*findings, Finding("go runtime", found, good=same)]
