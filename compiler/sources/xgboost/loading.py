"""A read file and XGBoost's model of it as one estimator, with what its user should know about it."""

from __future__ import annotations

from collections.abc import Iterator

from dwcpc.compiler.artifact import Artifact
from dwcpc.compiler.sources.base import ModelSpec
from dwcpc.compiler.sources.xgboost.core import ReadModel
from dwcpc.compiler.sources.xgboost.estimator import XGBoostEstimator, loaded_booster
from dwcpc.compiler.sources.xgboost.formats import readable_format


def loaded(artifact: Artifact, model: ReadModel) -> XGBoostEstimator:
    """Return the estimator; InputError where XGBoost refuses the file."""
    learner = model.learner
    booster = loaded_booster(artifact)
    spec = ModelSpec(
        framework="xgboost",
        framework_version=learner.version_text,
        kind=f"booster_{readable_format(artifact)}",
        model_type="xgboost_classifier" if model.task == "classification" else "xgboost_regressor",
        task=model.task,
        input_shape=(learner.features,),
        non_finite="answered",
        feature_names=learner.feature_names,
        notes=tuple(_notes(model)),
    )
    return XGBoostEstimator(spec, model.core, booster, model.rounds, learner.objective_name == "multi:softmax")


def _notes(model: ReadModel) -> Iterator[str]:
    import xgboost

    learner = model.learner
    if learner.version_text != xgboost.__version__:
        yield f"saved by xgboost {learner.version_text}, compared with {xgboost.__version__}, which is installed"
    if model.core.missing is not None and learner.wrapper is not None and learner.wrapper.missing is not None:
        yield f"the value {model.core.missing:g} counts as missing, as the file says"
    elif model.core.missing is None:
        yield "XGBoost does not save `missing`: NaN alone is taken for it; --missing names another value"
    if model.rounds != model.all_rounds:
        yield (
            f"early stopping: the first {model.rounds} of {model.all_rounds} rounds count, as in the predict of "
            "XGBoost's scikit-learn wrapper, which saved the file"
        )
    elif learner.wrapper is None and learner.best_iteration is not None and model.all_rounds is not None:
        yield (
            f"best_iteration is {learner.best_iteration} and all {model.all_rounds} rounds count, as in "
            "Booster.predict; to keep the best ones, save booster[: booster.best_iteration + 1]"
        )
    if learner.objective_name == "binary:logitraw":
        yield "binary:logitraw predicts a margin and no probability: compiled as a regression"
