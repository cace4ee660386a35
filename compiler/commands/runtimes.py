"""The runtimes that a command line names."""

from __future__ import annotations

from collections.abc import Iterable

from dwcpc.compiler.errors import InputError
from dwcpc.parity.runners import RUNNERS


def check_runtimes(names: Iterable[str]) -> None:
    """Refuse a runtime that there is not."""
    known = [runner.name for runner in RUNNERS]
    for name in names:
        if name not in known:
            raise InputError(f"--runtime is {name!r}, expected one or more of {','.join(known)}")
