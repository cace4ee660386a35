"""What a saved model says about itself beside its trees, checked: version, objective, boosting and who saved it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.xgboost.document import DAMAGED, whole_number
from dwcpc.compiler.sources.xgboost.objectives import OBJECTIVES, Objective
from dwcpc.compiler.strict_json import INT64_RANGE

MAJOR_VERSIONS = range(1, 4)
MAX_FEATURES = 1 << 16
MAX_CLASSES = 1 << 12

Booster = Literal["gbtree", "dart", "gblinear"]
_KINDS = {  # how XGBoost 1.3 said it
    "XGBClassifier": "classifier",
    "XGBRFClassifier": "classifier",
    "XGBRegressor": "regressor",
    "XGBRFRegressor": "regressor",
}
_Part = TypeVar("_Part", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What the scikit-learn wrapper that saved the file left in it; `classes` and `missing` only by XGBoost 1.x."""

    kind: str  # "classifier", "regressor" or "ranker", empty where the file does not say
    classes: tuple[int | str, ...]
    missing: float | None


@dataclass(frozen=True, slots=True)
class Learner:
    """A model without its trees or weights. `base_scores` are float32, one for each margin, as the user says them."""

    version: tuple[int, int, int]
    objective_name: str
    objective: Objective
    booster: Booster
    features: int
    margins: int
    base_score_text: str
    base_scores: tuple[float, ...]
    feature_names: tuple[str, ...]
    feature_types: tuple[str, ...]
    best_iteration: int | None
    best_tree_limit: int | None
    wrapper: Wrapper | None

    @property
    def version_text(self) -> str:
        """The version of XGBoost that saved the file."""
        return ".".join(map(str, self.version))


class _Parameters(msgspec.Struct):
    base_score: str
    num_class: str
    num_feature: str
    num_target: str = "1"


class _Softmax(msgspec.Struct):
    num_class: str


class _Objective(msgspec.Struct):
    name: str
    softmax_multiclass_param: _Softmax | None = None


class _Booster(msgspec.Struct):
    name: str


class _Learner(msgspec.Struct):
    learner_model_param: _Parameters
    objective: _Objective
    gradient_booster: _Booster
    attributes: dict[str, str] = {}
    feature_names: list[str] = []
    feature_types: list[str] = []


class _Head(msgspec.Struct):
    learner: _Learner
    version: Annotated[list[int], msgspec.Meta(min_length=3, max_length=3)]


