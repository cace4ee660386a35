"""Which operators the graph may name, and that each takes only what was made before it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import cache

import onnx

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.onnx_model.protobuf import named

ONNX_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
SEQUENCES = frozenset(
    {"ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement", "SplitToSequence", "StringSplit"}
)


def check_operators(artifact: Artifact, model: onnx.ModelProto) -> None:
    """Refuse unknown operators and domains, sequences, chance, and values that nothing makes before they are taken."""
    versions = {each.domain: each.version for each in model.opset_import}
    newest = onnx.defs.onnx_opset_version()
    if max(versions.get("", 0), versions.get("ai.onnx", 0)) > newest:
        raise InputError(
            f"{artifact.path}: is in opset {versions.get('', newest)}, and onnx {onnx.__version__} knows {newest} at "
            "most; export it with an older opset, or install a newer onnx"
        )
    _check_graph(artifact, model.graph, versions, frozenset())


def _check_graph(
    artifact: Artifact, graph: onnx.GraphProto, versions: dict[str, int], outside: AbstractSet[str]
) -> None:
    own = {value.name for value in graph.input}
    if len(own) < len(graph.input):
        raise InputError(f"{artifact.path}: two inputs have the same name; the file is altered, export it again")
    made = {*outside, *own} | {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        _check_operator(artifact, node, versions)
        _check_values(artifact, node, made, own)
        for each in node.attribute:
            for inner in [*each.graphs, *([each.g] if each.HasField("g") else [])]:
                _check_graph(artifact, inner, versions, frozenset(made))
        own |= set(node.output)
        made |= set(node.output) - {""}
    for value in graph.output:
        if value.name not in made:
            raise InputError(f"{artifact.path}: nothing makes its output {value.name!r}; export it again")


def _check_values(artifact: Artifact, node: onnx.NodeProto, made: AbstractSet[str], own: set[str]) -> None:
    for name in node.input:
        if name and name not in made:
            raise InputError(
                f"{artifact.path}: {named(node)} takes {name!r}, which is no input, no weight and made by nothing "
                "before it; a weight is missing or the graph runs in a circle, export it again"
            )
    for name in node.output:
        if name and name in own:
            raise InputError(
                f"{artifact.path}: {named(node)} makes {name!r}, which is made already; the file is altered, export it "
                "again"
            )


def _check_operator(artifact: Artifact, node: onnx.NodeProto, versions: dict[str, int]) -> None:
    if node.op_type in RANDOM:
        raise InputError(
            f"{artifact.path}: {named(node)} draws by chance, so that no two answers are the same; export it without"
        )
    if node.op_type in SEQUENCES or node.op_type.startswith("Sequence"):
        raise InputError(f"{artifact.path}: {named(node)} deals in sequences, expected tensors; export it without")
    if any(each.HasField("sparse_tensor") or each.sparse_tensors for each in node.attribute):
        raise InputError(f"{artifact.path}: {named(node)} holds a sparse tensor, expected dense ones; export it so")
    version = versions.get(node.domain, versions.get("" if node.domain == "ai.onnx" else node.domain))
    if version is None:
        raise InputError(
            f"{artifact.path}: {named(node)} is of the domain {node.domain!r}, of which the file states no version; "
            "the file is altered, export it again"
        )
    if not _is_known(node.op_type, node.domain, version):
        raise InputError(
            f"{artifact.path}: {named(node)} is no operator of {node.domain or 'ONNX'} in version {version} that "
            f"onnx {onnx.__version__} or onnxruntime knows; export it with operators of ONNX's own"
        )


def _is_known(operator: str, domain: str, version: int) -> bool:
    if domain in ONNX_DOMAINS:
        try:
            return not onnx.defs.get_schema(operator, version, "" if domain == "ai.onnx" else domain).deprecated
        except onnx.defs.SchemaError:
            return False
    return (operator, domain) in _of_onnxruntime()


@cache
def _of_onnxruntime() -> frozenset[tuple[str, str]]:
    from onnxruntime.capi import onnxruntime_pybind11_state as binding

    return frozenset((schema.name, schema.domain) for schema in binding.get_all_operator_schema())
