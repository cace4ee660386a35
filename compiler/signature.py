"""The names that the served model gives to what goes in and what comes out; bundles in service depend on them."""

from __future__ import annotations

GRAPH_INPUT = "input"
ADDED_PREFIX = "dwcpc_"  # of every other name that is added, so that none meets one of the exporter's
SCORE_OUTPUT = "anomaly_score"
SCORE_DEFINITION = "mean over all values of the window of (scaled input - reconstruction)^2, on scaled values"
PROBABILITY_DEFINITION = "probability of an anomaly, as the network answers it"
ANOMALY_FLAG = "anomaly"
DECISION_VALUE = "decision_value"
LABEL = "label"
PROBABILITY = "probability"
PREDICTION = "prediction"
NOT_ANSWERED = -1  # in int64 outputs, for a row that the model does not take
ISOLATION_DEFINITION = "scikit-learn's score_samples: -2^(-mean depth / expected depth), the lower the more anomalous"