def converted(value: Any, type_: type[_Part], path: Path) -> _Part:
    """Return the part of the document as `type_`; InputError names the member that is not what XGBoost writes."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: not what XGBoost saves ({str(error)[:200]}); {DAMAGED}") from error


def checked_learner(head: dict[str, Any], path: Path) -> Learner:
    """Return what the document says beside its trees; InputError for what is unknown, unsupported or contradictory."""
    found = converted(head, _Head, path)
    _check_version(found.version, path)
    learner, parameters = found.learner, found.learner.learner_model_param
    objective = _objective(learner.objective.name, path)
    _check_targets(parameters, path)
    features = whole_number(parameters.num_feature, "num_feature", path)
    if not 1 <= features <= MAX_FEATURES:
        raise InputError(f"{path}: takes {features} features, expected 1 to {MAX_FEATURES}; {DAMAGED}")
    margins = _margins(learner, objective, path)
    return Learner(
        version=(found.version[0], found.version[1], found.version[2]),
        objective_name=learner.objective.name,
        objective=objective,
        booster=_booster(learner.gradient_booster.name, path),
        features=features,
        margins=margins,
        base_score_text=parameters.base_score,
        base_scores=_base_scores(parameters.base_score, objective, margins, path),
        feature_names=_for_each_feature(learner.feature_names, "feature_names", features, path),
        feature_types=_for_each_feature(learner.feature_types, "feature_types", features, path),
        best_iteration=_count(learner.attributes, "best_iteration", path),
        best_tree_limit=_count(learner.attributes, "best_ntree_limit", path),
        wrapper=_wrapper(learner.attributes, path),
    )


def _check_version(version: list[int], path: Path) -> None:
    if version[0] not in MAJOR_VERSIONS or min(version) < 0:
        raise InputError(
            f"{path}: saved by XGBoost {'.'.join(map(str, version))}, expected 1.x to {MAJOR_VERSIONS[-1]}.x; save it "
            f"with one of these"
        )


def _objective(name: str, path: Path) -> Objective:
    if name not in OBJECTIVES:
        raise InputError(
            f"{path}: trained for the objective {name[:60]!r}, whose predictions dwcpc does not know, expected one of "
            f"{', '.join(OBJECTIVES)}; fit the model again with one of these"
        )
    return OBJECTIVES[name]


def _booster(name: str, path: Path) -> Booster:
    match name:
        case "gbtree" | "dart" | "gblinear":
            return name
    raise InputError(f"{path}: the booster is {name[:60]!r}, expected gbtree, dart or gblinear; fit the model again")


def _check_targets(parameters: _Parameters, path: Path) -> None:
    targets = whole_number(parameters.num_target, "num_target", path)
    if targets > 1:
        raise InputError(f"{path}: predicts {targets} targets, expected one; fit one model for each target")


def _margins(learner: _Learner, objective: Objective, path: Path) -> int:
    classes = whole_number(learner.learner_model_param.num_class, "num_class", path)
    if objective.link != "softmax":
        if classes > 1:
            raise InputError(f"{path}: {learner.objective.name} with {classes} classes, expected none; {DAMAGED}")
        return 1
    parameters = learner.objective.softmax_multiclass_param
    # XGBoost divides by the objective's own number of classes.
    if parameters is None or whole_number(parameters.num_class, "num_class of the objective", path) != classes:
        raise InputError(f"{path}: the objective and the model have different numbers of classes; {DAMAGED}")
    if not 2 <= classes <= MAX_CLASSES:
        raise InputError(f"{path}: {classes} classes, expected 2 to {MAX_CLASSES}; {DAMAGED}")
    return classes


def _base_scores(text: str, objective: Objective, margins: int, path: Path) -> tuple[float, ...]:
    """`5E-1` up to XGBoost 3.0, `[5E-1]` or one for each class since."""
    pieces = text.removeprefix("[").removesuffix("]").split(",") if text.startswith("[") else [text]
    try:
        with np.errstate(over="ignore"):
            scores = tuple(float(np.float32(float(piece))) for piece in pieces)
    except ValueError:
        scores = ()
    in_range = {"identity": math.isfinite, "logit": lambda b: 0 <= b <= 1, "log": lambda b: 0 < b < math.inf}
    if len(scores) not in {1, margins} or not all(map(in_range[objective.base], scores)):
        raise InputError(
            f"{path}: base_score is {text[:60]!r}, expected one number, or one for each of {margins} margins, in the "
            "range of the objective; set base_score and fit the model again"
        )
    return scores * margins if len(scores) == 1 else scores


def _for_each_feature(values: list[str], name: str, features: int, path: Path) -> tuple[str, ...]:
    if len(values) not in {0, features}:
        raise InputError(f"{path}: {len(values)} {name} for {features} features; {DAMAGED}")
    return tuple(values)


def _count(attributes: dict[str, str], name: str, path: Path) -> int | None:
    return whole_number(attributes[name], name, path) if name in attributes else None


def _wrapper(attributes: dict[str, str], path: Path) -> Wrapper | None:
    """XGBoost 1.x saved all of the wrapper's attributes, later ones save its type alone."""
    text = attributes.get("scikit_learn")
    if text is None:
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InputError(
            f"{path}: the attribute scikit_learn is no JSON object, expected the wrapper's type; {DAMAGED}"
        )
    kind = said.get("_estimator_type", _KINDS.get(str(said.get("type")), ""))
    classes = said.get("classes_")
    return Wrapper(
        kind=kind if isinstance(kind, str) else "",
        classes=tuple(classes) if isinstance(classes, list) and all(map(_is_class, classes)) else (),
        missing=_missing(said.get("missing")),
    )


def _is_class(value: object) -> bool:
    return isinstance(value, str) or (type(value) is int and value in INT64_RANGE)


def _missing(value: object) -> float | None:
    if type(value) is float:
        return None if math.isnan(value) else value
    return float(value) if type(value) is int and value in INT64_RANGE else None
