"""An ONNX file as a `Network`: answered by the file itself, exported with its batch axis free."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
from numpy.typing import NDArray

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.sources.base import NetworkSpec, Precision
from dwcpc.compiler.sources.onnx_model.float64 import float64_run
from dwcpc.compiler.sources.onnx_model.one_thread import one_blas_thread
from dwcpc.compiler.sources.onnx_model.session import Session
from dwcpc.compiler.sources.onnx_model.signature import Signature

ROWS_PER_CALL = 128  # bounds the memory of a call, as for torch
PROBE_SEED = 20260101

Run = Callable[[NDArray[np.floating]], NDArray[np.floating]]


@dataclass(frozen=True, slots=True)
class Graphs:
    """The file as it is run, its graph in its own batch size, and the one whose first axis is free, to be compiled.

    `adds_axis` says that the file answers [batch], of which the network makes [batch, 1].
    """

    session: Session
    original: onnx.ModelProto
    free: onnx.ModelProto
    signature: Signature
    adds_axis: bool


class OnnxNetwork:
    """The file's own answers, and its graph."""

    def __init__(self, artifact: Artifact, graphs: Graphs, spec: NetworkSpec) -> None:
        """Take what was loaded and tried."""
        self._artifact = artifact
        self._graphs = graphs
        self._spec = spec

    @property
    def spec(self) -> NetworkSpec:
        """What this network is."""
        return self._spec

    def export(self, opset: int) -> onnx.ModelProto:
        """Return the file's graph in `opset`, under the compiler's names."""
        from dwcpc.compiler.sources.onnx_model.exporting import Result, exported

        result = Result(self._spec.output_shape, self._graphs.adds_axis)
        return exported(self._artifact, self._graphs.free, self._graphs.signature, result, opset)

    def predict(self, x: NDArray[np.float32], precision: Precision) -> NDArray[np.floating]:
        """Run the file on `x` [rows, *input_shape], in its own batch size; PrecisionError where float64 cannot be."""
        wide = precision == "float64"
        run = self._float64 if wide else self._graphs.session.run
        dtype: type[np.floating] = np.float64 if wide else np.float32
        try:
            with one_blas_thread():
                answer = in_calls(run, x.astype(dtype, copy=False), self._graphs.signature.batch)
        except Exception as error:  # an operator that takes some numbers and not others, such as an index
            raise InputError(
                f"{self._artifact.path}: does not answer every row of numbers ({first_line(error)}); limit what it "
                "takes within the model, with Clip"
            ) from error
        return answer.astype(dtype, copy=False).reshape(len(x), *self._spec.output_shape)

    @cached_property
    def _float64(self) -> Run:
        probe = probe_rows(self._graphs.signature.batch or 2, self._graphs.signature.input_shape)
        return float64_run(self._graphs.original, probe, self._graphs.session.run(probe))


def probe_rows(rows: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return rows to try a model on: drawn, and the same at each call."""
    return np.random.default_rng(PROBE_SEED).standard_normal((rows, *shape), np.float32)


def in_calls(run: Run, x: NDArray[np.floating], batch: int | None) -> NDArray[np.floating]:
    """Run on `x` in calls of `batch` rows, the last filled up with its last row; side by side where there are many."""
    size = batch or ROWS_PER_CALL

    def part(start: int) -> NDArray[np.floating]:
        rows = x[start : start + size]
        missing = 0 if batch is None else size - len(rows)
        if missing:
            rows = np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)])
        return run(rows)[: size - missing]

    if len(x) <= size:
        return part(0)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return np.concatenate(list(pool.map(part, range(0, len(x), size))))
