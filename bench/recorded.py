"""The findings that bundles carry themselves: what was proven and measured when they were compiled, nothing anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version as installed_version
from pathlib import Path

from dwcpc.bench.budgets import overall
from dwcpc.bench.findings import SCHEMA, BundleFindings, Findings, Published
from dwcpc.bench.history import published
from dwcpc.bench.stated_verdict import stated_verdict
from dwcpc.compiler.bundle import METADATA_FILE, Bundle, open_bundle
from dwcpc.compiler.clock import now
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.registry.entries import read_line
from dwcpc.compiler.versions import folder_name, latest_version, versions_in


def recorded_findings(paths: Iterable[Path]) -> Findings:
    """Return what the bundles at `paths` say: a version, a model's folder, or a folder of models, its latest ones."""
    versions: dict[Path, None] = {}
    models: dict[Path, None] = {}
    for path in paths:
        for version in _version_folders(path):
            versions[version] = None
            if version.name in map(folder_name, versions_in(version.parent)):
                models[version.parent] = None
    bundles = tuple(_recorded(open_bundle(version)) for version in versions)
    return Findings(
        schema=SCHEMA,
        created=now(),
        compiler=f"dwcpc {installed_version('dwcpc')}",
        command="compile",
        decisive=True,
        environment=None,
        bundles=bundles,
        together=None,
        history=_history(models),
        verdict=overall(bundle.verdict for bundle in bundles),
        reasons=(),
    )


def _history(model_folders: Iterable[Path]) -> tuple[Published, ...]:
    """Return every version of each model, the lowest first; InputError where one cannot be read."""
    lines = [read_line(folder) for folder in model_folders]
    problem = next((entry.problem for line in lines for entry in line.entries if entry.problem), None)
    if problem is not None:
        raise InputError(problem)
    return published(lines)


def _version_folders(path: Path) -> Sequence[Path]:
    """Return the version that `path` is or names, or that each model in it names. InputError where there is none."""
    if not path.is_dir():
        raise InputError(f"{path}: is no folder, expected a bundle, a folder of bundles, or a gate's findings as .json")
    if (path / METADATA_FILE).exists():
        return [path.resolve() if path.is_symlink() else path]
    if versions_in(path):
        return [_newest(path)]
    found = [_newest(folder) for folder in sorted(path.iterdir()) if versions_in(folder)]
    if not found:
        raise InputError(f"{path}: holds no bundle, expected NAME/vX.Y in it; compile one with --out {path}")
    return found


def _newest(model_folder: Path) -> Path:
    """Return what `latest` names, or the highest version."""
    latest = latest_version(model_folder)
    return model_folder / folder_name(versions_in(model_folder)[-1] if latest is None else latest)


def _recorded(bundle: Bundle) -> BundleFindings:
    verdict, reasons = stated_verdict(bundle.metadata)
    return BundleFindings(
        path=str(bundle.path),
        metadata=bundle.metadata,
        files=bundle.files,
        parity=bundle.metadata.parity,
        errors=(),
        runs=(),
        loads=(),
        budgets=bundle.metadata.budgets,
        regression=None,
        verdict=verdict,
        reasons=reasons,
    )
