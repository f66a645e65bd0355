"""Relief values: what one whole real step more of a limit is worth, by a re-solve at the plan's yes/no choices.

A price is a slope; a planner can only ask for a phase, a month or a lot.  For the largest limits the problem is changed by one such
step and solved again as a linear program at the same choices, warm, and labelled so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from offtake.plan import scales
from offtake.plan.build import build
from offtake.plan.fixed import solve_at

if TYPE_CHECKING:
    from offtake.lp.solution import Basis
    from offtake.plan.bottlenecks import Bottleneck
    from offtake.plan.build import Built
    from offtake.plan.fixed import AtChoices
    from offtake.plan.inputs import Inputs
    from offtake.plan.problem import Problem
    from offtake.plan.settings import Settings
    from offtake.plan.solve import Solved

SOONER_MONTHS = 1.0
RENTED_STEP = 0.1
"""Part of what another cloud offers at a price that is one step more of it."""
CREDIT_STEP_USD = 1e9
DUST = 1e-9
"""Gain below this part of the objective is the solver's rounding."""
CEILING_STEP_MW = 100.0


class Again(Protocol):
    """Solve a changed problem at the choices of a solved one."""

    def __call__(
        self, built: Built, base: Solved, settings: Settings, *, basis: Basis | None = None
    ) -> AtChoices | None:
        """Return the solution, or None where there is no plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """What one step more of a limit is worth to the objective."""

    limit: str
    block: str
    item: str
    step: str
    relief_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A whole real step: in words, its size in units of the limit, and the problem with it."""

    words: str
    size: float
    change: Callable[[], Problem]


def reliefs(
    solved: Solved,
    found: Sequence[Bottleneck],
    inputs: Inputs,
    *,
    most: int,
    settings: Settings,
    recompile: Callable[[Inputs], Problem],
    again: Again = solve_at,
) -> list[Relief]:
    """Re-solve with one step more of each of the `most` largest limits: the largest of every kind first, then the next of each.

    Parameters
    ----------
    again : how the problem with one step more is solved at the plan's choices; of a tree, `offtake.plan.tree_solve.solve_tree_at`
    """
    out = []
    dust = max(1.0, DUST * abs(solved.priced.objective) * scales.USD)
    for bottleneck, step in spread(rank(solved, found, inputs, recompile))[:most]:
        gain = _gain_usd(build(step.change()), solved, settings, again)
        if gain is not None:
            out.append(
                Relief(
                    limit=bottleneck.limit,
                    block=bottleneck.block,
                    item=bottleneck.item,
                    step=step.words,
                    relief_usd=gain if gain > dust else 0.0,
                )
            )
    return sorted(out, key=lambda r: -r.relief_usd)


def _gain_usd(built: Built, solved: Solved, settings: Settings, again: Again) -> float | None:
    """Return what a step is worth, None where it changes the choices; what was built for it is let go before the next step [USD]."""
    found = again(built, solved, settings, basis=solved.priced.basis)
    if found is None or found.freed:
        return None
    return (found.solved.first.objective - solved.priced.objective) * scales.USD


def rank(
    solved: Solved, found: Sequence[Bottleneck], inputs: Inputs, recompile: Callable[[Inputs], Problem]
) -> list[tuple[Bottleneck, Step]]:
    """Order limits by the first-order worth of one step: price times size.

    A step that lasts counts from the first period in which the limit binds; a lot of chips comes once, where it is worth most.
    """
    worth: dict[tuple[str, str], float] = {}
    first: dict[tuple[str, str], Bottleneck] = {}
    for b in found:
        key = (b.block, b.item)
        if not b.binding:
            continue
        if b.block == "chip_supply":
            if key not in first or b.worth_usd > worth[key]:
                first[key], worth[key] = b, b.worth_usd
        else:
            first.setdefault(key, b)
            worth[key] = worth.get(key, 0.0) + b.worth_usd
    steps = {key: step_of(solved.built.problem, b, inputs, recompile) for key, b in first.items()}
    ranked = [
        (worth[key] * step.size, first[key], step) for key, step in steps.items() if step is not None and worth[key] > 0
    ]
    ranked.sort(key=lambda row: -row[0])
    return [(b, step) for _, b, step in ranked]


def spread(ranked: Sequence[tuple[Bottleneck, Step]]) -> list[tuple[Bottleneck, Step]]:
    """Put the largest of every kind first, then the second of every kind, so that one kind does not crowd out the others."""
    seen: dict[str, int] = {}
    turns = []
    for place, (bottleneck, step) in enumerate(ranked):
        turn = seen.get(bottleneck.kind, 0)
        seen[bottleneck.kind] = turn + 1
        turns.append((turn, place, bottleneck, step))
    turns.sort(key=lambda row: row[:2])
    return [(bottleneck, step) for _, _, bottleneck, step in turns]


