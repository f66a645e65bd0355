"""Both parties' money as decisions: a facility, an emergency loan, and cash that never falls below its floor.

    balance[t] = balance[t-1] + draw[t] - repay[t],     cash[t] = cash[t-1] + receipts[t] - payments[t] >= floor

Every payment is a due (see `offtake.plan.payments` and the contract's clauses); the cash row only adds up what falls in a period.
The emergency loan comes from a named third party at a stated high price, so that every plan has money to end with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.affine import Affine
from offtake.plan import scales
from offtake.plan.problem import PARTIES, Party

if TYPE_CHECKING:
    from datetime import date

    from offtake.deal.flows import Due
    from offtake.lp.model import Model
    from offtake.plan.problem import Finance, Float, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """One party's borrowing over [path, period], in million USD: the facility and the emergency loan."""

    draw: Affine
    repay: Affine
    balance: Affine
    mean_balance: Affine
    undrawn: Affine
    emergency_draw: Affine
    emergency_repay: Affine
    emergency_balance: Affine
    emergency_mean_balance: Affine


def add_loans(model: Model, problem: Problem) -> Mapping[Party, Loan]:
    """Add each party's facility and emergency loan."""
    return {party: _add_loan(model, problem, party, problem.finance[party]) for party in PARTIES}


def _add_loan(model: Model, problem: Problem, party: Party, money: Finance) -> Loan:
    axes = (("path", problem.paths), ("period", problem.grid.labels))
    shape = (len(problem.paths), len(problem.grid))
    limit = np.broadcast_to(money.limit_usd / scales.USD, shape)
    may_draw = (limit > 0) & money.may_draw
    draw = model.columns(
        f"draw_{party}",
        axes=axes,
        upper=limit * scales.OFF,
        unit="M USD",
        describe=f"drawn on the facility of the {party}",
        mask=may_draw,
    )
    opening = money.opening_balance_usd / scales.USD
    if money.kind == "term_loan":
        repay = _scheduled(problem, draw, money, opening)
    else:
        most = limit.max(initial=0.0) + opening
        repay = model.columns(
            f"repay_{party}",
            axes=axes,
            upper=most,
            unit="M USD",
            describe=f"repaid on the facility of the {party}",
            mask=limit + opening > 0,
        )
    balance = (draw - repay).cumsum(1) + opening
    model.rows(
        f"facility_{party}",
        balance,
        lower=0.0,
        upper=np.where(money.due_by, 0.0, np.maximum(limit, opening)),
        axes=axes,
        unit="M USD",
        describe=f"the balance of the {party}'s facility is at most its limit and nothing is owed after it matures",
        mask=np.broadcast_to(limit.max(initial=0.0) + opening > 0, shape),
    )
    lend = model.columns(
        f"emergency_draw_{party}", axes=axes, unit="M USD", describe=f"emergency loan drawn by the {party}"
    )
    back = model.columns(
        f"emergency_repay_{party}", axes=axes, unit="M USD", describe=f"emergency loan repaid by the {party}"
    )
    owed = (lend - back).cumsum(1)
    model.rows(
        f"emergency_{party}", owed, lower=0.0, axes=axes, unit="M USD", describe="no more is repaid than was lent"
    )
    mean = _mean(balance, opening)
    undrawn = (Affine.constant(limit) - mean) if money.fee_frac_per_y else Affine.zeros(shape)
    return Loan(
        draw=draw,
        repay=repay,
        balance=balance,
        mean_balance=mean,
        undrawn=undrawn,
        emergency_draw=lend,
        emergency_repay=back,
        emergency_balance=owed,
        emergency_mean_balance=_mean(owed, 0.0),
    )


def _mean(balance: Affine, opening: float) -> Affine:
    """Mean balance of each period, drawn and repaid evenly through it."""
    before = balance.apply(np.eye(balance.shape[1], k=-1), 1) + opening * (np.arange(balance.shape[1]) == 0)
    mean: Affine = (balance + before) * 0.5
    return mean


def _scheduled(problem: Problem, draw: Affine, money: Finance, opening: float) -> Affine:
    """Repay a term loan straight-line by days from each draw to maturity."""
    grid = problem.grid
    days = np.where(money.due_by, 0.0, grid.days)
    ahead = np.triu(np.ones((len(grid), len(grid))), k=1) * days[None, :]
    shares = ahead / np.maximum(ahead.sum(axis=1, keepdims=True), 1.0)
    left = days / max(days.sum(), 1.0)
    repaid: Affine = draw.apply(shares.T, 1) + opening * left
    return repaid


def add_cash(model: Model, problem: Problem, dues: Sequence[Due[Affine]]) -> Mapping[Party, Affine]:
    """Add each party's cash at period ends and tie it to the dues : [path, period] [M USD]."""
    axes = (("path", problem.paths), ("period", problem.grid.labels))
    cash: dict[Party, Affine] = {}
    for party in PARTIES:
        money = problem.finance[party]
        held = model.columns(
            f"cash_{party}",
            axes=axes,
            lower=money.min_cash_usd / scales.USD,
            unit="M USD",
            describe=f"cash of the {party} at the end of the period",
        )
        before = held.apply(np.eye(len(problem.grid), k=-1), 1)
        opening = money.cash_usd / scales.USD * (np.arange(len(problem.grid)) == 0)
        model.rows(
            f"cash_flow_{party}",
            held - before - net(problem, dues, party),
            lower=np.broadcast_to(opening, held.shape),
            upper=np.broadcast_to(opening, held.shape),
            axes=axes,
            unit="M USD",
            describe=f"cash of the {party} changes by what it receives and pays",
        )
        cash[party] = held
    return cash


def net(problem: Problem, dues: Sequence[Due[Affine]], party: str) -> Affine:
    """Receipts less payments of a party by period : [path, period] [M USD]; what is paid after the horizon counts in the last one."""
    parts = []
    same = np.eye(len(problem.grid))
    matrices: dict[tuple[date, ...], Float] = {}
    for due in dues:
        sign = (due.payee == party) - (due.payer == party)
        if sign:
            if due.when not in matrices:
                matrices[due.when] = falls_in(problem, due)
            matrix = matrices[due.when]
            in_place = matrix.shape == same.shape and bool((matrix == same).all())
            parts.append(due.amount * float(sign) if in_place else due.amount.apply(matrix * float(sign), 1))
    return Affine.total(parts, (len(problem.paths), len(problem.grid)))


def falls_in(problem: Problem, due: Due[Affine]) -> Float:
    """0/1 matrix [period, interval]: the period in which each interval's payment is made.

    What falls due after the horizon must be found by then: a true-up billed on the last day is no less owed.
    """
    matrix = np.zeros((len(problem.grid), len(due.when)))
    for k, day in enumerate(due.when):
        period = len(problem.grid) - 1 if day >= problem.grid.end else problem.grid.index_of(day)
        if period is not None:
            matrix[period, k] = 1.0
    return matrix
