"""The tables of the report, from a story. Levels are means of the grid's period that holds a year's last day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.api.commitments import commitments
from offtake.api.headline import calendar, end_of_year_period
from offtake.api.limit_words import limit_words
from offtake.api.views_deal import deal_tables
from offtake.api.views_money import money_tables
from offtake.dates import HOURS_PER_DAY
from offtake.plan import scales
from offtake.plan.findings import PART
from offtake.plan.problem import PARTIES
from offtake.plan.serving import token_rates
from offtake.plan.training import training_groups
from offtake.report.data import report_table
from offtake.risk.tornado import decision_ranks
from offtake.tables import scale_of, significant

if TYPE_CHECKING:
    from offtake.api.story import CaseResult, Story
    from offtake.plan.problem import Float
    from offtake.plan.result import Plan
    from offtake.spec.series import Series
    from offtake.tables import Table


LEAST_MW = 0.1
"""A phase smaller than this is the solver's rounding."""


def report_tables(story: Story) -> dict[str, Table]:
    """Make every table that the report shows."""
    plan = story.base.alliance
    rows: dict[str, Any] = {
        "power_by_year": _power(story),
        "bottlenecks": _bottlenecks(story),
        "reliefs": [{"limit": r.limit, "step": r.step, "relief_usd": r.relief_usd} for r in story.reliefs],
        "limits": limit_words(plan.problem, (*story.bottlenecks, *story.reliefs)),
        "commitments_by_year": _commitments(story),
        "tornado": tornado_rows(story),
        "cases": case_rows(story.cases),
        "power_flows": _power_flows(plan),
        "uses": uses(made_by_use(plan)),
        "sites": _sites(plan),
        "phases": _phases(plan),
        "chips": _chips(plan),
        "tokens": _tokens(plan),
        "training": _training(plan),
        "compute_share": _compute_share(plan),
        "grid_power": _grid_power(plan),
        "findings": [
            {"severity": f.severity, "code": f.code, "message": f.message, "help": f.help} for f in story.findings
        ],
        "assumptions": _assumptions(story),
    }
    own = {name: report_table(name, found) for name, found in rows.items()}
    return {**own, **deal_tables(plan), **money_tables(story)}


def _power(story: Story) -> list[dict[str, Any]]:
    plan = story.base.alliance
    problem = plan.problem
    years, _, _ = calendar(plan)
    scenario = problem.scenario
    used = _used_facility_mw(plan)
    wanted = demand_facility_mw(plan)
    rows = []
    for year in years:
        t = end_of_year_period(plan, year)
        end = problem.grid.starts[t] if year < problem.grid.start.year else min(problem.grid.ends[t], _last_day(year))
        rows.append(
            {
                "year": year,
                "announced_facility_mw": _stated([s.announced_mw for s in scenario.sites], end),
                "contracted_facility_mw": _stated([s.contracted_mw for s in scenario.sites], end),
                "interconnected_facility_mw": float(problem.sites.interconnected_mw[0, t].sum()),
                "energised_facility_mw": float(plan.decisions.energised_mw[0, t].sum()),
                "accepted_facility_mw": float(story.figures.contract_facility_mw[t]),
                "used_facility_mw": float(used[t]),
                "demand_facility_mw": float(wanted[t]),
            }
        )
    return rows


def _last_day(year: int) -> date:
    return date(year, 12, 31)


def _stated(every: Sequence[Series | None], day: date) -> float:
    """Add up the power that sites state at a date: what a plan builds elsewhere nobody has announced.  NaN where none states any."""
    stated = [series for series in every if series is not None]
    return sum((series.at(day) for series in stated), 0.0) if stated else float("nan")


def _used_facility_mw(plan: Plan) -> Float:
    """Facility power of chips at work in each period; under a contract for the offtaker, as what is accepted."""
    problem = plan.problem
    fleets, work = problem.fleets, problem.work
    counted = ~work.by_kind("resale") | (problem.signed is False)
    by_fleet = ((work.pool[None, :] == np.arange(work.fleets)[:, None]) & counted).astype(float)
    hours = plan.decisions.hours_chip_h[0] @ by_fleet.T
    watts = (
        problem.chips.it_w_per_chip[fleets.chip]
        * problem.sites.peak_ratio[fleets.site]
        / problem.chips.availability_frac[fleets.chip]
    )
    used: Float = hours @ watts / 1e6 / (problem.grid.days * HOURS_PER_DAY)
    return used


