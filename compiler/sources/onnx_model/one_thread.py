"""numpy without threads of its own, as `one_thread_a_call` is for torch: whole calls run side by side instead."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep numpy's BLAS from splitting one product over threads, where threadpoolctl is there to tell it.

    The products of a recurrent step are small, and threads that wait for each other at each of them took 7 to 30 times
    as long beside other busy processes.
    """
    if importlib.util.find_spec("threadpoolctl") is None:
        yield
        return
    import threadpoolctl

    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        yield
