"""Reduced precision through the command line: chosen by evidence, proven like float32, refused with what would pass."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Reduced:
    """The demo's compiles at each target, in one folder and with one cache."""

    compile: Callable[..., Any]
    out: Path

    def metadata(self, name: str) -> dict[str, Any]:
        """What `latest` of `name` says."""
        read: dict[str, Any] = json.loads((self.out / name / "latest" / "metadata.json").read_bytes())
        return read


@pytest.fixture(scope="module")
def reduced(arguments: list[str], process: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Reduced:
    folder = tmp_path_factory.mktemp("reduced")
    environment = {**os.environ, "DWCPC_CACHE": str(folder / "cache")}

    def call(name: str, target: str, *more: object) -> Any:
        options = ["--target", target, "--name", name, "--out", folder / "dist", *more]
        return process("--json", *arguments, *options, environment=environment)

    return Reduced(call, folder / "dist")


def noise(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    return [result for result in metadata["parity"]["results"] if result["check"] == "noise"]


def test_int8_is_smaller_and_keeps_its_floor_in_both_runtimes(reduced: Reduced, run: Callable[..., Any]) -> None:
    ran = reduced.compile("int8", "cpu-int8", "--calibration", DEMO / "calibration.npy")
    assert ran.code == 0, ran.err
    metadata = reduced.metadata("int8")
    search = metadata["precision_search"]
    (chosen,) = (each for each in search["candidates"] if each["chosen"])
    assert search["min_sqnr_db"] == 30
    assert search["calibration"]["kind"] == "file"
    assert chosen["sqnr_db"] >= 30
    assert chosen["flips"] == 0
    assert {each["layer"]: each["precision"] for each in metadata["precision"]} == chosen["layers"]
    assert any("int8" in precision for precision in chosen["layers"].values())
    assert {result["runtime"] for result in noise(metadata)} == {"python", "go"}
    assert all(result["limit"] <= -10 and result["worst"] <= result["limit"] for result in noise(metadata))
    assert run("verify", reduced.out / "int8").code == 0
    assert run("verify", reduced.out / "int8", "--source", DEMO / "consensus_demo.pth", "--cases", 256).code == 0


def test_the_search_goes_on_where_it_stopped_and_ends_the_same(reduced: Reduced) -> None:
    again = reduced.compile("again", "cpu-int8", "--calibration", DEMO / "calibration.npy")
    assert again.code == 0, again.err
    first, second = reduced.metadata("int8"), reduced.metadata("again")
    assert second["precision_search"] == first["precision_search"]
    assert second["precision"] == first["precision"]
    assert second["model"]["bytes"] == first["model"]["bytes"] + len("again") - len("int8")


def test_fp16_halves_the_weights_and_keeps_sixty_decibels(reduced: Reduced) -> None:
    ran = reduced.compile("fp16", "cpu-fp16")
    assert ran.code == 0, ran.err
    metadata = reduced.metadata("fp16")
    assert metadata["precision_search"]["calibration"]["kind"] == "drawn"
    assert {each["precision"] for each in metadata["precision"]} <= {"float16 storage", "int16 storage"}
    typical = [result for result in noise(metadata) if result["group"] == "typical"]
    assert typical
    assert all(result["worst"] <= -60 for result in typical)


def test_auto_says_what_it_took_and_why(reduced: Reduced) -> None:
    ran = reduced.compile("auto", "cpu-auto")
    assert ran.code == 0, ran.err
    metadata = reduced.metadata("auto")
    assert metadata["target"] in {"cpu-fp32", "cpu-fp16", "cpu-int8"}
    (note,) = (note for note in metadata["source"]["notes"] if note.startswith("cpu-auto took"))
    assert metadata["target"] in note
    assert "of cpu-fp32's time" in note


def test_a_floor_that_nothing_keeps_is_refused_with_what_would_pass(reduced: Reduced) -> None:
    ran = reduced.compile("refused", "cpu-int8", "--min-sqnr", "140")
    assert ran.code == 1
    message = ran.json["error"]["message"]
    assert "cpu-int8: no candidate keeps 140 dB" in message
    told = re.search(r"dB, (\d+) flips in", message)
    assert told is not None
    assert int(told.group(1)) > 0  # next to nothing may flip at 140 dB; what was kept of 30 dB would say 0
    assert "try cpu-fp16, --min-sqnr" in message
    assert not (reduced.out / "refused").exists()


def test_trees_are_what_they_are_at_any_target(run: Callable[..., Any], tmp_path: Path) -> None:
    forest, scaler = DEMO / "isolation_demo.pkl", DEMO / "trees_demo_scaler.json"
    options = ["--scaler", scaler, "--threshold", "-0.57", "--cases", 64, "--budget", "latency_p99_ms=1000"]
    ran = run("--json", "compile", forest, *options, "--target", "cpu-int8", "--name", "trees", "--out", tmp_path)
    assert ran.code == 0, ran.err
    assert any("cpu-int8 changes nothing here" in note for note in ran.json["metadata"]["source"]["notes"])
