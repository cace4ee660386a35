"""Kinds of anomaly that a model is never shown: out of training and validation, and still in the tests.

What it finds of them there is what it would find of an anomaly that nobody thought of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.models.data.windows import Windows
from dwcpc.models.training.folds import Folds


def without_kinds(folds: Folds, kinds: Sequence[str]) -> Folds:
    """Return `folds` whose windows to train on and to choose by hold no anomaly of `kinds`; the tests are the same."""
    known = (_kinds(folds.train) | _kinds(folds.validation)) - {""}
    unknown = [kind for kind in kinds if kind not in known]
    if unknown:
        expected = ", ".join(sorted(known)) or "none, as no column names them (--kind)"
        raise InputError(f"no anomaly to leave out is of the kind {unknown[0]!r}, expected one of: {expected}")
    if not kinds:
        return folds
    return dataclasses.replace(folds, train=_without(folds.train, kinds), validation=_without(folds.validation, kinds))


def _kinds(windows: Windows) -> set[str]:
    return {str(kind) for kind in np.unique(windows.kind[windows.anomalous])}


def _without(windows: Windows, kinds: Sequence[str]) -> Windows:
    return windows.taken(~(windows.anomalous & np.isin(windows.kind, list(kinds))))
