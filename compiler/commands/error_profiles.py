"""How far each output is from the source model's on the golden rows, position by position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.bench.findings import ErrorProfile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dwcpc.compiler.bundle import Bundle
    from dwcpc.parity.reference import Reference
    from dwcpc.parity.verify import Verification

LARGEST = float(np.finfo(np.float64).max)  # JSON has no infinity


def error_profiles(bundle: Bundle, reference: Reference, verification: Verification) -> tuple[ErrorProfile, ...]:
    """Return one profile for each runtime and output; rows without a reference are in none."""
    return tuple(
        _profile(runtime, name, bundle.metadata.outputs[index].shape, reference, answered[name])
        for runtime, answered in verification.answers.items()
        for index, name in enumerate(tensor.name for tensor in bundle.metadata.outputs)
    )


def _profile(
    runtime: str, name: str, shape: tuple[int | str, ...], reference: Reference, answered: NDArray[np.generic]
) -> ErrorProfile:
    expected = np.concatenate([group.outputs[name] for group in reference.groups]).astype(np.float64)
    tolerance = np.concatenate(list(_tolerances(name, reference)))
    error = np.abs(answered.astype(np.float64) - expected)
    error[np.isnan(expected) & np.isnan(answered.astype(np.float64))] = 0  # both refuse the row
    axis = len(shape) - 2 if len(shape) > 2 else len(shape) - 1
    others = tuple(index for index in range(len(shape)) if index != axis or axis == 0)
    worst = np.nan_to_num(error, nan=LARGEST, posinf=LARGEST).max(axis=others)
    return ErrorProfile(
        runtime,
        name,
        ("value", "channel", "timestep")[min(len(shape), 3) - 1],
        tuple(np.atleast_1d(worst).tolist()),
        tuple(np.atleast_1d(tolerance.min(axis=others)).tolist()),
    )


def _tolerances(name: str, reference: Reference) -> Iterator[NDArray[np.float64]]:
    for group in reference.groups:
        yield np.broadcast_to(group.tolerance[name], group.outputs[name].shape)