def step_of(problem: Problem, b: Bottleneck, inputs: Inputs, recompile: Callable[[Inputs], Problem]) -> Step | None:
    """Return the whole step of a limit, or None where it has none that can be bought (demand, cash floors)."""
    if b.block == "phases":
        return _sooner(problem, b.item, inputs, recompile)
    if b.block.startswith("facility_"):
        return _more_credit(problem, b.block.removeprefix("facility_"))
    more = {
        "interconnection": _more_power,
        "chip_supply": _more_chips,
        "rented": _more_rent,
        "ceiling": _more_ceiling,
    }.get(b.block)
    return more(problem, b) if more else None


def _more_ceiling(problem: Problem, b: Bottleneck) -> Step:  # noqa: ARG001  (of one shape with the others)
    def change() -> Problem:
        return replace(problem, ceiling_it_mw=(problem.ceiling_it_mw or 0.0) + CEILING_STEP_MW)

    return Step(
        words=f"{CEILING_STEP_MW:g} MW of IT power more under the contract", size=CEILING_STEP_MW, change=change
    )


def _more_power(problem: Problem, b: Bottleneck) -> Step:
    s, t = problem.sites.ids.index(b.item), b.index
    phase = float(problem.sites.phase_mw[s])

    def change() -> Problem:
        mw = problem.sites.interconnected_mw.copy()
        mw[:, t:, s] += phase
        room = problem.sites.max_phases.copy()
        room[s] += 1
        return replace(problem, sites=replace(problem.sites, interconnected_mw=mw, max_phases=room))

    return Step(words=f"one phase of {phase:g} MW more from {problem.grid.labels[t]}", size=phase, change=change)


def _sooner(problem: Problem, site: str, inputs: Inputs, recompile: Callable[[Inputs], Problem]) -> Step | None:
    """Build one month sooner: the lead time is shorter; of one path only, since futures are not compiled again."""
    if len(problem.paths) > 1:
        return None
    spec = next(s for s in inputs.base.sites if s.id == site)
    if spec.lead_time_months < SOONER_MONTHS:
        return None

    def change() -> Problem:
        base = inputs.base
        sites = tuple(
            s.model_copy(update={"lead_time_months": s.lead_time_months - SOONER_MONTHS}) if s.id == site else s
            for s in base.sites
        )
        name = next(iter(inputs.paths))
        return recompile(replace(inputs, paths={name: base.model_copy(update={"sites": sites})}))

    return Step(words="every phase one month sooner", size=1.0, change=change)


def _more_chips(problem: Problem, b: Bottleneck) -> Step:
    c, t = problem.chips.ids.index(b.item), b.index
    lot = float(problem.chips.lot_chip[c])

    def change() -> Problem:
        supply = problem.chips.supply_chip.copy()
        supply[:, t, c] += lot
        return replace(problem, chips=replace(problem.chips, supply_chip=supply))

    return Step(words=f"one lot of {lot:,.0f} chips more in {problem.grid.labels[t]}", size=lot, change=change)


def _more_rent(problem: Problem, b: Bottleneck) -> Step | None:
    k, t = problem.offers.step_labels.index(b.item), b.index
    if problem.offers.price_usd_per_chip_h[0, t, k] <= 0:
        return None  # paid for beforehand: more of it would be free chips, which nobody offers

    lot = float(f"{problem.offers.cap_chip[0, t, k] * RENTED_STEP:.2g}")

    def change() -> Problem:
        cap = problem.offers.cap_chip.copy()
        cap[:, t:, k] += lot
        return replace(problem, offers=replace(problem.offers, cap_chip=cap))

    hours = float(problem.grid.days[t] * 24)
    return Step(words=f"{lot:,.0f} chips more from {problem.grid.labels[t]}", size=lot * hours, change=change)


def _more_credit(problem: Problem, party: str) -> Step:
    def change() -> Problem:
        finance = dict(problem.finance)
        money = next(m for p, m in problem.finance.items() if p == party)
        for p in finance:
            if p == party:
                finance[p] = replace(
                    money, limit_usd=np.where(money.limit_usd > 0, money.limit_usd + CREDIT_STEP_USD, 0.0)
                )
        return replace(problem, finance=finance)

    return Step(words="1 bn USD more credit", size=CREDIT_STEP_USD, change=change)
