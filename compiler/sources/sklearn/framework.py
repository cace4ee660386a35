"""scikit-learn artifacts: pickles and joblib files of tree ensembles, logistic regressions and Pipelines."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.pickles.joblib_format import decompressed
from dwcpc.compiler.pickles.named_globals import globals_named
from dwcpc.compiler.pickles.safe import MAX_PICKLE_BYTES
from dwcpc.compiler.sources.base import Estimator, LoadOptions, ModelSpec
from dwcpc.compiler.sources.sklearn.flat_trees import depths
from dwcpc.compiler.sources.sklearn.reading import ReadModel, read_model
from dwcpc.compiler.trees.ensemble import TreeEnsemble
from dwcpc.compiler.trees.feature_use import described_use

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dwcpc.compiler.linear import LinearModel
    from dwcpc.compiler.scalers import Scaling
    from dwcpc.compiler.sources.sklearn.rebuilt import Rebuilt

_PICKLE_STARTS = (b"\x80", b"ccopy_reg\n")  # protocols 2 to 5, and 0 and 1, which reconstruct an object first
_MODULE = re.compile(rb"(?<![.])sklearn\.[a-z_]")
_SHOWN_CLASSES = _SHOWN_NAMES = 20


class ScikitLearn:
    """The source framework that `SOURCES` lists."""

    name = "scikit-learn"

    def detect(self, artifact: Artifact) -> bool:
        """Say whether the bytes are a pickle, compressed or not, that names something of scikit-learn's."""
        try:
            content = decompressed(artifact.data, MAX_PICKLE_BYTES)
        except Exception:  # whatever a decompressor says, it is not to be read here
            return False
        return content.startswith(_PICKLE_STARTS) and _MODULE.search(content) is not None

    def load(self, artifact: Artifact, options: LoadOptions) -> Estimator:  # noqa: ARG002 - the Protocol's signature
        """Load the estimator; InputError for a lone scaler, an unsupported, unfitted or damaged one."""
        if importlib.util.find_spec("sklearn") is None:
            raise InputError(
                f"{artifact.path}: is a scikit-learn file and scikit-learn is not installed; install dwcpc[sklearn]"
            )
        model = read_model(artifact)
        return PickledEstimator(_spec(model, globals_named(artifact.data)), model)

    def describe(self, artifact: Artifact) -> Sequence[tuple[str, str]]:
        """Return kind, version, parameters, sizes and features; scikit-learn is not needed."""
        model = read_model(artifact)
        names = globals_named(artifact.data)
        return [
            ("kind", "pickle"),
            ("estimator", " → ".join([*(scaling.type for scaling in model.scalers), model.state.estimator])),
            ("written by", f"scikit-learn {model.state.version() or 'of unknown version'}"),
            *model.hyperparameters,
            *_sizes(model.read.core),
            ("features", _features(model)),
            *([("classes", ", ".join(map(str, model.read.core.classes)))] if model.read.core.classes else []),
            *(("note", note) for note in model.read.notes),
            ("classes named", ", ".join(names[:_SHOWN_CLASSES]) + (" …" if len(names) > _SHOWN_CLASSES else "")),
            *_use(model),
        ]


@dataclass(slots=True)
class PickledEstimator:
    """A checked scikit-learn model; scikit-learn's own is rebuilt when it is first asked."""

    spec: ModelSpec
    model: ReadModel
    reference: Rebuilt | None = field(default=None, init=False)

    @property
    def scalers(self) -> tuple[Scaling, ...]:
        """The scalers of the Pipeline."""
        return self.model.scalers

    @property
    def core(self) -> TreeEnsemble | LinearModel:
        """What the estimator behind them computes."""
        return self.model.read.core

    def answers(self, x: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Return what scikit-learn answers to `x` [rows, features]; see `Estimator`."""
        return self.rebuilt().answers(x)

    def leaves(self, x: NDArray[np.float32]) -> NDArray[np.int32] | None:
        """Return where scikit-learn's trees end [rows, trees]."""
        return self.rebuilt().leaves(x)

    def rebuilt(self) -> Rebuilt:
        """Return scikit-learn's own estimator of the same content."""
        from dwcpc.compiler.sources.sklearn.rebuilt import rebuilt

        if self.reference is None:
            self.reference = rebuilt(self.model)
        return self.reference


def _spec(model: ReadModel, pickled_classes: tuple[str, ...]) -> ModelSpec:
    installed = metadata.version("scikit-learn")
    written_by = model.state.version() or "of unknown version"
    difference = (
        () if written_by == installed else (f"written by scikit-learn {written_by}, compared with {installed}",)
    )
    return ModelSpec(
        framework=ScikitLearn.name,
        framework_version=installed,
        kind="pickle",
        model_type=_snake_case(model.state.estimator),
        task=model.read.task,
        input_shape=(model.features,),
        non_finite="answered" if model.read.takes_nan else "propagated",
        feature_names=model.feature_names,
        pickled_classes=pickled_classes,
        notes=(*difference, *model.read.notes),
    )


def _use(model: ReadModel) -> list[tuple[str, str]]:
    core = model.read.core
    return described_use(core, model.feature_names) if isinstance(core, TreeEnsemble) else []


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _features(model: ReadModel) -> str:
    named = f": {', '.join(model.feature_names[:_SHOWN_NAMES])}" if model.feature_names else ", without names"
    return f"{model.features}{named}{' …' if len(model.feature_names) > _SHOWN_NAMES else ''}"


def _sizes(core: TreeEnsemble | LinearModel) -> list[tuple[str, str]]:
    if not isinstance(core, TreeEnsemble):
        return [("margins", str(core.weights.shape[1]))]
    nodes = len(core.forest.feature)
    return [("trees", f"{core.forest.trees}, {nodes} nodes, depth {depths(core.forest).max() - 1}")]
