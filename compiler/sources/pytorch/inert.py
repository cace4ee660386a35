"""TorchScript and .pt2 archives, reduced to what computes: torch reads the copy that was checked, never the file.

`torch.export.load` evaluates strings of the archive's JSON as Python (shapes through sympy, names through generated
source, guards as they stand) and imports what its tree specifications name; it falls back to plain pickle for some
members. TorchScript runs `torch.save` and `torch.from_file` on any path, some of it already while loading. Whatever is
not known to be harmless is refused; stack traces and guards, which prediction does not need, are emptied.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator

import torch

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.pytorch.archive import members, packed

# Every member of a .pt2 archive that torch reads as JSON, raw bytes or (with weights_only) tensors.
PT2_MEMBERS = re.compile(
    r"(archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)"
    r"|models/[^/]+\.json|data/(weights|constants)/[^/]+_config\.json|data/weights/weight_\d+"
    r"|data/constants/tensor_\d+|data/sample_inputs/[^/]+\.pt)"
)
EMPTIED_KEYS = ("metadata", "guards_code")
NAME = re.compile(r"[\w.]*")
VERSION = re.compile(r"[\w.+]*")
OPERATOR = re.compile(
    r"torch\.ops\.aten\.(?!__|save\b|from_file\b)\w+\.\w+|torch\.sym_(float|int|max|min|not)|math\.(ceil|floor|trunc)"
    r"|_operator\.(getitem|add|sub|mul|truediv|floordiv|mod|neg|eq|ne|lt|le|gt|ge|and_|or_)"
)
# Possessive throughout: a hostile string costs one walk over it.
EXPRESSION = re.compile(
    r"(?:Symbol\('[a-z]++\d++'(?:, [a-z]++=(?:True|False))*+\)|Integer\(-?+\d++\)|Add|Mul|Max|Min|Mod|PythonMod"
    r"|FloorDiv|CeilDiv|CleanDiv|[a-z]++\d++|\d++|\*(?!\*)|[(), +/-])*+"
)
TREE_TYPES = (None, "builtins.tuple", "builtins.list", "builtins.dict")

# torch.save and torch.from_file, as function or method; torch.classes; operators from elsewhere than aten and prim.
SCRIPT_FORBIDDEN = re.compile(rb"\b(save|from_file|classes)\b|\bops\b(?!\.(aten|prim)\.)")
SCRIPT_FORBIDDEN_CLASS = re.compile(rb"torch[.\n]classes")


def inert_program(artifact: Artifact) -> bytes:
    """Return a .pt2 archive that torch can read without running anything from it; InputError names what could run."""
    checked = {}
    for name, content in members(artifact).items():
        inner = name.partition("/")[2]
        if not PT2_MEMBERS.fullmatch(inner):
            raise InputError(_unsafe(artifact, inner or name, "is not plain data"))
        if inner.endswith(".json"):
            checked[name] = _inert_json(artifact, inner, content)
            continue
        checked[name] = content
        if inner.endswith(".pt"):
            try:
                torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
            except Exception as error:
                raise InputError(_unsafe(artifact, inner, "does not load as plain tensors")) from error
    return packed(checked)


def inert_script(artifact: Artifact) -> bytes:
    """Return a TorchScript archive without operators that reach beyond tensors; InputError names the first."""
    content = members(artifact)
    for name, data in content.items():
        inner = name.partition("/")[2]
        forbidden = SCRIPT_FORBIDDEN.search(data) if inner.startswith("code/") and inner.endswith(".py") else None
        if inner.endswith(".pkl"):
            forbidden = SCRIPT_FORBIDDEN_CLASS.search(data)
        if forbidden:
            word = forbidden[0].decode().replace("\n", ".")
            raise InputError(
                f"{artifact.path}: its {inner} uses {word}, which can reach files or libraries; nothing was executed; "
                "expected TorchScript of tensor operations, rename it if it is your own"
            )
    return packed(content)


def _inert_json(artifact: Artifact, name: str, content: bytes) -> bytes:
    try:
        tree = json.loads(content)
        for problem in _problems(tree):
            raise InputError(_unsafe(artifact, name, problem))
    except (ValueError, RecursionError) as error:
        raise InputError(_unsafe(artifact, name, "is not readable as JSON")) from error
    return json.dumps(tree).encode()


def _problems(tree: object, key: str = "") -> Iterator[str]:
    """Yield what torch would run, and empty what nobody needs, in place."""
    match tree:
        case dict():
            for name, value in tree.items():
                if not NAME.fullmatch(name):
                    yield f"names {name[:60]!r}"
                elif name == "use_pickle" and value is not False:
                    yield "asks for pickled tensors"
                elif name in EMPTIED_KEYS:
                    tree[name] = type(value)()
                else:
                    yield from _problems(value, name)
        case list():
            for value in tree:
                yield from _problems(value, key)
        case str() if not _is_inert(tree, key):
            yield f"has {tree[:60]!r} as {key}"


def _is_inert(text: str, key: str) -> bool:
    match key:
        case "target":
            return OPERATOR.fullmatch(text) is not None
        case "expr_str":
            return EXPRESSION.fullmatch(text) is not None
        case "in_spec" | "out_spec":
            return _is_plain_tree(json.loads(text)[1])
        case "torch_version":
            return VERSION.fullmatch(text) is not None
        case "as_string":  # a constant argument: torch writes it as a quoted literal
            return True
    return NAME.fullmatch(text) is not None


def _is_plain_tree(spec: object) -> bool:
    """Say whether a tree specification is of Python's own containers alone, with plain keys."""
    match spec:
        case {"type": kind, "context": context, "children_spec": [*children], **rest} if not rest:
            keys = json.loads(context) if isinstance(context, str) else context
            plain = keys is None or (isinstance(keys, list) and all(map(_is_name, keys)))
            return kind in TREE_TYPES and plain and all(map(_is_plain_tree, children))
    return False


def _is_name(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _unsafe(artifact: Artifact, name: str, why: str) -> str:
    return (
        f"{artifact.path}: its member {name} {why}, so loading it could run code; nothing was executed; export the "
        "model again with torch.export.save from plain tensors"
    )
