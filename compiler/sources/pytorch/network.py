"""A loaded torch module as a `Network`: exported by tracing, run in float32 and in float64."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.sources.base import NETWORK_INPUT, NETWORK_OUTPUT, NetworkSpec, Precision, Task
from dwcpc.compiler.sources.pytorch.precision import widened_module

ROWS_PER_CALL = 128  # bounds the memory of a float64 evaluation
NOISY_LOGGERS = ("torch.onnx", "torch.export")  # tracing's warnings, and tracebacks of what does not load
EXPORT_ROWS = 2  # one row would let the tracer take the batch axis for a constant


class TorchNetwork:
    """A torch module in float32 and, apart from it, in float64."""

    def __init__(self, module: torch.nn.Module, widened: torch.nn.Module, spec: NetworkSpec) -> None:
        """Take a module in eval mode, the same in float64, and what they are."""
        self._modules: dict[Precision, torch.nn.Module] = {"float32": module, "float64": widened}
        self._spec = spec

    @property
    def spec(self) -> NetworkSpec:
        """What this network is."""
        return self._spec

    def export(self, opset: int) -> onnx.ModelProto:
        """Export by tracing: one node for an LSTM, where the dynamo exporter freezes its shapes (pytorch#148886)."""
        example = torch.zeros(EXPORT_ROWS, *self._spec.input_shape)
        buffer = io.BytesIO()
        module = self._modules["float32"]
        try:
            with quiet(), torch.no_grad():
                traced = module if isinstance(module, torch.jit.ScriptModule) else torch.jit.trace(module, example)  # type: ignore[no-untyped-call]
                torch.onnx.export(
                    traced,
                    (example,),
                    buffer,  # type: ignore[arg-type]  # a buffer is taken, the annotation forgets it
                    dynamo=False,
                    opset_version=opset,
                    input_names=[NETWORK_INPUT],
                    output_names=[NETWORK_OUTPUT],
                    dynamic_axes={NETWORK_INPUT: {0: "batch"}, NETWORK_OUTPUT: {0: "batch"}},
                )
        except Exception as error:  # the exporter raises whatever the model's operators raise
            raise InputError(f"the model cannot be exported to ONNX opset {opset}: {first_line(error)}") from error
        return onnx.load_from_string(buffer.getvalue())

    def predict(self, x: NDArray[np.float32], precision: Precision) -> NDArray[np.floating]:
        """Run torch on `x` [rows, *input_shape] and return [rows, *output_shape] in that precision."""
        module = self._modules[precision]
        dtype = torch.float64 if precision == "float64" else torch.float32

        def run(start: int) -> NDArray[np.floating]:
            with torch.inference_mode():  # per thread
                rows = torch.from_numpy(np.ascontiguousarray(x[start : start + ROWS_PER_CALL])).to(dtype)
                answer: NDArray[np.floating] = module(rows).numpy()
                return answer

        if len(x) <= ROWS_PER_CALL:
            with quiet(), one_thread_a_call():
                return run(0)
        with quiet(), one_thread_a_call(), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return np.concatenate(list(pool.map(run, range(0, len(x), ROWS_PER_CALL))))


@contextlib.contextmanager
def one_thread_a_call() -> Iterator[None]:
    """Keep torch from splitting one operator over threads.

    Its threads wait for each other at every operator; beside another busy process that took 20 times as long, where
    whole calls side by side lose nothing. The order of additions then depends on no machine's number of cores either.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def network_of(artifact: Artifact, module: torch.nn.Module, spec: NetworkSpec) -> TorchNetwork:
    """Return the network of an ordinary module; its weights keep their digits in the float64 copy."""
    module.eval()
    widened = widened_module(module)  # before float(), which would round float64 weights
    return checked_network(artifact, module.float(), widened, spec)


def checked_network(
    artifact: Artifact, module: torch.nn.Module, widened: torch.nn.Module, spec: NetworkSpec
) -> TorchNetwork:
    """Complete `spec` with what one call of the module shows: a single tensor with the batch axis first."""
    example = torch.zeros(EXPORT_ROWS, *spec.input_shape)
    # float64 first: it checks the sizes that float32's LSTM takes on trust, reading beyond its weights.
    _tried(artifact, widened, example.double())
    output = _tried(artifact, module, example)
    if not isinstance(output, torch.Tensor):
        raise InputError(f"{artifact.path}: returns a {type(output).__name__}, expected one tensor; wrap the module")
    fewest_axes = 1 if spec.task == "anomaly_detection" else 2  # a detector's score is one number a row
    if output.ndim < fewest_axes or output.shape[0] != EXPORT_ROWS or not output.is_floating_point():
        raise InputError(
            f"{artifact.path}: returns {output.dtype} {tuple(output.shape)} for {EXPORT_ROWS} rows, expected floats "
            "with the rows on the first axis and one more axis"
        )
    output_shape = tuple(output.shape[1:])
    if not spec.model_type:
        task: Task = "autoencoder" if output_shape == spec.input_shape else "regression"
        spec = dataclasses.replace(spec, task=task, model_type="autoencoder" if task == "autoencoder" else "regressor")
    return TorchNetwork(module, widened, dataclasses.replace(spec, output_shape=output_shape))


def _tried(artifact: Artifact, module: torch.nn.Module, example: torch.Tensor) -> object:
    try:
        with torch.no_grad(), quiet():
            return module(example)
    except Exception as error:  # whatever the model's own code raises
        what = f"{str(example.dtype).removeprefix('torch.')} input of shape {tuple(example.shape)}"
        raise InputError(f"{artifact.path}: cannot run on a {what}: {last_line(error)}") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence torch: the free batch axis is proven afterwards, not trusted, and an error says its own sentence."""
    levels = {name: logging.getLogger(name).level for name in NOISY_LOGGERS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in NOISY_LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


def last_line(error: Exception) -> str:
    """Return the last line of a library's message, where torch puts the cause."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()[:200].rstrip(".")
