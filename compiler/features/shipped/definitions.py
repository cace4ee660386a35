"""What the shipped specifications say; the JSON files beside this one are made from it, by running this file.

Node reliability: the owners' definitions, with the names and the order of the real model's metadata. Bandwidth: their
34 features and 14 more. `latency_spread`, and columns of the bandwidth table that the owners do not name, are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dwcpc.compiler.features.builder import SpecBuilder, spec_text

LOAD = (
    *("error_rate", "timeout_rate", "latency_p50", "latency_p99", "sla_violations", "connection_failures"),
    *("packet_loss_rate", "cpu_usage", "memory_usage", "disk_io"),
)
IN_PANDAS_ORDER = {"column": "timestamp", "duplicate": "keep"}  # equal times are samples of their own


def node_reliability(*windows: int) -> dict[str, Any]:
    """Return the features of a node: 123 with the windows 5 and 15, 163 with 30 as well."""
    spec = SpecBuilder(f"node_reliability_{43 + 40 * len(windows)}", "node_id", IN_PANDAS_ORDER)
    spec.numbers("error_rate", "timeout_rate", unit="1")
    spec.numbers("latency_p50", "latency_p99", unit="ms")
    spec.numbers("sla_violations", "connection_failures")
    spec.numbers("packet_loss_rate", unit="1")
    spec.numbers("cpu_usage", "memory_usage", unit="%")
    spec.numbers("disk_io")
    spec.category("mode", ("fallback", "optimized", "standard"), unknown="missing")
    spec.category("tier", ("tier1", "tier2", "tier3"), unknown="missing")
    spec.copies(*LOAD)
    spec.rolling(LOAD, windows, std_fill=0)
    for name in LOAD:
        spec.differences([name], "rate_of_change", fill=0)
        spec.differences([name], "acceleration", order=2, fill=0)
    spec.add("error_timeout_product", "product", of=["error_rate", "timeout_rate"])
    spec.weighted("latency_spread", latency_p99=1, latency_p50=-1)
    spec.add("latency_ratio", "ratio", of="latency_p99", by="latency_p50", epsilon=1e-6)
    spec.weighted("resource_pressure", cpu_usage=0.5, memory_usage=0.5)
    spec.add("high_error_rate", "indicator", of="error_rate", above=0.01)
    spec.add("high_latency", "indicator", of="latency_p99", above=100)
    spec.add("high_packet_loss", "indicator", of="packet_loss_rate", above=0.05)
    spec.one_hots("mode")
    spec.one_hots("tier")
    return spec.document()


PATHS = {
    "region": ("us-east", "us-west", "eu-central", "ap-south"),
    "az": ("a", "b", "c"),
    "link_type": ("fiber", "ethernet", "wireless", "satellite"),
    "dwcp_mode": ("standard", "optimized", "fallback"),
    "network_tier": ("tier1", "tier2", "tier3"),
    "transport_type": ("tcp", "quic", "rdma"),
}


def bandwidth_predictor() -> dict[str, Any]:
    """Return 48 features of a link from a table of 22 columns, its key and its time among them."""
    spec = SpecBuilder("bandwidth_predictor", "link_id", IN_PANDAS_ORDER)
    spec.numbers("throughput_mbps", unit="Mbit/s")
    spec.numbers("rtt_ms", unit="ms")
    spec.numbers("packet_loss", unit="1")
    spec.numbers("jitter_ms", unit="ms")
    spec.numbers("bytes_tx", "bytes_rx", unit="B")
    spec.numbers("queue_depth", "retransmits", "congestion_window", "active_flows")
    spec.numbers("signal_dbm", unit="dBm")
    spec.numbers("link_capacity_mbps", unit="Mbit/s")
    spec.numbers("seconds_of_day", unit="s")
    spec.numbers("day_of_week", unit="d")
    for column, categories in PATHS.items():
        spec.category(column, categories, unknown="missing")
    _owners_bandwidth_features(spec)
    _more_bandwidth_features(spec)
    return spec.document()


def _owners_bandwidth_features(spec: SpecBuilder) -> None:
    measured = ("throughput_mbps", "rtt_ms", "packet_loss", "jitter_ms")
    spec.copies(*measured, "bytes_tx", "bytes_rx", "queue_depth", "retransmits", "congestion_window")
    spec.rolling(measured, (3, 5, 10), ("mean",))
    spec.differences(measured[:3], "change", fill=0)
    spec.add("bytes_total", "sum", of=["bytes_tx", "bytes_rx"])
    spec.add("bytes_ratio", "ratio", of="bytes_tx", by="bytes_rx", epsilon=1)
    spec.add(
        "throughput_bps", "weighted_sum", terms=[{"of": "throughput_mbps", "weight": 1e6}], unit="bit/s", output=False
    )
    spec.add("network_load", "ratio", of="bytes_total", by="throughput_bps", epsilon=1)
    congestion = [{"of": "packet_loss", "weight": 0.4}]
    congestion += [{"of": name, "weight": 0.3, "per": 100} for name in ("queue_depth", "retransmits")]
    spec.add("congestion_score", "weighted_sum", terms=congestion)
    for column in PATHS:
        spec.add(f"{column}_code", "label", of=column, fill=-1)


def _more_bandwidth_features(spec: SpecBuilder) -> None:
    measured = ("throughput_mbps", "rtt_ms", "packet_loss", "jitter_ms")
    spec.rolling(measured, (10,), ("std",), std_fill=0)
    spec.rolling(["throughput_mbps"], (10,), ("min",))
    spec.rolling(["rtt_ms"], (10,), ("max",))
    spec.add("bandwidth_delay_product", "product", of=["throughput_mbps", "rtt_ms"], unit="kbit")
    spec.add("utilization", "ratio", of="throughput_mbps", by="link_capacity_mbps", epsilon=1e-6)
    spec.copies("active_flows", "signal_dbm")
    for column, period in (("seconds_of_day", 86_400), ("day_of_week", 7)):
        for op in ("sin", "cos"):
            spec.add(f"{column}_{op}", op, of=column, period=period)


def consensus_latency() -> dict[str, Any]:
    """Return the 12 columns of a cluster's node as they are: what the model scales is what was measured."""
    spec = SpecBuilder("consensus_latency", "node_id", {"column": "timestamp"})
    columns = {
        "commit_latency_ms": "ms",
        "append_latency_ms": "ms",
        "fsync_ms": "ms",
        "heartbeat_rtt_ms": "ms",
        "queue_depth": None,
        "throughput_ops": "1/s",
        "term_changes": None,
        "votes_rejected": None,
        "replication_lag": None,
        "cpu_usage": "%",
        "memory_usage": "%",
        "packet_loss": "1",
    }
    for name, unit in columns.items():
        spec.numbers(name, unit=unit)
    spec.copies(*columns)
    return spec.document()


