"""The two formats as one document. Nothing in a file runs, and no size that it states is believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.xgboost.document import DAMAGED, Document, StoredTree, stored_tree
from dwcpc.compiler.sources.xgboost.formats import readable_format
from dwcpc.compiler.sources.xgboost.ubjson import UbjsonError, parse_ubjson
from dwcpc.compiler.strict_json import parse_strictly

MAX_JSON_BYTES = 1 << 30  # 5,000 trees of depth 8 take 250 MB
MAX_JSON_HEAD_BYTES = 1 << 24  # all but the trees: names of features and the target of each tree
MAX_TREES = 1 << 16


def read_document(artifact: Artifact) -> Document:
    """Return what the JSON or UBJ file says, its trees' arrays checked; InputError names what is wrong."""
    if readable_format(artifact) == "ubj":
        return _read_ubj(artifact)
    if len(artifact.data) > MAX_JSON_BYTES:
        raise InputError(
            f"{artifact.path}: {len(artifact.data)} bytes of JSON, expected at most {MAX_JSON_BYTES}; save it with "
            'model.save_model("model.ubj"), which is smaller'
        )
    try:
        return _read_json(artifact)
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError and ValidationError are ValueErrors
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(f"{artifact.path}: JSON that no XGBoost wrote ({reason}); {DAMAGED}") from error


def _read_ubj(artifact: Artifact) -> Document:
    try:
        head = parse_ubjson(artifact.data)
    except UbjsonError as error:
        raise InputError(f"{artifact.path}: UBJ that no XGBoost wrote ({error}); {DAMAGED}") from error
    trees: Any = []
    booster = _member(_member(head, "learner"), "gradient_booster")
    for holder in (_member(booster, "model"), _member(_member(booster, "gbtree"), "model")):
        if "trees" in holder:
            trees, holder["trees"] = holder["trees"], []
    return Document(_plain(head), _stored_trees(trees, artifact.path))


def _member(value: Any, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> Any:
    """The head with lists for arrays, as JSON has it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(element) for element in value] if isinstance(value, list) else value


def _stored_trees(trees: Any, path: Path) -> list[StoredTree]:
    if not isinstance(trees, Sequence) or len(trees) > MAX_TREES:
        raise InputError(f"{path}: its trees are no list of at most {MAX_TREES}; fit fewer trees, or save it again")
    wrong = [position for position, fields in enumerate(trees) if not isinstance(fields, dict)]
    if wrong:
        raise InputError(f"{path}: tree {wrong[0]} is no object, expected one; {DAMAGED}")
    return [stored_tree(fields, position, path) for position, fields in enumerate(trees)]


class _TreesOutline(msgspec.Struct):
    trees: msgspec.Raw = msgspec.Raw(b"")


class _BoosterOutline(msgspec.Struct):
    model: _TreesOutline | None = None
    gbtree: _BoosterOutline | None = None


class _LearnerOutline(msgspec.Struct):
    gradient_booster: _BoosterOutline


class _Outline(msgspec.Struct):
    learner: _LearnerOutline


class _TreeMarker(msgspec.Struct):
    left_children: msgspec.Raw


_Numbers = list[float]
_Whole = list[int]


class _JsonTree(msgspec.Struct):
    """A tree's members by their names in the file; those that older versions did not write may be absent."""

    id: int
    tree_param: dict[str, str]
    left_children: _Whole
    right_children: _Whole
    parents: _Whole
    split_indices: _Whole
    split_conditions: _Numbers
    default_left: list[bool | int]
    loss_changes: _Numbers
    base_weights: _Numbers
    sum_hessian: _Numbers
    split_type: _Whole | msgspec.UnsetType = msgspec.UNSET
    categories: _Whole = []
    categories_nodes: _Whole = []
    categories_segments: _Whole = []
    categories_sizes: _Whole = []


_JSON_TREE = msgspec.json.Decoder(_JsonTree)
_TREE_SPANS = msgspec.json.Decoder(Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MAX_TREES)])


def _read_json(artifact: Artifact) -> Document:
    """Millions of numbers become lists tree by tree; the rest is small and read as strictly as all JSON.

    A second key `trees` anywhere is found in that rest, where only the last one has been taken out.
    """
    data = artifact.data
    booster = msgspec.json.decode(data, type=_Outline).learner.gradient_booster
    holder = booster.gbtree.model if booster.gbtree is not None else booster.model
    span = holder.trees if holder is not None else msgspec.Raw(b"")
    if not len(span):
        return Document(_parsed_head(data, artifact.path), [])
    start = _address(span) - _address(data)
    head = _parsed_head(data[:start] + b"[]" + data[start + len(bytes(span)) :], artifact.path)
    return Document(head, list(_json_trees(span, artifact.path)))


def _address(data: bytes | msgspec.Raw) -> int:
    return int(np.frombuffer(data, np.uint8).ctypes.data)


def _parsed_head(data: bytes, path: Path) -> dict[str, Any]:
    if len(data) > MAX_JSON_HEAD_BYTES:
        raise InputError(
            f"{path}: {len(data)} bytes beside its trees, expected at most {MAX_JSON_HEAD_BYTES}; {DAMAGED}"
        )
    head: dict[str, Any] = parse_strictly(data)
    return head


def _json_trees(span: msgspec.Raw, path: Path) -> Iterator[StoredTree]:
    text = bytes(span)
    if b"\\" in text:
        raise ValueError("an escaped character in a tree")
    if text.count(b'"left_children"') > MAX_TREES:
        raise InputError(f"{path}: more than {MAX_TREES} trees; fit fewer")
    # Each element is an object with that key: there are no more elements than were counted.
    msgspec.json.decode(text, type=list[_TreeMarker])
    for position, raw in enumerate(_TREE_SPANS.decode(text)):
        _check_keys(bytes(raw), position)
        fields = msgspec.structs.asdict(_JSON_TREE.decode(raw))
        if fields["split_type"] is msgspec.UNSET:
            del fields["split_type"]
        yield stored_tree(fields, position, path)


def _check_keys(raw: bytes, position: int) -> None:
    """No key stands twice, in the tree or its parameters. Without escapes, each second piece is a text in quotes."""
    pieces = raw.split(b'"')
    keys = [pieces[at] for at in range(1, len(pieces) - 1, 2) if pieces[at + 1].lstrip().startswith(b":")]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key that stands twice in tree {position}")
