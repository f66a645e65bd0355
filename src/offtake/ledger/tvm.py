"""Time value of money over equal periods, and day counts: annuities, loan schedules, periodic NPV in both conventions, modified return.

``pv·(1+r)^n + pmt·(1+r·w)·((1+r)^n − 1)/r + fv = 0`` with w = 1 for payments at the start of a period; money paid is negative.
For dated cash use `offtake.ledger.returns`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from types import MappingProxyType

from offtake.dates import add_months
from offtake.ledger.returns import Figure

__all__ = [
    "DAYS_30_360",
    "days_30_360",
    "future_value",
    "interest_part",
    "modified_return",
    "npv_periodic",
    "payment",
    "present_value",
    "rate_of",
    "years_actual_actual",
]


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


def _bond(start: date, end: date) -> tuple[int, int]:
    d1 = min(start.day, 30)
    return d1, 30 if end.day == 31 and d1 == 30 else end.day


def _eurobond(start: date, end: date) -> tuple[int, int]:
    return min(start.day, 30), min(end.day, 30)


def _usa(start: date, end: date) -> tuple[int, int]:
    last = _ends_february(start)
    d1 = 30 if last or start.day == 31 else start.day
    d2 = 30 if last and _ends_february(end) else end.day
    return d1, 30 if d2 == 31 and d1 == 30 else d2


def _isda(start: date, end: date, maturity: date | None) -> tuple[int, int]:
    d1 = 30 if start.day == 31 or _ends_february(start) else start.day
    return d1, 30 if end.day == 31 or (_ends_february(end) and end != maturity) else end.day


def _ends_february(day: date) -> bool:
    return day.month == 2 and (day + timedelta(days=1)).month == 3


DAYS_30_360: Mapping[str, Callable[[date, date], tuple[int, int]]] = MappingProxyType(
    {"bond": _bond, "eurobond": _eurobond, "usa": _usa}
)
"""How the days of two dates are read when every month has 30, by convention; ``isda`` needs the maturity too.

bond : ISDA 2006 definitions, section 4.16 (f).  eurobond : (g).  isda : (h), also called 30E/360 ISDA.  usa : as bond, with the end of
February taken as a thirtieth (SIA, Standard Securities Calculation Methods, 1993)."""


def days_30_360(start: date, end: date, convention: str = "bond", *, maturity: date | None = None) -> int:
    """Count days between two dates with months of 30 days; a year has 360.

    ``360 (y2 − y1) + 30 (m2 − m1) + d2 − d1``, with the days read by convention.

    Parameters
    ----------
    convention : bond, eurobond, usa or isda
    maturity : date     of the instrument: ``isda`` leaves the end of February as it is there

    Examples
    --------
    >>> days_30_360(date(2006, 8, 31), date(2007, 2, 28)), days_30_360(date(2006, 8, 31), date(2007, 2, 28), "isda")
    (178, 180)
    """
    d1, d2 = _isda(start, end, maturity) if convention == "isda" else DAYS_30_360[convention](start, end)
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + d2 - d1


def years_actual_actual(
    start: date, end: date, convention: str = "isda", *, period: tuple[date, date] | None = None
) -> Fraction:
    """Count years between two dates by actual days over actual years, exactly.

    Parameters
    ----------
    convention : isda, isma or afb
        isda: the days in leap years over 366, the others over 365 (ISDA 2006 definitions, section 4.16 (b)).
        isma: days over those of the coupon period times its length in whole months (ICMA rule 251).
        afb: whole years back from the end, the rest over 366 if it holds a 29 February, else 365.
    period : (date, date)
        Coupon period of ``isma``, ending at or after `end`; the dates themselves if absent.

    Examples
    --------
    >>> float(years_actual_actual(date(2003, 11, 1), date(2004, 5, 1)).limit_denominator(10**6)).__round__(9)
    0.497724381
    """
    if end < start:
        return -years_actual_actual(end, start, convention, period=period)
    if convention == "isma":
        return _isma(start, end, *(period or (start, end)))
    return _afb(start, end) if convention == "afb" else _actual_isda(start, end)


def _actual_isda(start: date, end: date) -> Fraction:
    """Sum over calendar years of days over the year's days."""
    years = Fraction(0)
    for year in range(start.year, end.year + 1):
        first, after = date(year, 1, 1), date(year + 1, 1, 1)
        days = (min(end, after) - max(start, first)).days
        years += Fraction(max(0, days), (after - first).days)
    return years


def _isma(start: date, end: date, first: date, last: date) -> Fraction:
    """Days over days of the coupon period, which is whole months of a year; what comes before the period falls into the ones ahead."""
    months = max(1, round((last - first).days / 365.25 * 12))
    years = Fraction(0)
    while True:
        inside = (min(end, last) - max(start, first)).days
        years += Fraction(max(0, inside) * months, (last - first).days * 12)
        if start >= first:
            return years
        first, last = add_months(first, -months), first


def _afb(start: date, end: date) -> Fraction:
    """Whole years back from the end, then days over 366 if they hold a 29 February and over 365 otherwise."""
    whole, back = 0, end
    while add_months(end, -12 * (whole + 1)) >= start:
        whole += 1
        back = add_months(end, -12 * whole)
        if end.month == 2 and end.day == 28 and _ends_february(end) and (back + timedelta(days=1)).day == 29:
            back += timedelta(days=1)  # the end of February stays the end of February
    leap = any((start <= day < back) for y in range(start.year, back.year + 1) if (day := _leap_day(y)) is not None)
    return whole + Fraction((back - start).days, 366 if leap else 365)


def _leap_day(year: int) -> date | None:
    """29 February of a year, if it has one."""
    day = date(year, 3, 1) - timedelta(days=1)
    return day if day.day == 29 else None
