"""Which layers get which precision: measured one by one, combined by their noise, and the combinations measured again.

1. Each layer alone in each precision: signal-to-noise and, where it computes in integers, latency against float32.
   What is slower beyond doubt is dropped; what is left is an option.
2. The cheapest combination whose noise powers add to less than the floor allows (`options.py`), for the floor itself,
   for some decibels above it, without any floor (what would be fastest of all), and without integer arithmetic. Those
   of a floor are tightened until their own measured noise keeps it, and lose their loudest layer where a row fails.
3. Of all that were measured, the fastest is chosen that keeps the floor, flips no decision, has no row near its limit
   and brings what the target promises. Plans are compared in the order of what they read and store, the more precise
   first where that is about the same, and a later one wins only when it is faster beyond doubt: the noise of the
   machine does not choose.
4. What is chosen is compared once more, on rows that chose nothing so far and are drawn as those of the verdict are.
   Where these refute it, it is dropped as if the first had, plans without its loudest layer are tried as well, and the
   choice begins again. The verdict itself falls on rows of its own, which take no part in any choice, and may still
   refute it.

The worst of some rows is not the worst of others, so a row has to stay within ROW_SHARE of what it may err, and a flip
within that share of the distance from the threshold at which it may. 12 plans of three networks were compared on two
sets of 2,048 rows, as here, and then on sets of 4,096. Where no check had failed, these refuted none of 326 with the
worst row within 0.4 of its limit, 7 of 168 up to 0.75 and 2 of 16 beyond; where one had failed, 128 of 177.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from dwcpc.compiler.metadata import Candidate, LatencyRatio
from dwcpc.compiler.quantize.base import Proposal
from dwcpc.compiler.quantize.options import DISTILLED, FLOAT32, Option, Plan, cheapest, without_loudest

if TYPE_CHECKING:
    import onnx

    from dwcpc.compiler.quantize.forms import Forms
    from dwcpc.compiler.quantize.proposals import Offered
    from dwcpc.compiler.steps import Steps
    from dwcpc.compiler.targets.base import Promise

ROW_SHARE = 0.75  # of what a single row may err: the verdict's rows are others
FURTHER_AT_MOST = 5  # times that plans are added because a choice was refuted
ABOVE_FLOOR_DB = (0.0, 3.0, 6.0)
TIGHTENED_AT_MOST = 5
TIGHTER = 0.9  # what is aimed at when a plan missed its floor
FLOAT32_NOISE = 1e-11
CLEARLY_SLOWER = 1.01
SAME_SIZE = 0.02  # of the float32 file
NO_FLOOR = float("inf")
NONE: Mapping[str, Proposal] = {}

# From a precision for each layer to trained proposals for some of them.
Distil = Callable[[Mapping[str, str]], Mapping[str, Proposal]]


@dataclass(frozen=True, slots=True)
class Quality:
    """How near a network comes to its source, over `rows` rows.

    `sqnr_db` is what that of other rows is not below with 95 % confidence, the lowest over the groups of rows, each
    counted from its own floor; `flips` are decisions that differ by more than the score's tolerance; `broken` names the
    first other check of parity that fails. `worst_row` is the largest share that a single row takes of what it may err,
    or a flip of the distance from the threshold at which it may, and `worst_row_told` says where.
    """

    sqnr_db: float
    flips: int
    rows: int
    broken: str = ""
    worst_row: float = 0.0
    worst_row_told: str = ""

    def with_other_rows(self, other: Quality) -> Quality:
        """Return what both say together, the worse of each; `other` is of other rows."""
        worse = max(self, other, key=lambda each: each.worst_row)
        return Quality(
            min(self.sqnr_db, other.sqnr_db),
            self.flips + other.flips,
            self.rows + other.rows,
            self.broken or other.broken,
            worse.worst_row,
            worse.worst_row_told,
        )


class Judge(Protocol):
    """Measures networks, in the form in which they are served, against the source model and the float32 bundle."""

    def served(self, network: onnx.ModelProto) -> bytes:
        """Return the file that would serve `network`."""

    def quality(self, served: bytes) -> Quality:
        """Compare it with the source, on rows of the judge's own."""

    def confirmation(self, served: bytes) -> Quality:
        """Compare it with the source on other rows, which are drawn as the verdict's are."""

    def latency(self, served: bytes) -> LatencyRatio:
        """Time it against float32, paired, through Go."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be kept and what is to be won."""

    min_sqnr_db: float
    promise: Promise


