"""Which architecture a state dict belongs to, and its sizes, told by the names and shapes of its weights."""

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch

from dwcpc.models.architecture import Architecture, Config, Shapes
from dwcpc.models.bandwidth_predictor import BANDWIDTH_PREDICTOR
from dwcpc.models.bilstm_attention_autoencoder import BILSTM_ATTENTION_AUTOENCODER
from dwcpc.models.conv_lstm_detector import CONV_LSTM_DETECTOR
from dwcpc.models.dimensions import LARGEST_DIMENSION, dimension
from dwcpc.models.lstm_attention_autoencoder import LSTM_ATTENTION_AUTOENCODER

ARCHITECTURES: Final[tuple[Architecture[Any], ...]] = (
    BILSTM_ATTENTION_AUTOENCODER,
    LSTM_ATTENTION_AUTOENCODER,
    BANDWIDTH_PREDICTOR,
    CONV_LSTM_DETECTOR,
)

DEFAULT_TIMESTEPS: Final = 30
"""Length of a window where neither the weights nor the caller tell it; that of every model in service."""

OPTIONAL_SUFFIX: Final = ".num_batches_tracked"
"""torch before 0.4.1 did not save BatchNorm's counter, and eval mode does not read it."""

LONGEST_KEY_SHOWN: Final = 80

TimestepsSource = Literal["weights", "given", "default"]


class NoMatchError(ValueError):
    """The weights fit none of the architectures, or more than one."""


@dataclass(frozen=True, slots=True)
class Match:
    """An architecture and its sizes; `timesteps_source` tells where `config.timesteps` comes from."""

    architecture: Architecture[Any]
    config: Config
    timesteps_source: TimestepsSource


@dataclass(frozen=True, slots=True)
class _Comparison:
    match: Match
    keys_in_common: int
    difference: str | None


def infer(
    shapes: Shapes,
    *,
    name: str | None = None,
    timesteps: int | None = None,
    architectures: tuple[Architecture[Any], ...] = ARCHITECTURES,
) -> Match:
    """Return the one of `architectures` (the one called `name`) whose keys and shapes are exactly `shapes`.

    BatchNorm's `num_batches_tracked` may be absent. `timesteps` is used where the weights do not tell the
    number, and must agree where they do. Nothing is allocated, whatever the shapes. Raises `NoMatchError`.
    """
    if timesteps is not None and not 1 <= timesteps <= LARGEST_DIMENSION:
        raise NoMatchError(f"timesteps is {timesteps}, expected 1 to {LARGEST_DIMENSION}")
    candidates = _named(architectures, name)
    compared = [_compare(architecture, shapes, timesteps) for architecture in candidates]
    fitting = [comparison.match for comparison in compared if comparison.difference is None]
    if len(fitting) > 1:
        raise NoMatchError(f"the weights fit each of {_names(m.architecture for m in fitting)}; name one of them")
    if not fitting:
        nearest = max(compared, key=lambda comparison: comparison.keys_in_common)
        raise NoMatchError(
            f"the weights fit none of {_names(candidates)}; "
            f"nearest is {nearest.match.architecture.name}: {nearest.difference}"
        )
    _require_agreement(fitting[0], timesteps)
    return fitting[0]


def _named(architectures: tuple[Architecture[Any], ...], name: str | None) -> tuple[Architecture[Any], ...]:
    if name is None:
        return architectures
    candidates = tuple(architecture for architecture in architectures if architecture.name == name)
    if not candidates:
        raise NoMatchError(f"no architecture is called {name!r}, expected one of {_names(architectures)}")
    return candidates


def _names(architectures: Iterable[Architecture[Any]]) -> str:
    return ", ".join(architecture.name for architecture in architectures)


def _compare(architecture: Architecture[Any], shapes: Shapes, timesteps: int | None) -> _Comparison:
    rows, source = _timesteps(architecture, shapes, timesteps)
    config: Config = architecture.config_from_shapes(shapes, rows)
    with torch.device("meta"):
        expected = {key: tuple(value.shape) for key, value in architecture.build(config).state_dict().items()}
    return _Comparison(
        match=Match(architecture, config, source),
        keys_in_common=len(expected.keys() & shapes.keys()),
        difference=_first_difference(shapes, expected),
    )


def _timesteps(architecture: Architecture[Any], shapes: Shapes, given: int | None) -> tuple[int, TimestepsSource]:
    key = architecture.timesteps_key
    if key is not None and key in shapes:
        return dimension(shapes, key, 0, DEFAULT_TIMESTEPS), "weights"
    return (DEFAULT_TIMESTEPS, "default") if given is None else (given, "given")


def _first_difference(shapes: Shapes, expected: Shapes) -> str | None:
    for key, shape in expected.items():
        if key not in shapes:
            if key.endswith(OPTIONAL_SUFFIX):
                continue
            return f"{key} is missing"
        if tuple(shapes[key]) != shape:
            return f"{key} is {reprlib.repr(tuple(shapes[key]))}, expected {shape}"
    # An unknown key is the file's own text: shortened and quoted, it can neither flood nor break the line.
    unknown = next((key for key in shapes if key not in expected), None)
    return None if unknown is None else f"{unknown[:LONGEST_KEY_SHOWN]!r} is not one of its weights"


def _require_agreement(match: Match, timesteps: int | None) -> None:
    if timesteps is not None and timesteps != match.config.timesteps:
        raise NoMatchError(
            f"timesteps is {timesteps}, but {match.architecture.timesteps_key} of {match.architecture.name} "
            f"has {match.config.timesteps} entries"
        )
