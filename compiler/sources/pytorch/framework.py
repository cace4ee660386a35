"""PyTorch artifacts: state dicts and checkpoints, TorchScript, exported programs. torch itself is imported on use."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.base import LoadOptions, Network
from dwcpc.compiler.sources.pytorch import archive


class PyTorch:
    """The source framework that `SOURCES` lists."""

    name = "pytorch"

    def detect(self, artifact: Artifact) -> bool:
        """Say whether the bytes start like a file that torch writes."""
        return archive.looks_like_torch(artifact.data)

    def load(self, artifact: Artifact, options: LoadOptions) -> Network:
        """Load a state dict, a checkpoint, TorchScript or an exported program; never runs code from the file."""
        _require_torch(artifact)
        from dwcpc.compiler.sources.pytorch import loading

        kind = archive.kind_of(artifact)
        if kind == "torchscript":
            return loading.load_script(artifact, options)
        if kind == "exported_program":
            return loading.load_program(artifact)
        if options.trust_pickle:
            return loading.load_trusted(artifact, options)
        return loading.load_state_dict(artifact, options)

    def describe(self, artifact: Artifact) -> Sequence[tuple[str, str]]:
        """Return the kind of file and, for a state dict, its architecture, keys and shapes."""
        kind = archive.kind_of(artifact)
        if kind != "checkpoint":
            return [("kind", kind)]
        _require_torch(artifact)
        from dwcpc.compiler.sources.pytorch import loading

        return loading.describe_checkpoint(artifact)


def _require_torch(artifact: Artifact) -> None:
    if importlib.util.find_spec("torch") is None:
        raise InputError(f"{artifact.path}: is a PyTorch file and torch is not installed; install dwcpc[torch]")
