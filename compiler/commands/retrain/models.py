"""The models that `dwcpc retrain` knows. To add one: a file like `nodes.py`, and its entry here."""

from __future__ import annotations

from dwcpc.compiler.commands.retrain.bandwidth import Bandwidth
from dwcpc.compiler.commands.retrain.consensus import Consensus
from dwcpc.compiler.commands.retrain.model import RetrainedModel
from dwcpc.compiler.commands.retrain.nodes import Nodes
from dwcpc.compiler.errors import InputError

MODELS: tuple[RetrainedModel, ...] = (Consensus(), Nodes(), Bandwidth())


def model_named(name: str) -> RetrainedModel:
    """Return the model that is called so, on the command line or in a registry."""
    for model in MODELS:
        if name in {model.name, model.published}:
            return model
    known = ", ".join(f"{model.name} ({model.published} in a registry)" for model in MODELS)
    raise InputError(f"NAME is {name!r}, expected one of {known}")
