"""The best serving plan under latency targets; what was left out and why; the Pareto front of time per token against rate.

Bounds come before evaluation: what does not divide, does not fit, or cannot be fast enough even alone is counted and dropped; the rest is
evaluated at once as arrays.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf import batching, prefill, serving_params
from offtake.perf.answers import Interval, Refusal
from offtake.perf.best import FrontPoint, pareto
from offtake.perf.own import as_run
from offtake.perf.serving_intervals import slowest
from offtake.perf.serving_layout import Layout, widths
from offtake.perf.serving_model import predict_serving
from offtake.perf.serving_rows import names_of, numbers_of, row_of
from offtake.perf.serving_setting import Setting, stack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from offtake.perf.cases import ServingCase
    from offtake.perf.params import Section
    from offtake.perf.serving_model import ServingPrediction
    from offtake.perf.serving_params import Physics
    from offtake.perf.serving_rows import Numbers

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = ["ServingPlan", "best_serving"]

_BATCHES = 28  # running sequences tried per layout, in equal ratios
_REFINED = 12  # plans whose batch is refined
_MOST_EXPERT_CHIPS = 256
_MOST_PREFILL = 6  # prefill workers kept: the fastest per chip that meet the time to first token
_SPLITS = (
    0.5,
    0.6,
    0.7,
    0.8,
    0.85,
    0.9,
    0.95,
    1.05,
    1.1,
    1.2,
    1.35,
    1.5,
)  # prefill workers over the matched number, which knows no queue
_PREFILL_LOAD = 0.9  # beyond this the queue of prompts is not stable in practice


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPlan:
    """The best serving plan under latency targets.

    Attributes
    ----------
    case : ServingCase                   asked, with the rate of requests that the plan takes
    best : ServingPrediction
    evaluated : int                      layouts × batches evaluated
    pruned : mapping of reason → count   layouts left out before evaluation
    front : tuple of FrontPoint          time per token against tok/s of a chip, all within the time to first token
    binds : str                          what keeps more sequences away: a latency target, memory, or the queue of prompts
    interval : Interval [tok/s]          of a chip: rates of the best plans within the targets where all times are at either end of their
                                         80 % interval; nought where none is in time then
    """

    case: ServingCase
    best: ServingPrediction
    evaluated: int
    pruned: Mapping[str, int]
    front: tuple[FrontPoint, ...]
    binds: str
    interval: Interval


def best_serving(
    case: ServingCase, *, ttft_s: float, tpot_s: float, fitted: Section | None = None
) -> ServingPlan | Refusal:
    """Find the plan with the most output tokens/s of a chip whose mean times meet both targets, requests coming at random.

    Prompts and decoding share their chips, or have pools of their own; the pools' sizes are matched to each other's rates.
    """
    section = serving_params.section() if fitted is None else fitted
    case = as_run(section.own, case)
    try:
        work = _search(case, section, (ttft_s, tpot_s))
    except OfftakeError as error:
        return Refusal(reason=str(error))
    found = work.best()
    if found is None:
        return Refusal(reason=work.why())
    layout, rate, binds = found
    asked = replace(case, load="open", concurrency=None, batch=None, disaggregated=layout.prefill is not None)
    answer: ServingPrediction | Refusal = Refusal(reason=work.why())
    for slack in (1.0, 0.995, 0.98, 0.95):  # the batch of a rate is interpolated: step back until both targets hold
        asked = replace(asked, rate_per_s=slack * rate)
        answer = predict_serving(asked, section, layout=layout)
        if isinstance(answer, Refusal):
            return answer
        if answer.tpot_s <= tpot_s and answer.ttft_s <= ttft_s:
            break
    if isinstance(answer, Refusal):
        return answer
    return ServingPlan(
        case=asked,
        best=answer,
        evaluated=work.evaluated,
        pruned=dict(work.pruned),
        front=pareto(work.points, most=40),
        binds=binds,
        interval=_interval(case, section, (ttft_s, tpot_s), answer.output_tok_per_s_per_chip),
    )


def _search(case: ServingCase, section: Section, targets: tuple[float, float], slower: float = 1.0) -> _Search:
    """Return a search, every time `slower` times as long as predicted; raises where a figure of the chip or model is missing."""
    factors, pace = serving_params.factors(section, names_of(case)), serving_params.pace_of(section, case) * slower
    return _Search(case, numbers_of(case), (factors, pace), serving_params.physics(section), targets)


def _interval(case: ServingCase, section: Section, targets: tuple[float, float], rate: float) -> Interval:
    """Return the rates of the best plans where times are at both ends of their 80 % interval; nought where none is in time then.

    Targets do not move with the times: slower steps leave room for fewer requests at once, so a rate within targets is less sure than a
    rate at a given load.
    """
    wide, ends = slowest(section, case), []
    for slower in (wide, 1.0 / wide):
        found = _search(case, section, targets, slower).best()
        ends.append(0.0 if found is None else found[1] * case.output_tok / found[0].chips)
    # the search steps through batches: its own ends may lie a little inside
    return Interval(low=min(ends[0], rate), high=max(ends[1], rate))


class _Search:
    """One search over serving layouts: units that can be at all, then plans of them, then batches."""

    def __init__(
        self,
        case: ServingCase,
        numbers: Numbers,
        factors: tuple[tuple[float, ...], float],
        physics: Physics,
        targets: tuple[float, float],
    ) -> None:
        self.case = case
        self.numbers = numbers
        self.factors = factors
        self.physics = physics
        self.ttft_s, self.tpot_s = targets
        self.pruned: Counter[str] = Counter()
        self.points: list[tuple[float, float, str]] = []
        self.evaluated = 0
        self.fastest = (np.inf, np.inf)

    def best(self) -> tuple[Layout, float, str] | None:
        """Return (plan, requests/s, what binds) of the best plan; None where none meets the targets."""
        plans = self.layouts()
        return self.evaluate(plans) if plans else None

    def units(self) -> list[Layout]:
        """Return one replica of each layout that divides the model."""
        case, found = self.case, []
        for tp in widths(case, case.chips):
            spans = [tp]
            if case.model.is_moe:
                spans += [tp * 2**i for i in range(1, 9) if tp * 2**i <= min(case.chips, _MOST_EXPERT_CHIPS)]
            for span in spans:
                choices = {1, min(span, max(case.model.experts, 1))} if case.model.is_moe and span > 1 else {1}
                found += [Layout(tp=tp, dp=span // tp, ep=ep) for ep in sorted(choices) if ep > 1 or span == tp]
        domain = max(case.chip.scaleup_domain, 1)
        if case.chips > domain and not case.model.is_moe:
            found += [
                Layout(tp=domain, pp=pp)
                for pp in (2, 4, 8)
                if domain * pp <= case.chips and case.model.heads % domain == 0
            ]
        return found

    def stacked(self, layouts: Sequence[Layout]) -> Setting:
        """Return layouts as arrays."""
        return stack([row_of(self.numbers, layout, *self.factors) for layout in layouts])

    def layouts(self) -> list[Layout]:
        """Return the plans worth evaluating: shared chips and matched pools, after the bounds."""
        units = self.units()
        s, p = self.stacked(units), self.physics
        room = batching.capacity(s)[:, 0]
        alone = batching.at_batch(s, p, np.ones((len(units), 1)), closed=np.zeros((len(units), 1)))
        decode_s = (alone.tpot_s - alone.mixing_s)[:, 0]
        prompt = prefill.prompt_times(s, p)
        first_s = (prompt.lone_s + p.first_s * s.wait)[:, 0]
        fits = room >= 1.0
        quick, early = decode_s <= self.tpot_s, first_s <= self.ttft_s
        self.fastest = (float(np.min(np.where(fits, first_s, np.inf))), float(np.min(np.where(fits, decode_s, np.inf))))
        self._count("weights do not fit in memory", ~fits)
        self._count("one sequence alone is too slow for the time per token", fits & ~quick)
        self._count("one prompt alone is too slow for the time to first token", fits & ~early)
        plans = [
            replace(u, replicas=self.case.chips // u.span)
            for u, good in zip(units, fits & quick & early, strict=True)
            if good
        ]
        decoders = [u for u, good in zip(units, fits & quick, strict=True) if good]
        rates = self._decode_rates(decoders)
        per_chip = np.where(fits & early, 1.0 / (prompt.busy_s[:, 0] * np.array([u.span for u in units])), 0.0)
        order = [int(i) for i in np.argsort(-per_chip) if per_chip[i] > 0.0]
        self._count("slower per chip at prompts than others kept", np.arange(len(order)) >= _MOST_PREFILL)
        for i in order[:_MOST_PREFILL]:
            for unit, rate in zip(decoders, rates, strict=True):
                plans += self._pools(unit, units[i], rate / (rate + 0.8 * float(per_chip[i])))
        return plans

    def _decode_rates(self, decoders: Sequence[Layout]) -> list[float]:
        """Return the requests/s of a chip that each unit decodes at most within the time per token, prompts apart."""
        if not decoders:
            return []
        s = self.stacked(decoders)
        ceiling = np.maximum(batching.capacity(s) * self.physics.share_kept, 1.0)
        batches = batching.grid(np.ones_like(ceiling), ceiling)
        state = batching.at_batch(s, self.physics, batches, closed=np.zeros_like(ceiling))
        alone = state.tpot_s - state.mixing_s
        best = np.max(np.where(alone <= self.tpot_s, batches / (s.output_tok * alone), 0.0), axis=1)
        return [float(rate) / unit.span for rate, unit in zip(best, decoders, strict=True)]

    def _pools(self, decoder: Layout, filler: Layout, share: float) -> list[Layout]:
        """Return splits of the chips between two kinds of worker, around the share of prefill where their rates match."""
        chips = self.case.chips
        most = (chips - decoder.span) // filler.span
        if most < 1 or share >= 1.0:
            return []
        matched = share * chips / filler.span
        around = {max(1, min(most, round(matched) + d)) for d in (-1, 0, 1)}
        around |= {max(1, min(most, round(matched * r))) for r in _SPLITS}
        plans = []
        for workers in sorted(around):
            replicas = (chips - workers * filler.span) // decoder.span
            if replicas >= 1:
                plans.append(replace(decoder, replicas=replicas, prefill=replace(filler, replicas=workers)))
        return plans

    def _count(self, reason: str, which: NDArray[np.bool_]) -> None:
        left = int(np.count_nonzero(which))
        if left:
            self.pruned[reason] += left

    def evaluate(self, plans: Sequence[Layout]) -> tuple[Layout, float, str] | None:
        """Return (plan, requests/s, what binds) of the best, None where none meets the targets.

        All plans over a coarse row of batches, then the best dozen between their best batch and the next. Of plans that serve as much
        the one on the fewest chips counts, whatever the order in which they were found.
        """
        plans = sorted(plans, key=lambda plan: plan.chips)
        ceiling = np.maximum(batching.capacity(self.stacked(plans)) * self.physics.share_kept, 1.0)
        coarse = ceiling ** np.linspace(0.0, 1.0, _BATCHES)
        state, tokens, good, early = self._tried(plans, coarse)
        self.points = _upper(state.tpot_s[early], tokens[early], [plans[int(i)] for i in np.nonzero(early)[0]])
        if not good.any():
            known = np.isfinite(state.ttft_s)
            self.fastest = (float(np.min(state.ttft_s[known])), float(np.min(state.tpot_s)))
            return None
        best = np.where(good, tokens, -1.0)
        rows = np.argsort(-best.max(axis=1), kind="stable")[:_REFINED]
        top = [plans[int(i)] for i in rows]
        at = best[rows].argmax(axis=1)
        low = coarse[rows, at][:, None]
        high = coarse[rows, np.minimum(at + 1, _BATCHES - 1)][:, None]
        fine = low + (high - low) * np.linspace(0.0, 1.0, _BATCHES)
        state, tokens, good, _ = self._tried(top, fine)
        i, j = (int(x) for x in np.unravel_index(int(np.argmax(np.where(good, tokens, -1.0))), tokens.shape))
        binds = "memory"
        if j + 1 < _BATCHES:
            over_tpot, over_ttft = state.tpot_s[i, j + 1] > self.tpot_s, state.ttft_s[i, j + 1] > self.ttft_s
            binds = "time per token" if over_tpot else "time to first token" if over_ttft else "queue of prompts"
        return top[i], float(state.rate_per_s[i, j] * top[i].replicas), binds

    def _tried(self, plans: Sequence[Layout], batches: Floats) -> tuple[batching.Running, Floats, Flags, Flags]:
        """Return (state, tok/s of a chip, whether both targets hold, whether that of the first token does): [plan, batch]."""
        s = self.stacked(plans)
        state = batching.at_batch(s, self.physics, batches, closed=np.zeros((len(plans), 1)))
        self.evaluated += batches.size
        tokens = state.rate_per_s * s.replicas * s.output_tok / float(self.case.chips)
        stable = (state.prefill_load <= _PREFILL_LOAD) & np.isfinite(state.ttft_s)
        early = stable & (state.ttft_s <= self.ttft_s)
        return state, tokens, early & (state.tpot_s <= self.tpot_s), early

    def why(self) -> str:
        """Say why there is no plan, and what would be possible."""
        case = self.case
        first, token = self.fastest
        if not np.isfinite(first) or not np.isfinite(token):
            return f"{case.model.name} does not fit on {case.chips} {case.chip.name} in any layout: use more chips or a narrower precision"
        return (
            f"{self.ttft_s:g} s to the first token and {1e3 * self.tpot_s:g} ms a token cannot be met by {case.model.name} on {case.chips} "
            f"{case.chip.name}: the fastest found, each at its best, are {first:.3g} s and {1e3 * token:.3g} ms"
        )


def _upper(latency_s: Floats, rate: Floats, plans: Sequence[Layout]) -> list[tuple[float, float, str]]:
    """Return the points that no earlier one (by latency) reaches: few enough to be put into words."""
    order = np.lexsort((-rate, latency_s))
    best = np.maximum.accumulate(rate[order]) if order.size else rate
    kept = [int(k) for n, k in enumerate(order) if n == 0 or rate[k] > best[n - 1]]
    return [(float(latency_s[k]), float(rate[k]), str(plans[k])) for k in kept]
