"""The Go harness: the engine that a Go service imports, driven as a process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.harness import call_harness
from dwcpc.parity.runners.base import RunnerOutput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.bundle import Bundle


class GoRuntime:
    """The runner named `go`."""

    name = "go"

    def run(self, bundle: Bundle, rows: NDArray[np.float32], batch: int) -> RunnerOutput:
        """Run `rows` in calls of `batch` rows in one harness process."""
        with tempfile.TemporaryDirectory(prefix="dwcpc-run-") as name:
            folder = Path(name)
            np.save(folder / "input.npy", np.ascontiguousarray(rows))
            feed = f"{bundle.metadata.inputs[0].name}={folder / 'input.npy'}"
            arguments = ["--bundle", str(bundle.path), "--input", feed, "--out", str(folder), "--batch", str(batch)]
            answer = call_harness("run", arguments)
            outputs = {
                tensor.name: np.load(folder / f"{tensor.name}.npy", allow_pickle=False)
                for tensor in bundle.metadata.outputs
            }
        return RunnerOutput(outputs, str(answer["onnxruntime"]))
