"""The memory of all bundles in one Go process, as a service holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwcpc.compiler.harness import call_harness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dwcpc.compiler.bundle import Bundle


def peak_together(bundles: Sequence[Bundle]) -> int:
    """Return VmHWM in bytes of a fresh Go process that opened every bundle and predicted with each."""
    arguments = [word for bundle in bundles for word in ("--bundle", str(bundle.path))]
    return int(call_harness("together", arguments)["peak_memory_bytes"])