def demand_facility_mw(plan: Plan) -> Float:
    """Facility power that all demand would take: what the offtaker uses, rented chips included, and the rest at the same rate.

    Serving, training and research are counted apart: the power that each takes over the share of it that is done.  What is not served at
    all counts at the best rate of any chip in use.
    """
    problem, decisions = plan.problem, plan.decisions
    work, chips = problem.work, problem.chips
    watts = chips.it_w_per_chip[work.pool_chip[work.pool]] / chips.availability_frac[work.pool_chip[work.pool]]
    hours = decisions.hours_chip_h[0] @ np.diag(watts) / 1e6 / (problem.grid.days * HOURS_PER_DAY)[:, None]
    total = hours @ work.by_kind("train").astype(float)
    given = hours @ work.by_kind("research").astype(float)
    total += _over_share(given, decisions.research_flop[0], problem.research_flop[0])
    for k, kind in enumerate(problem.classes):
        mine = np.array([work.uses[u].class_id == kind for u in work.use], dtype=float)
        served = np.array([c == kind for c in problem.demand.classes])
        made, wanted = decisions.tokens[0][:, served].sum(axis=1), problem.demand.volume_tok[0][:, served].sum(axis=1)
        best = (problem.tok_per_chip_h[0, :, k] * chips.availability_frac / chips.it_w_per_chip).max(axis=1)
        least = wanted / np.where(best > 0, best, np.inf) / 1e6 / (problem.grid.days * HOURS_PER_DAY)
        total += np.where(made > 0, _over_share(hours @ mine, made, wanted), least)
    ratio = float(np.mean(problem.sites.peak_ratio)) if len(problem.sites.ids) else 1.0
    scaled: Float = total * ratio
    return scaled


def _over_share(mw: Float, done: Float, wanted: Float) -> Float:
    """Power over the share that is done; as it is where nothing is done or wanted."""
    share = np.where((done > 0) & (wanted > 0), done / np.where(wanted > 0, wanted, 1.0), 1.0)
    return mw / share


def _bottlenecks(story: Story) -> list[dict[str, Any]]:
    """Limits by period; the many steps of a class's demand are told as one, at the highest price among them."""
    problem = story.base.alliance.problem
    class_of = dict(zip(problem.demand.ids, problem.demand.classes, strict=True))
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for b in story.bottlenecks:
        limit = f"demand for {class_of[b.item]}" if b.block == "tokens" else b.limit
        price = float("nan") if b.price is None else b.price
        row = rows.setdefault(
            (limit, b.index),
            {
                "limit": limit,
                "kind": b.kind,
                "period": b.period,
                "start": problem.grid.starts[b.index],
                "end": problem.grid.ends[b.index],
                "price": price,
                "unit": b.unit,
                "binding": False,
            },
        )
        row["binding"] = row["binding"] or b.binding
        row["price"] = float(np.fmax(row["price"], price))
    return list(rows.values())


def _commitments(story: Story) -> list[dict[str, Any]]:
    low = story.low_case
    other = (
        {}
        if low is None or low.outcome is None
        else {(c.clause, c.scope): c for c in commitments(low.outcome.alliance)}
    )
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for c in commitments(story.base.alliance):
        if c.kind not in ("spend_commitment", "take_or_pay") or c.scope == "term":
            continue
        beside = other.get((c.clause, c.scope))
        for k, end in enumerate(c.on.ends):
            year = end.year if (end.month, end.day) != (1, 1) else end.year - 1
            row = rows.setdefault(
                (c.clause, year),
                {
                    "commitment": c.clause,
                    "year": year,
                    "floor_usd": 0.0,
                    "planned_usd": 0.0,
                    "true_up_usd": 0.0,
                    "low_usd": 0.0 if beside else float("nan"),
                    "low_true_up_usd": 0.0 if beside else float("nan"),
                },
            )
            row["floor_usd"] += c.committed_usd[k]
            row["planned_usd"] += c.paid_usd[k]
            row["true_up_usd"] += c.true_up_usd[k]
            if beside:
                row["low_usd"] += beside.paid_usd[k]
                row["low_true_up_usd"] += beside.true_up_usd[k]
    return list(rows.values())


