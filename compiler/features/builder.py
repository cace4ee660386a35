"""Writing a feature specification in Python: columns and steps in order, and the JSON that says the same.

nodes = SpecBuilder("nodes", group="node_id", time={"column": "timestamp", "duplicate": "keep"})
nodes.numbers("latency_p50", "latency_p99", unit="ms")
nodes.copies("latency_p50", "latency_p99")
nodes.rolling(["latency_p50"], windows=(5, 15), statistics=("mean", "std"), std_fill=0)
nodes.add("latency_ratio", "ratio", of="latency_p99", by="latency_p50", epsilon=1e-6)
nodes.spec()
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dwcpc.compiler.features.reading import checked_spec
from dwcpc.compiler.features.spec import SCHEMA, FeatureSpec

ALL_STATISTICS = ("mean", "std", "min", "max")


class SpecBuilder:
    """Collects columns and steps; nothing is checked before `spec`."""

    def __init__(self, name: str, group: str | None = None, time: Mapping[str, object] | None = None) -> None:
        self._head: dict[str, Any] = {"schema": SCHEMA, "name": name}
        if group is not None:
            self._head["group"] = group
        if time is not None:
            self._head["time"] = dict(time)
        self._columns: list[dict[str, Any]] = []
        self._steps: list[dict[str, Any]] = []

    def numbers(self, *names: str, unit: str | None = None) -> None:
        """Add columns of numbers, of one unit."""
        self._columns += [{"name": name, **({"unit": unit} if unit else {})} for name in names]

    def category(self, name: str, categories: Iterable[str], unknown: str | None = None) -> None:
        """Add a column of text that is one of `categories`."""
        column = {"name": name, "type": "category", "categories": list(categories)}
        self._columns.append(column | ({"unknown": unknown} if unknown else {}))

    def add(self, name: str, op: str, **options: Any) -> None:
        """Add any step; `options` are its keys in docs/features.md."""
        self._steps.append({"name": name, "op": op, **options})

    def copies(self, *names: str) -> None:
        """Add the columns themselves."""
        for name in names:
            self.add(name, "copy", of=name)

    def rolling(
        self,
        names: Iterable[str],
        windows: Iterable[int],
        statistics: Iterable[str] = ALL_STATISTICS,
        *,
        std_fill: float | None = None,
    ) -> None:
        """Add `NAME_rolling_STATISTIC_WINDOW`, window by window and in it column by column."""
        names, statistics = list(names), list(statistics)
        for window in windows:
            for name in names:
                for statistic in statistics:
                    filled = {} if statistic != "std" or std_fill is None else {"fill": std_fill}
                    op = f"rolling_{statistic}"
                    self.add(f"{name}_{op}_{window}", op, of=name, window=window, **filled)

    def differences(self, names: Iterable[str], suffix: str, *, order: int = 1, fill: float | None = None) -> None:
        """Add `NAME_SUFFIX`, the change of each since the sample before, or the change of that."""
        options = ({"order": order} if order != 1 else {}) | ({} if fill is None else {"fill": fill})
        for name in names:
            self.add(f"{name}_{suffix}", "difference", of=name, **options)

    def weighted(self, name: str, **weights: float) -> None:
        """Add the sum of columns or steps, each times its weight."""
        self.add(name, "weighted_sum", terms=[{"of": of, "weight": weight} for of, weight in weights.items()])

    def one_hots(self, column: str) -> None:
        """Add `COLUMN_CATEGORY` for each category that the column has so far been given."""
        categories = next(each["categories"] for each in self._columns if each["name"] == column)
        for category in categories:
            self.add(f"{column}_{category}", "one_hot", of=column, category=category)

    def document(self) -> dict[str, Any]:
        """Return the specification as JSON has it."""
        return {**self._head, "columns": list(self._columns), "steps": list(self._steps)}

    def spec(self) -> FeatureSpec:
        """Return the specification; InputError names the step that is wrong."""
        return checked_spec(self.document(), str(self._head["name"]))


def spec_text(document: Mapping[str, Any]) -> str:
    """Return the JSON of a specification, a column or a step a line."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list):
            lines = ",\n".join(f"    {json.dumps(each, ensure_ascii=False)}" for each in value)
            parts.append(f'  "{key}": [\n{lines}\n  ]')
        else:
            parts.append(f'  "{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"
