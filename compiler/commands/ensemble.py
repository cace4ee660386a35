"""`dwcpc ensemble`: a definition that Go loads, checked against what the registry holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.metadata import Metadata
from dwcpc.compiler.registry.ensembles import Definition, Member, definition_path, read_definition, write_definition
from dwcpc.compiler.versions import checked_name, parsed_version


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition, its file, and what each member serves now."""

    path: str
    definition: Definition
    serving: tuple[str, ...]


def define(registry: Path, definition: Definition) -> Defined:
    """Write the definition into the registry; InputError, and nothing, where its members do not fit together."""
    path = definition_path(registry, checked_name(definition.name))
    serving = _checked(registry, definition)
    write_definition(path, definition)
    return Defined(str(path), definition, serving)


def check(registry: Path, name: str) -> Defined:
    """Read the ensemble `name`, and hold it against what the registry serves now."""
    path = definition_path(registry, checked_name(name))
    definition = read_definition(path)
    return Defined(str(path), definition, _checked(registry, definition))


def parsed_member(text: str) -> Member:
    """Parse `MODEL[@VERSION][:WEIGHT]`; InputError otherwise."""
    rest, colon, weight = text.partition(":")
    model, at, version = rest.partition("@")
    try:
        number = float(weight) if colon else 1.0
    except ValueError:
        raise InputError(
            f"--member is {text!r}, expected MODEL, MODEL@1.0 or MODEL:0.5, with both MODEL@1.0:0.5"
        ) from None
    if at:
        parsed_version(version)
    return Member(model, version if at else None, number)


def render(defined: Defined) -> str:
    """Return the definition as lines of text."""
    definition = defined.definition
    total = sum(member.weight for member in definition.members)
    lines = [f"{definition.name}   {definition.combine} of {len(definition.members)}"]
    for member, version in zip(definition.members, defined.serving, strict=True):
        what = f"v{version}, for ever" if member.version else f"latest, now v{version}"
        lines.append(f"  {member.model}   {what}   {100 * member.weight / total:.3g} % of the weight")
    policy = "a member that fails fails the answer"
    if definition.minimum is not None:
        policy = f"a member that fails is left out, as long as {definition.minimum} answer"
    return "\n".join([*lines, f"  {policy}", f"definition: {defined.path}"])


def _checked(registry: Path, definition: Definition) -> tuple[str, ...]:
    """Return the version of each member; all are given the same window, so their inputs have to mean the same."""
    bundles = [_opened(registry, member) for member in definition.members]
    first = bundles[0]
    for bundle in bundles[1:]:
        if _inputs(bundle.metadata) != _inputs(first.metadata):
            raise InputError(
                f"{bundle.path}: takes other inputs than {first.path}, and an ensemble gives all the same window"
            )
        if definition.combine == "average" and _outputs(bundle.metadata) != _outputs(first.metadata):
            raise InputError(
                f"{bundle.path}: gives other outputs than {first.path}, of which there is no mean; use --combine vote"
            )
    for bundle in bundles:
        if definition.combine == "vote" and not _names_something(bundle.metadata):
            raise InputError(
                f"{bundle.path}: names no class and decides on no anomaly, so it has no vote; average instead"
            )
    return tuple(bundle.metadata.version for bundle in bundles)


def _opened(registry: Path, member: Member) -> Bundle:
    folder = registry / checked_name(member.model)
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such model; expected one of the registry, see `dwcpc list --registry {registry}`"
        )
    return open_bundle(folder if member.version is None else folder / f"v{member.version}")


def _inputs(metadata: Metadata) -> list[tuple[object, ...]]:
    return [(each.shape, each.channels) for each in metadata.inputs]


def _outputs(metadata: Metadata) -> list[tuple[object, ...]]:
    return [(each.name, each.dtype, each.shape) for each in metadata.outputs]


def _names_something(metadata: Metadata) -> bool:
    return metadata.decision is not None or metadata.task == "classification"
