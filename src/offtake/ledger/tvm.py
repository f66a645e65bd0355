"""Time value of money over equal periods: annuities, loan schedules, periodic NPV in both conventions, modified return.

``pv·(1+r)^n + pmt·(1+r·w)·((1+r)^n − 1)/r + fv = 0`` with w = 1 for payments at the start of a period; money paid is negative.
For dated cash use `offtake.ledger.returns`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from offtake.ledger.returns import Figure

__all__ = ["future_value", "interest_part", "modified_return", "npv_periodic", "payment", "present_value", "rate_of"]


def npv_periodic(rate: float, values: Sequence[float], *, first_discounted: bool = False) -> float:
    """Discount equally spaced values.

    Parameters
    ----------
    rate : float [frac]             per period
    values : sequence of float
    first_discounted : bool         True counts the first value one period ahead (a spreadsheet's NPV), False as of today

    Examples
    --------
    >>> round(npv_periodic(0.1, [-100.0, 121.0]), 9), round(npv_periodic(0.1, [-100.0, 121.0], first_discounted=True), 9)
    (10.0, 9.090909091)
    """
    ahead = 1 if first_discounted else 0
    return math.fsum(v / math.pow(1.0 + rate, k + ahead) for k, v in enumerate(values))


def _annuity(rate: float, periods: float, *, at_start: bool) -> float:
    """Future value of one unit paid each period; the limit at rate 0 is the number of periods."""
    grown = math.expm1(periods * math.log1p(rate)) / rate if rate else float(periods)
    return grown * (1.0 + rate if at_start else 1.0)


def payment(rate: float, periods: float, present: float, future: float = 0.0, *, at_start: bool = False) -> float:
    """Find the level payment that turns `present` into `future`.

    Examples
    --------
    A loan of 100 over 360 months at 6 % a year costs 0.5996 a month:

    >>> round(payment(0.06 / 12, 360, 100.0), 6)
    -0.599551
    """
    return -(present * math.pow(1.0 + rate, periods) + future) / _annuity(rate, periods, at_start=at_start)


def future_value(rate: float, periods: float, paid: float, present: float, *, at_start: bool = False) -> float:
    """Find what a present sum and level payments come to."""
    return -(present * math.pow(1.0 + rate, periods) + paid * _annuity(rate, periods, at_start=at_start))


def present_value(rate: float, periods: float, paid: float, future: float = 0.0, *, at_start: bool = False) -> float:
    """Find what level payments and a future sum are worth today."""
    return -(future + paid * _annuity(rate, periods, at_start=at_start)) / math.pow(1.0 + rate, periods)


def interest_part(rate: float, period: int, periods: int, present: float) -> float:
    """Find the interest in the payment of one period (1 is the first) of a loan repaid by level payments."""
    level = payment(rate, periods, present)
    return future_value(rate, period - 1, level, present) * rate


def modified_return(values: Sequence[float], finance_rate: float, reinvest_rate: float) -> Figure:
    """Find the rate that turns the cost of what is paid into what is received, each carried at its own rate.

    ``(FV of receipts at the reinvestment rate ÷ PV of payments at the finance rate)^(1/(n−1)) − 1``.
    """
    last = len(values) - 1
    received = math.fsum(v * math.pow(1.0 + reinvest_rate, last - k) for k, v in enumerate(values) if v > 0)
    paid = -math.fsum(v / math.pow(1.0 + finance_rate, k) for k, v in enumerate(values) if v < 0)
    if not received or not paid:
        return Figure(None, "cash moves one way only, so no rate turns one into the other")
    return Figure((received / paid) ** (1.0 / last) - 1.0)


def rate_of(periods: float, paid: float, present: float, future: float, *, at_start: bool = False) -> Figure:
    """Find the rate per period at which the equation of value holds, the one nearest to zero."""

    def off(rate: float) -> float:
        return present * math.pow(1.0 + rate, periods) + paid * _annuity(rate, periods, at_start=at_start) + future

    grid = [math.expm1(x / 200.0) for x in range(-1800, 1801)]  # -99.988 % … 810,208 %
    values = [off(r) for r in grid]
    roots = [r for r, v in zip(grid, values, strict=True) if v == 0.0]
    for k in range(len(grid) - 1):
        if values[k] * values[k + 1] < 0.0:
            low, high = grid[k], grid[k + 1]
            for _ in range(200):
                middle = (low + high) / 2
                low, high = (middle, high) if off(middle) * values[k] > 0.0 else (low, middle)
            roots.append((low + high) / 2)
    if not roots:
        return Figure(None, "no rate solves the equation of value")
    return Figure(min(roots, key=abs))
