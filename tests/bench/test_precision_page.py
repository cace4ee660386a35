"""The page from results that nobody measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from dwcpc.bench.paired import Paired
from dwcpc.bench.precision_accuracy import Accuracy, Flips
from dwcpc.bench.precision_page import EXPLAINED, render
from dwcpc.bench.precision_result import Entry, Measured, ModelResult, layers_of, read_result, search_of, write_result
from dwcpc.compiler.metadata import Machine

RESULT = ModelResult(
    name="made_up",
    title="A model, made up",
    weights="12 parameters",
    rows="8 rows",
    date="2026-01-02",
    compiler="dwcpc 9.9.9",
    onnxruntime="1.99.0",
    machine=Machine("A processor", 2, ("avx2", "fma"), "Linux x86_64", 0.5, 0.0),
    pairs=20,
    entries=(
        Entry(
            "cpu-fp32",
            "pass",
            "",
            Measured(
                Accuracy(112.34, 4096, Flips(0, None, None)),
                1_000_000,
                1_200_000,
                59,
                Paired(1.001, 0.99, 1.02, 0.5, 0.5, 1, 20),
            ),
            {"float32": ("lstm1", "fc")},
            "",
        ),
        Entry(
            "cpu-fp16",
            "inconclusive",
            "latency_p99_ms inconclusive:\nthe machine is noisy",
            Measured(
                Accuracy(56.44, 4096, Flips(3, 0.0001, 0.0123)),
                505_000,
                705_000,
                61,
                Paired(0.97, 0.96, 0.985, 0.5, 0.485, 1, 20),
            ),
            {"float16": ("lstm1",), "float32": ("fc",)},
            "all float16 of 3 candidates; floor 45 dB; calibrated on 512 rows (file)",
        ),
        Entry("cpu-int8", "refused", "no int8 candidate reaches 30 dB", None, {}, ""),
        Entry(
            "quantize_dynamic, defaults",
            "–",
            "",
            Measured(Accuracy(float("-inf"), 4096, None), 260_000, None, 44, Paired(0.5, 0.49, 0.51, 0.5, 0.25, 1, 20)),
            {},
            "",
        ),
    ),
)

GOLDEN = """\
## A model, made up

- weights: 12 parameters
- rows: 8 rows
- machine: A processor, 2 cores (avx2 fma), Linux x86_64; load 0.5, 0 % stolen
- 2026-01-02, dwcpc 9.9.9, onnxruntime 1.99.0, 20 pairs of blocks

|  | SQNR, dB | anomaly flips | `model.onnx`, bytes | of cpu-fp32's | bundle, bytes | of cpu-fp32's | \
latency / cpu-fp32's | nodes | verdict |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| cpu-fp32 | 112.3 | 0 of 4,096 | 1,000,000 | 100.0 % | 1,200,000 | 100.0 % | 1.001 [0.990, 1.020], 0.5 ms | 59 | pass |
| cpu-fp16 | 56.4 | 3 of 4,096, at 0.01 to 1.2 % | 505,000 | 50.5 % | 705,000 | 58.8 % | 0.970 [0.960, 0.985] | 61 | \
inconclusive (1) |
| cpu-int8 | – | – | – | – | – | – | – | – | refused (2) |
| quantize_dynamic, defaults | −∞ | – | 260,000 | 26.0 % | – | – | 0.500 [0.490, 0.510] | 44 | – |

1. latency_p99_ms inconclusive: the machine is noisy
2. no int8 candidate reaches 30 dB

- cpu-fp32: float32: lstm1, fc
- cpu-fp16: float16: lstm1; float32: fc. Chosen: all float16 of 3 candidates; floor 45 dB; calibrated on 512 rows (file)
"""


def test_a_model_is_a_section_with_its_table() -> None:
    page = render([RESULT], "the command")
    assert page.startswith("# What lower precision costs and gains\n\nWritten by `the command`, which")
    assert EXPLAINED in page
    assert page[page.index("## A model") :] == GOLDEN


def test_models_keep_the_order_they_are_given_in() -> None:
    other = dataclasses.replace(RESULT, title="Another")
    page = render([other, RESULT], "the command")
    assert 0 < page.index("## Another") < page.index("## A model, made up")


def test_two_targets_of_one_sentence_share_its_number() -> None:
    refused = RESULT.entries[2]
    result = dataclasses.replace(RESULT, entries=(refused, dataclasses.replace(refused, name="cpu-int4")))
    page = render([result], "the command")
    assert "| cpu-int8 | – | – | – | – | – | – | – | – | refused (1) |" in page
    assert "| cpu-int4 | – | – | – | – | – | – | – | – | refused (1) |" in page
    assert page.count("no int8 candidate") == 1


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_result(tmp_path / "result.json", RESULT)
    assert read_result(tmp_path / "result.json") == RESULT


def test_layers_are_named_by_their_precision() -> None:
    layers = [("lstm1", "int8"), ("fc", "float16"), ("lstm2", "int8")]
    precision = [{"layer": layer, "op": "LSTM", "precision": given, "reason": ""} for layer, given in layers]
    assert layers_of({"precision": precision}) == {"int8": ("lstm1", "lstm2"), "float16": ("fc",)}
    assert layers_of({}) == {}


def test_a_search_is_told_by_what_it_chose_and_out_of_how_many() -> None:
    search = {
        "min_sqnr_db": 30.0,
        "calibration": {"kind": "drawn", "rows": 1024, "note": ""},
        "candidates": [{"name": "all int8", "chosen": False}, {"name": "decoder int8", "chosen": True}],
    }
    told = "decoder int8 of 2 candidates; floor 30 dB; calibrated on 1,024 rows (drawn)"
    assert search_of({"precision_search": search}) == told
    assert search_of({"precision_search": None}) == search_of({}) == ""
