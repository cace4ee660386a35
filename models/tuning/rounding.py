"""Numbers as a command line names them: three digits say all that a search knows of a learning rate."""

from __future__ import annotations


def rounded(value: float) -> float:
    """Return `value` to three significant digits."""
    return float(f"{value:.3g}")
