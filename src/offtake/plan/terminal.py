"""What each party has at the horizon, itemised, so that the end of the grid is not the end of the world.

Chips count with the replacement price of equal tokens per second for the part of their life that is left, sites with the unused part
of their shells; third-party debt is left out of value, what it brought in and what is owed alike; a stake counts at its exogenous dated valuation; the offtaker's business counts as last year's
operating margin times a stated number of years.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import DAYS_PER_YEAR
from offtake.deal.flows import Account
from offtake.lp.affine import Affine
from offtake.plan import scales
from offtake.plan.problem import PARTIES, Party

if TYPE_CHECKING:
    from offtake.deal.flows import Due
    from offtake.plan.chips import Fleet
    from offtake.plan.problem import Float, Problem
    from offtake.plan.sites import Energising

Items = Mapping[Party, Mapping[str, Affine]]

OPERATING = frozenset(
    {
        Account.RENT,
        Account.TAKE_OR_PAY,
        Account.REVENUE_SHARE,
        Account.TOKEN_REVENUE,
        Account.OUTSIDE_RENT,
        Account.OTHER_REVENUE,
        Account.OTHER_COST,
    }
)
"""Accounts that make up the operating margin of the offtaker's last year; a true-up does not recur."""


def terminal_items(
    problem: Problem, energising: Energising, fleet: Fleet, dues: Sequence[Due[Affine]]
) -> Items:
    """Itemise the value of each party at the horizon : party -> name -> [path] [M USD]."""
    items: dict[Party, dict[str, Affine]] = {party: {} for party in PARTIES}
    chips, sites, fleets = problem.chips, problem.sites, problem.fleets
    left = chips.left_usd_per_chip[:, :, fleets.chip] * scales.CHIP / scales.USD
    items["provider"]["chips"] = (fleet.delivered * left).sum(axis=(1, 2)) + fleets.opening_left_usd.sum() / scales.USD
    shell = sites.shell_usd_per_mw * (sites.phase_mw / sites.peak_ratio) * sites.left_frac / scales.USD
    items["provider"]["sites"] = (energising.starts * (shell * problem.goal.site_value_frac)).sum(axis=(1, 2))
    margin = _last_year(problem, dues) * problem.finance["offtaker"].terminal_margin_years
    items["offtaker"]["business"] = margin
    for party in PARTIES:
        stake = _stake(problem, dues, party)
        if stake.nonzeros or stake.const.any():
            items[party]["equity stake"] = stake
    return items


def _last_year(problem: Problem, dues: Sequence[Due[Affine]]) -> Affine:
    """Operating margin of the offtaker in the last 365 days : [path] [M USD]."""
    total = Affine.zeros((len(problem.paths),))
    for due in dues:
        sign = (due.payee == "offtaker") - (due.payer == "offtaker")
        if sign and due.account in OPERATING:
            total = total + (due.amount * (float(sign) * _share_of_last_year(problem, due.on.starts, due.on.ends))).sum(axis=1)
    return total


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
    for due in dues:
        sign = (due.payer == party) - (due.payee == party)
        if sign and due.account is Account.EQUITY:
            growth = due.facts.get("growth_frac_per_y")
            rate = problem.goal.rate_frac_per_y if growth is None else float(str(growth))
            years = np.array([(problem.grid.end - day).days for day in due.when]) / DAYS_PER_YEAR
            total = total + (due.amount * (float(sign) * (1.0 + rate) ** years)).sum(axis=1)
    return total
