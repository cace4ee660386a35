"""Federated training: clients keep their windows, and a server sees weights, counts and sums of them.

Flower and Ray report their use over the network unless told otherwise before they are imported; nothing here may.
"""

import os

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
