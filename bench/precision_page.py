"""The page of the precision table: text only, from results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwcpc.bench.precision_result import BASE

if TYPE_CHECKING:
    from dwcpc.bench.precision_accuracy import Accuracy
    from dwcpc.bench.precision_result import Entry, Measured, ModelResult

HEAD = (
    "",
    "SQNR, dB",
    "anomaly flips",
    "`model.onnx`, bytes",
    "of cpu-fp32's",
    "bundle, bytes",
    "of cpu-fp32's",
    "latency / cpu-fp32's",
    "nodes",
    "verdict",
)

ABSENT = "–"

EXPLAINED = f"""## How to read it

- **SQNR**: 10·log₁₀(Σ(r − m)² / Σ(r − a)²) over the network's output in its own scaled units: a is what the file
  answers in Python's onnxruntime, a row at a time, r what the source model answers in float64 behind the same scaler, m
  the mean of r in each channel. 20 dB are an error of 10 % of what the output varies by, 40 dB of 1 %. The rows were
  used for neither training nor calibration; the comparison that gives the verdict has no part in the figure.
  A bundle with a scaler of its outputs answers in their own units and rounds there to float32, the recipes do not:
  that alone bounds the figure where the outputs vary little beside their height.
- **anomaly flips**: rows on the other side of the threshold than in float64, and how far the true scores of the nearest
  and the farthest of them lie from the threshold, as a share of it. {ABSENT} where the model decides nothing.
- **latency**: the time of one prediction as a share of the cpu-fp32 bundle's, both in the same Go process, one thread,
  in adjacent blocks in ABBA order; the median of the pairs, and bounds of it that hold with 99 % each. Where they
  enclose 1, no difference is shown. The line of cpu-fp32 is that bundle against itself, with its median time. A bundle
  scales its inputs and, for an autoencoder, computes the score in the same call; the recipes do neither.
- **recipes**: torch's export after onnxsim, then onnxruntime's `quantize_dynamic` as a script would call it. There is
  no bundle and nobody's verdict on them; their scores were computed in float64 from their outputs.
- **verdict**: the compiler's own; a number leads to the reason below the table. *refused*: there is no such bundle.
- **chosen**: by 2,048 rows that a search compares every candidate on, and then by 2,048 others, drawn as the verdict's
  are, on which only the choice is compared. Less than the floor, a failed check, a row beyond 0.75 of what one may err
  or a flip beyond 0.75 of the distance at which it may drops a candidate, and the next is chosen. The verdict's own
  4,096 rows choose nothing: they can only refute.
"""


def render(results: Sequence[ModelResult], command: str) -> str:
    """Return the page; what is absent from a result is absent from the page."""
    parts = [
        "# What lower precision costs and gains",
        f"Written by `{command}`, which makes or finds the models, compiles each for each target, and measures all of\n"
        "them on the machine that is named below each title.",
        EXPLAINED.rstrip(),
        *(_section(result) for result in results),
    ]
    return "\n\n".join(parts) + "\n"


def _section(result: ModelResult) -> str:
    reasons = list(dict.fromkeys(entry.reason for entry in result.entries if entry.reason))
    numbered = [f"{number}. {_one_line(reason)}" for number, reason in enumerate(reasons, 1)]
    parts = [f"## {result.title}", _told(result), _table(result, reasons), "\n".join(numbered), _layers(result)]
    return "\n\n".join(part for part in parts if part)


def _told(result: ModelResult) -> str:
    machine = result.machine
    lines = [
        f"- weights: {result.weights}",
        f"- rows: {result.rows}",
        f"- machine: {machine.cpu}, {machine.cores} cores ({' '.join(machine.flags)}), {machine.platform}; "
        f"load {machine.load_1m:g}, {machine.steal_percent:g} % stolen",
        f"- {result.date}, {result.compiler}, onnxruntime {result.onnxruntime}, {result.pairs} pairs of blocks",
    ]
    return "\n".join(lines)


def _table(result: ModelResult, reasons: list[str]) -> str:
    base = next((entry.measured for entry in result.entries if entry.name == BASE), None)
    rows = [HEAD, ("---",) * len(HEAD), *(_row(entry, base, reasons) for entry in result.entries)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(entry: Entry, base: Measured | None, reasons: list[str]) -> tuple[str, ...]:
    verdict = f"{entry.verdict} ({reasons.index(entry.reason) + 1})" if entry.reason else entry.verdict
    measured = entry.measured
    if measured is None:
        return (entry.name, *(ABSENT,) * (len(HEAD) - 2), verdict)
    return (
        entry.name,
        _decibels(measured.accuracy.sqnr_db),
        _flips(measured.accuracy),
        f"{measured.model_bytes:,}",
        _share(measured.model_bytes, None if base is None else base.model_bytes),
        ABSENT if measured.bundle_bytes is None else f"{measured.bundle_bytes:,}",
        _share(measured.bundle_bytes, None if base is None else base.bundle_bytes),
        _latency(measured, itself=measured is base),
        f"{measured.nodes:,}",
        verdict,
    )


def _decibels(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else {True: "∞", False: "−∞"}[value > 0]


def _flips(accuracy: Accuracy) -> str:
    flips = accuracy.flips
    if flips is None:
        return ABSENT
    if flips.nearest is None or flips.farthest is None:
        return f"0 of {accuracy.rows:,}"
    return f"{flips.count:,} of {accuracy.rows:,}, at {100 * flips.nearest:.2g} to {100 * flips.farthest:.2g} %"


def _share(size: int | None, base: int | None) -> str:
    return ABSENT if size is None or not base else f"{100 * size / base:.1f} %"


def _latency(measured: Measured, *, itself: bool) -> str:
    latency = measured.latency
    return f"{latency}, {latency.a_p50_ms:.3g} ms" if itself else str(latency)


def _layers(result: ModelResult) -> str:
    return "\n".join(line for entry in result.entries if (line := _layers_of(entry)))


def _layers_of(entry: Entry) -> str:
    """Return one point of a list: where each layer went, and out of how many candidates."""
    given = "; ".join(f"{precision}: {', '.join(names)}" for precision, names in entry.layers.items())
    told = ". Chosen: ".join(part for part in (given, entry.search) if part)
    return f"- {entry.name}: {told}" if told else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
