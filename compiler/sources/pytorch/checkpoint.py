"""A state dict out of a checkpoint file, through torch's weights-only unpickler and nothing else."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeGuard

import torch

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.named_globals import globals_named
from dwcpc.compiler.sources.pytorch.archive import LEGACY_MAGIC, member

logger = logging.getLogger(__name__)

STATE_DICT_KEYS = ("state_dict", "model_state_dict", "model")
WRAPPER_PREFIXES = ("module.", "_orig_mod.", "model.")  # DataParallel, torch.compile, Lightning
TIMESTEPS_KEYS = ("timesteps", "sequence_length", "seq_length", "seq_len", "window_size")
CONFIG_KEYS = ("config", "model_config", "hyperparameters", "hyper_parameters", "hparams", "args")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The weights, and what stood beside them. `timesteps` is the window length, where a neighbour names it."""

    weights: dict[str, torch.Tensor]
    neighbours: tuple[str, ...]
    timesteps: int | None
    pickled_classes: tuple[str, ...]


def read_checkpoint(artifact: Artifact) -> Checkpoint:
    """Read a state dict or a dict that holds one; anything that would need code is an InputError that names it."""
    try:
        content = torch.load(io.BytesIO(artifact.data), weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises RuntimeError, UnpicklingError, EOFError, KeyError, … on bad bytes
        raise InputError(_why_not(artifact, error)) from error
    holder, neighbours = _find_weights(artifact, content)
    prefix = wrapper_prefix(holder)
    weights = {key.removeprefix(prefix): value for key, value in holder.items()}
    _refuse_non_finite(artifact, weights)
    return Checkpoint(weights, tuple(neighbours), _timesteps(neighbours), _classes_in(artifact))


def wrapper_prefix(keys: Collection[str]) -> str:
    """Return what wrappers have put before every key; they stack in any order."""
    prefix = ""
    while keys and (found := _next_wrapper(keys, prefix)):
        prefix += found
    return prefix


def _next_wrapper(keys: Collection[str], prefix: str) -> str | None:
    return next((each for each in WRAPPER_PREFIXES if all(key.startswith(prefix + each) for key in keys)), None)


def read_trusted_module(artifact: Artifact) -> torch.nn.Module:
    """Unpickle a whole module, which runs whatever the file says: only for `--trust-pickle`."""
    logger.warning("%s: unpickling a whole module, which can run any code that the file names", artifact.path)
    try:
        content = torch.load(io.BytesIO(artifact.data), weights_only=False, map_location="cpu")
    except Exception as error:
        raise InputError(
            f"{artifact.path}: cannot be unpickled ({_first_line(error)}); its class must be importable"
        ) from error
    if not isinstance(content, torch.nn.Module):
        raise InputError(f"{artifact.path}: holds a {type(content).__name__}, expected a module; omit --trust-pickle")
    return content


def _classes_in(artifact: Artifact) -> tuple[str, ...]:
    data = artifact.data if artifact.data.startswith(LEGACY_MAGIC) else member(artifact, "data.pkl")
    return globals_named(data or b"")


def _why_not(artifact: Artifact, error: Exception) -> str:
    blocked = re.search(r"GLOBAL ([\w.]+)", str(error))
    if blocked:
        return (
            f"{artifact.path}: the pickle names {blocked[1]}, which a state dict does not need; nothing was executed; "
            "save it again with torch.save(model.state_dict(), path), or pass --trust-pickle if you trust its author"
        )
    return (
        f"{artifact.path}: is not a readable PyTorch checkpoint ({_first_line(error)}); expected a state dict, save or "
        "copy it again"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")


def _find_weights(artifact: Artifact, content: object) -> tuple[Mapping[str, torch.Tensor], Mapping[str, object]]:
    if not isinstance(content, Mapping):
        raise InputError(
            f"{artifact.path}: holds a {type(content).__name__}, expected a state dict; save it with "
            "torch.save(model.state_dict(), path)"
        )
    if _is_state_dict(content):
        return content, {}
    for key in STATE_DICT_KEYS:
        inner = content.get(key)
        if _is_state_dict(inner):
            return inner, {name: value for name, value in content.items() if name != key}
    keys = ", ".join(str(key) for key in list(content)[:6]) or "nothing"
    raise InputError(
        f"{artifact.path}: is a dict of {keys}, expected tensors or one of {', '.join(STATE_DICT_KEYS)}; save it with "
        "torch.save(model.state_dict(), path)"
    )


def _is_state_dict(content: object) -> TypeGuard[Mapping[str, torch.Tensor]]:
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in content.items())
    )


def _refuse_non_finite(artifact: Artifact, weights: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in weights.items():
        bad = int((~tensor.isfinite()).sum()) if tensor.is_floating_point() else 0
        if bad:
            raise InputError(
                f"{artifact.path}: {name} has {bad} NaN or infinite values of {tensor.numel()}, expected finite "
                "weights; take a checkpoint from before the training diverged"
            )


def _timesteps(neighbours: Mapping[str, object]) -> int | None:
    groups = [neighbours, *(value for key in CONFIG_KEYS if isinstance(value := neighbours.get(key), Mapping))]
    for group in groups:
        for key in TIMESTEPS_KEYS:
            value = group.get(key)
            if isinstance(value, int) and value > 0:
                return value
    return None
