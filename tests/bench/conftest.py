"""The models of the precision table, made small."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwcpc.bench.precision_models import Plan, TableModel, make_model, plans

NOWHERE = Path("absent")


def small_plan(name: str) -> Plan:
    return next(plan for plan in plans(NOWHERE) if plan.name == name)


def made_small(name: str, folder: Path) -> TableModel:
    """Make the model called so with a few units and rows."""
    from dwcpc.models.bandwidth_predictor import BandwidthPredictorConfig
    from dwcpc.models.demo import full_size
    from dwcpc.models.demo.full_size import Sizes
    from dwcpc.models.lstm_attention_autoencoder import LstmAttentionAutoencoderConfig

    predictor = BandwidthPredictorConfig(30, 45, 16, 16, 16, 8, 16, 16, 16)
    autoencoder = LstmAttentionAutoencoderConfig(30, 12, 8, 6, 4, 4, 4, 4, 6, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full_size, "RANDOM", Sizes(64, 64, 40, 48, None))
        patch.setattr(full_size, "BandwidthPredictorConfig", lambda: predictor)
        patch.setattr(full_size, "LstmAttentionAutoencoderConfig", lambda: autoencoder)
        return make_model(small_plan(name), folder, lambda _: None)


@pytest.fixture(scope="session")
def small_predictor(tmp_path_factory: pytest.TempPathFactory) -> TableModel:
    return made_small("predictor_random", tmp_path_factory.mktemp("models") / "predictor_random")


@pytest.fixture(scope="session")
def small_autoencoder(tmp_path_factory: pytest.TempPathFactory) -> TableModel:
    return made_small("autoencoder_random", tmp_path_factory.mktemp("models") / "autoencoder_random")
