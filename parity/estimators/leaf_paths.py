"""Every row ends in the source's own leaf, in every tree: sums alone could hide two leaves that are exchanged.

The model's tree node is taken out, with everything before it, and its leaves are made to say which they are: those of
tree t write into column t the number that they have in the source. Splits, thresholds and directions stay the model's.
Which leaf is which follows from the structure alone, which must be the source's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from dwcpc.compiler.metadata import CheckResult
from dwcpc.compiler.ort_session import open_session
from dwcpc.compiler.signature import ADDED_PREFIX
from dwcpc.parity.estimators.onnx_trees import (
    TREE_OP,
    SourceLeaves,
    StructureError,
    attributes,
    match_leaves,
    read_trees,
    tree_node,
)

if TYPE_CHECKING:
    from dwcpc.compiler.bundle import Bundle
    from dwcpc.compiler.trees.forest import Forest
    from dwcpc.parity.reference import Reference

LEAVES = ADDED_PREFIX + "leaves"
VALUES_AT_ONCE = 1 << 22  # leaves in one answer of onnxruntime


def leaf_paths(bundle: Bundle, reference: Reference) -> list[CheckResult]:
    """Count the pairs of a row and a tree in which the bundle's model reaches another leaf; none may."""
    assert reference.forest is not None  # noqa: S101 - the caller has asked
    try:
        probe = leaf_probe(onnx.load_from_string(bundle.model_path.read_bytes()), reference.forest)
    except StructureError as error:
        return [_result(1, 0, str(error))]
    session = open_session(probe.SerializeToString(), bundle.metadata.runtime.session)
    differing, compared, first = 0, 0, ""
    step = max(1, VALUES_AT_ONCE // reference.forest.trees)
    for group in reference.groups:
        if group.leaves is None:
            continue
        for at in range(0, len(group.leaves), step):
            expected = group.leaves[at : at + step]
            (found,) = session.run([LEAVES], {bundle.metadata.inputs[0].name: group.rows[at : at + len(expected)]})
            wrong = found != expected
            compared += len(expected)
            differing += int(wrong.sum())
            if not first and wrong.any():
                row, tree = np.unravel_index(int(wrong.argmax()), wrong.shape)
                first = (
                    f"row {at + row} of {group.name} ends in leaf {int(found[row, tree])} of tree {tree}, "
                    f"in the source in {int(expected[row, tree])}"
                )
    return [_result(differing, compared, first)]


def leaf_probe(model: onnx.ModelProto, forest: Forest) -> onnx.ModelProto:
    """Return a model that answers `LEAVES` [batch, trees]: the leaf of `forest` that each row reaches in `model`.

    StructureError where the trees of the model are not those of `forest`.
    """
    node = tree_node(model)
    leaves = match_leaves(forest, read_trees(node))
    probe = _numbered(node, leaves)
    probe.attribute.append(helper.make_attribute("n_targets", forest.trees))
    names = {value for value in node.input if value}
    before: list[onnx.NodeProto] = []
    for earlier in reversed(model.graph.node):
        if names & set(earlier.output):
            before.insert(0, earlier)
            names.update(earlier.input)
    answer = helper.make_tensor_value_info(
        LEAVES, helper.np_dtype_to_tensor_dtype(attributes(node)["nodes_splits"].dtype), ["batch", forest.trees]
    )
    constants = [constant for constant in model.graph.initializer if constant.name in names]
    graph = helper.make_graph([*before, probe], "leaves", model.graph.input, [answer], constants)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _numbered(node: onnx.NodeProto, leaves: SourceLeaves) -> onnx.NodeProto:
    """Return the tree node with a leaf of its own for each side of each split that ends there."""
    given = attributes(node)
    splits = len(given["nodes_featureids"])
    sides = np.stack([given["nodes_trueleafs"], given["nodes_falseleafs"]], axis=1).reshape(-1) != 0
    own = (np.cumsum(sides) - 1).reshape(splits, 2)
    ends = splits + np.flatnonzero(sides)  # as `read_trees` numbers them
    changed = {
        "nodes_truenodeids": np.where(given["nodes_trueleafs"] != 0, own[:, 0], given["nodes_truenodeids"]),
        "nodes_falsenodeids": np.where(given["nodes_falseleafs"] != 0, own[:, 1], given["nodes_falsenodeids"]),
        "leaf_targetids": leaves.tree[ends],
    }
    probe = helper.make_node(TREE_OP, list(node.input), [LEAVES], name=LEAVES + "_node", domain=node.domain)
    replaced = {*changed, "leaf_weights", "n_targets"}
    probe.attribute.extend(attribute for attribute in node.attribute if attribute.name not in replaced)
    probe.attribute.extend(helper.make_attribute(name, value.tolist()) for name, value in changed.items())
    weights = leaves.number[ends].astype(given["nodes_splits"].dtype)
    probe.attribute.append(helper.make_attribute("leaf_weights", numpy_helper.from_array(weights)))
    return probe


def _result(differing: int, rows: int, note: str) -> CheckResult:
    return CheckResult(
        check="leaf_paths",
        runtime="python",
        output="leaf",
        group="all",
        worst=float(differing),
        limit=0.0,
        rows=rows,
        passed=differing == 0 and rows > 0,
        note=note,
    )
