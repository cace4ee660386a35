"""Whether a bundle's metadata fits itself: lengths, names and golden vectors that belong together.

Go asks the same in the same order and names the same fields (go_harness/bundle/meaning.go).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from math import prod

from dwcpc.compiler.features.bundled import feature_problems
from dwcpc.compiler.metadata import AppliedScaler, Decision, Golden, GoldenFile, Metadata, TensorSpec

MAX_ROW_VALUES = 1 << 24  # 64 MiB of float32: a slot for one row has to be allocated


def golden_hash(listed: tuple[GoldenFile, ...]) -> str:
    """Return the hash of the golden vectors: SHA-256 over the files' hexadecimal hashes, in their order."""
    return hashlib.sha256("".join(file.sha256 for file in listed).encode("ascii")).hexdigest()


def inconsistencies(metadata: Metadata) -> Iterator[str]:
    """Yield what in `metadata` contradicts itself, one clause each, beyond what the schema can say.

    The first clause is the one to show: the later ones may follow from it.
    """
    yield from _tensor_problems(metadata)
    yield from feature_problems(metadata)
    yield from _scaler_problems("scaler", metadata.scaler, *_scaled(metadata))
    if metadata.target_scaler is not None:
        yield from _scaler_problems(
            "target_scaler", metadata.target_scaler, metadata.outputs[0].name, _width(metadata.outputs[0])
        )
    if metadata.decision is not None:
        yield from _decision_problems(metadata.decision, metadata.outputs)
    if metadata.non_finite == "propagated" and all(tensor.dtype == "int64" for tensor in metadata.outputs):
        yield "non_finite is propagated, expected a float32 output: its NaN tells an unanswered row from a label of -1"
    yield from _file_problems(metadata)
    yield from _group_problems(metadata.golden, metadata.outputs)


def _width(tensor: TensorSpec) -> int:
    """The length of the last axis; 1 where a row is a single value."""
    last = tensor.shape[-1]
    return last if isinstance(last, int) else 1


def _tensor_problems(metadata: Metadata) -> Iterator[str]:
    seen: dict[str, str] = {}
    for kind, tensors in (("inputs", metadata.inputs), ("outputs", metadata.outputs)):
        for index, tensor in enumerate(tensors):
            field = f"{kind}[{index}]"
            if tensor.name in seen:
                yield f"{field}.name is {tensor.name!r}, expected a name that {seen[tensor.name]} does not have"
            seen[tensor.name] = field
            if kind == "inputs" and tensor.dtype != "float32":
                yield f"{field}.dtype is {tensor.dtype}, expected float32, as every input"
            if prod(tensor.batched(1)) > MAX_ROW_VALUES:
                yield f"{field}.shape is {list(tensor.shape)}, expected at most {MAX_ROW_VALUES} values a row"
            for key, names in (("channels", tensor.channels), ("units", tensor.units)):
                if names and len(names) != _width(tensor):
                    yield f"{field}.{key} has {len(names)} entries, expected {_width(tensor)} or none"


def _scaled(metadata: Metadata) -> tuple[str, int]:
    """What the scaler is applied to, and how wide that is: the input, or the features that the graph makes of it."""
    features = metadata.features
    if features is None or not features.embedded:
        return metadata.inputs[0].name, _width(metadata.inputs[0])
    outputs = [step for step in features.spec["steps"] if step.get("output", True)]
    return "its features", len(outputs)


def _scaler_problems(field: str, scaler: AppliedScaler, scaled: str, width: int) -> Iterator[str]:
    for key, numbers in (("center", scaler.center), ("scale", scaler.scale)):
        if len(numbers) != width:
            yield f"{field}.{key} has {len(numbers)} entries, expected {width} as {scaled}"
    if 0.0 in scaler.scale:
        yield f"{field}.scale[{scaler.scale.index(0.0)}] is 0, expected a number to divide by"


def _decision_problems(decision: Decision, outputs: tuple[TensorSpec, ...]) -> Iterator[str]:
    scores = {tensor.name for tensor in outputs if tensor.dtype == "float32"}
    if decision.score not in scores:
        yield f"decision.score is {decision.score!r}, expected the name of a float32 output"
    flags = {tensor.name for tensor in outputs if tensor.dtype == "int64" and tensor.shape == ("batch",)}
    if decision.flag is not None and decision.flag not in flags:
        yield f"decision.flag is {decision.flag!r}, expected the name of an int64 output of one value a row"


def _file_problems(metadata: Metadata) -> Iterator[str]:
    missing = {("input", tensor.name) for tensor in metadata.inputs}
    missing |= {("output", tensor.name) for tensor in metadata.outputs}
    paths: set[str] = set()
    for index, file in enumerate(metadata.golden.files):
        field = f"golden.files[{index}]"
        if (file.kind, file.tensor) not in missing:
            yield f"{field}.tensor is {file.tensor!r}, expected an {file.kind} that has no golden file yet"
        missing.discard((file.kind, file.tensor))
        if file.file in paths:
            yield f"{field}.file is {file.file!r}, expected a file of its own"
        paths.add(file.file)
    if missing:
        yield f"golden.files are without {sorted(name for _, name in missing)}, expected one for each input and output"
    if golden_hash(metadata.golden.files) != metadata.golden.sha256:
        yield "golden.sha256 is not the hash of the golden files' hashes"


def _group_problems(golden: Golden, outputs: tuple[TensorSpec, ...]) -> Iterator[str]:
    names: set[str] = set()
    end = 0
    for index, group in enumerate(golden.groups):
        field = f"golden.groups[{index}]"
        if group.name in names:
            yield f"{field}.name is {group.name!r}, expected a name of its own"
        names.add(group.name)
        if group.start != end:
            yield f"{field}.start is {group.start}, expected {end}, where the rows before it end"
        if not group.start < group.stop <= golden.rows:
            yield f"{field}.stop is {group.stop}, expected more than {group.start} and at most the {golden.rows} rows"
        end = group.stop
        yield from _tolerance_problems(f"{field}.tolerance", group.tolerance, outputs)
    if end != golden.rows:
        yield f"golden.groups[{len(golden.groups) - 1}].stop is {end}, expected {golden.rows}, the number of rows"


def _tolerance_problems(
    field: str, tolerance: dict[str, tuple[float, ...]], outputs: tuple[TensorSpec, ...]
) -> Iterator[str]:
    if set(tolerance) != {tensor.name for tensor in outputs}:
        yield f"{field} names {sorted(tolerance)}, expected each output"
        return
    for tensor in outputs:
        allowed = tolerance[tensor.name]
        if len(allowed) not in {1, _width(tensor)}:
            yield f"{field}.{tensor.name} has {len(allowed)} entries, expected 1 or {_width(tensor)}"
        if tensor.dtype == "int64" and any(allowed):
            yield f"{field}.{tensor.name} is {max(allowed)}, expected 0, as the output is int64"
