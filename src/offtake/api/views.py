"""The tables of the report, from a story. Levels are means of the grid's period that holds a year's last day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.api.commitments import commitments
from offtake.api.headline import calendar, end_of_year_period
from offtake.api.views_money import money_tables
from offtake.dates import HOURS_PER_DAY
from offtake.plan import scales
from offtake.report.data import report_table
from offtake.tables import significant

if TYPE_CHECKING:
    from offtake.api.world import Story
    from offtake.plan.problem import Float
    from offtake.plan.result import Plan
    from offtake.tables import Table


def report_tables(story: Story) -> dict[str, Table]:
    """Make every table that the report shows."""
    plan = story.base.alliance
    rows: dict[str, Any] = {
        "power_by_year": _power(story),
        "bottlenecks": _bottlenecks(story),
        "reliefs": [{"limit": r.limit, "step": r.step, "relief_usd": r.relief_usd} for r in story.reliefs],
        "commitments_by_year": _commitments(story),
        "tornado": _tornado(story),
        "cases": _cases(story),
        "power_flows": _power_flows(plan),
        "uses": _uses(plan),
        "sites": _sites(plan),
        "phases": _phases(plan),
        "chips": _chips(plan),
        "tokens": _tokens(plan),
        "training": _training(plan),
        "compute_share": _compute_share(plan),
        "grid_power": _grid_power(plan),
        "findings": [{"severity": f.severity, "code": f.code, "message": f.message, "help": f.help} for f in story.findings],
        "assumptions": _assumptions(story),
    }
    return {**{name: report_table(name, found) for name, found in rows.items()}, **money_tables(story)}


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
                "announced_facility_mw": sum(_stated(s.announced_mw, end, s.interconnected_mw) for s in scenario.sites),
                "contracted_facility_mw": sum(_stated(s.contracted_mw, end, s.interconnected_mw) for s in scenario.sites),
                "interconnected_facility_mw": float(problem.sites.interconnected_mw[0, t].sum()),
                "energised_facility_mw": float(plan.decisions.energised_mw[0, t].sum()),
                "accepted_facility_mw": float(story.figures.accepted_facility_mw[t]),
                "used_facility_mw": float(used[t]),
                "demand_facility_mw": float(wanted[t]),
            }
        )
    return rows


def _last_day(year: int) -> Any:  # noqa: ANN401
    from datetime import date

    return date(year, 12, 31)


def _stated(series: Any, day: Any, otherwise: Any) -> float:  # noqa: ANN401
    found = series if series is not None else otherwise
    return 0.0 if found is None else float(found.at(day))


def _used_facility_mw(plan: Plan) -> Float:
    """Facility power of chips at work in each period."""
    problem = plan.problem
    fleets, work = problem.fleets, problem.work
    by_fleet = (work.pool[None, :] == np.arange(work.fleets)[:, None]).astype(float)
    hours = plan.decisions.hours_chip_h[0] @ by_fleet.T
    watts = problem.chips.it_w_per_chip[fleets.chip] * problem.sites.peak_ratio[fleets.site] / problem.chips.availability_frac[fleets.chip]
    used: Float = hours @ watts / 1e6 / (problem.grid.days * HOURS_PER_DAY)
    return used


def demand_facility_mw(plan: Plan) -> Float:
    """Facility power that all demand, training and research would take with the best of the plan's own chips on sale in each period."""
    problem = plan.problem
    grid = problem.grid
    hours = grid.days * HOURS_PER_DAY
    ratio = float(np.mean(problem.sites.peak_ratio)) if len(problem.sites.ids) else 1.0
    owned = [c for c in range(len(problem.chips.ids)) if problem.chips.supply_chip[0, :, c].any()] or list(range(len(problem.chips.ids)))
    total = np.zeros(len(grid))
    for t in range(len(grid)):
        ready = [c for c in owned if problem.chips.supply_chip[0, : t + 1, c].any()] or owned
        total[t] += _serving_mw(plan, t, ready) + _flop_mw(plan, t, ready)
    scaled: Float = total / hours * ratio
    return scaled


def _serving_mw(plan: Plan, t: int, chips: list[int]) -> float:
    """MW-hours to serve a period's whole demand."""
    problem = plan.problem
    mwh = 0.0
    for d, kind in enumerate(problem.demand.classes):
        rates = problem.tok_per_chip_h[0, t, problem.classes.index(kind)]
        best = max(rates[c] * problem.chips.availability_frac[c] / problem.chips.it_w_per_chip[c] for c in chips)
        if best > 0:
            mwh += problem.demand.volume_tok[0, t, d] / best / 1e6
    return float(mwh)


