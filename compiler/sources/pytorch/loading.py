"""Each kind of PyTorch file as a network; an error says what the file lacks and how to write it."""

from __future__ import annotations

import dataclasses
import importlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError, first_line
from dwcpc.compiler.sources.base import LoadOptions, NetworkSpec
from dwcpc.compiler.sources.pytorch.checkpoint import (
    Checkpoint,
    read_checkpoint,
    read_trusted_module,
    wrapper_prefix,
)
from dwcpc.compiler.sources.pytorch.inert import inert_program, inert_script
from dwcpc.compiler.sources.pytorch.network import (
    TorchNetwork,
    checked_network,
    last_line,
    network_of,
    quiet,
)
from dwcpc.compiler.sources.pytorch.precision import widened_program, widened_script
from dwcpc.compiler.sources.pytorch.tracing import traceable_program
from dwcpc.models.inference import NoMatchError, infer


def load_state_dict(artifact: Artifact, options: LoadOptions) -> TorchNetwork:
    checkpoint = read_checkpoint(artifact)
    if options.arch is not None and ":" in options.arch:
        module = _module_of_factory(options.arch)
        _fill(artifact, module, checkpoint)
        return network_of(artifact, module, _unknown_spec("state_dict", options, checkpoint.pickled_classes))
    return _load_known_architecture(artifact, options, checkpoint)


def _load_known_architecture(artifact: Artifact, options: LoadOptions, checkpoint: Checkpoint) -> TorchNetwork:
    asked = options.timesteps or checkpoint.timesteps
    try:
        match = infer(_shapes(checkpoint), name=options.arch, timesteps=asked)
    except NoMatchError as error:
        raise InputError(f"{artifact.path}: {error}; name another class with --arch package.module:factory") from error
    shape = (match.config.timesteps, match.config.features)
    if options.input_shape not in {None, shape}:
        raise InputError(
            f"--input-shape {options.input_shape}: {match.architecture.name} with these weights takes {shape}; "
            "omit it, or set the number of timesteps with --timesteps"
        )
    notes: tuple[str, ...] = ()
    if match.timesteps_source == "default":
        notes = (
            f"the weights do not tell the number of timesteps; {match.config.timesteps} taken, --timesteps sets it",
        )
    module = match.architecture.build(match.config)
    _fill(artifact, module, checkpoint)
    channels = match.architecture.output_channels
    spec = NetworkSpec(
        framework="pytorch",
        framework_version=torch.__version__,
        kind="state_dict",
        model_type=match.architecture.model_type,
        task=match.architecture.task,
        input_shape=shape,
        output_shape=(),
        architecture=match.architecture.name,
        architecture_config=_sizes(match.config),
        output_channels=tuple(channel.name for channel in channels),
        output_units=tuple(channel.unit for channel in channels),
        latency_budget_ms=match.architecture.latency_budget_ms,
        pickled_classes=checkpoint.pickled_classes,
        notes=notes,
    )
    return network_of(artifact, module, spec)


def load_trusted(artifact: Artifact, options: LoadOptions) -> TorchNetwork:
    module = read_trusted_module(artifact)
    spec = _unknown_spec("pickled_module", options, (type(module).__module__ + "." + type(module).__name__,))
    return network_of(artifact, module, spec)


def load_script(artifact: Artifact, options: LoadOptions) -> TorchNetwork:
    data = inert_script(artifact)
    try:
        module = _script(data)
        widened = widened_script(_script(data))
    except Exception as error:
        raise InputError(
            f"{artifact.path}: TorchScript that does not load ({first_line(error)}); save it again"
        ) from error
    return checked_network(artifact, module, widened, _unknown_spec("torchscript", options, ()))


def _script(data: bytes) -> torch.jit.ScriptModule:
    module: torch.jit.ScriptModule = torch.jit.load(io.BytesIO(data), map_location="cpu")  # type: ignore[no-untyped-call]
    return module.eval()


def load_program(artifact: Artifact) -> TorchNetwork:
    data = inert_program(artifact)
    try:
        with quiet():
            program = torch.export.load(io.BytesIO(data))
            module = traceable_program(program)
            widened = widened_program(torch.export.load(io.BytesIO(data)))
    except Exception as error:
        raise InputError(
            f"{artifact.path}: a .pt2 program that does not load ({first_line(error)}); export it again"
        ) from error
    shape = _program_input_shape(artifact, program)
    return checked_network(
        artifact, module, widened, _unknown_spec("exported_program", LoadOptions(input_shape=shape), ())
    )


