"""Which columns of a table are what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; `label` is 0 or 1, `kind` is text for reports alone. What a table does not have is none."""

    features: tuple[str, ...]
    label: str | None = None
    targets: tuple[str, ...] = ()
    time: str | None = None
    group: str | None = None
    kind: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the columns that hold text."""
        return tuple(name for name in (self.group, self.kind) if name)

    @property
    def all(self) -> tuple[str, ...]:
        """Return every column, each once."""
        keys = [name for name in (self.group, self.time) if name]
        rest = [name for name in (self.label, self.kind) if name]
        return tuple(dict.fromkeys([*keys, *self.features, *self.targets, *rest]))
