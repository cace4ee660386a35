"""What a hand-written script would serve: the framework's own converter as it comes, without scaler, score or pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.sources.base import NETWORK_INPUT, Network

if TYPE_CHECKING:
    import onnx

    from dwcpc.compiler.sources.base import Estimator

FEATURES_INPUT = "features"
XGBOOST_OPSET = 15  # the newest that onnxmltools writes trees for


def plain_export(loaded: Network | Estimator, opset: int) -> tuple[onnx.ModelProto, str]:
    """Return torch's, skl2onnx's or onnxmltools' model and the name of its input; InputError where it refuses."""
    if isinstance(loaded, Network):
        return loaded.export(opset), NETWORK_INPUT
    from dwcpc.compiler.sources.sklearn.framework import PickledEstimator
    from dwcpc.compiler.sources.xgboost.estimator import XGBoostEstimator

    features = loaded.spec.input_shape[0]
    try:
        if isinstance(loaded, PickledEstimator):
            return _by_skl2onnx(loaded.rebuilt().estimator, features, opset), FEATURES_INPUT
        if isinstance(loaded, XGBoostEstimator):
            return _by_onnxmltools(loaded.booster, features), FEATURES_INPUT
    except Exception as error:  # each library has types of its own for what it cannot convert
        raise InputError(f"the plain converter refuses the {loaded.spec.model_type}: {error}") from error
    raise InputError(f"there is no plain converter for a {loaded.spec.model_type}")


def _by_skl2onnx(estimator: Any, features: int, opset: int) -> onnx.ModelProto:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    opsets = {"": opset, "ai.onnx.ml": 3}
    types = [(FEATURES_INPUT, FloatTensorType([None, features]))]
    model: onnx.ModelProto = to_onnx(estimator, initial_types=types, options=options, target_opset=opsets)
    return model


def _by_onnxmltools(booster: Any, features: int) -> onnx.ModelProto:
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster.feature_names = None  # it wants them to be f0, f1, …
    types = [(FEATURES_INPUT, FloatTensorType([None, features]))]
    model: onnx.ModelProto = convert_xgboost(booster, initial_types=types, target_opset=XGBOOST_OPSET)
    return model
