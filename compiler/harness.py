"""Finding, building and calling `dwcpc-harness`, the Go side of verification and measurement.

Lookup: `DWCPC_HARNESS`, the binary in the wheel (or that `make setup` built), else built once from the checkout.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from dwcpc.compiler.errors import DwcpcError, InputError, VerdictError

logger = logging.getLogger(__name__)

HARNESS_VARIABLE = "DWCPC_HARNESS"
LIBRARY_VARIABLE = "DWCPC_ORT_LIB"
PACKAGE_FOLDER = Path(__file__).resolve().parent
PACKAGED_HARNESS = PACKAGE_FOLDER / "bin" / "dwcpc-harness"
GO_MODULE = PACKAGE_FOLDER.parent / "go_harness"
TIMEOUT_S = 600
ERRORS = {error.exit_code: error for error in (InputError, VerdictError)}


def call_harness(command: str, arguments: list[str], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Run one harness command and return its JSON object; its error becomes ours, with the same meaning."""
    environment = dict(os.environ)
    if LIBRARY_VARIABLE not in environment:
        environment[LIBRARY_VARIABLE] = str(runtime_library())
    argv = [str(find_harness()), command, *arguments]
    try:
        done = subprocess.run(argv, capture_output=True, env=environment, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DwcpcError(f"{argv[0]} {command} did not run: {error}") from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        detail = done.stderr.decode(errors="replace").strip()[-500:]
        raise DwcpcError(f"{argv[0]} {command} ended with {done.returncode} and no answer: {detail}") from error
    if "error" in answer:
        message = f"go harness: {answer['error']['message']}"
        # A model that its runtime cannot run is not the model that was compiled.
        error_type = VerdictError if answer["error"]["kind"] == "runtime" else ERRORS.get(done.returncode, DwcpcError)
        raise error_type(message)
    return answer


@cache
def find_harness() -> Path:
    """Return the harness binary; InputError tells how to get one."""
    named = os.environ.get(HARNESS_VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise InputError(f"{HARNESS_VARIABLE}={named}: is not an executable file; unset it or build the harness")
        return Path(named)
    if os.access(PACKAGED_HARNESS, os.X_OK):
        return PACKAGED_HARNESS
    return _built_from_checkout()


@cache
def runtime_library() -> Path:
    """Return the shared library inside the installed onnxruntime wheel, so that Go runs what Python runs."""
    distribution = metadata.distribution("onnxruntime")
    names = ("libonnxruntime.so", "libonnxruntime.", "onnxruntime.dll")
    for file in distribution.files or []:
        if file.parent.name == "capi" and file.name.startswith(names) and "providers" not in file.name:
            return Path(str(distribution.locate_file(file))).resolve()
    raise InputError(
        f"onnxruntime {distribution.version} holds no shared library for Go; install another build of it or set "
        f"{LIBRARY_VARIABLE} to a libonnxruntime"
    )


def _built_from_checkout() -> Path:
    go = shutil.which("go")
    if not (GO_MODULE / "go.mod").exists() or go is None:
        what = "Go is not on PATH" if (GO_MODULE / "go.mod").exists() else "this installation holds none"
        raise InputError(
            f"the Go harness is missing and {what}; install a dwcpc wheel for this platform, or set "
            f"{HARNESS_VARIABLE} to a built dwcpc-harness"
        )
    logger.warning("building the Go harness, once")
    argv = [go, "build", "-trimpath", "-o", str(PACKAGED_HARNESS), "./cmd/dwcpc-harness"]
    done = subprocess.run(argv, cwd=GO_MODULE, capture_output=True, check=False)
    if done.returncode:
        raise DwcpcError(f"the Go harness does not build: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return PACKAGED_HARNESS