@dataclass(frozen=True, slots=True)
class Outcome:
    """The network that won, or none; the precision of each layer with its reason; everything that was measured."""

    network: onnx.ModelProto | None
    layers: Mapping[str, tuple[str, str]]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Single:
    """One layer alone in one precision, as measured; `dropped` says why it is no option."""

    option: Option
    quality: Quality
    latency: LatencyRatio | None
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """One plan for all layers, as measured; `network` is it, where other proposals than those offered were used.

    `confirmation` is of the rows that chose nothing, once it was chosen.
    """

    plan: Plan
    quality: Quality
    bytes: int
    latency: LatencyRatio
    network: onnx.ModelProto | None = None
    confirmation: Quality | None = None

    @property
    def known(self) -> Quality:
        """What all rows say that it was compared on."""
        return self.quality if self.confirmation is None else self.quality.with_other_rows(self.confirmation)


class Search:
    """One search over one network."""

    def __init__(self, forms: Forms, offered: Sequence[Offered], goal: Goal, judge: Judge, steps: Steps) -> None:
        """Take what is offered for each layer, what is to be reached and who measures."""
        self._forms, self._offered, self._goal, self._judge, self._steps = forms, offered, goal, judge, steps
        self._float_bytes = len(judge.served(forms.with_proposals(NONE)))

    def run(self, distil: Distil | None = None) -> Outcome:
        """Measure, combine, measure again and choose; the best plan is tried in its `distil`led form as well."""
        singles = [self._single(each, precision) for each in self._offered for precision in each.proposals]
        options = self._options(singles)
        tried = list(self._combined(options))
        chosen = self._confirmed(tried, options)
        if distil is not None:
            tried += self._distilled(distil, chosen or max(tried, key=lambda each: each.quality.sqnr_db))
            chosen = self._confirmed(tried, options)
        candidates = tuple(self._candidate(each, chosen) for each in tried)
        if chosen is None:
            return Outcome(None, {}, candidates)
        layers = {each.layer.name: self._reasoned(each, chosen.plan, singles) for each in self._offered}
        return Outcome(self._network(chosen), layers, candidates)

    def _single(self, offered: Offered, precision: str) -> Single:
        layer, proposal = offered.layer, offered.proposals[precision]
        self._steps.next(f"{layer.name} in {precision}")
        served = self._judge.served(self._forms.with_proposals({layer.name: proposal}))
        quality = self._judge.quality(served)
        stored = len(served) - self._float_bytes + 4 * layer.size
        option = Option(layer.name, precision, 10 ** (-quality.sqnr_db / 10), proposal.reads or 4 * layer.size, stored)
        if not proposal.reads:
            return Single(option, quality, None)
        latency = self._judge.latency(served)
        slower = latency.low > CLEARLY_SLOWER
        return Single(option, quality, latency, f"slower alone ({latency.ratio:.2f} of float32)" if slower else "")

    def _options(self, singles: Sequence[Single]) -> list[list[Option]]:
        return [
            [
                Option(each.layer.name, FLOAT32, FLOAT32_NOISE, 4 * each.layer.size, 4 * each.layer.size),
                *(s.option for s in singles if s.option.layer == each.layer.name and not s.dropped),
            ]
            for each in self._offered
        ]

    def _combined(self, options: Sequence[Sequence[Option]]) -> Iterator[Tried]:
        stored = _stored(options)
        seen: list[Tried] = []
        fastest = cheapest(options, NO_FLOOR)
        if fastest is not None:
            seen.append(self._tried(fastest))
            yield seen[0]
        for offered in (options, stored):
            for above in ABOVE_FLOOR_DB if offered is options else ABOVE_FLOOR_DB[:1]:
                yield from self._within(offered, self._goal.min_sqnr_db + above, seen)

    def _within(self, options: Sequence[Sequence[Option]], floor: float, seen: list[Tried]) -> Iterator[Tried]:
        """Try the cheapest plan for `floor`, and others until one is good; those `seen` are not measured again.

        A plan whose noise is too much is tightened. One that fails by a single row or decision loses the form of its
        loudest layer instead: that layer's worst row gets no better with less noise elsewhere.
        """
        budget = 10 ** (-floor / 10)
        for _ in range(TIGHTENED_AT_MOST):
            plan = cheapest(options, budget)
            if plan is None:
                return
            tried = next((each for each in seen if each.plan.precisions == plan.precisions), None)
            if tried is None:
                tried = self._tried(plan)
                seen.append(tried)
                yield tried
            if tried.known.sqnr_db < floor:
                budget *= TIGHTER * min(1.0, 10 ** ((tried.known.sqnr_db - floor) / 10))
            elif _refuted(tried.known):
                options = without_loudest(options, plan)
            else:
                return

    def _confirmed(self, tried: list[Tried], options: Sequence[Sequence[Option]]) -> Tried | None:
        """Return the choice that other rows confirm; those that they refute stay in `tried`, and others are added."""
        further = 0
        while (chosen := self._chosen(tried)) is not None and chosen.confirmation is None:
            self._steps.next(f"{_name(chosen.plan)} on other rows")
            confirmation = self._judge.confirmation(self._judge.served(self._network(chosen)))
            at = next(index for index, each in enumerate(tried) if each is chosen)
            tried[at] = replace(chosen, confirmation=confirmation)
            if self._why_not(tried[at]) and chosen.network is None and further < FURTHER_AT_MOST:
                options, further = without_loudest(options, chosen.plan), further + 1
                for offered in (options, _stored(options)):
                    tried += list(self._within(offered, self._goal.min_sqnr_db, list(tried)))
        return chosen

    def _distilled(self, distil: Distil, best: Tried) -> list[Tried]:
        """Measure the plan of `best` with trained layers; nothing where there is nothing to train."""
        trained = distil(best.plan.precisions)
        if not trained:
            return []
        precisions = {name: each.precision for name, each in trained.items()}
        plan = replace(best.plan, precisions={**best.plan.precisions, **precisions})
        self._steps.next(_name(plan))
        network = self._built(best.plan, trained)
        served = self._judge.served(network)
        # The same graph with other numbers in it: its time is the one measured.
        return [Tried(plan, self._judge.quality(served), len(served), best.latency, network)]

    def _tried(self, plan: Plan) -> Tried:
        self._steps.next(_name(plan))
        served = self._judge.served(self._built(plan))
        return Tried(plan, self._judge.quality(served), len(served), self._judge.latency(served))

    def _network(self, tried: Tried) -> onnx.ModelProto:
        return self._built(tried.plan) if tried.network is None else tried.network

    def _built(self, plan: Plan, instead: Mapping[str, Proposal] = NONE) -> onnx.ModelProto:
        """Return the network of `plan`, with the proposals `instead` for the layers that they name."""
        chosen = {
            each.layer.name: each.proposals[plan.precisions[each.layer.name]]
            for each in self._offered
            if plan.precisions[each.layer.name] != FLOAT32
        }
        return self._forms.with_proposals({**chosen, **instead})

    def _chosen(self, tried: Sequence[Tried]) -> Tried | None:
        chosen: Tried | None = None
        for each in sorted(tried, key=self._rank):
            if not self._why_not(each) and (chosen is None or each.latency.high < chosen.latency.low):
                chosen = each
        return chosen

    def _rank(self, tried: Tried) -> tuple[int, int, float]:
        """Order plans by what they read, then by their bytes; of those about as large, the more precise comes first."""
        return tried.plan.reads, int(tried.bytes / (SAME_SIZE * self._float_bytes)), -tried.quality.sqnr_db

    def _why_not(self, tried: Tried) -> str:
        """Return what `tried` misses; nothing where it is good."""
        goal, quality = self._goal, tried.known
        if quality.sqnr_db < goal.min_sqnr_db:
            return f"{quality.sqnr_db:.1f} dB, less than the {goal.min_sqnr_db:g} dB asked for"
        return _refuted(quality) or self._broken_promise(tried.plan, tried.bytes / self._float_bytes, tried.latency)

    def _broken_promise(self, plan: Plan, share: float, latency: LatencyRatio) -> str:
        promise, ratio = self._goal.promise, latency.ratio
        if share > promise.size:
            return f"{share:.0%} of float32's size, more than the target's {promise.size:.0%}"
        if plan.reads < sum(4 * each.layer.size for each in self._offered) and ratio >= 1:
            return f"computes in integers and is no faster: {ratio:.2f} of float32's time"
        if latency.low > promise.latency:
            return f"takes {ratio:.2f} of float32's time, more than the target's {promise.latency:g}"
        return ""

    def _candidate(self, tried: Tried, chosen: Tried | None) -> Candidate:
        known = tried.known
        reason = self._why_not(tried) or "good, and another is faster, smaller or more precise"
        if tried is chosen:
            reason = "the fastest that keeps the floor and what the target promises"
        return Candidate(
            name=_name(tried.plan),
            layers=dict(tried.plan.precisions),
            sqnr_db=known.sqnr_db,
            flips=known.flips,
            rows=known.rows,
            model_bytes=tried.bytes,
            latency=tried.latency,
            chosen=tried is chosen,
            reason=reason,
            worst_row=known.worst_row,
        )

    @staticmethod
    def _reasoned(offered: Offered, plan: Plan, singles: Sequence[Single]) -> tuple[str, str]:
        """Return the layer's precision and, for it and those that it was not given, what they measured alone."""
        own = plan.precisions[offered.layer.name]
        parts = []
        for single in singles:
            if single.option.layer != offered.layer.name:
                continue
            figure = f"{single.quality.sqnr_db:.1f} dB"
            figure += "" if single.latency is None else f", {single.latency.ratio:.2f} of the time"
            precision = single.option.precision
            parts.append((precision != own.removesuffix(DISTILLED), f"{precision} alone: {single.dropped or figure}"))
        parts += [(True, f"no {precision}: {why}") for precision, why in offered.refused.items()]
        return own, "; ".join(text for _, text in sorted(parts, key=lambda part: part[0]))


def _stored(options: Sequence[Sequence[Option]]) -> list[list[Option]]:
    """Return the options without integer arithmetic; the first of a layer has none."""
    return [[each for each in layer if each.reads == layer[0].reads] for layer in options]


def _refuted(quality: Quality) -> str:
    """Return the row or the decisions that stand against it; nothing where none does."""
    if quality.flips:
        return f"flips {quality.flips} of {quality.rows} decisions"
    if quality.broken:
        return quality.broken
    if quality.worst_row > ROW_SHARE:
        return f"{quality.worst_row_told}; beyond {ROW_SHARE:g} of it, other rows may exceed it"
    return ""


def _name(plan: Plan) -> str:
    """Return how many layers have which precision: `2 int8, 5 float16 storage`."""
    precisions = list(plan.precisions.values())
    return ", ".join(f"{precisions.count(each)} {each}" for each in dict.fromkeys(sorted(precisions)))
