"""What is maximised: discounted dues and terminal values of the parties, floors on the others, objective-only penalties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from offtake.dates import discount_factors
from offtake.deal.flows import Account
from offtake.lp.affine import Affine
from offtake.plan import scales
from offtake.plan.problem import PARTIES, Party

if TYPE_CHECKING:
    from offtake.deal.flows import Due
    from offtake.plan.problem import Problem
    from offtake.plan.serving import Serving
    from offtake.plan.terminal import Items
    from offtake.plan.training import Training


DEBT = frozenset(
    {
        Account.LOAN_DRAW,
        Account.LOAN_REPAY,
        Account.LOAN_FEE,
        Account.INTEREST,
        Account.EMERGENCY_DRAW,
        Account.EMERGENCY_REPAY,
    }
)
"""Accounts of third-party debt.  Fairly priced debt is worth what it brings, so it adds no value: a plan that counted a 7 % loan at a
10 % discount rate would borrow all it can and hold the cash.  Only interest above the rate of the objective is a cost of value."""


def counts(account: Account, *, payer: str, payee: str, loan_rate: float | None, rate: float) -> float:
    """Return the part of a payment that counts in value: all of it, or for third-party debt the interest above the discount rate.

    Examples
    --------
    >>> counts(Account.INTEREST, payer="provider", payee="lender", loan_rate=0.3, rate=0.1).__round__(3)
    0.667
    >>> counts(Account.LOAN_DRAW, payer="lender", payee="provider", loan_rate=None, rate=0.1)
    0.0
    """
    if account not in DEBT or {payer, payee} <= set(PARTIES):
        return 1.0
    if account is Account.INTEREST and loan_rate is not None and loan_rate > rate:
        return 1.0 - rate / loan_rate
    return 0.0


def loan_rates(facts: Mapping[str, object]) -> tuple[float | None, ...]:
    """Read the rate of a payment's loan off its facts, one where all paths have the same; None where it is no interest."""
    rate = facts.get("rate_frac_per_y")
    return (
        tuple(float(str(r)) for r in rate) if isinstance(rate, tuple) else (None if rate is None else float(str(rate)),)
    )


def _counted(due: Due[Affine], loan_rate: float | None, rate: float) -> float:
    return counts(due.account, payer=due.payer, payee=due.payee, loan_rate=loan_rate, rate=rate)


def value_of(problem: Problem, dues: Sequence[Due[Affine]], terminal: Items, party: Party) -> Affine:
    """Net present value of a party at the objective's rate, terminal value included : [path] [M USD]."""
    goal, grid = problem.goal, problem.grid
    parts = []
    for due in dues:
        sign = (due.payee == party) - (due.payer == party)
        part = np.array([_counted(due, rate, goal.rate_frac_per_y) for rate in loan_rates(due.facts)])
        if sign and part.any():
            factors = discount_factors(due.when, rate_frac_per_y=goal.rate_frac_per_y, on=grid.start)
            parts.append((due.amount * (np.multiply.outer(part, factors) * sign)).sum(axis=1))
    at_end = discount_factors([grid.end], rate_frac_per_y=goal.rate_frac_per_y, on=grid.start)[0]
    parts += [item * at_end for item in terminal[party].values()]
    return Affine.total(parts, (len(problem.paths),))


def penalties(problem: Problem, serving: Serving, training: Training) -> Mapping[str, Affine]:
    """Objective-only penalties, itemised : name -> [path] [M USD], a gain below zero."""
    goal, grid = problem.goal, problem.grid
    factors = discount_factors(grid.mids, rate_frac_per_y=goal.rate_frac_per_y, on=grid.start)
    items: dict[str, Affine] = {}
    if goal.unserved_usd_per_mtok:
        unserved = Affine.constant(problem.demand.volume_tok / scales.TOK) - serving.tokens
        rate = goal.unserved_usd_per_mtok * scales.TOK / 1e6 / scales.USD
        items["unserved demand"] = (unserved.sum(axis=2) * (factors * rate)).sum(axis=1)
    if goal.research_usd_per_zflop and problem.research_flop.any():
        rate = goal.research_usd_per_zflop * scales.FLOP / 1e21 / scales.USD
        items["research missed"] = (training.research_short * (factors * rate)).sum(axis=1)
    if problem.runs.value_usd.any():
        first = training.done - training.open_after
        items["training value"] = -(first * (factors[:, None] * problem.runs.value_usd / scales.USD)).sum(axis=(1, 2))
    if problem.runs.penalty_usd.any():
        late = factors[problem.runs.latest_period] * problem.runs.penalty_usd / scales.USD
        items["training missed"] = (training.missed * late).sum(axis=1)
    return items


def score_of(problem: Problem, values: Mapping[Party, Affine], fines: Mapping[str, Affine]) -> Affine:
    """Return what each path is worth to the plan, the parties' weighted values less penalties : [path] [M USD]."""
    total = Affine.zeros((len(problem.paths),))
    for party in PARTIES:
        if problem.goal.weights[party]:
            total = total + values[party] * problem.goal.weights[party]
    for fine in fines.values():
        total = total - fine
    return total
