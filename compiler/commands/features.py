"""What `dwcpc features` does: show, check and run a specification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dwcpc.compiler.errors import InputError
from dwcpc.compiler.features.executor import run_spec
from dwcpc.compiler.features.formulas import formula
from dwcpc.compiler.features.shipped import named_spec
from dwcpc.compiler.features.spec import Column, FeatureSpec
from dwcpc.compiler.features.table_file import check_suffix, read_table, write_features
from dwcpc.compiler.features.units import unit_of
from dwcpc.compiler.whole_file import check_file_writable


def summary(spec: FeatureSpec) -> str:
    """Return one line on a specification."""
    back = f", looking back {spec.lookback} samples" if spec.lookback else ""
    return f"{spec.name}: {len(spec.features)} features of {len(spec.columns)} columns{back}"


def shown(name: str) -> str:
    """Return the specification as a person reads it: columns, and each step's formula and unit."""
    spec = named_spec(name)
    units: dict[str, str | None] = {column.name: column.unit for column in spec.columns}
    width = min(44, max(len(step.name) for step in spec.steps))
    lines = [summary(spec), *_order(spec), "", "columns"]
    lines += [f"  {column.name:<{width}}  {_described(column)}".rstrip() for column in spec.columns]
    lines += ["", "steps"]
    for step in spec.steps:
        units[step.name] = unit_of(step, units)
        hidden = "" if step.output else "  (no feature)"
        unit = f"  [{units[step.name]}]" if units[step.name] not in {None, "1"} else ""
        lines.append(f"  {step.name:<{width}}  {formula(step)}{unit}{hidden}")
    return "\n".join(lines)


def as_data(name: str) -> dict[str, Any]:
    """Return the same as data."""
    spec = named_spec(name)
    return {
        "name": spec.name,
        "features": list(spec.features),
        "columns": [column.name for column in spec.columns],
        "lookback": spec.lookback,
        "steps": {step.name: formula(step) for step in spec.steps},
    }


def run(name: str, data: Path, out: Path, say: Callable[[str], None], *, sort: bool) -> str:
    """Compute the features of the table in `data` and write them to `out`; return a line on what was done."""
    check_suffix(out)
    check_file_writable(out)
    spec = named_spec(name)
    say(f"reading {data}")
    table = read_table(data, spec)
    if sort:
        table = _sorted(table, spec)
    say(f"computing {len(spec.features)} features of {len(table[spec.columns[0].name])} rows")
    features = run_spec(spec, table)
    say(f"writing {out}")
    write_features(out, features, spec, table)
    skipped = len(table[spec.columns[0].name]) - len(features.rows)
    without = f" ({skipped} rows were skipped)" if skipped else ""
    return f"{out}: {len(features.rows)} rows of {len(features.names)} features{without}"


def _sorted(table: Any, spec: FeatureSpec) -> Any:
    if spec.time is None:
        raise InputError(f"--sort: {spec.name} names no time, expected a specification with one; omit --sort")
    order = table[spec.time.column].argsort(kind="stable")
    return {name: values[order] for name, values in table.items()}


def _order(spec: FeatureSpec) -> list[str]:
    lines = [f"group     {spec.group}"] if spec.group else []
    if spec.time is not None:
        gap = (
            "no gap ends a history"
            if spec.time.max_gap is None
            else f"a gap above {spec.time.max_gap:g} ends a history"
        )
        rules = f"late rows: {spec.time.late}, equal times: {spec.time.duplicate}, {gap}"
        lines.append(f"time      {spec.time.column} ({rules})")
    return lines


def _described(column: Column) -> str:
    if not column.is_category:
        return f"[{column.unit}]" if column.unit else ""
    return f"{', '.join(column.categories)} (others: {column.unknown})"
