"""The simulated links: columns, physics of queue, air and probes, and what difficulty does."""

from __future__ import annotations

import numpy as np
import pytest

from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.bandwidth.demand import demand
from dwcpc.models.data.bandwidth.links import DAY_S, STEP_S, draw_links, stretched
from dwcpc.models.data.bandwidth.probe import State, probed
from dwcpc.models.data.bandwidth.queue import offered, queued
from dwcpc.models.data.bandwidth.radio import HYSTERESIS_DB, air_loss, shannon_share, through_cells
from dwcpc.models.data.bandwidth.simulate import (
    GROUP,
    MEASURED,
    TIME,
    TRUE,
    BandwidthSimulation,
    simulate_bandwidth,
    transferred,
)
from dwcpc.models.data.table import Table

LINKS, STEPS = 24, 2880


@pytest.fixture(scope="module")
def table() -> Table:
    return simulate_bandwidth(BandwidthSimulation(seed=5, links=LINKS, steps=STEPS))


def by_link(table: Table, name: str) -> np.ndarray:
    return table[name].reshape(LINKS, STEPS)


def test_the_same_seed_gives_the_same_table_and_another_one_another() -> None:
    first, again, other = (simulate_bandwidth(BandwidthSimulation(seed, 3, 300)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["rtt_ms"], other["rtt_ms"])


def test_a_stretch_multiplies_what_links_are_by_up_to_so_much_and_one_of_1_changes_nothing() -> None:
    plain, same, wide = (simulate_bandwidth(BandwidthSimulation(1, 3, 300, 0.5, each)) for each in (1.0, 1.0, 1.5))
    assert all(np.array_equal(plain[name], same[name]) for name in plain)
    assert not np.array_equal(plain["link_capacity_mbps"], wide["link_capacity_mbps"])
    links = draw_links(500, np.random.default_rng(0))
    varied = stretched(links, 1.5, np.random.default_rng(1))
    ratios = []
    for name in ("capacity_mbps", "rtt_ms", "jitter_ms", "loss"):
        ratio = (getattr(varied, name) / getattr(links, name)).ravel()
        assert 1 / 1.5 <= ratio.min() < 0.7
        assert 1.4 < ratio.max() <= 1.5
        assert np.log(ratio).mean() == pytest.approx(0, abs=0.05)
        ratios.append(ratio)
    assert np.abs(np.corrcoef(ratios) - np.eye(4)).max() < 0.2
    assert varied.demand is links.demand


def test_it_has_the_22_raw_columns_and_the_shipped_features_are_computed_from_them(table: Table) -> None:
    spec = shipped_spec("bandwidth_predictor")
    assert spec.time is not None
    raw = {spec.group, spec.time.column, *(column.name for column in spec.columns)}
    assert len(raw) == 22
    assert set(table) == raw | set(TRUE)
    features = run_spec(spec, table)
    assert len(features.rows) == LINKS * STEPS
    assert np.isfinite(features.values).all()
    assert not set(TRUE) & {column.name for column in spec.columns}


def test_steps_are_minutes_and_links_begin_all_over_the_week(table: Table) -> None:
    assert np.array_equal(np.unique(np.diff(by_link(table, TIME))), [STEP_S])
    assert len(np.unique(by_link(table, "day_of_week")[:, 0])) >= 5
    assert len(np.unique(table[GROUP])) == LINKS


def test_values_are_what_the_columns_names_allow(table: Table) -> None:
    for name in (*MEASURED, *TRUE, "bytes_tx", "bytes_rx", "queue_depth", "retransmits", "congestion_window"):
        assert np.isfinite(table[name]).all()
        assert (table[name] >= 0).all()
    assert table["true_packet_loss"].max() < 0.2
    assert (table["true_throughput_mbps"] < table["link_capacity_mbps"]).all()
    carried = (table["bytes_tx"] + table["bytes_rx"]) * 8 / STEP_S / 1e6
    assert (carried < table["link_capacity_mbps"]).all()
    assert set(table["day_of_week"]) <= set(range(7))


def test_links_are_as_their_kind(table: Table) -> None:
    satellite, fiber = (table["true_rtt_ms"][table["link_type"] == kind] for kind in ("satellite", "fiber"))
    assert np.median(satellite) > 1.5 * np.median(fiber)
    loss = {kind: np.median(table["true_packet_loss"][table["link_type"] == kind]) for kind in ("fiber", "wireless")}
    assert loss["wireless"] > 10 * loss["fiber"]


def test_the_day_is_in_the_demand_and_the_weekend_is_quieter() -> None:
    links = draw_links(200, np.random.default_rng(0))
    asked = demand(links, 1440 * 7, 0.0, np.random.default_rng(1))
    hours = ((links.begins_s + np.arange(1440 * 7) * STEP_S) % DAY_S) / 3600
    assert hours.shape == asked.shape
    means = np.array([asked[(hours >= h) & (hours < h + 1)].mean() for h in range(24)])
    assert means.max() > 1.15 * means.min()
    day = np.floor((links.begins_s + np.arange(1440 * 7) * STEP_S) / DAY_S) % 7
    assert asked[day >= 6].mean() < 0.95 * asked[(day >= 1) & (day < 5)].mean()


@pytest.mark.parametrize("load", [0.3, 0.8, 0.97])
def test_the_queue_is_that_of_a_simulated_one(load: float) -> None:
    """Arrivals and departures one by one: what the formulas say without any of them."""
    size, events = 8, 150_000
    arrives = np.random.default_rng(0).random(events) < load / (1 + load)
    seen, lost, arrived, n = np.zeros(size + 1), 0, 0, 0
    for arrival in arrives.tolist():
        seen[n] += 1
        if arrival:
            arrived, lost = arrived + 1, lost + (n == size)
            n = min(n + 1, size)
        else:
            n = max(n - 1, 0)
    p = seen / seen.sum()
    mean = float(p @ np.arange(size + 1))
    found = queued(np.array([[load]]), np.array([size]))
    assert found.mean[0, 0] == pytest.approx(mean, rel=0.04)
    assert found.deviation[0, 0] == pytest.approx(float(np.sqrt(p @ np.arange(size + 1) ** 2 - mean**2)), rel=0.04)
    assert found.loss[0, 0] == pytest.approx(lost / arrived, abs=0.002)


def test_flows_yield_before_a_link_is_full() -> None:
    load = offered(np.array([0.3, 0.9, 1.5, 5.0]))
    assert load[0] == pytest.approx(0.3, rel=1e-3)
    assert (np.diff(load) > 0).all()
    assert load[-1] < 1


def test_a_weak_signal_leaves_less_and_loses_more() -> None:
    signal = np.array([[-60.0, -75.0, -90.0]])
    assert shannon_share(signal)[0, 0] == 1
    assert (np.diff(shannon_share(signal)) < 0).all()
    assert (np.diff(air_loss(signal)) > 0).all()
    # -78 dBm is 20 dB above the noise, the reference 28 dB.
    assert shannon_share(np.array([[-78.0]]))[0, 0] == pytest.approx(np.log2(101) / np.log2(1 + 10**2.8))


def test_a_handover_gains_the_hysteresis_and_nothing_else_jumps() -> None:
    signal, over = through_cells((50, 2000), np.random.default_rng(3))
    gained = np.diff(signal)[over[:, 1:]]
    assert over.sum() > 200
    assert np.median(gained) == pytest.approx(HYSTERESIS_DB, abs=1.0)
    assert np.abs(np.diff(signal)[~over[:, 1:]]).max() < 1.5


def test_a_transfer_gets_what_is_free_or_what_loss_lets_it() -> None:
    free = np.array([100.0])
    assert transferred(free, np.array([10.0]), np.array([1e-7]))[0] == pytest.approx(100, rel=0.01)
    lossy = transferred(free, np.array([100.0]), np.array([0.04]))[0]
    assert lossy == pytest.approx(16 * 1.22 * 1460 * 8 / (0.1 * 0.2) / 1e6, rel=0.02)


def test_probes_err_as_their_size_makes_them_and_in_no_direction() -> None:
    shape = (1, 200_000)
    state = State(*(np.full(shape, value) for value in (100.0, 30.0, 0.01, 4.0)))
    for difficulty, pings, probes in ((0.0, 16, 12_000), (1.0, 4, 3000)):
        found = probed(state, difficulty, np.random.default_rng(2))
        assert found.rtt_ms.mean() == pytest.approx(30, abs=0.02)
        assert found.rtt_ms.std() == pytest.approx(4 / np.sqrt(pings), rel=0.02)
        assert found.packet_loss.mean() == pytest.approx(0.01, rel=0.01)
        assert found.packet_loss.std() == pytest.approx(np.sqrt(0.01 * 0.99 / probes), rel=0.02)
        assert np.square(found.jitter_ms).mean() == pytest.approx(16, rel=0.01)
        assert np.log(found.throughput_mbps).std() == pytest.approx(0.03 + 0.1 * difficulty, rel=0.02)


def test_what_was_measured_last_is_no_good_enough_answer(table: Table) -> None:
    """Else there would be nothing to learn; and where the link is now is close to where it will be in a minute."""
    for name, true in zip(MEASURED, TRUE, strict=True):
        ahead = by_link(table, true)[:, 1:]
        measured, exact = by_link(table, name)[:, :-1], by_link(table, true)[:, :-1]
        error, change = (np.square(values - ahead).mean() for values in (measured, exact))
        assert error > 1.5 * change


def test_difficulty_makes_probes_noisier_and_links_busier() -> None:
    easy, hard = (simulate_bandwidth(BandwidthSimulation(3, 40, 1440, difficulty)) for difficulty in (0.0, 1.0))
    for name, true in zip(MEASURED, TRUE, strict=True):
        error = [np.abs(each[name] - each[true]).mean() / each[true].mean() for each in (easy, hard)]
        assert error[1] > 1.3 * error[0]
    assert hard["true_packet_loss"].mean() > 1.1 * easy["true_packet_loss"].mean()