def tornado_rows(story: Story) -> list[dict[str, Any]]:
    """List the widest assumptions."""
    rows, ranks = [], decision_ranks(story.swings)
    for s in story.swings:
        origin = story.world.loaded.provenance.get(s.assumption.path)
        series = origin is None or origin.kind == "series"  # a group of series has no place of its own
        unit = "" if origin is None else origin.unit
        rows.append(
            {
                "assumption": _in_words(s.assumption.path),
                "path": s.assumption.path,
                "low": _amount(s.assumption.low, unit, series=series),
                "base": "as stated" if series else _amount(s.base, unit, series=False),
                "high": _amount(s.assumption.high, unit, series=series),
                "value_low_usd": float("nan") if s.value_low_usd is None else s.value_low_usd,
                "value_high_usd": float("nan") if s.value_high_usd is None else s.value_high_usd,
                "switching_value": _switch(s.switches_at, unit, series=series),
                "decision_low_mw": s.decision_low_mw,
                "decision_high_mw": s.decision_high_mw,
                "decision_switch": _switch(s.decision_switches_at, unit, series=series),
                "decision_rank": ranks[s.assumption.path],
            }
        )
    return rows


def _switch(value: float | None, unit: str, *, series: bool) -> str:
    return "" if value is None else _amount(value, unit, series=series)


def _in_words(path: str) -> str:
    """Say a dotted path in words; a group is all entries of its part."""
    part, _, field = path.partition(".*.")
    shown = f"{part}, all: {field}" if field else path
    return shown.replace(".", " · ").replace("_", " ")


def _amount(value: float, unit: str, *, series: bool) -> str:
    if series:
        return f"× {significant(value)}"
    if unit in {"", "1"}:
        scaled, word = (value / 1e9, " bn") if abs(value) >= 1e9 else (value, "")
        return significant(scaled) + word
    if unit.startswith("%"):
        return f"{significant(100 * value)} {unit}"
    factor, shown = scale_of(abs(value), unit)
    scaled = value / factor
    return f"{f'{scaled:.3g}'.replace('e+', 'e') if abs(scaled) >= 1e9 else significant(scaled)} {shown}"


def case_rows(cases: Sequence[CaseResult]) -> list[dict[str, Any]]:
    """List the figures of cases."""
    rows = []
    for case in cases:
        row: dict[str, Any] = {"case": case.id, "title": case.title, "status": case.status, "method": case.method}
        f, outcome = case.figures, case.outcome
        empty = outcome is None or f is None
        row |= {
            "accepted_2030_gw": None if empty or f is None else f.accepted_2030_gw,
            "provider_infrastructure_npv_usd": None if f is None else f.infrastructure.npv_usd,
            "provider_infrastructure_irr_frac": None if f is None else f.infrastructure.irr.value,
            "offtaker_npv_usd": None if outcome is None else outcome.alliance.npv_usd("offtaker"),
            "peak_funding_usd": None if f is None else f.offtaker.funding.peak_need_usd,
            "true_up_usd": None if f is None else f.true_up_usd,
            "unserved_frac": None if f is None else f.unserved_frac,
            "cost_usd_per_mw_y": None if f is None else f.contract_usd_per_mw_y,
            "revenue_usd_per_mw_y": None if f is None else f.revenue_usd_per_mw_y,
            "dependence_frac": None if f is None else f.dependence_frac,
            **{
                f"{p}_against_no_alliance_usd": None
                if outcome is None
                else outcome.alliance.npv_usd(p) - outcome.without.npv_usd(p)
                for p in PARTIES
            },
            "value_against_no_alliance_usd": None if outcome is None else outcome.value_against_no_alliance_usd,
        }
        rows.append({k: float("nan") if v is None else v for k, v in row.items()})
    return rows


def _power_flows(plan: Plan) -> list[dict[str, Any]]:
    """Follow IT MW-years from operator to site to chip to use; what is accepted and not used is idle."""
    problem, decisions = plan.problem, plan.decisions
    fleets, work = problem.fleets, problem.work
    watts = problem.chips.it_w_per_chip[fleets.chip]
    accepted = (decisions.accepted_chip[0] * problem.grid.years_long[:, None]).sum(axis=0) * watts / 1e6
    hours = decisions.hours_chip_h[0].sum(axis=0)
    at: dict[tuple[int, str, str], float] = {}

    def add(stage: int, source: str, target: str, mw_y: float) -> None:
        if mw_y > 0:
            at[stage, source, target] = at.get((stage, source, target), 0.0) + mw_y

    for f in range(work.fleets):
        site, chip = problem.sites.ids[fleets.site[f]], problem.chips.ids[fleets.chip[f]]
        add(0, problem.sites.operators[fleets.site[f]], site, float(accepted[f]))
        add(1, site, chip, float(accepted[f]))
        used = 0.0
        for a in np.flatnonzero(work.pool == f):
            mw_y = float(hours[a] * watts[f] / 1e6 / (365 * HOURS_PER_DAY))
            used += mw_y
            add(2, chip, _use_name(plan, int(work.use[a])), mw_y)
        add(2, chip, "idle or unavailable", float(accepted[f]) - used)
    return [{"source": s, "target": t, "stage": stage, "it_mw_y": v} for (stage, s, t), v in at.items()]


