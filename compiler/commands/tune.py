"""`dwcpc tune`: trials of a model, each trained and judged on validation data, compiled, and timed through Go."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dwcpc.compiler.commands.served_latency import ServedLatency
from dwcpc.compiler.errors import InputError
from dwcpc.compiler.harness import find_harness
from dwcpc.compiler.targets.cpu_fp32 import CPU_FP32
from dwcpc.models.training.report import plain
from dwcpc.models.training.run_files import write_json
from dwcpc.models.tuning.executors import Executor, Limits, run_here
from dwcpc.models.tuning.findings import StudyFindings, TrialFindings, findings_of
from dwcpc.models.tuning.plots import plot_study
from dwcpc.models.tuning.space import Space
from dwcpc.models.tuning.storage import Place, import_optuna, known_study, open_study
from dwcpc.models.tuning.told import told
from dwcpc.models.tuning.trial import Job, Told

STUDY_FILE = "study.json"
DATABASE = "study.db"
PLOTS = "plots"

Progress = Callable[[str], None]


class Source(Protocol):
    """Loads what trials train on, and says what that is."""

    def __call__(self) -> Any:
        """Return the data."""
        ...

    def about(self) -> dict[str, Any]:
        """Return it as JSON."""
        ...


@dataclass(frozen=True, slots=True)
class TuneOrder:
    """What to vary, on which data, and for how long; `storage` of none is a file in `out`.

    `given` are the data options of the command line, which `dwcpc train` takes as well; `again` is the command line
    without its limits, for whoever goes on.
    """

    space: Space
    source: Source
    out: Path
    study: str
    trials: int
    target: str = CPU_FP32.name
    storage: str | None = None
    timeout_s: float | None = None
    seed: int = 42
    prune: bool = True
    executor: Executor = run_here
    given: tuple[str, ...] = ()
    again: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """Return where the study is kept."""
        return Place(self.storage or f"sqlite:///{(self.out / DATABASE).absolute()}", self.study)


@dataclass(frozen=True, slots=True)
class TuneResult:
    """What the study has come to; `missing` trials were left when it was interrupted."""

    out: Path
    found: StudyFindings
    plots: tuple[Path, ...]
    interrupted: bool
    go_on: str

    @property
    def text(self) -> str:
        """Return what a person reads."""
        lines = [told(self.found)]
        if self.found.importance_absent:
            lines.append(f"no plot of importance: {self.found.importance_absent}")
        lines.append(
            f"study: {self.out / STUDY_FILE}; plots: {self.out / PLOTS}" if self.plots else "nothing to draw yet"
        )
        lines.append(f"{'interrupted; what is done is kept, ' * self.interrupted}go on with: {self.go_on}")
        return "\n".join(lines)


@dataclass(slots=True)
class _Count:
    """How many trials ended, for the progress."""

    order: TuneOrder
    progress: Progress
    ended: int = 0
    failed: list[str] = field(default_factory=list)

    def __call__(self, trial: Told) -> None:
        self.ended += 1
        if trial.ended == "failed":
            self.failed.append(trial.reason)
        values = trial.reason
        if trial.quality is not None:
            values = f"{self.order.space.quality} {trial.quality:.4f}, latency {trial.latency:.2f}"
        self.progress(f"trial {trial.number} ({self.ended} of {self.order.trials}) {trial.ended}: {values}")


def tune(order: TuneOrder, progress: Progress) -> TuneResult:
    """Run the trials, and write what the study has come to; with no trials, only that, of a study that is there.

    InputError where not one trial of this call could be carried out.
    """
    import_optuna()
    if order.out.exists() and not order.out.is_dir():
        raise InputError(f"{order.out}: is a file, expected a folder; name another --out")
    if not order.trials:
        return _written(order, interrupted=False, left=0)
    find_harness()  # or it is missed only after the first training
    order.out.mkdir(parents=True, exist_ok=True)
    open_study(order.place, _about(order), ["dwcpc", "train", order.space.model, *order.given])
    count = _Count(order, progress)
    limits = Limits(order.trials, order.timeout_s)
    progress(f"study {order.study}: {order.trials} trials of {order.space.model}")
    interrupted = False
    try:
        order.executor(order.place, _job(order), limits, count)
    except KeyboardInterrupt:
        interrupted = True
    result = _written(order, interrupted=interrupted, left=order.trials - count.ended)
    if count.failed and len(count.failed) == count.ended and not interrupted:
        raise InputError(f"all of {count.ended} trials failed, the last because {count.failed[-1]}")
    return result


def _job(order: TuneOrder) -> Job:
    by_shape = order.target == CPU_FP32.name  # the precision of layers is chosen by the trained weights
    return Job(order.space, order.source, ServedLatency(order.target), by_shape, order.seed, order.prune)


def _about(order: TuneOrder) -> dict[str, Any]:
    """Return what makes trials comparable, as JSON gives it back."""
    about = {
        "model": order.space.model,
        "target": order.target,
        "space": plain(order.space),
        "data": order.source.about(),
    }
    plain_about: dict[str, Any] = json.loads(json.dumps(about))
    return plain_about


def _written(order: TuneOrder, *, interrupted: bool, left: int) -> TuneResult:
    found = findings_of(known_study(order.place), order.space.quality)
    if found.about.get("model") != order.space.model:
        raise InputError(
            f"study {order.study!r} is of {found.about.get('model')!r}, expected {order.space.model!r}; "
            "name another --study"
        )
    front = tuple(dataclasses.replace(trial, command=_command(found, order.space, trial)) for trial in found.front)
    found = dataclasses.replace(found, front=front)
    order.out.mkdir(parents=True, exist_ok=True)
    write_json(order.out / STUDY_FILE, plain(found))
    plots = plot_study(order.out / PLOTS, found)
    go_on = shlex.join(["dwcpc", *order.again, "--trials", str(max(left, 0) or order.trials or 20)])
    return TuneResult(order.out, found, plots, interrupted, go_on)


def _command(found: StudyFindings, space: Space, trial: TrialFindings) -> str:
    return shlex.join([*found.train, *space.arguments(trial.params), "--out", f"runs/{space.model}-{trial.number}"])