def legacy_predictor() -> dict[str, Any]:
    """Return the six values of a sample that the owners' first Go predictor normalised by hand; ten make a window."""
    spec = SpecBuilder("legacy_predictor")
    scales = {"bandwidth": ("Mbit/s", 1000), "latency": ("ms", 100), "packet_loss": ("1", None), "jitter": ("ms", 50)}
    scales |= {"hour": ("h", 24), "weekday": ("d", 7)}
    for name, (unit, _) in scales.items():
        spec.numbers(name, unit=unit)
    for name, (_, per) in scales.items():
        spec.add(
            f"{name}_normalised", "weighted_sum", terms=[{"of": name, "weight": 1} | ({"per": per} if per else {})]
        )
    return spec.document()


DEFINITIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "node_reliability_123": lambda: node_reliability(5, 15),
    "node_reliability_163": lambda: node_reliability(5, 15, 30),
    "bandwidth_predictor": bandwidth_predictor,
    "consensus_latency": consensus_latency,
    "legacy_predictor": legacy_predictor,
}


def write_all(folder: Path) -> None:
    """Write every definition as NAME.json into `folder`."""
    for name, definition in DEFINITIONS.items():
        (folder / f"{name}.json").write_text(spec_text(definition()), encoding="utf-8")


if __name__ == "__main__":
    write_all(Path(__file__).parent)
