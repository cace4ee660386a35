"""What came of a retraining: as data for `retrain.json`, as lines for a terminal, as Markdown for a job's summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from dwcpc.compiler.bundle import Bundle
from dwcpc.compiler.commands.retrain.data import Gathered
from dwcpc.compiler.metadata import Training, Verdict
from dwcpc.compiler.whole_file import whole_file
from dwcpc.models.retraining.comparison import LEVEL, Compared
from dwcpc.models.training.report import plain
from dwcpc.models.training.run_files import write_json

JSON_FILE, MARKDOWN_FILE = "retrain.json", "retrain.md"
Outcome = Literal["published", "not published", "failed"]
SIGNS: Mapping[Verdict, str] = {"pass": "✔", "fail": "✘", "inconclusive": "?"}


@dataclass(frozen=True, slots=True)
class Reached:
    """A figure that the candidate has to reach by itself."""

    figure: str
    value: float
    minimum: float

    @property
    def verdict(self) -> Verdict:
        """Pass where it is reached; NaN is not."""
        return "pass" if self.value >= self.minimum else "fail"

    @property
    def reason(self) -> str:
        """Say why the verdict is not pass."""
        return f"{self.figure} is {self.value:.4f}, expected {self.minimum:g} or more"


@dataclass(frozen=True, slots=True)
class Decided:
    """What both bundles are worth, and whether the candidate may take the other's place."""

    verdict: Verdict
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    served_figures: Mapping[str, float] | None = None
    compared: tuple[Compared, ...] = ()
    reached: tuple[Reached, ...] = ()


@dataclass(frozen=True, slots=True)
class Retraining:
    """Everything that is known at the end; `version` is none where nothing was published.

    `figures` are of the candidate's bundle, through Go, on the fresh rows; `served_figures` are of what is served.
    `failed` is the step that could not be carried out, for the reason that is then the only one.
    """

    model: str
    name: str
    registry: str
    dry_run: bool
    data: Gathered | None
    training: Training
    fresh: str
    served: str | None
    latest: str | None
    verdict: Verdict = "inconclusive"
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    served_figures: Mapping[str, float] | None = None
    compared: tuple[Compared, ...] = ()
    reached: tuple[Reached, ...] = ()
    gate: Verdict | None = None
    bundle: str | None = None
    version: str | None = None
    failed: str | None = None

    def decided(self, found: Decided, bundle: Bundle | None = None) -> Retraining:
        """Return the same with what was decided about the candidate's bundle, where there is one."""
        decided = {each.name: getattr(found, each.name) for each in fields(found)}
        return replace(self, bundle=None if bundle is None else str(bundle.path), **decided)

    def failing(self, step: str, error: Exception) -> Retraining:
        """Return the same where a step could not be carried out."""
        return replace(self, verdict="fail", reasons=(str(error),), failed=step)

    @property
    def outcome(self) -> Outcome:
        """Say what was done, in a word."""
        if self.failed is not None:
            return "failed"
        return "not published" if self.version is None else "published"

    @property
    def sentence(self) -> str:
        """Say what was done, in one line."""
        latest = f"latest is v{self.latest}" if self.latest is not None else "there is no latest"
        if self.version is not None:
            return f"published: {self.registry}/{self.name}/v{self.version}; {latest}"
        if self.verdict == "pass":
            return f"not published, as this is a dry run, and it would have been; {latest}"
        return f"failed: {self.failed}; nothing was published; {latest}" if self.failed else f"not published; {latest}"


def document(found: Retraining) -> dict[str, Any]:
    """Return what retrain.json holds."""
    said: dict[str, Any] = plain(found)
    return said | {"outcome": found.outcome}


def write_reports(found: Retraining, folder: Path) -> None:
    """Write retrain.json and retrain.md."""
    write_json(folder / JSON_FILE, document(found))
    with whole_file(folder / MARKDOWN_FILE) as file:
        file.write(markdown(found).encode())


def text(found: Retraining) -> str:
    """Return the lines for a terminal."""
    lines = [f"{found.name}   {found.verdict}   {found.training.note}, seed {found.training.seed}"]
    if found.data is not None:
        lines.append(f"  data      {found.data}")
    lines.append(f"  fresh     {found.fresh}")
    lines += [f"  {SIGNS[each.verdict]} {_compared(each, found.served)}" for each in found.compared]
    lines += [f"  {SIGNS[each.verdict]} {_reached(each)}" for each in found.reached]
    lines.append(f"  gate      {found.gate or 'not run'}")
    lines += [f"  {line}" for line in (*found.reasons, *found.notes)]
    return "\n".join([*lines, found.sentence])


def markdown(found: Retraining) -> str:
    """Return the page for a job's summary."""
    lines = [f"## {SIGNS[found.verdict]} {found.name}: {found.verdict}", "", found.sentence, ""]
    lines += [f"- {line}" for line in (*found.reasons, *found.notes)]
    lines += ["", *_table(found), "", *(f"- {_reached(each)}: {each.verdict}" for each in found.reached)]
    data = [] if found.data is None else [f"- data: {found.data}"]
    gate = "not run" if found.gate is None else found.gate
    return "\n".join([*lines, *data, f"- fresh: {found.fresh}", f"- gate: {gate}", ""])


def _table(found: Retraining) -> list[str]:
    """Return a line for each figure; none where nothing was judged."""
    if not found.figures:
        return []
    served = "" if found.served is None else f" v{found.served}"
    lines = [
        f"| figure | candidate | served{served} | difference | {LEVEL:.0%} interval | |",
        "|---|---|---|---|---|---|",
    ]
    decided = {each.figure: each for each in found.compared}
    for name, value in found.figures.items():
        cells = [name.replace("_", " "), f"{value:.4f}"]
        cells.append("" if found.served_figures is None else f"{found.served_figures[name]:.4f}")
        each = decided.get(name)
        cells += ["", "", ""] if each is None else _cells(each)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _cells(each: Compared) -> list[str]:
    return [f"{each.difference:+.4f}", f"{each.low:+.4f} to {each.high:+.4f}", SIGNS[each.verdict]]


def _compared(each: Compared, served: str | None) -> str:
    interval = f"[{each.low:+.4f}, {each.high:+.4f}]"
    figure = each.figure.replace("_", " ")
    return (
        f"{figure} {each.candidate:.4f}, v{served} has {each.served:.4f}: {each.difference:+.4f} {interval}, "
        f"{-each.tolerance:+g} tolerated"
    )


def _reached(each: Reached) -> str:
    return f"{each.figure.replace('_', ' ')} {each.value:.4f}, at least {each.minimum:g} asked for"