def _use_name(plan: Plan, use: int) -> str:
    found = plan.problem.work.uses[use]
    return {"serve": f"serving {found.class_id}", "train": "training", "research": "research", "resale": "resale"}[
        found.kind
    ]


def made_by_use(plan: Plan) -> dict[str, tuple[float, int]]:
    """Say what the provider's chips made: use -> (tokens, 0) [tok], or for training (runs done there, runs in all)."""
    problem, decisions = plan.problem, plan.decisions
    work = problem.work
    made = decisions.hours_chip_h[0] * token_rates(problem)[0] * (scales.TOK / scales.CHIP_H) * work.of_provider
    found: dict[str, tuple[float, int]] = {}
    for k in problem.classes:
        mine = np.array([work.uses[u].class_id == k for u in work.use], dtype=float)
        found[f"serving {k}"] = (float((made @ mine).sum()), 0)
    own = [p for p, f in zip(training_groups(problem), _own_groups(plan), strict=True) if f]
    groups = training_groups(problem)
    if problem.runs.ids:
        done = sum(
            bool(decisions.group[0, r, groups.index(g)] > 0.5) for r in range(len(problem.runs.ids)) for g in own
        )
        found["training"] = (float(done), len(problem.runs.ids))
    return found


def uses(made: Mapping[str, tuple[float, int]]) -> list[dict[str, Any]]:
    """Write what came out of each use."""
    return [
        {
            "use": use,
            "made": f"{significant(amount)} of {of} runs" if of else f"{significant(amount / scales.TOK)} T tok",
        }
        for use, (amount, of) in made.items()
    ]


def _own_groups(plan: Plan) -> list[bool]:
    """Which training groups are the provider's sites."""
    work = plan.problem.work
    provided = set(work.pool_group[: work.fleets])
    return [g in provided for g in training_groups(plan.problem)]


def _sites(plan: Plan) -> list[dict[str, Any]]:
    problem, decisions = plan.problem, plan.decisions
    years, _, _ = calendar(plan)
    watts = problem.chips.it_w_per_chip[problem.fleets.chip]
    rows = []
    for s, site in enumerate(problem.sites.ids):
        here = problem.fleets.site == s
        for year in years:
            t = end_of_year_period(plan, year)
            rows.append(
                {
                    "site": site,
                    "grid_operator": problem.sites.operators[s],
                    "region": problem.sites.regions[s],
                    "year": year,
                    "interconnected_facility_mw": float(problem.sites.interconnected_mw[0, t, s]),
                    "energised_facility_mw": float(decisions.energised_mw[0, t, s]),
                    "accepted_it_mw": float(decisions.accepted_chip[0, t, here] @ watts[here] / 1e6),
                }
            )
    return rows


def _phases(plan: Plan) -> list[dict[str, Any]]:
    problem = plan.problem
    rows = []
    for s, site in enumerate(problem.sites.ids):
        for number, t in enumerate(
            np.flatnonzero(plan.decisions.starts[0, :, s] * problem.sites.phase_mw[s] > LEAST_MW), start=1
        ):
            when = problem.sites.in_service[s][t]
            rows.append(
                {
                    "site": site,
                    "phase": f"block {number}",
                    "ordered": problem.grid.mids[t],
                    "energised": when,
                    "accepted": when,
                    "facility_mw": float(plan.decisions.starts[0, t, s] * problem.sites.phase_mw[s]),
                }
            )
    return rows


def _chips(plan: Plan) -> list[dict[str, Any]]:
    problem, decisions = plan.problem, plan.decisions
    years, spread, _ = calendar(plan)
    rows = []
    for c, chip in enumerate(problem.chips.ids):
        mine = problem.fleets.chip == c
        if not mine.any():
            continue
        ordered = spread @ decisions.orders_chip[0][:, mine].sum(axis=1)
        for y, year in enumerate(years):
            stands = decisions.accepted_chip[0, end_of_year_period(plan, year)][mine].sum()
            rows.append(
                {
                    "chip": chip,
                    "year": year,
                    "ordered_chips": float(ordered[y]),
                    "in_service_chips": float(stands),
                    "it_mw": float(stands * problem.chips.it_w_per_chip[c] / 1e6),
                }
            )
    return rows


