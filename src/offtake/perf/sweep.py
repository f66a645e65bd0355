"""Many chips with one model at once: the comparison's fast way, prompts and decoding on shared chips.

One array holds every layout of every chip; a coarse row of batches finds each chip's best layout, a fine one its best batch. Plans with
pools of their own are searched by `best_serving` only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.errors import OfftakeError
from offtake.perf import batching, serving_params
from offtake.perf.answers import Interval
from offtake.perf.capacity import ENGINE
from offtake.perf.cases import ServingCase
from offtake.perf.own import as_run
from offtake.perf.serving_intervals import slowest
from offtake.perf.serving_layout import Layout, widths
from offtake.perf.serving_rows import names_of, numbers_of, row_of
from offtake.perf.serving_setting import Setting, stack
from offtake.perf.terms import energy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.perf.params import Section
    from offtake.perf.serving_rows import Numbers
    from offtake.perf.types import Chip, LatencyClass, Transformer

    Floats = NDArray[np.float64]

__all__ = ["Swept", "sweep"]

DEPLOYMENT = 64
"""Chips that share the work of one deployment."""

_COARSE, _FINE, _ENDS = 10, 12, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """The best of one chip: output tokens/s of a chip and its interval, mean power, layout, times; or why there is none."""

    tok_per_s_per_chip: float = 0.0
    interval: Interval = field(default_factory=lambda: Interval(low=0.0, high=0.0))
    it_w_per_chip: float = 0.0
    words: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Layouts of all chips as rows, with the chip of each, and what of a chip does not depend on its layout."""

    rows: list[tuple[float, ...]]
    owner: list[int]
    layouts: list[Layout]
    numbers: dict[int, Numbers]


def sweep(
    chips: Sequence[Chip], model: Transformer, latency: LatencyClass, fitted: Section | None = None
) -> list[Swept]:
    """Return the best of each chip under a latency class, in the order of the chips."""
    section = serving_params.section() if fitted is None else fitted
    answers = [Swept(refusal="") for _ in chips]
    work = _Rows([], [], [], {})
    cases = [
        ServingCase(
            chip=chip, model=model, chips=DEPLOYMENT, input_tok=latency.input_tok, output_tok=latency.output_tok,
            cached_frac=latency.cached_frac, load="open",
        )
        for chip in chips
    ]  # fmt: skip
    cases = [as_run(section.own, case, otherwise=ENGINE) for case in cases]
    for i, case in enumerate(cases):
        try:
            numbers = numbers_of(case)
        except OfftakeError as error:
            answers[i] = Swept(refusal=str(error))
            continue
        work.numbers[i] = numbers
        factors = (serving_params.factors(section, names_of(case)), serving_params.pace_of(section, case))
        for layout in _layouts(case):
            work.rows.append(row_of(numbers, layout, *factors))
            work.owner.append(i)
            work.layouts.append(layout)
    if work.rows:
        _solve(work, cases, latency, section, answers)
    return answers


