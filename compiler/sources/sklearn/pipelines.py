"""The steps of a Pipeline: scalers, each judged as one given by itself is, and the estimator behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.min_max import MinMaxScaling
from dwcpc.compiler.pickles.safe import PickledObject
from dwcpc.compiler.scaler_files import scaler_from_estimator
from dwcpc.compiler.scalers import Scaling, judged_scaler
from dwcpc.compiler.sources.sklearn.allowed import EXPECTED, SCALERS
from dwcpc.compiler.sources.sklearn.state import State

_MAX_STEPS = 64
_FLOAT32_MAX = float(np.finfo(np.float32).max)


def pipeline_steps(state: State) -> list[PickledObject]:
    """Return the steps of a Pipeline without those that do nothing: scalers, and an estimator at the end."""
    listed = state.values.get("steps")
    if not isinstance(listed, list) or not 0 < len(listed) <= _MAX_STEPS:
        raise state.error("steps", f"a list of 1 to {_MAX_STEPS} steps")
    steps: list[PickledObject] = []
    for entry in listed:
        match entry:
            case (_, PickledObject() as step):
                steps.append(step)
            case (_, None):
                continue
            case (_, str(word)) if word == "passthrough":
                continue
            case _:
                raise state.error("steps", "a list of names and estimators")
    if not steps:
        raise InputError(f"{state.path}: the Pipeline has no step that does anything, expected {EXPECTED}")
    for step in steps[:-1]:
        if step.name not in SCALERS:
            raise InputError(
                f"{state.path}: the Pipeline has a {step.name} before its last step, expected only "
                f"{', '.join(SCALERS)} there; apply it before and fit without it"
            )
    return steps


def read_scaler(step: PickledObject, path: Path) -> Scaling:
    """Return one scaler of the Pipeline in `path`; InputError for numbers that no scaler can have."""
    if step.name == "MinMaxScaler":
        return _min_max(State.of(step, path))
    return judged_scaler(scaler_from_estimator(step, path), path)


def _min_max(state: State) -> MinMaxScaling:
    state.require_fitted("scale_", "min_")
    scale, offset = state.array("scale_", 1), state.array("min_", 1)
    if not len(scale) or len(offset) != len(scale) or state.features() != len(scale):
        raise state.error("min_", f"{len(scale)} numbers, as scale_ has")
    if not (scale > 0).all():
        raise state.error("scale_", "positive numbers")
    clips = state.values.get("clip", False)
    if not isinstance(clips, bool | np.bool_):
        raise state.error("clip", "true or false")
    limits = _limits(state) if clips else None
    return MinMaxScaling(tuple(scale.tolist()), tuple(offset.tolist()), limits)


def _limits(state: State) -> tuple[float, float]:
    """Return the range that values are clipped to, as float32 has it."""
    match state.values.get("feature_range"):
        case (int() | float() as low, int() | float() as high) if -_FLOAT32_MAX <= low < high <= _FLOAT32_MAX:
            return float(np.float32(low)), float(np.float32(high))
    raise state.error("feature_range", "two numbers, the smaller first")
