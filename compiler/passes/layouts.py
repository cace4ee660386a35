"""What Transpose, Reshape, Squeeze and Unsqueeze do to axes, as arithmetic on atoms.

An atom is a part of an axis that no operator of the chain divides. A layout lists, for each axis, its atoms from the
outermost to the innermost; an axis of size 1 has none. A Transpose permutes the axes of a layout; a reshape groups the
same sequence of atoms anew. So a chain of them is known by its first and its last layout, whatever lay between.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

Size: TypeAlias = int | str
"""A size, or the name of one that is known at run time; equal names are equal sizes."""


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """A part of an axis; two atoms are the same only if they are one object."""

    size: Size


Axis: TypeAlias = tuple[Atom, ...]
Layout: TypeAlias = tuple[Axis, ...]


def layout_of(sizes: tuple[Size, ...]) -> Layout:
    """Return a layout whose axes are an atom each."""
    return tuple(() if size == 1 else (Atom(size),) for size in sizes)


def sizes_of(layout: Layout) -> tuple[Size | None, ...]:
    """Return the size of each axis; none where it is a product with a factor known at run time."""
    return tuple(_size(axis) for axis in layout)


def _size(axis: Axis) -> Size | None:
    if len(axis) == 1:
        return axis[0].size
    factors = [atom.size for atom in axis if isinstance(atom.size, int)]
    return math.prod(factors) if len(factors) == len(axis) else None


def atoms_of(layout: Layout) -> tuple[Atom, ...]:
    """Return the atoms in their order."""
    return tuple(itertools.chain.from_iterable(layout))


@dataclass(slots=True)
class Chain:
    """The layouts that a value goes through; where an operator divides an atom, it is divided in all of them."""

    layouts: list[Layout] = field(default_factory=list)

    def transpose(self, perm: tuple[int, ...]) -> None:
        """Append the layout after a Transpose."""
        self.layouts.append(tuple(self.layouts[-1][axis] for axis in perm))

    def reshape(self, sizes: tuple[Size, ...]) -> bool:
        """Append the layout with axes of these sizes; False where its axes are no products of atoms."""
        wanted = [size for size in sizes if size != 1]
        divided = _match(list(atoms_of(self.layouts[-1])), wanted)
        if divided is None:
            return False
        groups, parts = divided
        self.layouts = [_divided(layout, parts) for layout in self.layouts]
        remaining = iter(groups)
        self.layouts.append(tuple(() if size == 1 else next(remaining) for size in sizes))
        return True


_Parts: TypeAlias = dict[Atom, Axis]


def _divided(layout: Layout, parts: _Parts) -> Layout:
    while any(atom in parts for atom in atoms_of(layout)):
        layout = tuple(tuple(part for atom in axis for part in parts.get(atom, (atom,))) for axis in layout)
    return layout


def _match(atoms: list[Atom], sizes: list[Size]) -> tuple[list[Axis], _Parts] | None:
    """Assign all atoms in order to axes of these sizes, dividing atoms where needed: from the front, then from behind.

    What then remains is one axis or one atom of unknown size; else the sizes do not say what goes where.
    """
    parts: _Parts = {}
    front = _take(atoms, sizes, parts, from_behind=False)
    back = _take(atoms, sizes, parts, from_behind=True)
    if not atoms and not sizes:
        return front + back, parts
    if len(sizes) == 1 and isinstance(sizes[0], str) and atoms:
        return [*front, tuple(atoms), *back], parts
    if len(atoms) == 1 and isinstance(atoms[0].size, str) and sizes:
        pieces = tuple(Atom(size) for size in sizes)
        parts[atoms[0]] = pieces
        return front + [(piece,) for piece in pieces] + back, parts
    return None


def _take(atoms: list[Atom], sizes: list[Size], parts: _Parts, *, from_behind: bool) -> list[Axis]:
    """Remove from one end, as long as sizes are certain, what belongs together, and return the axes in order."""
    end = -1 if from_behind else 0
    taken: list[Axis] = []
    while atoms and sizes:
        axis = _axis(atoms, sizes[end], parts, from_behind=from_behind)
        if axis is None:
            break
        sizes.pop(end)
        taken.append(axis)
    return taken[::-1] if from_behind else taken


def _axis(atoms: list[Atom], size: Size, parts: _Parts, *, from_behind: bool) -> Axis | None:
    """Remove the atoms of one axis; an atom that reaches beyond it is divided."""
    end = -1 if from_behind else 0
    if isinstance(size, str):
        return (atoms.pop(end),) if atoms[end].size == size else None
    found = _whole_atoms(reversed(atoms) if from_behind else iter(atoms), size)
    if found is None:
        return None
    whole, rest = found
    taken = [atoms.pop(end) for _ in range(whole)]
    if rest > 1:
        taken.append(_divide(atoms, end, rest, parts))
    return tuple(taken[::-1] if from_behind else taken)


def _whole_atoms(atoms: Iterator[Atom], size: int) -> tuple[int, int] | None:
    """Return how many atoms belong to an axis of that size whole, and the size of the part of the next one."""
    whole = 0
    for atom in atoms:
        if size == 1:
            break
        if not isinstance(atom.size, int):
            return None
        if size % atom.size:
            return None if atom.size % size else (whole, size)
        size //= atom.size
        whole += 1
    return (whole, 1) if size == 1 else None


def _divide(atoms: list[Atom], end: int, size: int, parts: _Parts) -> Atom:
    """Take a part of that size off the atom at one end, and leave the rest of it there."""
    atom = atoms[end]
    assert isinstance(atom.size, int)  # noqa: S101 - _whole_atoms has asked
    part, rest = Atom(size), Atom(atom.size // size)
    parts[atom] = (rest, part) if end else (part, rest)
    atoms[end] = rest
    return part


@dataclass(frozen=True, slots=True)
class Permuted:
    """A Transpose and the layout after it."""

    perm: tuple[int, ...]
    layout: Layout


@dataclass(frozen=True, slots=True)
class Regrouped:
    """A Reshape: its target as ONNX wants it, and the layout after it."""

    target: tuple[int, ...]
    layout: Layout


Step: TypeAlias = Permuted | Regrouped


def shortest(source: Layout, target: Layout) -> list[Step] | None:
    """Return the fewest steps from one layout to the other: none to two; None where two are not enough."""
    if source == target:
        return []
    if atoms_of(source) == atoms_of(target):
        step = _regrouped(source, target)
        return None if step is None else [step]
    return _transposed_first(source, target) or _regrouped_first(source, target)


def _transposed_first(source: Layout, target: Layout) -> list[Step] | None:
    between = _in_order_of(source, target)
    if between is None:
        return None
    ones = source.count(())
    if ones == target.count(()) and [axis for axis in target if axis] == between:
        return [_permuted(source, target)]
    step = _permuted(source, (*[()] * ones, *between))
    last = _regrouped(step.layout, target)
    return None if last is None else [step, last]


def _regrouped_first(source: Layout, target: Layout) -> list[Step] | None:
    between = _in_order_of(target, source)
    if between is None:
        return None
    first = _regrouped(source, (*[()] * target.count(()), *between))
    return None if first is None else [first, _permuted(first.layout, target)]


def _in_order_of(layout: Layout, other: Layout) -> list[Axis] | None:
    """Return the axes of `layout` larger than 1 in the order of their atoms in `other`, if they stay whole there."""
    place = {atom: index for index, atom in enumerate(atoms_of(other))}
    axes = sorted((axis for axis in layout if axis), key=lambda axis: place[axis[0]])
    return axes if tuple(itertools.chain.from_iterable(axes)) == atoms_of(other) else None


def _permuted(source: Layout, target: Layout) -> Permuted:
    free = list(range(len(source)))
    perm = []
    for axis in target:
        index = next(index for index in free if source[index] == axis)
        free.remove(index)
        perm.append(index)
    return Permuted(tuple(perm), target)


def _regrouped(source: Layout, target: Layout) -> Regrouped | None:
    sizes: list[int] = []
    for index, axis in enumerate(target):
        size = _size(axis)
        kept = index < len(source) and source[index] == axis
        sizes.append(size if isinstance(size, int) else 0 if kept else -1)
    if sizes.count(0) == 1 and -1 not in sizes:
        sizes[sizes.index(0)] = -1
    return Regrouped(tuple(sizes), target) if sizes.count(-1) <= 1 else None