def _tokens(plan: Plan) -> list[dict[str, Any]]:
    problem, decisions = plan.problem, plan.decisions
    years, spread, _ = calendar(plan)
    served = spread @ decisions.tokens[0]
    wanted = spread @ problem.demand.volume_tok[0]
    revenue = spread @ (decisions.tokens[0] * problem.demand.price_usd_per_mtok[0] / 1e6)
    rows = []
    for kind, channel in dict.fromkeys(zip(problem.demand.classes, problem.demand.channels, strict=True)):
        mine = [
            d
            for d in range(len(problem.demand.ids))
            if (problem.demand.classes[d], problem.demand.channels[d]) == (kind, channel)
        ]
        for y, year in enumerate(years):
            made = float(served[y, mine].sum())
            rows.append(
                {
                    "class": kind,
                    "channel": channel,
                    "year": year,
                    "served_tok": made,
                    "unserved_tok": max(0.0, float(wanted[y, mine].sum()) - made),
                    "revenue_usd": float(revenue[y, mine].sum()),
                }
            )
    return rows


def _training(plan: Plan) -> list[dict[str, Any]]:
    problem, decisions = plan.problem, plan.decisions
    groups = training_groups(problem)
    rows = []
    for r, run in enumerate(problem.runs.ids):
        works = np.flatnonzero(decisions.progress_flop[0, :, r] > 1e-9 * problem.runs.flop[r])
        share = float(decisions.done[0, -1, r])  # between 0 and 1 where later stages are relaxed
        where = [g for k, g in enumerate(groups) if decisions.group[0, r, k] > 0.5]
        rows.append(
            {
                "run": run,
                "status": "not done" if share < PART else "done" if share > 1 - PART else "in part",
                "start": problem.grid.starts[works[0]] if len(works) else None,
                "end": problem.grid.ends[works[-1]] if len(works) else None,
                "where": ", ".join(where) if share >= PART else "",
                "flop": float(problem.runs.flop[r]),
            }
        )
    return rows


def _compute_share(plan: Plan) -> list[dict[str, Any]]:
    """Chip-hours of the offtaker by provider and by chip."""
    problem, decisions = plan.problem, plan.decisions
    years, spread, _ = calendar(plan)
    taken, rented = spread @ decisions.taken_chip_h[0], spread @ decisions.rented_chip_h[0]
    offer = problem.offers.step_offer
    by: dict[tuple[str, str], Float] = {}
    nothing = np.zeros(len(years))
    own = problem.finance["provider"].name
    for f in range(taken.shape[1]):
        chip = problem.chips.ids[problem.fleets.chip[f]]
        for key in (("provider", own), ("chip", chip)):
            by[key] = by.get(key, nothing) + taken[:, f]
    for k in range(rented.shape[1]):
        chip = problem.chips.ids[problem.offers.chip[offer[k]]]
        for key in (("provider", problem.offers.providers[offer[k]]), ("chip", chip)):
            by[key] = by.get(key, nothing) + rented[:, k]
    total = taken.sum(axis=1) + rented.sum(axis=1)
    return [
        {
            "dimension": dimension,
            "name": name,
            "year": year,
            "chip_h": float(hours[y]),
            "share_frac": float(hours[y] / total[y]) if total[y] > 0 else 0.0,
        }
        for (dimension, name), hours in by.items()
        for y, year in enumerate(years)
    ]


def _grid_power(plan: Plan) -> list[dict[str, Any]]:
    problem = plan.problem
    years, _, _ = calendar(plan)
    rows = []
    for operator in dict.fromkeys(problem.sites.operators):
        mine = np.array([o == operator for o in problem.sites.operators])
        for year in years:
            mw = plan.decisions.energised_mw[0, end_of_year_period(plan, year)][mine].sum()
            rows.append({"grid_operator": operator, "year": year, "facility_mw": float(mw)})
    return rows


def _assumptions(story: Story) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    found = {**story.world.loaded.provenance, **story.world.resolved.provenance}
    for path, origin in found.items():
        if origin.kind == "other" and not (origin.source or origin.assumption):
            continue
        series = origin.kind == "series"
        rows.append(
            {
                "path": path,
                "value": origin.text,
                "low": "" if origin.low is None else _amount(origin.low, origin.unit, series=series),
                "high": "" if origin.high is None else _amount(origin.high, origin.unit, series=series),
                "origin": origin.origin,
                "source": origin.source or origin.where,
                "reason": origin.assumption,
                "untouched_default": origin.origin == "default",
            }
        )
    return rows
