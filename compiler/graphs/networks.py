"""The served graph of a network: export → passes → for one row, where that is asked for → assemble; and its outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.graphs.assemble import assemble
from dwcpc.compiler.graphs.built import Built, Surroundings
from dwcpc.compiler.metadata import StepRecord, TensorSpec
from dwcpc.compiler.passes import PASSES, run_passes
from dwcpc.compiler.passes.fix_batch import FixBatch
from dwcpc.compiler.signature import SCORE_OUTPUT

if TYPE_CHECKING:
    import onnx

    from dwcpc.compiler.sources.base import Network, NetworkSpec


def build_network(
    network: Network, around: Surroundings, opset: int, features: tuple[str, ...], progress: Callable[[str], None]
) -> Built:
    """Return the graph from raw inputs, whose channels are `features`, to outputs in the targets' units."""
    progress("exporting to ONNX")
    exported = network.export(opset)
    progress("simplifying the graph")
    stages = [exported]
    core, records = run_passes(exported, stages=stages)
    served = core
    if around.one_row:
        served, more = _of_one_row(core, stages)
        records += more
    model = assemble(served, network.spec, around)
    outputs = _outputs(network.spec, features, has_target_scaler=around.target_scaler is not None)
    return Built(model, outputs, records, len(exported.graph.node), core, tuple(stages))


def _of_one_row(core: onnx.ModelProto, stages: list[onnx.ModelProto]) -> tuple[onnx.ModelProto, tuple[StepRecord, ...]]:
    """Return `core` for one row; records of the passes that changed it further, the models behind them to `stages`."""
    behind: list[onnx.ModelProto] = []
    model, records = run_passes(core, (FixBatch(), *PASSES), behind)
    if records[0].refused:
        raise InputError(f"--batch 1: the batch axis cannot be fixed ({'; '.join(records[0].refused)}); omit it")
    told = [(each, stage) for each, stage in zip(records, behind, strict=True) if each.changed]
    stages += [stage for _, stage in told]
    return model, tuple(each for each, _ in told)


def _outputs(spec: NetworkSpec, features: tuple[str, ...], *, has_target_scaler: bool) -> tuple[TensorSpec, ...]:
    shape: tuple[int | str, ...] = ("batch", *spec.output_shape)
    if spec.task == "autoencoder":
        unit = "input" if has_target_scaler else "scaled"
        reconstruction = TensorSpec(spec.output_name, "float32", shape, features, (unit,) * len(features))
        return reconstruction, TensorSpec(SCORE_OUTPUT, "float32", ("batch",))
    if spec.task == "anomaly_detection":
        return (TensorSpec(spec.output_name, "float32", shape, units=("probability",)),)
    channels = spec.output_channels or tuple(f"output_{index}" for index in range(spec.output_shape[-1]))
    # Without a target scaler nobody knows whether the model was trained on scaled targets.
    units = spec.output_units if has_target_scaler else ()
    return (TensorSpec(spec.output_name, "float32", shape, channels, units),)
