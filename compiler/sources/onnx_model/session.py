"""A model as onnxruntime runs it with its optimisations off: the source's own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnxruntime as ort

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FATAL = 4  # of onnxruntime's levels: what goes wrong comes as an exception, and is said once


class Session:
    """One input, one output, one thread a call; safe to call from several threads."""

    def __init__(self, model: bytes) -> None:
        """Open `model`; onnxruntime's own exceptions say why not."""
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = FATAL
        self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._run_options = ort.RunOptions()
        self._run_options.log_severity_level = FATAL
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name

    def run(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the output on `x` [rows, …]."""
        answer: NDArray[np.floating] = self._session.run([self._output], {self._input: x}, self._run_options)[0]
        return answer
