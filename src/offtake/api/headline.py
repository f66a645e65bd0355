"""The figures of one world that everyone asks for first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from offtake.api.accounts import keep_books, lumps
from offtake.dates import HOURS_PER_DAY
from offtake.deal.flows import Account
from offtake.ledger.performance import (
    Infrastructure,
    OfftakerReturns,
    cash_before_financing,
    infrastructure,
    offtaker_returns,
)
from offtake.ledger.returns import invested_irr, with_lumps

if TYPE_CHECKING:
    from offtake.ledger.books import Books
    from offtake.ledger.returns import Irr
    from offtake.plan.problem import Float, Party
    from offtake.plan.result import Plan
    from offtake.plan.run import Outcome

IN_2030 = date(2030, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One world's figures; None where there is no meaning (see the reasons of the document).

    Attributes
    ----------
    accepted_it_mw, accepted_facility_mw : float64[period]
    contract_it_mw, contract_facility_mw : float64[period]     of these less what the provider sells outside
    offtaker_irr : Irr                        of its cash before equity, loans and interest, its business at the horizon counted; before tax
    planned_spend_usd : float [USD]           paid to the provider under the contract for use, capacity and minimums, not discounted
    contract_usd_per_mw_y : float or None     the same per IT MW-year taken
    revenue_usd_per_mw_y : float or None      token revenue per IT MW-year of all the offtaker's chips, training and research included
    dependence_frac : float or None           share of the offtaker's chip-hours that the provider supplies
    """

    books: Books
    infrastructure: Infrastructure
    offtaker: OfftakerReturns
    offtaker_irr: Irr
    accepted_it_mw: Float
    accepted_facility_mw: Float
    contract_it_mw: Float
    contract_facility_mw: Float
    accepted_2030_gw: float | None
    true_up_usd: float
    planned_spend_usd: float
    unserved_frac: float
    contract_usd_per_mw_y: float | None
    revenue_usd_per_mw_y: float | None
    dependence_frac: float | None


def headline(outcome: Outcome) -> Headline:
    """Compute the figures of a world from its plan and its books."""
    plan = outcome.alliance
    problem, decisions = plan.problem, plan.decisions
    kept = keep_books(plan)
    rate = problem.goal.rate_frac_per_y
    fleets = problem.fleets
    watts = problem.chips.it_w_per_chip[fleets.chip]
    facility_watts = watts * problem.sites.peak_ratio[fleets.site]
    accepted = decisions.accepted_chip[0]
    under = accepted - sold_chip(plan)
    contract_facility_mw = under @ facility_watts / 1e6
    at_2030 = problem.grid.index_of(IN_2030)
    taken, rented = decisions.taken_chip_h[0].sum(), decisions.rented_chip_h[0].sum()
    own_mw_y = mw_years(plan, provider=True)
    all_mw_y = own_mw_y + mw_years(plan, provider=False)
    spend = paid(plan, (Account.RENT, Account.TAKE_OR_PAY, Account.RESERVATION, Account.TRUE_UP))
    business = lumps(plan, "offtaker", ("business",))
    volume = problem.demand.volume_tok[0].sum()
    return Headline(
        books=kept,
        infrastructure=infrastructure(
            kept, "provider", rate_frac_per_y=rate, terminal=lumps(plan, "provider", ("chips", "sites"))
        ),
        offtaker=offtaker_returns(kept, "offtaker", rate_frac_per_y=rate, terminal=business),
        offtaker_irr=invested_irr(with_lumps(cash_before_financing(kept, "offtaker"), business), kept.opening.date),
        accepted_it_mw=accepted @ watts / 1e6,
        accepted_facility_mw=accepted @ facility_watts / 1e6,
        contract_it_mw=under @ watts / 1e6,
        contract_facility_mw=contract_facility_mw,
        accepted_2030_gw=None if at_2030 is None else float(contract_facility_mw[at_2030] / 1e3),
        true_up_usd=paid(plan, (Account.TRUE_UP,)),
        planned_spend_usd=spend,
        unserved_frac=float(1.0 - decisions.tokens[0].sum() / volume) if volume else 0.0,
        contract_usd_per_mw_y=_over(spend, own_mw_y),
        revenue_usd_per_mw_y=_over(paid(plan, (Account.TOKEN_REVENUE,)), all_mw_y),
        dependence_frac=_over(taken, taken + rented),
    )


def sold_chip(plan: Plan) -> Float:
    """Count the accepted chips whose hours the provider sells outside : float64[period, fleet]; none without a contract."""
    problem, work = plan.problem, plan.problem.work
    if problem.signed is False:
        return np.zeros_like(plan.decisions.accepted_chip[0])
    outside = (work.pool[None, :] == np.arange(work.fleets)[:, None]) & work.by_kind("resale")
    sold = plan.decisions.hours_chip_h[0] @ outside.T.astype(float)
    hours = problem.grid.days[:, None] * HOURS_PER_DAY * problem.chips.availability_frac[problem.fleets.chip]
    chips: Float = sold / hours
    return chips


def paid(plan: Plan, accounts: Sequence[Account]) -> float:
    """Sum of settled flows on some accounts over the horizon, undiscounted [USD]."""
    return float(sum(f.amount for f in plan.flows if f.account in accounts))


def mw_years(plan: Plan, *, provider: bool) -> float:
    """Add up IT MW-years of chips at work for the offtaker, the provider's (gross of their downtime) or rented ones."""
    problem, decisions = plan.problem, plan.decisions
    hours_per_year = 365.0 * HOURS_PER_DAY
    if provider:
        chip = problem.fleets.chip
        watts = problem.chips.it_w_per_chip[chip] / problem.chips.availability_frac[chip]
        return float((decisions.taken_chip_h[0] @ watts).sum() / 1e6 / hours_per_year)
    watts = problem.chips.it_w_per_chip[problem.offers.chip[problem.offers.step_offer]]
    return float((decisions.rented_chip_h[0] @ watts).sum() / 1e6 / hours_per_year) if len(watts) else 0.0


def _over(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def end_of_year_period(plan: Plan, year: int) -> int:
    """Period that holds the last day of a calendar year, or the last period."""
    found = plan.problem.grid.index_of(date(year, 12, 31))
    return len(plan.problem.grid) - 1 if found is None else found


def calendar(plan: Plan) -> tuple[tuple[int, ...], Float, Float]:
    """Calendar years of the horizon, the weights that spread totals onto them, and those that average levels : [year, period]."""
    from offtake.dates import Intervals

    grid = plan.problem.grid
    years = Intervals.years(grid.start, grid.end)
    overlap = years.overlap_days(grid)
    return (
        tuple(s.year for s in years.starts),
        overlap / grid.days[None, :],
        overlap / np.maximum(years.days, 1.0)[:, None],
    )


def repaid_at_will(plan: Plan, party: Party) -> frozenset[str]:
    """Causes of a party's loans that it repays when it likes: its revolver; an emergency loan as well."""
    causes = {f"parties.{party}.facility"} if plan.problem.finance[party].kind == "revolver" else set()
    return frozenset(causes | {f.cause for f in plan.flows if f.account is Account.EMERGENCY_REPAY and causes})
