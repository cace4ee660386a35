"""Python's onnxruntime, with the session settings that the bundle declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import VerdictError
from dwcpc.compiler.ort_session import open_session
from dwcpc.parity.runners.base import RunnerOutput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.bundle import Bundle


class PythonRuntime:
    """The runner named `python`."""

    name = "python"

    def run(self, bundle: Bundle, rows: NDArray[np.float32], batch: int) -> RunnerOutput:
        """Run `rows` in calls of `batch` rows in one session; VerdictError where onnxruntime will not."""
        import onnxruntime

        names = [tensor.name for tensor in bundle.metadata.outputs]
        feed = bundle.metadata.inputs[0].name
        try:
            session = open_session(bundle.model_path.read_bytes(), bundle.metadata.runtime.session)
            parts = [session.run(names, {feed: rows[at : at + batch]}) for at in range(0, len(rows), batch)]
        except Exception as error:  # a type for each of its status codes, without a common one
            raise VerdictError(
                f"{bundle.path}: onnxruntime {onnxruntime.__version__} cannot run it in calls of {batch} rows ({error})"
            ) from error
        outputs = {name: np.concatenate(column) for name, column in zip(names, zip(*parts, strict=True), strict=True)}
        return RunnerOutput(outputs, onnxruntime.__version__)
