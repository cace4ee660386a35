"""XGBoost's artifacts, JSON and UBJ: read and checked here, and seen by XGBoost itself, the reference, only after."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.sources.xgboost import formats

if TYPE_CHECKING:
    from dwcpc.compiler.sources.base import Estimator


class XGBoost:
    """The source framework that `SOURCES` lists."""

    name = "xgboost"

    def detect(self, artifact: Artifact) -> bool:
        """Say whether the bytes look like a model of XGBoost's, in any format that it ever had, or pickled."""
        return formats.format_of(artifact.data) is not None

    def load(self, artifact: Artifact, options: LoadOptions) -> Estimator:
        """Read and check a JSON or UBJ file, then let XGBoost load the same bytes; InputError with the reason."""
        from dwcpc.compiler.sources.xgboost.core import read_model
        from dwcpc.compiler.sources.xgboost.loading import loaded

        model = read_model(artifact, options.missing)
        if importlib.util.find_spec("xgboost") is None:
            raise InputError(
                f"{artifact.path}: is a model of XGBoost's and it is not installed; install dwcpc[xgboost]"
            )
        return loaded(artifact, model)

    def describe(self, artifact: Artifact) -> Sequence[tuple[str, str]]:
        """Return version, objective, sizes and names; XGBoost is not needed."""
        from dwcpc.compiler.sources.xgboost.core import read_model
        from dwcpc.compiler.sources.xgboost.description import description

        return description(read_model(artifact), formats.readable_format(artifact))
