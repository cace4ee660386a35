"""The reference of a network, with the tolerance that its own rounding noise asks for.

It is in float64 where the source can be run so. Where it cannot (operators that quantise, custom ones) it is the source
in float32, and the note says why; `tolerance.py` has what the noise is then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.errors import PrecisionError
from dwcpc.compiler.scalers import Scaler
from dwcpc.compiler.signature import SCORE_OUTPUT
from dwcpc.parity.cases import CALIBRATION, SPECIAL, TYPICAL, WIDE, CaseGroup, draw_cases, non_finite_cases
from dwcpc.parity.fidelity import allowance, signal_power
from dwcpc.parity.reference import CaseRequest, Reference, ReferenceGroup
from dwcpc.parity.threshold_cases import PAIRED_ROWS, threshold_cases
from dwcpc.parity.tolerance import Noise, noise_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.sources.base import Precision
    from dwcpc.parity.runners.source import SourceModel

ORDINARY = (TYPICAL, CALIBRATION, WIDE, SPECIAL)  # groups whose rows are paired to find the threshold between them


def make_network_reference(source: SourceModel, request: CaseRequest, progress: Callable[[str], None]) -> Reference:
    """Draw the cases and run the source model on them, in float64 where it can be and in float32."""
    shape = source.network.spec.input_shape
    scaler = source.scaler or Scaler.identity(shape[-1])
    cases = draw_cases(shape, scaler, request.rows, request.seed, request.calibration)
    precision, notes = finest(source, cases[0].rows[:1])
    if request.threshold is not None:
        progress("rows at the threshold")
        near = _near_threshold(source, cases, request)
        cases = cases if near is None else (*cases, near)
        if near is None:
            notes += ("no row scores on the other side of the threshold: decisions near it were not tested",)
    groups = []
    for case in cases:
        progress(f"reference, {case.name}")
        groups.append(network_group(source, case, precision, request, cases[0].rows))
    return Reference(precision, request.seed, tuple(groups), non_finite_cases(cases[0].rows, request.seed).rows, notes)


def finest(source: SourceModel, rows: NDArray[np.float32]) -> tuple[Precision, tuple[str, ...]]:
    """Return float64 where the source can be run so, else float32 and a note with the reason."""
    try:
        source.run(rows, "float64")
    except PrecisionError as error:
        return "float32", (f"compared with the source in float32, not float64: {error}",)
    return "float64", ()


def _near_threshold(source: SourceModel, cases: tuple[CaseGroup, ...], request: CaseRequest) -> CaseGroup | None:
    assert request.threshold is not None  # noqa: S101 - the caller has asked
    rows = request.rows - sum(len(case.rows) for case in cases)
    candidates = np.concatenate([case.rows[:PAIRED_ROWS] for case in cases if case.name in ORDINARY])
    return threshold_cases(source.score, candidates, request.threshold, max(16, rows), request.seed)


def network_group(
    source: SourceModel, case: CaseGroup, precision: Precision, request: CaseRequest, ordinary: NDArray[np.float32]
) -> ReferenceGroup:
    """Return what the source answers to `case`, and how far from it a bundle may be; `ordinary` are usual rows."""
    samples = source.rounding_samples(case.rows, request.seed)
    if precision == "float64":
        outputs = source.run(case.rows, "float64")
    else:  # the unmoved sample is the reference itself, and would say that there is no noise
        outputs = {name: values.astype(np.float64) for name, values in samples.pop(0).items()}
    noise = {name: noise_of(values, [sample[name] for sample in samples]) for name, values in outputs.items()}
    if request.min_sqnr_db is not None:
        power = None
        if next(iter(outputs)) == SCORE_OUTPUT:
            power = signal_power(source.run(ordinary, precision)[SCORE_OUTPUT])
        return _of_reduced_precision(source, case, outputs, noise, (request.min_sqnr_db, power))
    return ReferenceGroup(
        case.name,
        case.rows,
        outputs,
        tolerance={name: _broadcastable(each.by_row, outputs[name]) for name, each in noise.items()},
        noise_level={name: each.level for name, each in noise.items()},
        bulk={name: each.bulk for name, each in noise.items()},
        insensitive=np.logical_and.reduce([each.insensitive for each in noise.values()]),
    )


def _of_reduced_precision(
    source: SourceModel,
    case: CaseGroup,
    outputs: dict[str, NDArray[np.floating]],
    noise: dict[str, Noise],
    asked: tuple[float, float | None],
) -> ReferenceGroup:
    """Return the group under the tolerances that a signal-to-noise ratio implies (`fidelity.py`).

    `asked` are its floor in dB and, where the network answers the score itself, the power of the signal.
    """
    name = next(iter(outputs))
    unit = None if source.target_scaler is None else np.array(source.target_scaler.scale)
    floor_db, power = asked
    allowed = allowance(case.name, outputs[name], noise[name].rows, unit, floor_db, score_signal=power)
    tolerance = {name: _broadcastable(allowed.by_value, outputs[name])}
    if SCORE_OUTPUT in outputs:
        tolerance[SCORE_OUTPUT] = allowed.of_score(outputs[SCORE_OUTPUT])
    return ReferenceGroup(case.name, case.rows, outputs, tolerance, insensitive=allowed.insensitive, allowance=allowed)


def _broadcastable(by_row: NDArray[np.float64], output: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn [rows, channels] into a shape that broadcasts to the output's: [rows] or [rows, 1, …, channels]."""
    if output.ndim == 1:
        return by_row[:, 0]
    return by_row.reshape(len(by_row), *(1,) * (output.ndim - 2), by_row.shape[1])
