"""Whether a bundle's metadata fits itself: lengths, names and golden vectors that belong together."""

from __future__ import annotations

import hashlib

from dwcpc.compiler.metadata import AppliedScaler, Golden, GoldenFile, Metadata, TensorSpec


def golden_hash(listed: tuple[GoldenFile, ...]) -> str:
    """Return the hash of the golden vectors: SHA-256 over the files' hexadecimal hashes, in their order."""
    return hashlib.sha256("".join(file.sha256 for file in listed).encode("ascii")).hexdigest()


def inconsistencies(metadata: Metadata) -> list[str]:
    """Return what in `metadata` contradicts itself, one clause each, beyond what the schema can say."""
    problems = _scaler_problems("scaler", metadata.scaler, metadata.inputs[0])
    if metadata.target_scaler is not None:
        problems += _scaler_problems("target_scaler", metadata.target_scaler, metadata.outputs[0])
    for kind, tensors in (("inputs", metadata.inputs), ("outputs", metadata.outputs)):
        for tensor in tensors:
            width = tensor.shape[-1]
            for field, names in (("channels", tensor.channels), ("units", tensor.units)):
                if names and len(names) != width:
                    problems.append(f"{kind}.{tensor.name}.{field} has {len(names)} entries, expected {width}")
    output_names = {tensor.name for tensor in metadata.outputs}
    if metadata.decision is not None and metadata.decision.score not in output_names:
        problems.append(f"decision.score is {metadata.decision.score!r}, expected one of {sorted(output_names)}")
    return problems + _golden_problems(metadata.golden, metadata)


def _scaler_problems(field: str, scaler: AppliedScaler, tensor: TensorSpec) -> list[str]:
    width = tensor.shape[-1]
    if len(scaler.center) != width or len(scaler.scale) != width:
        return [f"{field} has {len(scaler.center)} centers and {len(scaler.scale)} scales, expected {width} of each"]
    if 0.0 in scaler.scale:
        return [f"{field}.scale is 0 for feature {scaler.scale.index(0.0)}, expected a non-zero number"]
    return []


def _golden_problems(golden: Golden, metadata: Metadata) -> list[str]:
    problems = []
    expected = [("input", tensor.name) for tensor in metadata.inputs]
    expected += [("output", tensor.name) for tensor in metadata.outputs]
    found = [(file.kind, file.tensor) for file in golden.files]
    if sorted(found) != sorted(expected):
        problems.append(f"golden.files are {found}, expected one for each of {expected}")
    if golden_hash(golden.files) != golden.sha256:
        problems.append("golden.sha256 is not the hash of the golden files' hashes")
    start = 0
    for group in golden.groups:
        if group.start != start or group.stop <= group.start:
            problems.append(
                f"golden.groups.{group.name} is rows {group.start} to {group.stop}, expected to start at {start}"
            )
        start = group.stop
        problems += _tolerance_problems(group.name, group.tolerance, metadata)
    if start != golden.rows:
        problems.append(f"golden.groups end at row {start}, expected {golden.rows}")
    return problems


def _tolerance_problems(group: str, tolerance: dict[str, tuple[float, ...]], metadata: Metadata) -> list[str]:
    if set(tolerance) != {tensor.name for tensor in metadata.outputs}:
        return [f"golden.groups.{group}.tolerance names {sorted(tolerance)}, expected each output"]
    return [
        f"golden.groups.{group}.tolerance.{tensor.name} has {len(tolerance[tensor.name])} entries, "
        f"expected 1 or {tensor.shape[-1]}"
        for tensor in metadata.outputs
        if len(tolerance[tensor.name]) not in {1, tensor.shape[-1]}
    ]
