"""What is kept of an answer, as plain JSON: the document, yearly rows, and what the chips are at in each period."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.plan.compile_demand import serving_rates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.api import Answer
    from offtake.api.story import Hedge
    from offtake.plan.problem import Problem
    from offtake.plan.result import Plan
    from offtake.spec.scenario import Scenario

__all__ = ["facts_of"]

_TABLES = ("statements", "compute_share", "circularity", "training", "money_flows")


def facts_of(answer: Answer) -> dict[str, Any]:
    """Take from an answer what figures are computed from."""
    document = {k: v for k, v in answer.document.items() if k not in {"bottlenecks", "timings"}}
    bottlenecks = [b for b in answer.document["bottlenecks"] if b["binding"]]
    found = {"document": {**document, "bottlenecks": bottlenecks}, "solved_on": date.today().isoformat()}  # noqa: DTZ011
    if answer.story.hedge is not None:
        return {**found, **_futures(answer.story.hedge)}
    return {
        **found,
        "tables": {name: [_plain(row) for row in answer.tables[name].rows()] for name in _TABLES},
        "periods": _periods(answer.plan.problem),
        "work": _work(answer.plan),
        "demand": _demand(answer.plan),
        "chips": _chips(answer),
        "rents_usd_per_chip_h": _rents(answer.plan.problem.scenario),
        "anniversaries": [_at(answer.plan.problem.scenario, date(year, 7, 1)) for year in range(2026, 2037)],
    }


def _futures(hedge: Hedge) -> dict[str, Any]:
    """Take the values of fresh paths, those of the plan's own paths without the alliance, and how far each goes with its runs."""
    fresh = hedge.evaluated
    runs = hedge.hedged.problem.runs.ids
    return {
        "fresh_usd": [] if fresh is None else [float(v) for v in fresh.values_usd],
        "probability_frac": [float(v) for v in hedge.probability],
        "without_usd": [float(v) for v in hedge.per_path(lambda one: one.base.without.objective_usd)],
        "done_frac": [
            dict(zip(runs, map(float, one.base.alliance.decisions.done[0].max(axis=0)), strict=True))
            for one in hedge.paths
        ],
    }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a row's values into what JSON can hold."""
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()}


def _periods(problem: Problem) -> list[dict[str, Any]]:
    grid = problem.grid
    return [
        {"period": label, "start": start.isoformat(), "end": end.isoformat()}
        for label, start, end in zip(grid.labels, grid.starts, grid.ends, strict=True)
    ]


def _work(plan: Plan) -> list[dict[str, Any]]:
    """List what chips are at: provider, chip, use, and the mean IT power of the chips at it in each period [MW].

    Of the hours worked: the provider's chips that stand for it are more, by their availability; what is rented is rented by the hour.
    """
    problem, work = plan.problem, plan.problem.work
    chip = work.pool_chip[work.pool]
    mw = plan.decisions.hours_chip_h[0] * problem.chips.it_w_per_chip[chip] / 1e6 / (problem.grid.days * 24.0)[:, None]
    found: dict[tuple[str, str, str, str], np.ndarray] = {}
    for a, pool in enumerate(work.pool):
        use = work.uses[work.use[a]]
        by = "own" if pool < work.fleets else problem.offers.providers[pool - work.fleets]
        key = (by, problem.chips.ids[chip[a]], use.kind, use.class_id or use.run)
        found[key] = found.get(key, 0.0) + mw[:, a]
    return [
        {"by": by, "chip": c, "kind": kind, "what": what, "at_work_mw": [float(v) for v in row]}
        for (by, c, kind, what), row in found.items()
    ]


def _demand(plan: Plan) -> list[dict[str, Any]]:
    """List what is wanted and served of each class in each period [tok], and what the wanted would sell for [USD]."""
    demand, tokens = plan.problem.demand, plan.decisions.tokens[0]
    wanted, price = demand.volume_tok[0], demand.price_usd_per_mtok[0]
    found = []
    for kind in dict.fromkeys(demand.classes):
        mine = np.array([c == kind for c in demand.classes])
        found.append(
            {
                "class": kind,
                "wanted_tok": [float(v) for v in wanted[:, mine].sum(axis=1)],
                "served_tok": [float(v) for v in tokens[:, mine].sum(axis=1)],
                "wanted_usd": [float(v) for v in (wanted * price)[:, mine].sum(axis=1) / 1e6],
            }
        )
    return found


def _chips(answer: Answer) -> dict[str, dict[str, Any]]:
    """Say what a chip draws and does at the valuation date: tokens of each class, day average, and useful training before goodput."""
    problem, base = answer.plan.problem, answer.story.world.inputs.base
    rates, load = serving_rates(answer.story.world.inputs), [kind.utilisation_frac for kind in base.classes]
    chips = problem.chips
    return {
        name: {
            "it_w": float(chips.it_w_per_chip[c]),
            "availability_frac": float(chips.availability_frac[c]),
            "goodput_frac": float(chips.goodput_frac[c]),
            "flop_per_s": float(chips.flop_per_s[c]),
            "tok_per_s": {kind: float(rates[k, c] * load[k]) for k, kind in enumerate(problem.classes)},
        }
        for c, name in enumerate(chips.ids)
    }


def _rents(scenario: Scenario) -> dict[str, list[float]]:
    """List the stated rents of each chip, the contract's first and other clouds' after it; what is already paid is left out."""
    found: dict[str, list[float]] = {}
    for clause in scenario.contract.clauses if scenario.contract else ():
        for chip, series in getattr(clause, "prices_usd_per_chip_h", {}).items():
            found.setdefault(chip, []).extend(series.values)
    for offer in scenario.outside_supply:
        for step in offer.steps:
            found.setdefault(offer.chip, []).extend(v for v in step.price_usd_per_chip_h.values if v > 0)
    return found


def _at(scenario: Scenario, day: date) -> dict[str, Any]:
    """Say what is wanted on a day: tokens and money by class, and research."""
    classes: dict[str, dict[str, float]] = {}
    for entry in scenario.demand:
        tok = entry.volume_tok_per_d.at(day)
        usd = tok / 1e6 * entry.price_usd_per_mtok.at(day) * sum(s.share_frac * s.price_factor for s in entry.steps)
        row = classes.setdefault(entry.class_, {"tok_per_d": 0.0, "usd_per_d": 0.0})
        row["tok_per_d"] += tok
        row["usd_per_d"] += usd
    research = scenario.research
    return {
        "day": day.isoformat(),
        "classes": classes,
        "algorithmic_gain": {kind.id: kind.algorithmic_gain.at(day) for kind in scenario.classes},
        "research_flop_per_s": research.compute_flop_per_s.at(day) if research else 0.0,
        "research_usd_per_zflop": research.penalty_usd_per_zflop if research else 0.0,
    }
