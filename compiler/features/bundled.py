"""The features in a bundle's metadata: whether they fit the rest, and whether the golden vectors are what they compute.

Go asks the same in the same order (go_harness/bundle/features.go); it runs its own executor when a registry loads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.use import FeatureUse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dwcpc.compiler.metadata import BundledFeatures, Metadata

TRANSCENDENTAL = ("sin", "cos", "log1p")
# What a later step may make of the last digits of those: relative, and absolute near 0.
SLACK = 1e-9


def feature_use(metadata: Metadata) -> FeatureUse | None:
    """Return how the bundle's features are computed; none where it does not say. InputError for a bad specification."""
    features = metadata.features
    if features is None:
        return None
    spec = checked_spec(features.spec, "features.spec")
    return FeatureUse(spec, features.spec, features.embedded, features.timesteps)


def feature_problems(metadata: Metadata) -> Iterator[str]:
    """Yield what in the metadata contradicts its features, one clause each."""
    features = metadata.features
    if features is None:
        return
    try:
        use = feature_use(metadata)
    except InputError as error:
        yield str(error)
        return
    assert use is not None  # noqa: S101 - there are features
    if not use.embedded:
        shape, names = ("batch", *use.model_shape), use.spec.features
    else:
        shape, names = ("batch", *use.raw_shape), use.column_names
    tensor = metadata.inputs[0]
    if tensor.shape != shape:
        yield f"inputs[0].shape is {list(tensor.shape)}, expected {list(shape)}, as features has it"
    for at, (name, expected) in enumerate(zip(tensor.channels, names, strict=False)):
        if name != expected:
            yield f"inputs[0].channels[{at}] is {name!r}, expected {expected!r}, as features has it"
    if len(tensor.channels) != len(names):
        yield f"inputs[0].channels has {len(tensor.channels)} entries, expected {len(names)}, as features has it"
    if features.embedded and metadata.scaler.applied == "host":
        yield "scaler.applied is host, expected graph: the graph computes the features that it scales"
    yield from _file_problems(features, {file.file for file in metadata.golden.files})


def vector_problem(use: FeatureUse, raw: NDArray[np.float64], features: NDArray[np.float64]) -> str | None:
    """Return the first difference between golden `features` and what Python's executor computes of `raw`."""
    import numpy as np

    computed = use.features(raw)
    slack = np.where(loose_features(use), SLACK, 0.0)
    with np.errstate(invalid="ignore"):
        close = np.abs(computed - features) <= slack * (1.0 + np.abs(features))
    same = (close & np.isfinite(features)) | (computed == features) | (np.isnan(computed) & np.isnan(features))
    if same.all():
        return None
    at = tuple(np.argwhere(~same)[0].tolist())
    return (
        f"{use.spec.features[at[2]]!r} of window {at[0]}, sample {at[1]} is {features[at]:.17g}, expected "
        f"{computed[at]:.17g}, which the specification says"
    )


def loose_features(use: FeatureUse) -> list[bool]:
    """Return, for each feature, whether a sine, a cosine or a logarithm is part of it: their last digits differ."""
    loose: dict[str, bool] = {}
    for step in use.spec.steps:
        loose[step.name] = step.op in TRANSCENDENTAL or any(loose.get(source, False) for source in step.sources)
    return [loose[name] for name in use.spec.features]


def _file_problems(features: BundledFeatures, others: set[str]) -> Iterator[str]:
    for key, file in (("raw", features.golden.raw), ("features", features.golden.features)):
        if file.file in others:
            yield f"features.golden.{key}.file is {file.file!r}, expected a file of its own"
        others.add(file.file)
