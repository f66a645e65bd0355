"""Profit and loss as a controller reads it: revenue, cost of revenue, research and development, operations, finance, changes in value.

What a party gives its customers (credits for late delivery, equity) reduces revenue, what it gets from its suppliers reduces cost.  The
cost of compute is split by chip-hours: inference is cost of revenue, training and research are research and development; the parts add up
to the cent.  A party without such a split has all of it in cost of revenue; several parties together split what their own sites cost, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.deal.flows import Account
from offtake.ledger.accounts import BOOK_ACCOUNTS, CODE, FINANCING, Kind
from offtake.ledger.policies import USES_OF_COMPUTE, ComputeUse
from offtake.ledger.statements import Cube, Line, account_lines, sum_of

if TYPE_CHECKING:
    from offtake.dates import Intervals

__all__ = ["COMPUTE", "REVENUE", "Shares", "profit_and_loss", "shares_of"]

Ints = NDArray[np.int64]
Shares = tuple[tuple[Fraction, ...], ...]
"""[use][period], adding up to 1 in every period."""

_INCOME = tuple(a.name for a in BOOK_ACCOUNTS if a.kind is Kind.INCOME)
_EXPENSE = tuple(a.name for a in BOOK_ACCOUNTS if a.kind is Kind.EXPENSE)
_FINANCE = (
    *(f"{side}.{a}" for a in Account if a in FINANCING for side in ("income", "expense") if f"{side}.{a}" in CODE),
    *("income.prepaid_interest", "income.lease_interest", "expense.prepaid_interest", "expense.lease_interest"),
)
_VALUES = ("income.stake_marks", "income.equity_method")
_OTHER_INCOME = (f"income.{Account.GUARANTEE_CALL}", f"income.{Account.RESIDUAL_GUARANTEE}")
_RECEIVED_BACK = (f"income.{Account.DELAY_CREDIT}",)
_GIVEN_BACK = (f"expense.{Account.DELAY_CREDIT}",)
REVENUE = (
    *(n for n in _INCOME if n not in {*_FINANCE, *_VALUES, *_OTHER_INCOME, *_RECEIVED_BACK}),
    *_GIVEN_BACK,
)
"""Book accounts that make up revenue."""
COMPUTE = (
    *(
        f"expense.{a}"
        for a in (
            *(Account.RENT, Account.TAKE_OR_PAY, Account.TRUE_UP, Account.RESERVATION, Account.OUTSIDE_RENT),
            *(Account.BREAKAGE, Account.BACKSTOP),
        )
    ),
    *("expense.time_value", "expense.lease", "expense.lease_amortisation", "expense.shortfall_timing"),
    *("expense.equity_from_suppliers", *_RECEIVED_BACK),
)
"""Book accounts that make up the cost of compute."""
_WORN = tuple(n for n in _EXPENSE if n.startswith("expense.depreciation"))
_RUNNING = tuple(f"expense.{a}" for a in (Account.ENERGY, Account.SITE_RUNNING, Account.CHIP_RUNNING))
_COST_OF_REVENUE = (
    *_RUNNING,
    *(
        f"expense.{a}"
        for a in (Account.REVENUE_SHARE, Account.TOKEN_REVENUE, Account.RESALE_REVENUE, Account.OTHER_REVENUE)
    ),
    *("expense.resold", "expense.share_netted"),
)
_OPERATIONS = tuple(n for n in _EXPENSE if n not in {*_FINANCE, *COMPUTE, *_WORN, *_COST_OF_REVENUE, *_GIVEN_BACK})


def shares_of(use: ComputeUse, periods: Intervals) -> Shares:
    """Spread chip-hours by day onto reporting periods and give each use its share; all is inference where nothing ran.

    Examples
    --------
    >>> from datetime import date
    >>> from offtake.dates import Intervals
    >>> year = Intervals.years(date(2027, 1, 1), date(2028, 1, 1))
    >>> shares_of(ComputeUse(on=year, chip_h=((60.0,), (30.0,), (10.0,))), year)
    ((Fraction(3, 5),), (Fraction(3, 10),), (Fraction(1, 10),))
    """
    days = [(e - s).days for s, e in zip(use.on.starts, use.on.ends, strict=True)]
    table: list[list[Fraction]] = [[] for _ in USES_OF_COMPUTE]
    for start, end in zip(periods.starts, periods.ends, strict=True):
        met = [
            Fraction(max(0, (min(e, end) - max(s, start)).days), n)
            for s, e, n in zip(use.on.starts, use.on.ends, days, strict=True)
        ]
        hours = [sum((Fraction(h) * m for h, m in zip(row, met, strict=True) if m), Fraction(0)) for row in use.chip_h]
        whole = sum(hours, Fraction(0))
        for k, own in enumerate(hours):
            table[k].append(own / whole if whole else Fraction(int(k == 0)))
    return tuple(tuple(row) for row in table)


def profit_and_loss(cube: Cube, shares: Shares | None = None, *, own_sites: bool = False) -> Iterable[Line]:
    """Draw the statement; `shares` splits the cost of compute, with what sites and chips of one's own cost where they are in the cube."""
    flow = -cube.book[:, 1:]
    pooled = (*COMPUTE, *_RUNNING, *_WORN) if own_sites and shares is not None else COMPUTE
    rest = tuple(n for n in (*_COST_OF_REVENUE, *_WORN) if n not in pooled)
    revenue, worn = sum_of(flow, REVENUE), sum_of(flow, _WORN)
    compute, other = sum_of(flow, pooled), sum_of(flow, rest)
    used = _split(compute, shares)
    cost = used[0] + other
    developed = used[1] + used[2]
    operations = sum_of(flow, _OPERATIONS) + sum_of(flow, _OTHER_INCOME)
    operating = revenue + cost + developed + operations
    yield from account_lines(flow, REVENUE)
    yield Line(name="revenue", title="Revenue", level="subtotal", cents=revenue)
    if shares is None:
        yield from account_lines(flow, COMPUTE)
    else:
        yield Line(name="compute.inference", title="Compute for inference", level="line", cents=used[0])
    yield from account_lines(flow, rest)
    yield Line(name="cost_of_revenue", title="Cost of revenue", level="subtotal", cents=cost)
    yield Line(name="gross_profit", title="Gross profit", level="subtotal", cents=revenue + cost)
    if shares is not None:
        yield Line(name="compute.training", title="Compute for training", level="line", cents=used[1])
        yield Line(name="compute.research", title="Compute for research", level="line", cents=used[2])
        yield Line(name="research_and_development", title="Research and development", level="subtotal", cents=developed)
    yield from account_lines(flow, (*_OPERATIONS, *_OTHER_INCOME))
    yield Line(name="operating_profit", title="Operating profit", level="subtotal", cents=operating)
    yield from account_lines(flow, _FINANCE)
    before = operating + sum_of(flow, _FINANCE)
    yield Line(name="profit_before_marks", title="Profit before changes in value", level="subtotal", cents=before)
    yield from account_lines(flow, _VALUES)
    yield Line(name="profit_before_tax", title="Profit before tax", level="total", cents=cube.profit[1:])
    if shares is not None:
        for line in account_lines(flow, pooled):
            yield Line(name=line.name, title=f"of the compute: {line.title}", level="memo", cents=line.cents)
    yield Line(
        name="profit_before_depreciation",
        title="Operating profit before depreciation",
        level="memo",
        cents=operating - worn,
    )


def _split(compute: Ints, shares: Shares | None) -> tuple[Ints, Ints, Ints]:
    """Split the cost of compute by use; what rounding leaves is inference."""
    if shares is None:
        none = np.zeros_like(compute)
        return compute, none, none
    trained, researched = (
        np.array([round(c * f) for c, f in zip(compute.tolist(), row, strict=True)], dtype=np.int64)
        for row in shares[1:]
    )
    return compute - trained - researched, trained, researched


def check_complete() -> Sequence[str]:
    """Give the income and expense accounts that no part of the statement holds: none."""
    placed = {*REVENUE, *COMPUTE, *_COST_OF_REVENUE, *_WORN, *_OPERATIONS, *_OTHER_INCOME, *_FINANCE, *_VALUES}
    return tuple(n for n in (*_INCOME, *_EXPENSE) if n not in placed)
