"""The source frameworks. Importing this package imports none of them: each loads its library when it is used."""

from __future__ import annotations

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.base import SourceFramework
from dwcpc.compiler.sources.onnx_model.framework import Onnx
from dwcpc.compiler.sources.pytorch.framework import PyTorch
from dwcpc.compiler.sources.sklearn.framework import ScikitLearn
from dwcpc.compiler.sources.xgboost.framework import XGBoost

SOURCES: tuple[SourceFramework, ...] = (PyTorch(), Onnx(), XGBoost(), ScikitLearn())

SNIFFED_BYTES = 16


def source_of(artifact: Artifact) -> SourceFramework:
    """Return the framework whose artifact this is, judged by content; InputError when it is none's."""
    for source in SOURCES:
        if source.detect(artifact):
            return source
    raise InputError(
        f"{artifact.path}: starts with {artifact.data[:SNIFFED_BYTES]!r}, which is no model file that dwcpc knows; "
        "expected a PyTorch state dict or checkpoint, TorchScript, a .pt2 exported program, a scikit-learn pickle, "
        "XGBoost's JSON or UBJ, or ONNX"
    )
