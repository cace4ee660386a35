"""The folder that a retraining works in: nothing of an earlier one stays that could be taken for this one's."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from dwcpc.compiler.commands.retrain.data import TABLE_FILE
from dwcpc.compiler.commands.retrain.report import JSON_FILE, MARKDOWN_FILE
from dwcpc.compiler.errors import InputError

MARK = ".dwcpc-retrain"
RUN, DIST = "run", "dist"


def prepare(out: Path) -> None:
    """Empty a folder that an earlier retraining left; InputError where it is somebody else's."""
    mark = out / MARK
    if out.exists() and not (out.is_dir() and (mark.is_file() or not any(out.iterdir()))):
        raise InputError(f"{out}: is not empty, and no retraining made it; name another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        mark.touch()
        for name in (RUN, DIST):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(out / name)
        for name in (TABLE_FILE, JSON_FILE, MARKDOWN_FILE):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); name another --out") from error
