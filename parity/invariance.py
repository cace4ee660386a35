"""Properties across batch sizes and runtimes, which need no reference: f(a ‖ b) = f(a) ‖ f(b), and Go = Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.metadata import CheckResult
from dwcpc.compiler.signature import NOT_ANSWERED
from dwcpc.parity.checks.closeness import excess
from dwcpc.parity.checks.finiteness import kind_differs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.parity.reference import ReferenceGroup
    from dwcpc.parity.runners.base import Outputs, Values

BATCH_SIZES = (1, 2, 7, 64)


def batch_invariance(runtime: str, group: ReferenceGroup, by_batch: dict[int, Outputs]) -> list[CheckResult]:
    """Compare each batch size with batch 1 on the same rows.

    Other bits are allowed within the group's tolerance, and are noted: some operators of foreign models add in another
    order at another batch size. What must not happen is that rows mix or that a shape was frozen.
    """
    results = []
    for name, tolerance in group.tolerance.items():
        alone = by_batch[BATCH_SIZES[0]][name]
        worst, differing, ratio = 0.0, 0, 0.0
        same_kind = True
        for outputs in by_batch.values():
            together = outputs[name]
            differing += int(bits_differ(together, alone).sum())
            with np.errstate(invalid="ignore"):
                error = np.abs(together.astype(np.float64) - alone)
            worst = max(worst, float(error[np.isfinite(error)].max(initial=0.0)))
            ratio = max(ratio, float(excess(alone, together, tolerance).max()))
            same_kind &= not kind_differs(alone, together).any()
        results.append(
            CheckResult(
                check="batch_invariance",
                runtime=runtime,
                output=name,
                group=group.name,
                worst=worst,
                limit=float(tolerance[np.isfinite(tolerance)].max(initial=0.0)),
                rows=len(alone),
                passed=ratio <= 1.0 and same_kind,
                note="bit for bit" if differing == 0 else f"{differing} values differ",
            )
        )
    return results


def bit_equality(
    group: str, runtimes: tuple[str, str], left: Outputs, right: Outputs, same_library: bool
) -> list[CheckResult]:
    """Count the values in which two runtimes differ; none may where both load the same onnxruntime version."""
    results = []
    for name, values in left.items():
        differing = int(bits_differ(values, right[name]).sum())
        results.append(
            CheckResult(
                check="bit_equality",
                runtime="=".join(runtimes),
                output=name,
                group=group,
                worst=float(differing),
                limit=0.0,
                rows=len(values),
                passed=differing == 0 or not same_library,
                note="" if same_library else "different onnxruntime versions: not required",
            )
        )
    return results


def nan_policy(runtime: str, outputs: Outputs) -> list[CheckResult]:
    """Count the values that answer a row with NaN or ±∞: anything but NaN, or but −1 among whole numbers; none may."""
    results = []
    for name, values in outputs.items():
        refused = values == NOT_ANSWERED if values.dtype == np.int64 else np.isnan(values)
        results.append(
            CheckResult(
                check="nan_policy",
                runtime=runtime,
                output=name,
                group="non_finite",
                worst=float((~refused).sum()),
                limit=0.0,
                rows=len(values),
                passed=len(values) > 0 and bool(refused.all()),
            )
        )
    return results


def bits_differ(left: Values, right: Values) -> NDArray[np.bool_]:
    """Return where two arrays are not the same bits: +0 and −0 differ, a NaN equals itself."""
    differ: NDArray[np.bool_] = _bits(left) != _bits(right)
    return differ


def _bits(values: Values) -> NDArray[np.integer]:
    return np.ascontiguousarray(values).view(f"u{values.itemsize}")
