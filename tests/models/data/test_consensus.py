from __future__ import annotations

import itertools

import numpy as np
import pytest

from dwcpc.compiler.features.shipped import shipped_spec
from dwcpc.models.data.consensus.faults import FAULTS
from dwcpc.models.data.consensus.incidents import KINDS, SETTLING_STEPS, draw_incidents
from dwcpc.models.data.consensus.metrics import FEATURES
from dwcpc.models.data.consensus.simulate import KIND, LABEL, NORMAL, ConsensusSimulation, simulate_consensus
from dwcpc.models.data.table import Table, taken
from dwcpc.models.data.windows import Windows, cut_windows
from dwcpc.models.evaluation.classification import detection_figures
from dwcpc.models.training.folds import CONSENSUS_COLUMNS
from dwcpc.models.training.threshold import best_threshold

SUMMARIES = {
    "mean": lambda x: x.mean(axis=1),
    "highest": lambda x: x.max(axis=1),
    "lowest": lambda x: x.min(axis=1),
    "spread": lambda x: x.std(axis=1),
    "last": lambda x: x[:, -1],
}


@pytest.fixture(scope="module")
def table() -> Table:
    return simulate_consensus(ConsensusSimulation(seed=7, nodes=12, steps=5760))


@pytest.fixture(scope="module")
def windows(table: Table) -> Windows:
    return cut_windows(table, CONSENSUS_COLUMNS, 30, 30)


def test_the_same_seed_gives_the_same_table_and_another_one_another() -> None:
    first, again, other = (simulate_consensus(ConsensusSimulation(seed, 3, 400)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not any(np.array_equal(first[name], other[name]) for name in FEATURES)


def test_the_features_are_those_of_the_shipped_specification() -> None:
    spec = shipped_spec("consensus_latency")
    assert spec.features == FEATURES
    assert (spec.group, spec.time and spec.time.column) == (CONSENSUS_COLUMNS.group, CONSENSUS_COLUMNS.time)


def test_every_fault_happens_and_is_labelled(table: Table) -> None:
    assert set(table[KIND]) == {NORMAL, *KINDS} == {NORMAL, *FAULTS}
    assert np.array_equal(table[LABEL] == 1, table[KIND] != NORMAL)


def test_a_sixth_of_the_windows_are_anomalies_and_few_are_at_an_edge(windows: Windows) -> None:
    clear = windows.clear()
    assert 0.13 < clear.anomalous.mean() < 0.20
    assert windows.edge.mean() < 0.05


def test_incidents_of_a_node_do_not_overlap() -> None:
    incidents = draw_incidents(20, 5000, 0.5, np.random.default_rng(1))
    for one, other in itertools.combinations(incidents, 2):
        assert one.node != other.node or one.end <= other.begin or other.end <= one.begin
    assert all(incident.end - incident.begin > 2 * SETTLING_STEPS for incident in incidents)


def test_values_are_what_the_columns_names_allow(table: Table) -> None:
    for name in FEATURES:
        assert np.isfinite(table[name]).all()
        assert (table[name] >= 0).all()
    for name in ("cpu_usage", "memory_usage"):
        assert table[name].max() <= 100
    assert table["packet_loss"].max() < 0.05


def test_without_a_fault_the_metrics_keep_the_laws_they_are_made_by(table: Table) -> None:
    normal = taken(table, table[LABEL] == 0)
    in_flight = normal["throughput_ops"] * normal["commit_latency_ms"] / 1e3
    assert np.corrcoef(in_flight, normal["queue_depth"])[0, 1] > 0.95  # Little's law
    assert np.median(normal["append_latency_ms"] / (normal["heartbeat_rtt_ms"] + normal["fsync_ms"])) == pytest.approx(
        1, abs=0.05
    )
    assert np.corrcoef(normal["cpu_usage"], normal["throughput_ops"])[0, 1] > 0.7


def test_a_leader_that_lies_breaks_the_laws(table: Table) -> None:
    lying = taken(table, table[KIND] == "byzantine_leader")
    normal = taken(table, table[LABEL] == 0)
    claimed = np.median(lying["commit_latency_ms"] / lying["append_latency_ms"])
    assert claimed < 0.93 * np.median(normal["commit_latency_ms"] / normal["append_latency_ms"])


def test_no_threshold_on_one_feature_tells_anomalies_from_load(windows: Windows) -> None:
    """The thresholds are even chosen on the windows that they are judged on."""
    clear = windows.clear()
    best = 0.0
    for summary, at, sign in itertools.product(SUMMARIES.values(), range(len(FEATURES)), (1, -1)):
        score = sign * summary(clear.x)[:, at]
        figures = detection_figures(clear.anomalous, score, best_threshold(score, clear.anomalous))
        best = max(best, figures.detection_accuracy)
    assert 0.6 < best < 0.85


def test_a_threshold_would_be_found_if_a_fault_were_plain(windows: Windows) -> None:
    clear = windows.clear()
    score = clear.x[:, :, FEATURES.index("fsync_ms")].mean(axis=1) + 10 * clear.anomalous
    figures = detection_figures(clear.anomalous, score, best_threshold(score, clear.anomalous))
    assert figures.detection_accuracy > 0.99


def test_difficulty_weakens_faults_and_lets_nodes_differ_more() -> None:
    separation = []
    spread = []
    for difficulty in (0.0, 1.0):
        made = simulate_consensus(ConsensusSimulation(3, 24, 2880, difficulty))
        slow, normal = made[KIND] == "slow_disk", made[KIND] == NORMAL
        separation.append(np.median(made["fsync_ms"][slow]) / np.median(made["fsync_ms"][normal]))
        by_node = made["heartbeat_rtt_ms"].reshape(24, -1)
        spread.append(np.log(np.median(by_node, axis=1)).std())
    assert separation[0] > 1.2 * separation[1] > 1.2
    assert spread[1] > 1.5 * spread[0]


def test_only_the_kinds_asked_for_happen() -> None:
    made = simulate_consensus(ConsensusSimulation(3, 6, 2000, kinds=("slow_disk",)))
    assert set(made[KIND]) == {NORMAL, "slow_disk"}
