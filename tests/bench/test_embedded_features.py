"""What features in the graph cost is a difference of one model's times, with bounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dwcpc.bench import embedded_features
from dwcpc.bench.embedded_features import cost_of_embedding, main
from dwcpc.bench.paired import Paired
from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.errors import InputError

BUNDLES = Path(__file__).resolve().parents[1] / "fixtures" / "bundles"
PLAIN, EMBEDDED = BUNDLES / "good", BUNDLES / "features"


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """What a comparison was fed; it finds 100 µs without and 150 µs with the features."""
    given: dict[str, np.ndarray] = {}

    def pair(_plain: Bundle, _model: Path, rows: np.ndarray, *, feeds: dict[str, np.ndarray], pairs: int) -> Paired:
        given.update(feeds, rows=rows, pairs=np.array(pairs))
        return Paired(1.5, 1.4, 1.8, 0.1, 0.15, 1.5, pairs)

    monkeypatch.setattr(embedded_features, "pair_model", pair)
    return given


def test_the_cost_is_what_is_added_and_the_features_are_those_of_the_windows(fed: dict[str, np.ndarray]) -> None:
    cost = cost_of_embedding(open_bundle(PLAIN), open_bundle(EMBEDDED), pairs=9)
    assert (cost.us, cost.low_us, cost.high_us) == pytest.approx((50, 40, 80))
    assert str(cost) == ("features in the graph cost 50.0 µs [40.0, 80.0] at p50 (100.0 µs without, 150.0 µs with)")
    assert fed["x"].shape == (8, 4, 3)
    assert fed["rows"].shape == (8, 3, 2)
    assert fed["rows"].dtype == np.float32


def test_more_than_the_limit_is_a_failure(fed: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]) -> None:
    main([str(PLAIN), str(EMBEDDED), "--limit-us", "50.1"])
    with pytest.raises(SystemExit, match="1"):
        main([str(PLAIN), str(EMBEDDED), "--limit-us", "49.9"])
    assert "50.0 µs" in capsys.readouterr().out
    assert fed


def test_two_models_are_not_compared() -> None:
    with pytest.raises(InputError, match=r"expected the model of .* with its features in the graph"):
        cost_of_embedding(open_bundle(EMBEDDED), open_bundle(PLAIN))