def _program_input_shape(artifact: Artifact, program: torch.export.ExportedProgram) -> tuple[int, ...]:
    # A program of fixed batch is not tried on another: aten::lstm does not check its state's size, it corrupts memory.
    names = program.graph_signature.user_inputs
    nodes = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(nodes) != 1:
        raise InputError(
            f"{artifact.path}: takes {len(nodes)} inputs, expected one; export a module with one tensor input"
        )
    batch, *rest = nodes[0].meta["val"].shape
    if isinstance(batch, int) or not all(isinstance(axis, int) for axis in rest):
        raise InputError(
            f"{artifact.path}: was exported for the input shape {tuple(nodes[0].meta['val'].shape)}, expected a free "
            "first axis and fixed others; export it with dynamic_shapes={0: torch.export.Dim('batch')}"
        )
    return tuple(rest)


def _module_of_factory(reference: str) -> torch.nn.Module:
    module_name, _, factory_name = reference.partition(":")
    sys.path.insert(0, str(Path.cwd()))  # the console script's own folder stands there instead
    try:
        module = getattr(importlib.import_module(module_name), factory_name)()
    except Exception as error:
        raise InputError(
            f"--arch {reference}: cannot be called ({first_line(error)}); expected package.module:factory"
        ) from error
    finally:
        sys.path.pop(0)
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"--arch {reference}: returned a {type(module).__name__}, expected a torch.nn.Module")
    return module


def _fill(artifact: Artifact, module: torch.nn.Module, checkpoint: Checkpoint) -> None:
    module.double()  # so that weights of every precision keep their digits for the reference
    own = wrapper_prefix(module.state_dict())  # a module may have a part that is called as a wrapper is
    weights = {own + key: value for key, value in checkpoint.weights.items()}
    try:
        missing, unexpected = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise InputError(
            f"{artifact.path}: does not fit {type(module).__name__} ({last_line(error)}); check --arch"
        ) from error
    missing = [key for key in missing if not key.endswith(".num_batches_tracked")]
    if missing or unexpected:
        found = f"has no {missing[0]}" if missing else f"has {unexpected[0]} beside what is expected"
        raise InputError(f"{artifact.path}: {found}; it does not fit {type(module).__name__}, check --arch")


def _unknown_spec(kind: str, options: LoadOptions, pickled_classes: tuple[str, ...]) -> NetworkSpec:
    if options.input_shape is None:
        raise InputError(
            "the model does not tell its input's shape; give it without the batch axis: --input-shape 30,12"
        )
    return NetworkSpec(
        framework="pytorch",
        framework_version=torch.__version__,
        kind=kind,
        model_type="",
        task="regression",
        input_shape=options.input_shape,
        output_shape=(),
        architecture=options.arch,
        pickled_classes=pickled_classes,
    )


def describe_checkpoint(artifact: Artifact) -> Sequence[tuple[str, str]]:
    """Return the architecture, the neighbours and each tensor's shape of a checkpoint."""
    checkpoint = read_checkpoint(artifact)
    shapes = _shapes(checkpoint)
    try:
        match = infer(shapes, timesteps=checkpoint.timesteps)
        found = f"{match.architecture.name} {_sizes(match.config)}"
    except NoMatchError as error:
        found = f"unknown: {error}"
    return [
        ("kind", "state dict"),
        ("architecture", found),
        ("parameters", str(sum(value.numel() for value in checkpoint.weights.values()))),
        ("beside it", ", ".join(checkpoint.neighbours) or "nothing"),
        ("classes named", ", ".join(checkpoint.pickled_classes) or "none"),
        *((key, "×".join(map(str, shape)) or "scalar") for key, shape in shapes.items()),
    ]


def _shapes(checkpoint: Checkpoint) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in checkpoint.weights.items()}


def _sizes(config: object) -> dict[str, int]:
    return cast("dict[str, int]", dataclasses.asdict(config))  # type: ignore[call-overload]