def _layouts(case: ServingCase) -> list[Layout]:
    """Return few layouts: tensor parallelism by powers of two, and for experts attention groups with experts spread over all."""
    found = []
    for tp in widths(case, min(case.chips, 16)):
        spans = [tp, 4 * tp, 16 * tp] if case.model.is_moe else [tp]
        for span in spans:
            if span <= case.chips:
                ep = min(span, max(case.model.experts, 1)) if span > tp else 1
                found.append(Layout(tp=tp, dp=span // tp, ep=ep, replicas=case.chips // span))
    return found


def _solve(
    work: _Rows, cases: Sequence[ServingCase], latency: LatencyClass, section: Section, answers: list[Swept]
) -> None:
    """Fill the answers of all chips that have rows."""
    s, p = stack(work.rows), serving_params.physics(section)
    owner = np.array(work.owner)
    room = batching.capacity(s)
    ceiling = np.maximum(room * p.share_kept, 1.0)
    coarse = ceiling ** np.linspace(0.0, 1.0, _COARSE)
    none = np.zeros_like(ceiling)
    state = batching.at_batch(s, p, coarse, closed=none)
    good = _within(state, latency) & (room >= 1.0)
    tokens = np.where(good, state.rate_per_s * s.replicas * s.output_tok / float(DEPLOYMENT), -1.0)
    best = tokens.max(axis=1)
    picks, starts = [], []
    for i in np.unique(owner):
        mine = np.flatnonzero(owner == i)
        row = int(mine[int(np.argmax(best[mine]))])
        if best[row] <= 0.0:
            answers[int(i)] = Swept(refusal=_why(cases[int(i)], latency, float(room[mine].max()), state, mine))
            continue
        picks.append(row)
        starts.append(int(tokens[row].argmax()))
    if not picks:
        return
    rows, at = np.array(picks), np.array(starts)
    low, high = coarse[rows, at][:, None], coarse[rows, np.minimum(at + 1, _COARSE - 1)][:, None]
    fine = low + (high - low) * np.linspace(0.0, 1.0, _FINE)
    chosen = _take(s, rows)
    state = batching.at_batch(chosen, p, fine, closed=np.zeros((len(rows), 1)))
    tokens = np.where(
        _within(state, latency), state.rate_per_s * chosen.replicas * chosen.output_tok / float(DEPLOYMENT), -1.0
    )
    column = tokens.argmax(axis=1)
    ends = _ends(
        [(cases[work.owner[row]], work.numbers[work.owner[row]], work.layouts[row]) for row in picks], latency, section
    )
    for k, row in enumerate(picks):
        rate = float(tokens[k, column[k]])
        within = Interval(low=min(ends[0][k], rate), high=max(ends[1][k], rate))
        answers[work.owner[row]] = _answer(
            cases[work.owner[row]], (state, k, int(column[k])), (rate, within), work.layouts[row]
        )


def _ends(
    chosen: Sequence[tuple[ServingCase, Numbers, Layout]], latency: LatencyClass, section: Section
) -> tuple[list[float], list[float]]:
    """Return the rates of the chosen layouts where all times are at the slow, and at the fast end of their 80 % interval [tok/s of a chip].

    As of `ServingPlan.interval`, with the layout held.
    """
    p = serving_params.physics(section)
    found = []
    for sign in (1.0, -1.0):
        rows = [
            row_of(
                numbers, layout, serving_params.factors(section, names_of(case)),
                serving_params.pace_of(section, case) * slowest(section, case) ** sign,
            )
            for case, numbers, layout in chosen
        ]  # fmt: skip
        s = stack(rows)
        ceiling = np.maximum(batching.capacity(s) * p.share_kept, 1.0)
        batches = ceiling ** np.linspace(0.0, 1.0, _ENDS)
        state = batching.at_batch(s, p, batches, closed=np.zeros_like(ceiling))
        tokens = state.rate_per_s * s.replicas * s.output_tok / float(DEPLOYMENT)
        best = np.where(_within(state, latency), tokens, 0.0).max(axis=1)
        found.append([float(v) for v in best])
    return found[0], found[1]


def _within(state: batching.Running, latency: LatencyClass) -> NDArray[np.bool_]:
    """Say where both targets hold and the queue of prompts is stable."""
    return np.asarray(
        (state.tpot_s <= latency.tpot_s)
        & (state.ttft_s <= latency.ttft_s)
        & (state.prefill_load <= 0.9)
        & np.isfinite(state.ttft_s)
    )


def _take(s: Setting, rows: NDArray[np.int64]) -> Setting:
    """Return some rows of a setting."""
    return replace(
        s,
        **{
            name: getattr(s, name)[rows]
            for name in s.__dataclass_fields__
            if np.shape(getattr(s, name))[:1] == (len(s.tp),)
        },
    )


def _why(
    case: ServingCase, latency: LatencyClass, room: float, state: batching.Running, mine: NDArray[np.int64]
) -> str:
    """Say why a chip has no answer."""
    if room < 1.0:
        return f"{case.model.name} does not fit on {DEPLOYMENT} {case.chip.name}"
    first, token = float(np.min(state.ttft_s[mine])), float(np.min(state.tpot_s[mine]))
    return f"not within {latency.ttft_s:g} s and {1e3 * latency.tpot_s:g} ms a token: {first:.3g} s and {1e3 * token:.3g} ms at the fastest"


def _answer(
    case: ServingCase, at: tuple[batching.Running, int, int], rate: tuple[float, Interval], layout: Layout
) -> Swept:
    """Return one chip's best with its interval and power."""
    state, k, j = at

    def of(values: Floats) -> float:
        return float(np.broadcast_to(values, state.batch.shape)[k, j])

    step = state.step
    tokens = of(state.tokens)
    reading = (of(step.weights_s) + of(step.experts_s) + of(step.attention_s)) / tokens
    overhead = (
        of(step.tensor_messages_s) + of(step.expert_messages_s) + of(step.launches_s) + of(step.sequences_s)
    ) / tokens
    busy = min(1.0, of(state.prefill_load))
    share = energy.busy_share(busy, (1.0 - busy) * reading / max(reading + overhead, 1e-12), 1.0)
    watts = float(energy.mean_w(case.chip.it_w_per_chip or math.nan, case.chip.idle_frac, share))
    words = f"{layout}; {1e3 * of(state.tpot_s):.3g} ms a token, first after {of(state.ttft_s):.3g} s"
    return Swept(
        tok_per_s_per_chip=rate[0],
        interval=rate[1],
        it_w_per_chip=watts,
        words=words,
    )
