"""The source model as `compile` and `verify` compare bundles with it: its own framework behind the same scalers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.compiler.sources.base import Estimator, Network
from dwcpc.parity.runners.estimator_source import EstimatorSource
from dwcpc.parity.runners.source import SourceModel

if TYPE_CHECKING:
    from dwcpc.compiler.metadata import Decision
    from dwcpc.compiler.scalers import Scaler


def reference_source(
    loaded: Network | Estimator, scaler: Scaler | None, target_scaler: Scaler | None, decision: Decision | None
) -> SourceModel | EstimatorSource:
    """Return what answers raw rows as the source does; `scaler` is none where the caller scales."""
    if isinstance(loaded, Network):
        return SourceModel(loaded, scaler, target_scaler)
    return EstimatorSource(loaded, scaler, target_scaler, decision)
