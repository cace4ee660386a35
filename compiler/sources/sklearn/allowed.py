"""Every name that a pickle of a supported estimator may hold; one more ends the reading. All of them stay inert."""

from __future__ import annotations

_ENSEMBLE = "sklearn.ensemble."
_BOOSTING = "sklearn.ensemble._hist_gradient_boosting."

SCALERS = ("RobustScaler", "StandardScaler", "MinMaxScaler")

# Class name → module, as scikit-learn has it since 0.22.
ESTIMATORS = {
    "IsolationForest": _ENSEMBLE + "_iforest",
    "RandomForestClassifier": _ENSEMBLE + "_forest",
    "RandomForestRegressor": _ENSEMBLE + "_forest",
    "ExtraTreesClassifier": _ENSEMBLE + "_forest",
    "ExtraTreesRegressor": _ENSEMBLE + "_forest",
    "DecisionTreeClassifier": "sklearn.tree._classes",
    "DecisionTreeRegressor": "sklearn.tree._classes",
    "ExtraTreeClassifier": "sklearn.tree._classes",
    "ExtraTreeRegressor": "sklearn.tree._classes",
    "GradientBoostingClassifier": _ENSEMBLE + "_gb",
    "GradientBoostingRegressor": _ENSEMBLE + "_gb",
    "HistGradientBoostingClassifier": _BOOSTING + "gradient_boosting",
    "HistGradientBoostingRegressor": _BOOSTING + "gradient_boosting",
    "LogisticRegression": "sklearn.linear_model._logistic",
}

EXPECTED = f"{', '.join(ESTIMATORS)}, or a Pipeline of {', '.join(SCALERS)} before one of them"

_PARTS = (
    "sklearn.tree._tree.Tree",
    "sklearn.dummy.DummyClassifier",
    "sklearn.dummy.DummyRegressor",
    "sklearn.pipeline.Pipeline",
    *(f"sklearn.preprocessing._data.{name}" for name in SCALERS),
    _BOOSTING + "predictor.TreePredictor",
    _BOOSTING + "binning._BinMapper",
    "sklearn.preprocessing._label.LabelEncoder",
)

# Losses are read by their names in the parameters; the objects are passed over.
_LOSSES = (
    *(
        f"{place}{name}"
        for name in (
            "HalfSquaredError",
            "AbsoluteError",
            "PinballLoss",
            "HuberLoss",
            "HalfPoissonLoss",
            "HalfGammaLoss",
            "HalfBinomialLoss",
            "HalfMultinomialLoss",
            "ExponentialLoss",
        )
        for place in (
            "sklearn._loss.loss.",
            "sklearn._loss._loss.Cy",
            "sklearn._loss._loss.__pyx_unpickle_Cy",
            "_loss.Cy",  # so scikit-learn 1.5 to 1.7 name their own module
            "_loss.__pyx_unpickle_Cy",
        )
    ),
    *(
        f"sklearn._loss.link.{name}"
        for name in ("Interval", "IdentityLink", "LogLink", "LogitLink", "HalfLogitLink", "MultinomialLogit")
    ),
    *(  # before scikit-learn 1.4
        f"{_ENSEMBLE}_gb_losses.{name}"
        for name in (
            "LeastSquaresError",
            "LeastAbsoluteError",
            "HuberLossFunction",
            "QuantileLossFunction",
            "BinomialDeviance",
            "MultinomialDeviance",
            "ExponentialLoss",
        )
    ),
    *(  # before scikit-learn 1.1
        f"{_BOOSTING}loss.{name}"
        for name in (
            "LeastSquares",
            "LeastAbsoluteDeviation",
            "Poisson",
            "BinaryCrossEntropy",
            "CategoricalCrossEntropy",
        )
    ),
)

_RANDOM_STATES = (
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._pickle.__generator_ctor",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._mt19937.MT19937",
    "numpy.random._pcg64.PCG64",
    "numpy.random.bit_generator.SeedSequence",
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
)

# interaction_cst holds sets, which protocols 2 and 3 write as calls.
_SETS = ("builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset")

# What HistGradientBoosting keeps for categorical features: read, so that the error can name the feature.
_CATEGORICAL = (
    "sklearn.compose._column_transformer.ColumnTransformer",
    "sklearn.preprocessing._encoders.OrdinalEncoder",
    "sklearn.preprocessing._function_transformer.FunctionTransformer",
    "sklearn.utils.validation.check_array",
    "functools.partial",
    "builtins.slice",
    "__builtin__.slice",
    "numpy.float64",
)

CLASSES = frozenset(
    (
        *(f"{module}.{name}" for name, module in ESTIMATORS.items()),
        *_PARTS,
        *_LOSSES,
        *_RANDOM_STATES,
        *_SETS,
        *_CATEGORICAL,
    )
)
