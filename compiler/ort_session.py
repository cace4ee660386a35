"""A Python onnxruntime session as a bundle declares it; verification and measurement open the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

    from dwcpc.compiler.metadata import SessionSettings


def open_session(model: bytes, settings: SessionSettings) -> onnxruntime.InferenceSession:
    """Open `model` on the CPU as `settings` says."""
    import onnxruntime as ort

    levels = {
        "none": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
        "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    }
    modes = {"sequential": ort.ExecutionMode.ORT_SEQUENTIAL, "parallel": ort.ExecutionMode.ORT_PARALLEL}
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.intra_op_threads
    options.inter_op_num_threads = settings.inter_op_threads
    options.execution_mode = modes[settings.execution_mode]
    options.graph_optimization_level = levels[settings.optimization]
    options.enable_cpu_mem_arena = settings.arena
    for pool in ("intra_op", "inter_op"):
        options.add_session_config_entry(f"session.{pool}.allow_spinning", str(int(settings.spinning)))
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
