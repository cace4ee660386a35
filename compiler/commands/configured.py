"""`dwcpc compile` without an artifact: every model that `dwcpc.toml` names, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dwcpc.compiler.commands.compile import Order, compile_bundle
from dwcpc.compiler.errors import EXIT_CODES, DwcpcError, InputError
from dwcpc.compiler.pipeline import CompileRequest
from dwcpc.compiler.sources.base import LoadOptions
from dwcpc.compiler.targets import target_named

if TYPE_CHECKING:
    from dwcpc.bench.reports.summary import Summary
    from dwcpc.compiler.commands.config import Config, ModelConfig

WORST_FIRST = (3, 2, 1, 4, 0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One model: its summary, or why there is none."""

    name: str
    found: Summary | DwcpcError

    @property
    def exit_code(self) -> int:
        """What the command would have returned for this model alone."""
        return self.found.exit_code if isinstance(self.found, DwcpcError) else EXIT_CODES[self.found.verdict]


def orders(config: Config, only: Sequence[str], out: Path | None, *, replace: bool, verify: bool) -> list[Order]:
    """Return what to compile, in the file's order; InputError for a name in `only` that the file has not."""
    for name in only:
        if name not in config.models:
            raise InputError(f"{config.path}: models: has no {name}, expected one of {', '.join(config.models)}")
    chosen = {name: model for name, model in config.models.items() if not only or name in only}
    folder = config.out if out is None else out
    return [_order(config, name, model, folder, replace=replace, verify=verify) for name, model in chosen.items()]


def compile_all(wanted: Sequence[Order], progress: Callable[[str], None]) -> list[Outcome]:
    """Compile each; what is wrong with one model does not keep the others from it."""
    outcomes = []
    for order in wanted:
        progress(f"compiling {order.name}")
        found: Summary | DwcpcError
        try:
            found = compile_bundle(order, progress)
        except DwcpcError as error:
            found = error
        outcomes.append(Outcome(order.name, found))
    return outcomes


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Return the worst of all: a bug, bad input, fail, inconclusive, good."""
    codes = {each.exit_code for each in outcomes} | {0}
    return next(code for code in WORST_FIRST if code in codes)


def _order(config: Config, name: str, model: ModelConfig, out: Path, *, replace: bool, verify: bool) -> Order:
    try:
        target = target_named(model.target)
    except InputError as error:
        raise InputError(f"{config.path}: models.{name}.target: {error}") from error
    request = CompileRequest(
        artifact=model.artifact,
        target=target,
        scaler=model.scaler,
        target_scaler=model.target_scaler,
        scaler_applied=model.scaler_applied,
        threshold=model.threshold,
        one_row=model.batch is not None,
        load=LoadOptions(model.arch, model.timesteps, model.input_shape, missing=model.missing),
        features=None if model.features is None else str(model.features),
        embed_features=model.embed_features,
    )
    return Order(
        request=request,
        name=name,
        out=out,
        version=None,
        replace=replace,
        calibration=model.calibration,
        rows=model.cases,
        seed=model.seed,
        verify=verify,
        budgets=tuple(f"{budget}={limit!r}" for budget, limit in model.budgets.items()),
        min_sqnr_db=model.min_sqnr,
        distil=model.distill,
    )
