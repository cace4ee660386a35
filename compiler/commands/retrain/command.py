"""`dwcpc retrain`: collect → train → compile → judge on fresh data → gate → publish, or keep what is served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dwcpc.compiler.bundle import Bundle, open_bundle
from dwcpc.compiler.commands.publish import Gate
from dwcpc.compiler.commands.retrain.compile import Packaging, compiled
from dwcpc.compiler.commands.retrain.data import DataOrder, gather
from dwcpc.compiler.commands.retrain.decision import Limits, check_inputs, decide, undecidable
from dwcpc.compiler.commands.retrain.folder import DIST, RUN, prepare
from dwcpc.compiler.commands.retrain.model import Job, Progress, RetrainedModel
from dwcpc.compiler.commands.retrain.publish import gated, latest_text, published
from dwcpc.compiler.commands.retrain.report import Retraining, write_reports
from dwcpc.compiler.errors import DwcpcError, InputError, VerdictError
from dwcpc.compiler.harness import find_harness
from dwcpc.compiler.staging import Destination, check_writable
from dwcpc.compiler.targets import target_named
from dwcpc.compiler.targets.base import Target
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.compiler.versions import checked_name, latest_version, next_version, version_text
from dwcpc.parity.defaults import DEFAULT_ROWS

FIRST_SEED = 43  # `dwcpc train` begins with 42, and what it made may be what is served


@dataclass(frozen=True, slots=True)
class RetrainOrder:
    """What to train again, for which registry, and what the new version has to be.

    `name` of none is the model's own, `target` and `min_sqnr_db` are the served version's; `seed` of none is a new one.
    """

    registry: Path
    out: Path
    data: DataOrder
    limits: Limits
    name: str | None = None
    seed: int | None = None
    settings: tuple[str, ...] = ()
    target: str | None = None
    min_sqnr_db: float | None = None
    rows: int = DEFAULT_ROWS
    budgets: tuple[str, ...] = ()
    dry_run: bool = False


def retrain(order: RetrainOrder, model: RetrainedModel, gate: Gate, progress: Progress) -> Retraining:
    """Carry out `order`. Only what is not worse than what is served, and what `gate` passes, is published.

    OUT keeps data, run, bundle and report, also where the candidate cannot be compiled: the verdict is fail where it
    was judged. InputError where something is missing. The registry stays as it is then.
    """
    name = checked_name(order.name or model.published)
    model.check(order.settings)
    find_harness()  # or it is missed only after the training
    served = _served(order.registry, name)
    seed = _seed(order, served)
    packaging = packaging_of(order, name, served)
    prepare(order.out)
    job = Job(None, order.out / RUN, seed, served, order.settings)
    gathered = gather(order.data, model.columns(job), order.out, progress)
    if gathered is not None:
        job = replace(job, data=gathered[0])
    progress("collect: looking for rows that trained neither model")
    looked = model.look(job)
    found = Retraining(
        model=model.name,
        name=name,
        registry=str(order.registry),
        dry_run=order.dry_run,
        data=None if gathered is None else gathered[1],
        training=looked.training,
        fresh=looked.fresh.note,
        served=None if served is None else served.metadata.version,
        latest=latest_text(order.registry, name),
    )
    unknowable = undecidable(looked.fresh)
    if unknowable is not None:
        return _reported(found.decided(unknowable), order.out)
    progress(f"train: {model.name}, seed {seed}")
    candidate = model.train(job, lambda step: progress(f"train: {step}"))
    try:
        bundle = compiled(candidate, looked.training, packaging, progress)
        check_inputs(bundle, served)
    except VerdictError as error:
        return _reported(found.failing("compile", error), order.out)
    except DwcpcError as error:
        _reported(found.failing("compile", error), order.out)
        raise
    found = found.decided(decide(model, looked.fresh, bundle, served, order.limits, progress), bundle)
    if found.verdict == "pass":
        found = (gated if order.dry_run else published)(found, bundle.path, gate, progress)
    return _reported(found, order.out)


def _reported(found: Retraining, folder: Path) -> Retraining:
    write_reports(found, folder)
    return found


def _served(registry: Path, name: str) -> Bundle | None:
    check_writable(Destination(registry, name, (1, 0), replace=False), "--registry")
    return None if latest_version(registry / name) is None else open_bundle(registry / name)


def packaging_of(order: RetrainOrder, name: str, served: Bundle | None) -> Packaging:
    """Return how the candidate is compiled: as what is served was, unless the order says otherwise."""
    own = CPU_FP32.name if served is None else served.metadata.target
    target = target_named(order.target or own)
    return Packaging(
        name=name,
        version=version_text(next_version(order.registry / name)),
        out=order.out / DIST,
        target=target,
        rows=order.rows,
        budgets=order.budgets,
        embed=served is not None and served.metadata.features is not None and served.metadata.features.embedded,
        min_sqnr_db=order.min_sqnr_db or _floor(served, target),
    )


def _floor(served: Bundle | None, target: Target) -> float | None:
    """Return the floor that what is served was compiled with for the same target."""
    if served is None or served.metadata.precision_search is None or served.metadata.target != target.name:
        return None
    return served.metadata.precision_search.min_sqnr_db


def _seed(order: RetrainOrder, served: Bundle | None) -> int:
    """Return the seed: data that the simulator draws by it must not be what trained the served version."""
    training = None if served is None else served.metadata.source.training
    if order.seed is None:
        return FIRST_SEED if training is None else training.seed + 1
    if training is not None and training.kind == "simulated" and training.seed == order.seed and not order.data.paths:
        raise InputError(
            f"--seed {order.seed} drew what trained the served version, and nothing of it is fresh; omit it"
        )
    return order.seed
