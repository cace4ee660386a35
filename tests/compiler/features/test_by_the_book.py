"""The executor against docs/features.md taken literally: rows drawn at random, hostile ones, under every policy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from features_drawn import CATEGORIES, NUMBERS, drawn_spec, drawn_table
from features_reference import TRANSCENDENTAL

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.reading import checked_spec

sys.path.insert(0, str(Path(__file__).parent))  # `tests` is no package

import by_the_book
from by_the_book import Book, Refused

ROWS = 300
SPECS = 40
ULP = 2  # of float64, for sin, cos and log1p


def drawn(seed: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a specification and a table, as a table is: categories and groups are text."""
    random = np.random.default_rng(1000 + seed)
    spec, coded = drawn_spec(random, f"drawn_{seed}", steps=25), drawn_table(random, ROWS)
    table = {name: coded.raw[:, at] for at, name in enumerate(NUMBERS)}
    for at, (name, categories) in enumerate(CATEGORIES.items(), len(NUMBERS)):
        names = dict(enumerate(categories))
        table[name] = np.array([names.get(value, "no such") for value in coded.raw[:, at].tolist()])
    return spec, table | {"at": coded.times, "node": np.array([f"n{g}" if g >= 0 else "" for g in coded.groups])}


def taken(spec: dict[str, Any], table: dict[str, np.ndarray]) -> list[list[float] | Refused | None]:
    """Return what becomes of each row by the book."""
    book = Book(spec)
    rows = zip(*(values.tolist() for values in table.values()), strict=True)
    return [book.take(dict(zip(table, row, strict=True))) for row in rows]


def differing(spec: dict[str, Any], found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return whether each value has other bits, or is more than 2 ULP away behind sin, cos and log1p."""
    outputs = [step for step in spec["steps"] if step.get("output", True)]
    ulps = np.array([ULP if step["op"] in TRANSCENDENTAL else 0 for step in outputs])
    with np.errstate(invalid="ignore"):
        near = (ulps > 0) & (np.abs(found - expected) <= ulps * np.spacing(np.abs(expected)))
    same = (found.view(np.int64) == expected.view(np.int64)) | (np.isnan(found) & np.isnan(expected))
    return ~(same | near)


@pytest.mark.parametrize("seed", range(SPECS))
def test_rows_features_and_the_first_refusal_are_those_of_the_definition(seed: int) -> None:
    spec, table = drawn(seed)
    answers = taken(spec, table)
    refused = [row for row, answer in enumerate(answers) if isinstance(answer, Refused)]
    if refused:
        first = answers[refused[0]]
        assert isinstance(first, Refused)
        with pytest.raises(InputError, match=f"row {refused[0]}, column '{first.column}'"):
            run_spec(checked_spec(spec, "drawn"), table)
    kept = np.array([row for row in range(ROWS) if row not in set(refused)], np.int64)
    found = run_spec(checked_spec(spec, "drawn"), {name: values[kept] for name, values in table.items()})
    features = {row: answer for row, answer in enumerate(answers) if isinstance(answer, list)}
    assert kept[found.rows].tolist() == list(features)
    wrong = differing(spec, found.values, np.array(list(features.values())).reshape(found.values.shape))
    assert not wrong.any(), (found.names[int(np.argwhere(wrong)[0][1])], np.argwhere(wrong)[0])


def test_every_kind_of_row_and_every_op_was_met() -> None:
    drawings = [drawn(seed) for seed in range(SPECS)]
    answers = [answer for spec, table in drawings for answer in taken(spec, table)]
    columns = [answer.column for answer in answers if isinstance(answer, Refused)]
    assert {"at", "node", *CATEGORIES} <= set(columns)
    assert sum(answer is None for answer in answers) > 100
    assert sum(isinstance(answer, list) for answer in answers) > 5000
    assert len({step["op"] for spec, _ in drawings for step in spec["steps"]}) == 18


@pytest.mark.parametrize("wrong", ["newest first", "a bit more", "population"])
def test_another_way_to_compute_would_be_seen(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = by_the_book.rolling

    def changed(step: dict[str, Any], read: by_the_book.Reader) -> float:
        if wrong == "population":
            return right(step | {"ddof": 0}, read)
        if wrong == "newest first":
            newest = [read.at(step["of"], before) for before in range(step["window"])]
            samples = [{("column", step["of"]): x} for x in newest]
            return right(step, by_the_book.Reader(samples, frozenset()))
        value = right(step, read)
        return value * (1 + 2**-52) if step["op"] == "rolling_mean" else value

    monkeypatch.setattr(by_the_book, "rolling", changed)
    seen = 0
    for seed in range(6):
        spec, table = drawn(seed)
        answers = taken(spec, table)
        kept = np.array([row for row, answer in enumerate(answers) if not isinstance(answer, Refused)])
        found = run_spec(checked_spec(spec, "drawn"), {name: values[kept] for name, values in table.items()})
        expected = np.array([answer for answer in answers if isinstance(answer, list)])
        seen += int(differing(spec, found.values, expected).any())
    assert seen > 0
