"""Which of XGBoost's file formats the bytes are in. What cannot be read is refused with the way to save it again."""

from __future__ import annotations

import re
from typing import Literal

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.named_globals import globals_named

Readable = Literal["json", "ubj"]
Format = Literal["json", "ubj", "binary", "dump", "pickle"]

_JSON = re.compile(rb"(\xef\xbb\xbf)?\s*\{\s*\"")
_JSON_DUMP = re.compile(rb"\s*\[\s*\{\s*\"nodeid\"")
_TEXT_DUMP = re.compile(rb"booster\[0\]:\s")
_MODEL_KEYS = (b"learner", b"gradient_booster")

# The old binary format: at times a magic number, 136 bytes of parameters, then the objective's name behind its length.
_BINARY_MAGIC = (b"binf", b"bs64")
_BINARY_PARAMETERS_BYTES = 136
_BINARY_OBJECTIVE = re.compile(rb"[\x01-\x40]\0{7}[a-z]+:[a-z_]+")

# What zip archives and other containers start with; no pickle does.
_NO_PICKLE = (b"PK", b"{", b"[")

_SAVE_AGAIN = 'save it with model.save_model("model.ubj")'
_REMEDIES: dict[Format, str] = {
    "binary": (
        "is in XGBoost's old binary format, which XGBoost itself reads no longer since 3.1, expected JSON or UBJ; load "
        f"it with an xgboost from 1.6 to 3.0 and {_SAVE_AGAIN}"
    ),
    "dump": (
        "is a dump made by dump_model, which is for people and has rounded numbers, expected a saved model in JSON or "
        f"UBJ; {_SAVE_AGAIN}"
    ),
}


def format_of(data: bytes) -> Format | None:
    """Return the format of `data`; none where it is no file of XGBoost's."""
    if data.startswith(b"{L") or _JSON.match(data):
        is_model = all(key in data for key in _MODEL_KEYS)
        return ("ubj" if data.startswith(b"{L") else "json") if is_model else None
    if _is_binary(data):
        return "binary"
    if _JSON_DUMP.match(data) or _TEXT_DUMP.match(data):
        return "dump"
    return "pickle" if not data.startswith(_NO_PICKLE) and pickled_names(data) else None


def pickled_names(data: bytes) -> tuple[str, ...]:
    """Return what of XGBoost a pickle or joblib file names."""
    return tuple(name for name in globals_named(data) if name.startswith("xgboost."))


def readable_format(artifact: Artifact) -> Readable:
    """Return the format of a file that can be read; InputError says how to save another one again."""
    match format_of(artifact.data):
        case "json" | "ubj" as readable:
            return readable
        case "pickle":
            raise InputError(
                f"{artifact.path}: is a pickle that names {pickled_names(artifact.data)[0]}, and nothing in it was "
                f"executed; expected XGBoost's own JSON or UBJ: load it where it was made and {_SAVE_AGAIN}"
            )
        case "binary" | "dump" as other:
            raise InputError(f"{artifact.path}: {_REMEDIES[other]}")
    raise InputError(f"{artifact.path}: is no model of XGBoost's, expected JSON or UBJ; {_SAVE_AGAIN}")


def _is_binary(data: bytes) -> bool:
    return data.startswith(_BINARY_MAGIC) or bool(_BINARY_OBJECTIVE.match(data, _BINARY_PARAMETERS_BYTES))
