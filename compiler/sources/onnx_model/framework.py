"""ONNX files, exported by whatever trained the model; onnx and onnxruntime are imported on use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.sources.onnx_model.wire import looks_like_onnx

if TYPE_CHECKING:
    from dwcpc.compiler.sources.base import Network


class Onnx:
    """The source framework that `SOURCES` lists."""

    name = "onnx"

    def detect(self, artifact: Artifact) -> bool:
        """Say whether the bytes are the records of an ONNX model."""
        return looks_like_onnx(artifact.data)

    def load(self, artifact: Artifact, options: LoadOptions) -> Network:
        """Check the file and the weights beside it, then let onnxruntime answer for it; InputError with the reason.

        A Loop in the file runs as long as it says, without a limit.
        """
        from dwcpc.compiler.sources.onnx_model.loading import load_onnx

        return load_onnx(artifact, options)

    def describe(self, artifact: Artifact) -> Sequence[tuple[str, str]]:
        """Return producer, opsets, inputs, outputs, operators and sizes; nothing in the file is run."""
        from dwcpc.compiler.sources.onnx_model.description import description

        return description(artifact)