def _flop_mw(plan: Plan, t: int, chips: list[int]) -> float:
    """MW-hours for a period's research and the training that the plan does then."""
    problem, chip = plan.problem, plan.problem.chips
    rate = max(chip.flop_per_s[c] * chip.goodput_frac[c] * chip.availability_frac[c] * 3600 / chip.it_w_per_chip[c] for c in chips)
    wanted = problem.research_flop[0, t] + plan.decisions.progress_flop[0, t].sum()
    return float(wanted / rate / 1e6) if rate > 0 else 0.0


def _bottlenecks(story: Story) -> list[dict[str, Any]]:
    grid = story.base.alliance.problem.grid
    return [
        {
            "limit": b.limit,
            "kind": b.kind,
            "period": b.period,
            "start": grid.starts[b.index],
            "end": grid.ends[b.index],
            "price": float("nan") if b.price is None else b.price,
            "unit": b.unit,
            "binding": b.binding,
        }
        for b in story.bottlenecks
    ]


def _commitments(story: Story) -> list[dict[str, Any]]:
    low = story.low_case
    other = {} if low is None or low.outcome is None else {(c.clause, c.scope): c for c in commitments(low.outcome.alliance)}
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for c in commitments(story.base.alliance):
        if c.kind != "spend_commitment" or c.scope == "term":
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


def _tornado(story: Story) -> list[dict[str, Any]]:
    rows = []
    for s in story.swings:
        origin = story.world.loaded.provenance.get(s.assumption.path)
        series = origin is not None and origin.kind == "series"
        unit = "" if origin is None else origin.unit
        rows.append(
            {
                "assumption": s.assumption.path.replace(".", " · ").replace("_", " "),
                "path": s.assumption.path,
                "low": _amount(s.assumption.low, unit, series=series),
                "base": "as stated" if series else _amount(s.base, unit, series=False),
                "high": _amount(s.assumption.high, unit, series=series),
                "value_low_usd": float("nan") if s.value_low_usd is None else s.value_low_usd,
                "value_high_usd": float("nan") if s.value_high_usd is None else s.value_high_usd,
                "switching_value": "" if s.switches_at is None else _amount(s.switches_at, unit, series=series),
            }
        )
    return rows


def _amount(value: float, unit: str, *, series: bool) -> str:
    if series:
        return f"× {significant(value)}"
    if unit in {"", "frac"}:
        return significant(value)
    return f"{significant(value)} {unit}"


def _cases(story: Story) -> list[dict[str, Any]]:
    rows = []
    for case in story.cases:
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
            "value_against_no_alliance_usd": None if outcome is None else outcome.value_against_no_alliance_usd,
        }
        rows.append({k: float("nan") if v is None else v for k, v in row.items()})
    return rows


def _power_flows(plan: Plan) -> list[dict[str, Any]]:
    """IT MW-years from operator to site to chip to use; what is accepted and not used is idle."""
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
    return [{"source": s, "target": t, "stage": float(stage), "it_mw_y": v} for (stage, s, t), v in at.items()]


def _use_name(plan: Plan, use: int) -> str:
    found = plan.problem.work.uses[use]
    return {"serve": f"serving {found.class_id}", "train": "training", "research": "research", "resale": "resale"}[found.kind]


def _uses(plan: Plan) -> list[dict[str, Any]]:
    problem, decisions = plan.problem, plan.decisions
    rows = []
    for k in problem.classes:
        mine = [d for d, c in enumerate(problem.demand.classes) if c == k]
        made = decisions.tokens[0][:, mine].sum() / scales.TOK
        rows.append({"use": f"serving {k}", "made": f"{significant(float(made))} T tok with rented chips"})
    if problem.runs.ids:
        done = int((decisions.done[0, -1] > 0.5).sum())
        rows.append({"use": "training", "made": f"{done} of {len(problem.runs.ids)} runs"})
    return rows


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
        number = 0
        for t in np.flatnonzero(plan.decisions.starts[0, :, s] > 1e-6):
            number += 1
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
        mine = [d for d in range(len(problem.demand.ids)) if (problem.demand.classes[d], problem.demand.channels[d]) == (kind, channel)]
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
    from offtake.plan.training import training_groups

    problem, decisions = plan.problem, plan.decisions
    groups = training_groups(problem)
    rows = []
    for r, run in enumerate(problem.runs.ids):
        works = np.flatnonzero(decisions.progress_flop[0, :, r] > 1e-9 * problem.runs.flop[r])
        done = decisions.done[0, -1, r] > 0.5
        where = [g for k, g in enumerate(groups) if decisions.group[0, r, k] > 0.5]
        rows.append(
            {
                "run": run,
                "status": "done" if done else "not done",
                "start": problem.grid.starts[works[0]] if len(works) else None,
                "end": problem.grid.ends[works[-1]] if len(works) else None,
                "where": ", ".join(where) if done else "",
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


def _assumptions(story: Story) -> list[Mapping[str, Any]]:
    rows = []
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
