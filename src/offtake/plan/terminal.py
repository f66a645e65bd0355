"""What each party has at the horizon, itemised, so that the end of the grid is not the end of the world.

Chips count with the replacement price of equal tokens per second for the part of their life that is left, sites with the
unused part of their shells; third-party debt is left out of value, what it brought in and what is owed alike; a stake counts at its
exogenous dated valuation; a party's business counts as last year's margin times a stated number of years.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import DAYS_PER_YEAR
from offtake.deal.flows import Account
from offtake.deal.rows import Rows
from offtake.deal.stakes import worth
from offtake.lp.affine import Affine
from offtake.plan import scales
from offtake.plan.problem import PARTIES, Party

if TYPE_CHECKING:
    from offtake.deal.flows import Due
    from offtake.plan.chips import Fleet
    from offtake.plan.problem import Float, Problem
    from offtake.plan.sites import Energising

Items = Mapping[Party, Mapping[str, Affine]]

RECURRING = frozenset(
    {
        Account.RENT,
        Account.TAKE_OR_PAY,
        Account.RESERVATION,
        Account.REVENUE_SHARE,
        Account.GUARANTEE_FEE,
        Account.TOKEN_REVENUE,
        Account.RESALE_REVENUE,
        Account.OUTSIDE_RENT,
        Account.OTHER_REVENUE,
        Account.OTHER_COST,
        Account.ENERGY,
        Account.SITE_RUNNING,
        Account.CHIP_RUNNING,
    }
)
"""Accounts that make up a party's margin of the last year; a true-up does not recur."""


def terminal_items(problem: Problem, energising: Energising, fleet: Fleet, dues: Sequence[Due[Affine]]) -> Items:
    """Itemise the value of each party at the horizon : party -> name -> [path] [M USD]."""
    items: dict[Party, dict[str, Affine]] = {party: {} for party in PARTIES}
    chips, sites, fleets = problem.chips, problem.sites, problem.fleets
    left = chips.left_usd_per_chip[:, :, fleets.chip] * scales.CHIP / scales.USD
    items["provider"]["chips"] = (fleet.delivered * left).sum(axis=(1, 2)) + fleets.opening_left_usd.sum() / scales.USD
    shell = sites.shell_usd_per_mw * (sites.phase_mw / sites.peak_ratio) * sites.left_frac / scales.USD
    items["provider"]["sites"] = (energising.starts * (shell * problem.goal.site_value_frac)).sum(
        axis=(1, 2)
    ) + problem.goal.opening_sites_usd / scales.USD
    for party in PARTIES:
        years = problem.finance[party].terminal_margin_years
        if years:
            margin = _last_year(problem, dues, party)
            if party == "provider":
                margin = margin - _capital_charge(problem, energising, fleet)
            items[party]["business"] = margin * years
        stake = _stake(problem, dues, party)
        if stake.nonzeros or stake.const.any():
            items[party]["equity stake"] = stake
        paid_ahead = _paid_ahead(problem, dues, party)
        if paid_ahead.nonzeros or paid_ahead.const.any():
            items[party]["paid ahead"] = paid_ahead
    return items


def _last_year(problem: Problem, dues: Sequence[Due[Affine]], party: Party) -> Affine:
    """Operating margin of a party in the last 365 days : [path] [M USD]."""
    parts = []
    for due in dues:
        sign = (due.payee == party) - (due.payer == party)
        if sign and due.account in RECURRING:
            parts.append(
                (due.amount * (float(sign) * _share_of_last_year(problem, due.on.starts, due.on.ends))).sum(axis=1)
            )
    return Affine.total(parts, (len(problem.paths),))


def _capital_charge(problem: Problem, energising: Energising, fleet: Fleet) -> Affine:
    """Yearly cost of replacing what stood in the last year, as annuities at the objective's rate : [path] [M USD].

    The provider's margin goes on only if its chips and shells are bought again; without this charge rent paid between the parties
    would be a cost of the offtaker's business for years and nobody's income.
    """
    chips, sites, fleets, grid = problem.chips, problem.sites, problem.fleets, problem.grid
    rate = problem.goal.rate_frac_per_y
    last = _share_of_last_year(problem, grid.starts, grid.ends) * grid.years_long
    chip_cost = (
        chips.cost_usd_per_chip[:, -1, :] * annuity(rate, chips.life_days / DAYS_PER_YEAR) * scales.CHIP / scales.USD
    )
    shell_cost = (
        sites.shell_usd_per_mw[:, -1, :]
        / sites.peak_ratio
        * annuity(rate, sites.shell_life_days / DAYS_PER_YEAR)
        / scales.USD
    )
    standing = (fleet.accepted * (last[None, :, None] * chip_cost[:, None, fleets.chip])).sum(axis=(1, 2))
    return standing + (energising.standing_mw * (last[None, :, None] * shell_cost[:, None, :])).sum(axis=(1, 2))


def annuity(rate: float, years: Float) -> Float:
    """Yearly payment that repays 1 over some years at a rate : ``r / (1 - (1 + r)^-n)``, or ``1 / n`` at no interest.

    Examples
    --------
    >>> annuity(0.1, np.array([5.0])).round(4).tolist()
    [0.2638]
    """
    if rate == 0:
        return 1.0 / years
    payment: Float = rate / (1.0 - (1.0 + rate) ** -years)
    return payment


def _share_of_last_year(problem: Problem, starts: Sequence[date], ends: Sequence[date]) -> Float:
    """Part of each interval that lies in the last 365 days before the horizon : float64[interval]."""
    horizon = problem.grid.end.toordinal()
    first = np.array([s.toordinal() for s in starts], dtype=float)
    last = np.array([e.toordinal() for e in ends], dtype=float)
    shared = np.clip(np.minimum(last, horizon) - np.maximum(first, horizon - DAYS_PER_YEAR), 0.0, None)
    share: Float = shared / (last - first)
    return share


def _stake(problem: Problem, dues: Sequence[Due[Affine]], party: Party) -> Affine:
    """Value at the horizon of stakes bought less stakes sold : [path] [M USD].

    The default valuation grows at the objective's rate, so that funding itself adds no value.
    """
    total = Affine.zeros((len(problem.paths),))
    rate, horizon = problem.goal.rate_frac_per_y, problem.grid.end
    for due in dues:
        sign = (due.payer == party) - (due.payee == party)
        if sign and due.account is Account.EQUITY:
            each = [worth(due, k, horizon, growth_frac_per_y=rate) for k in range(len(due.when))]
            total = total + (due.amount * (float(sign) * np.array(each))).sum(axis=1)
    return total


def _paid_ahead(problem: Problem, dues: Sequence[Due[Affine]], party: Party) -> Affine:
    """Prepayments not yet credited at the horizon: worth their amount to who paid, owed by who took it : [path] [M USD]."""
    total = Affine.zeros((len(problem.paths),))
    for due in dues:
        sign = (due.payee == party) - (due.payer == party)
        left = due.facts.get("left")
        if sign and due.account is Account.CREDIT and isinstance(left, Rows):
            total = total + left.expr.sum(axis=1) * float(sign)
    return total
