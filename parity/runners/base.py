"""What runs a bundle: a runtime, given raw inputs, returns every output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from dwcpc.compiler.bundle import Bundle

Values: TypeAlias = NDArray[np.float32] | NDArray[np.int64]
Outputs: TypeAlias = dict[str, Values]


@dataclass(frozen=True, slots=True)
class RunnerOutput:
    """Outputs by name, [rows, …], and the version of onnxruntime that computed them."""

    outputs: Outputs
    onnxruntime: str


class Runner(Protocol):
    """One runtime."""

    name: str

    def run(self, bundle: Bundle, rows: NDArray[np.float32], batch: int) -> RunnerOutput:
        """Run `rows` [rows, *input shape] in calls of `batch` rows, the last one smaller."""
