"""The runtimes in which a bundle is verified."""

from __future__ import annotations

from dwcpc.parity.runners.base import Runner
from dwcpc.parity.runners.go import GoRuntime
from dwcpc.parity.runners.python_ort import PythonRuntime

RUNNERS: tuple[Runner, ...] = (PythonRuntime(), GoRuntime())
