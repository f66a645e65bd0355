"""The `--json` document: one plain mapping with a schema version, the same for the command line, runs and notebooks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from offtake.api.commitments import commitments
from offtake.api.firm import firm_usd
from offtake.api.headline import repaid_at_will
from offtake.api.views_deal import amendments
from offtake.ledger.circularity import circularity
from offtake.ledger.performance import debt_cover, stake
from offtake.plan.contracts import contract_of
from offtake.plan.findings import PART
from offtake.plan.problem import PARTIES
from offtake.risk.tornado import decision_ranks

if TYPE_CHECKING:
    from offtake.api.headline import Headline
    from offtake.api.story import CaseResult, Story
    from offtake.ledger.returns import Figure, Irr, Moment
    from offtake.plan.problem import Float
    from offtake.plan.result import Plan

SCHEMA_VERSION = 1


class Reasons:
    """Collect why a number has no meaning, by its dotted path."""

    def __init__(self) -> None:
        """Start empty."""
        self.found: dict[str, str] = {}

    def figure(self, path: str, figure: Figure | Irr | Moment) -> Any:  # noqa: ANN401  (a number, a date or null)
        """Return the value, or null with its reason noted."""
        return self.value(path, figure.value, figure.reason or "it has no meaning here")

    def value(self, path: str, value: float | date | None, reason: str) -> Any:  # noqa: ANN401
        """Return a value, or null with a reason."""
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            self.found[path] = reason
            return None
        return value.isoformat() if isinstance(value, date) else value


def document(story: Story) -> dict[str, Any]:
    """Write everything that a plan has found."""
    plan, figures, reasons = story.base.alliance, story.figures, Reasons()
    solved = plan.solved
    doc: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "scenario": plan.problem.name,
        "status": story.status,
        "foresight": "perfect",
        "method": story.base.method,
        "objective": plan.problem.goal.name,
        "objective_usd": plan.objective_usd,
        "penalties_usd": dict(plan.penalties_usd),
        "gap": reasons.value("gap", float(solved.first.gap), "a linear program has no gap"),
        "valuation_date": plan.problem.grid.start.isoformat(),
        "horizon": plan.problem.grid.end.isoformat(),
        "discount_rate_frac_per_y": plan.problem.goal.rate_frac_per_y,
        "value_against_no_alliance_usd": story.base.value_against_no_alliance_usd,
        "parties": _parties(story, reasons),
        "objective_against_no_alliance_usd": objective_against_no_alliance_usd(story),
        "no_alliance": {
            **{p: _without(story.base.without, p) for p in PARTIES},
            "penalties_usd": dict(story.base.without.penalties_usd),
        },
        "peak_it_power_mw": float(figures.accepted_it_mw.max(initial=0.0)),
        "peak_facility_power_mw": float(figures.accepted_facility_mw.max(initial=0.0)),
        "peak_contract_it_power_mw": float(figures.contract_it_mw.max(initial=0.0)),
        "peak_contract_facility_power_mw": float(figures.contract_facility_mw.max(initial=0.0)),
        "energised_mw": _by_site(plan),
        "chips": _by_chip(plan),
        "tokens": _tokens(plan),
        "training": _training(plan),
        "commitments": _commitments(plan),
        "amendments": amendments(plan),
        "bottlenecks": _bottlenecks(story),
        "reliefs": [{"limit": r.limit, "step": r.step, "relief_usd": r.relief_usd} for r in story.reliefs],
        "circularity": _circularity(figures),
        "plausibility": _plausibility(figures, reasons),
        "cases": [case_row(c, k, reasons) for k, c in enumerate(story.cases)],
        "sensitivity": _sensitivity(story),
        "left_open_usd": _left_open(plan, reasons),
        "findings": [{"severity": f.severity, "code": f.code, "message": f.message} for f in story.findings],
        "certificate": story.certificate,
        "seed": solved.settings.seed,
    }
    doc["reasons"] = reasons.found
    doc["timings"] = dict(story.seconds)
    return doc


def _parties(story: Story, reasons: Reasons) -> dict[str, Any]:
    plan, figures = story.base.alliance, story.figures
    found: dict[str, Any] = {}
    for party in PARTIES:
        own = plan.problem.finance[party].own_rate_frac_per_y
        cover = debt_cover(figures.books, party, at_will=repaid_at_will(plan, party))
        loan = float(plan.decisions.emergency_usd[party][0].max(initial=0.0))
        found[party] = {
            "name": plan.problem.finance[party].name,
            "npv_usd": plan.npv_usd(party),
            "npv_own_rate_usd": plan.npv_usd(party, rate=own),
            "own_rate_frac_per_y": own,
            "npv_without_terminal_usd": plan.npv_usd(party, terminal=False),
            "against_no_alliance_usd": plan.npv_usd(party) - story.base.without.npv_usd(party),
            "terminal_usd": dict(plan.terminal_usd[party]),
            "min_cash_usd": float(plan.decisions.cash_usd[party][0].min(initial=plan.problem.finance[party].cash_usd)),
            "emergency_loan_usd": loan,
            "peak_emergency_loan_usd": loan,  # the same on one path; over several that is a mean, and this the largest
            "dscr": reasons.figure(f"parties.{party}.dscr", cover.average),
            "dscr_lowest": reasons.figure(f"parties.{party}.dscr_lowest", cover.lowest),
        }
    works = figures.infrastructure
    held = stake(figures.books, "provider", "offtaker", rate_frac_per_y=plan.problem.goal.rate_frac_per_y)
    found["provider"]["infrastructure"] = {
        "npv_usd": works.npv_usd,
        "npv_at_book_usd": works.npv_at_book_usd,
        "npv_before_tax_usd": works.npv_before_tax_usd,
        "npv_without_terminal_usd": works.npv_without_terminal_usd,
        "irr": reasons.figure("parties.provider.infrastructure.irr", works.irr),
        "irr_roots": list(works.irr.roots),
        "payback_date": reasons.figure("parties.provider.infrastructure.payback_date", works.payback),
    }
    found["provider"]["equity_stake"] = {
        "invested_usd": float(held.invested_usd),
        "opening_usd": float(held.opening_usd),
        "value_usd": float(held.value_usd),
        "basis": held.basis,
        "npv_usd": reasons.figure("parties.provider.equity_stake.npv_usd", held.npv_usd),
    }
    found["offtaker"] |= _of_offtaker(story, reasons)
    return found


def _of_offtaker(story: Story, reasons: Reasons) -> dict[str, Any]:
    """Write what only the offtaker has: its need of funds, its return, what it has promised and what it plans to pay."""
    problem, figures = story.base.alliance.problem, story.figures
    need, at = figures.offtaker.funding, "parties.offtaker"
    firm = firm_usd(contract_of(problem), problem.grid.start)
    return {
        "funding_need_usd": need.peak_need_usd,
        "peak_funding_need_usd": need.peak_need_usd,  # over several paths the largest
        "peak_funding_date": reasons.value(f"{at}.peak_funding_date", need.peak_date, "there is no need"),
        "funding_gap_usd": dict(zip(figures.books.periods.labels, need.gap_usd, strict=True)),
        "breakeven_date": reasons.figure(f"{at}.breakeven_date", need.breakeven),
        "irr": reasons.figure(f"{at}.irr", figures.offtaker_irr),
        "firm_commitment_usd": reasons.value(f"{at}.firm_commitment_usd", firm, "no amount of a contract is firm"),
        "planned_spend_usd": figures.planned_spend_usd,
    }


def _without(plan: Plan, party: str) -> dict[str, float]:
    return {"npv_usd": plan.npv_usd(party), "npv_without_terminal_usd": plan.npv_usd(party, terminal=False)}


def objective_against_no_alliance_usd(story: Story) -> float:
    """Objective above that of no alliance: value, and what either world leaves undone at its price, both parties alike."""
    gain = story.base.value_against_no_alliance_usd
    fines = (sum(plan.penalties_usd.values()) for plan in (story.base.alliance, story.base.without))
    return gain - next(fines) + next(fines)


def _named(labels: Sequence[str], values: Float) -> dict[str, float]:
    return {label: float(v) for label, v in zip(labels, values, strict=True)}


def _by_site(plan: Plan) -> dict[str, Any]:
    problem = plan.problem
    return {
        s: _named(problem.grid.labels, plan.decisions.energised_mw[0, :, k]) for k, s in enumerate(problem.sites.ids)
    }


def _by_chip(plan: Plan) -> dict[str, Any]:
    problem, decisions = plan.problem, plan.decisions
    found: dict[str, Any] = {}
    for c, chip in enumerate(problem.chips.ids):
        mine = problem.fleets.chip == c
        if mine.any():
            found[chip] = {
                "ordered": _named(problem.grid.labels, decisions.orders_chip[0][:, mine].sum(axis=1)),
                "in_service": _named(problem.grid.labels, decisions.in_service_chip[0][:, mine].sum(axis=1)),
                "accepted": _named(problem.grid.labels, decisions.accepted_chip[0][:, mine].sum(axis=1)),
            }
    return found


def _tokens(plan: Plan) -> dict[str, Any]:
    problem = plan.problem
    served: dict[str, float] = dict.fromkeys(problem.classes, 0.0)
    unserved = dict(served)
    for d, kind in enumerate(problem.demand.classes):
        made = float(plan.decisions.tokens[0, :, d].sum())
        served[kind] += made
        unserved[kind] += max(0.0, float(problem.demand.volume_tok[0, :, d].sum()) - made)
    return {"served": served, "unserved": unserved}


def _training(plan: Plan) -> list[dict[str, Any]]:
    found = []
    for r, run in enumerate(plan.problem.runs.ids):
        done = plan.decisions.done[0, :, r] >= 1 - PART
        first = int(done.argmax()) if done.any() else None
        found.append(
            {"run": run, "done": bool(done.any()), "period": None if first is None else plan.problem.grid.labels[first]}
        )
    return found


def _commitments(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "clause": c.clause,
            "kind": c.kind,
            "scope": c.scope,
            "committed_usd": sum(c.committed_usd),
            "paid_usd": sum(c.paid_usd),
            "shortfall_usd": sum(c.shortfall_usd),
            "true_up_usd": sum(c.true_up_usd),
            **c.more(),
            "intervals": [
                {
                    "start": s.isoformat(),
                    "end": e.isoformat(),
                    "committed_usd": a,
                    "paid_usd": p,
                    "shortfall_usd": f,
                    "true_up_usd": t,
                    **c.more_of(k),
                }
                for k, (s, e, a, p, f, t) in enumerate(
                    zip(
                        c.on.starts, c.on.ends, c.committed_usd, c.paid_usd, c.shortfall_usd, c.true_up_usd, strict=True
                    )
                )
            ],
        }
        for c in commitments(plan)
    ]


def _bottlenecks(story: Story) -> list[dict[str, Any]]:
    relief = {r.limit: r.relief_usd for r in story.reliefs}
    return [
        {
            "limit": b.limit,
            "kind": b.kind,
            "period": b.period,
            "price": b.price,
            "unit": b.unit,
            "binding": b.binding,
            "relief_usd": relief.get(b.limit),
        }
        for b in story.bottlenecks
    ]


def _circularity(figures: Headline) -> dict[str, Any]:
    found = circularity(figures.books)
    firm, contingent = found.at_end("firm"), found.at_end("contingent")
    return {
        "returned_share": {"firm": firm[0], "contingent": contingent[0]},
        "funded_share": {"firm": firm[1], "contingent": contingent[1]},
        "as_of": found.periods.end.isoformat(),
    }


def _plausibility(figures: Headline, reasons: Reasons) -> dict[str, Any]:
    return {
        "contract_usd_per_mw_y": reasons.value(
            "plausibility.contract_usd_per_mw_y", figures.contract_usd_per_mw_y, "nothing is taken"
        ),
        "revenue_usd_per_mw_y": reasons.value(
            "plausibility.revenue_usd_per_mw_y", figures.revenue_usd_per_mw_y, "no chips are used"
        ),
        "dependence_frac": reasons.value("plausibility.dependence_frac", figures.dependence_frac, "no chips are used"),
        "unserved_frac": figures.unserved_frac,
    }


def case_row(case: CaseResult, number: int, reasons: Reasons) -> dict[str, Any]:
    """Write one case."""
    row: dict[str, Any] = {"case": case.id, "title": case.title, "status": case.status, "method": case.method}
    if case.outcome is None or case.figures is None:
        return row
    at = f"cases.{number}"
    f, plan = case.figures, case.outcome.alliance
    row |= {
        "value_against_no_alliance_usd": case.outcome.value_against_no_alliance_usd,
        "objective_usd": plan.objective_usd,
        "accepted_2030_gw": reasons.value(
            f"{at}.accepted_2030_gw", f.accepted_2030_gw, "2030 lies outside the horizon"
        ),
        "provider_infrastructure_npv_usd": f.infrastructure.npv_usd,
        "provider_infrastructure_irr": reasons.figure(f"{at}.provider_infrastructure_irr", f.infrastructure.irr),
        "provider_npv_usd": plan.npv_usd("provider"),
        "offtaker_npv_usd": plan.npv_usd("offtaker"),
        "peak_funding_usd": f.offtaker.funding.peak_need_usd,
        "offtaker_against_no_alliance_usd": plan.npv_usd("offtaker") - case.outcome.without.npv_usd("offtaker"),
        "provider_against_no_alliance_usd": plan.npv_usd("provider") - case.outcome.without.npv_usd("provider"),
        "true_up_usd": f.true_up_usd,
        "contract_usd_per_mw_y": reasons.value(
            f"{at}.contract_usd_per_mw_y", f.contract_usd_per_mw_y, "nothing is taken"
        ),
        "revenue_usd_per_mw_y": reasons.value(
            f"{at}.revenue_usd_per_mw_y", f.revenue_usd_per_mw_y, "no chips are used"
        ),
        "unserved_frac": f.unserved_frac,
        "dependence_frac": reasons.value(f"{at}.dependence_frac", f.dependence_frac, "no chips are used"),
    }
    return row


def _sensitivity(story: Story) -> list[dict[str, Any]]:
    ranks = decision_ranks(story.swings)
    return [
        {
            "path": s.assumption.path,
            "low": s.assumption.low,
            "base": s.base,
            "high": s.assumption.high,
            "value_low_usd": s.value_low_usd,
            "value_high_usd": s.value_high_usd,
            "switches_at": s.switches_at,
            "decision_low_mw": s.decision_low_mw,
            "decision_high_mw": s.decision_high_mw,
            "decision_switches_at": s.decision_switches_at,
            "decision_rank": ranks[s.assumption.path],
        }
        for s in story.swings
    ]


def _left_open(plan: Plan, reasons: Reasons) -> Mapping[str, Any]:
    least, most = plan.solved.left_open
    why = "ties are broken only for a plan that is solved to its gap"
    return {
        "offtaker_npv_least_usd": reasons.value("left_open_usd.offtaker_npv_least_usd", least * 1e6, why),
        "offtaker_npv_most_usd": reasons.value("left_open_usd.offtaker_npv_most_usd", most * 1e6, why),
    }
