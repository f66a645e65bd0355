"""Returns from dated cash: value at a rate, rates of return, payback, funding need, debt service cover.

``NPV(r) = Σ cash_t · (1 + r)^(−(t − t0)/365)`` with t0 the valuation date (actual/365 fixed).  A rate of return is a root of NPV: all
roots between −99.9999999 % and 10⁹ % are sought, and a figure that has no meaning is None with a reason, never a number.

These are views in floats on exact cash; nothing here goes back into the books.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.dates import DAYS_PER_YEAR
from offtake.ledger.journal import Cash, cents_of

if TYPE_CHECKING:
    from offtake.dates import Intervals

__all__ = [
    "Figure",
    "Funding",
    "Irr",
    "Lump",
    "Moment",
    "funding",
    "invested_irr",
    "irr",
    "npv_usd",
    "payback",
    "with_lumps",
    "xirr",
]

Floats = NDArray[np.float64]

_LOWEST, _HIGHEST = 1e-9, 1e7
"""Range of 1 + r in which rates of return are sought."""
_SENSIBLE = (-0.99, 10.0)
"""Where a rate of return can mean something; a root outside is listed, but competes only where there is none inside."""
_POINTS = 2000
"""Points of the scan, even in log(1 + r): neighbours differ by 1.9 % in 1 + r; dips between points are followed down."""
_BLOCK = 100
"""Points evaluated at once, which bounds memory."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, or None and the reason why there is none.

    Examples
    --------
    >>> Figure(None, "no debt").value is None
    True
    """

    value: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, or None and the reason why there is none."""

    value: date | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Irr:
    """Rates of return of one row of cash.

    Parameters
    ----------
    value : float | None [frac_per_y]   the one rate between −99 % and 1,000 % at which the value is zero
    roots : tuple[float, ...]           every such rate found, rising, also outside that range
    reason : str | None                 why there is no single rate
    reference : float | None            what pyxirr gives: one of the roots, or none
    """

    value: float | None
    roots: tuple[float, ...]
    reason: str | None = None
    reference: float | None = None

    @property
    def figure(self) -> Figure:
        """The rate as a figure."""
        return Figure(self.value, self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lump:
    """A value that is assumed, not settled: a terminal value or an exit.  It enters returns and never the books.

    Parameters
    ----------
    name : str
    date : date
    amount : Decimal [USD]      whole cents
    """

    name: str
    date: date
    amount: Decimal


def with_lumps(cash: Cash, lumps: Sequence[Lump]) -> Cash:
    """Add assumed values to settled cash."""
    days = np.array([x.date.toordinal() for x in lumps], dtype=np.int64)
    return cash.plus(days, cents_of([x.amount for x in lumps], what="terminal value"))


def npv_usd(cash: Cash, *, rate_frac_per_y: float, on: date) -> float:
    """Discount dated cash to a date, actual/365 fixed [USD].

    Examples
    --------
    >>> from datetime import date
    >>> year = Cash(days=np.array([date(2028, 1, 1).toordinal()]), cents=np.array([11000]))
    >>> round(npv_usd(year, rate_frac_per_y=0.10, on=date(2027, 1, 1)), 9)
    100.0
    """
    years = (cash.days - on.toordinal()) / DAYS_PER_YEAR
    return math.fsum((cash.amounts_usd * (1.0 + rate_frac_per_y) ** -years).tolist())


def irr(cash: Cash) -> Irr:
    """Find every rate of return of settled cash; see `xirr`."""
    return xirr(cash.days, cash.amounts_usd)


def invested_irr(cash: Cash, on: date) -> Irr:
    """Find the rate of return of money that is put in first: at that rate its value falls from above zero to below as the rate rises.

    Of cash that is received first and paid later the root is the rate of a loan; it is no return, and is None with a reason.

    Examples
    --------
    >>> from datetime import date
    >>> days = np.array([date(2027, 1, 1).toordinal(), date(2028, 1, 1).toordinal()])
    >>> lent, borrowed = (Cash(days=days, cents=sign * np.array([-10000, 11000])) for sign in (1, -1))
    >>> round(invested_irr(lent, date(2027, 1, 1)).value, 9), invested_irr(borrowed, date(2027, 1, 1)).value
    (0.1, None)
    """
    found = irr(cash)
    if found.value is None:
        return found
    lower = npv_usd(cash, rate_frac_per_y=found.value - _STEP * (1.0 + found.value), on=on)
    if lower > 0.0:
        return found
    return replace(found, value=None, reason="cash is received before it is put in, so no rate is a return on it")


_STEP = 1e-3
"""Relative step of 1 + r by which the rate is lowered to see whether the value rises."""


def xirr(days: NDArray[np.int64], amounts: Floats) -> Irr:
    """Find every rate of return of dated amounts.

    The range is scanned, each change of sign bracketed and halved to machine precision, and each dip between scan points followed
    to its lowest point; pyxirr is asked, too, and its root is added where the scan has missed it.

    Parameters
    ----------
    days : int64[flow] [day]        ordinals, in any order, repeats allowed
    amounts : float64[flow]         received positive

    Examples
    --------
    Lend 100, receive 230 after a year, pay 132 a year later: 10 % and 20 % both fit, so there is no single rate.

    >>> found = xirr(np.array([0, 365, 730]) + 700_000, np.array([-100.0, 230.0, -132.0]))
    >>> [round(r, 9) for r in found.roots], found.value
    ([0.1, 0.2], None)
    """
    distinct, where = np.unique(days, return_inverse=True)
    by_day = np.bincount(where, weights=amounts, minlength=distinct.size)
    days, amounts = distinct[by_day != 0], by_day[by_day != 0]
    if not amounts.size:
        return Irr(value=None, roots=(), reason="there is no cash flow")
    if (amounts > 0).all() or (amounts < 0).all():
        way = "received and none is put in" if amounts[0] > 0 else "put in and none is received"
        return Irr(value=None, roots=(), reason=f"all cash is {way}, so no rate brings its value to zero")
    years = (days - days[0]) / DAYS_PER_YEAR
    reference = _reference(days, amounts)
    roots = _merge(_scan(years, amounts), reference, years, amounts)
    if not roots:
        return Irr(value=None, roots=(), reason="no rate brings the value of these cash flows to zero")
    sensible = [r for r in roots if _SENSIBLE[0] <= r <= _SENSIBLE[1]] or list(roots)
    if len(sensible) > 1:
        listed = ", ".join(f"{r:.2%}" for r in sensible[:5]) + ("" if len(sensible) <= 5 else ", …")
        reason = f"{len(sensible)} rates bring the value to zero ({listed}), and none of them means more than another"
        return Irr(value=None, roots=roots, reason=reason, reference=reference)
    return Irr(value=sensible[0], roots=roots, reference=reference)


def _value(growth: Floats, years: Floats, amounts: Floats) -> Floats:
    """Scale value at each 1 + r, never infinite: to the first date above 1, to the last date below : float64[growth]."""
    late = np.where(growth < 1.0, years[-1], 0.0)
    values: Floats = np.exp((late[:, None] - years[None, :]) * np.log(growth)[:, None]) @ amounts
    return values


def _scan(years: Floats, amounts: Floats) -> list[float]:
    """Bracket and halve every change of sign on the scan."""
    grid = np.exp(np.linspace(math.log(_LOWEST), math.log(_HIGHEST), _POINTS))
    values = np.concatenate([_value(grid[k : k + _BLOCK], years, amounts) for k in range(0, grid.size, _BLOCK)])
    points, signs = _with_dips(grid, values, years, amounts)
    exact = points[signs == 0]
    kept = signs != 0
    points, signs = points[kept], signs[kept]
    changes = np.flatnonzero(signs[1:] != signs[:-1])
    found = [_halve(points[k], points[k + 1], years, amounts) for k in changes]
    zeros = [x for x in exact.tolist() if all(abs(x - f) > 1e-9 * x for f in found)]
    return sorted(x - 1.0 for x in (*found, *zeros))


def _with_dips(grid: Floats, values: Floats, years: Floats, amounts: Floats) -> tuple[Floats, Floats]:
    """Add the lowest point of each dip of |value| between scan points where it crosses zero."""
    size = np.abs(values)
    dips = np.flatnonzero((size[1:-1] < size[:-2]) & (size[1:-1] <= size[2:])) + 1
    extra = []
    for k in dips:
        if values[k - 1] * values[k] <= 0 or values[k] * values[k + 1] <= 0:
            continue
        side = math.copysign(1.0, values[k])
        low, high = math.log(grid[k - 1]), math.log(grid[k + 1])
        for _ in range(80):
            third = (high - low) / 3
            pair = side * _value(np.exp(np.array([low + third, high - third])), years, amounts)
            if pair.min() <= 0:
                extra.append(math.exp(low + third if pair[0] <= pair[1] else high - third))
                break
            low, high = (low, high - third) if pair[0] < pair[1] else (low + third, high)
    if not extra:
        return grid, np.sign(values)
    points = np.sort(np.concatenate([grid, extra]))
    added = _value(np.array(extra), years, amounts)
    where = np.searchsorted(points, extra)
    every = np.insert(values, np.searchsorted(grid, np.sort(extra)), 0.0)
    every[where] = added
    return points, np.sign(every)


def _halve(low: float, high: float, years: Floats, amounts: Floats) -> float:
    """Halve a bracket in log(1 + r) to machine precision; gives 1 + r."""
    a, b = math.log(low), math.log(high)
    sign_a = math.copysign(1.0, _value(np.array([low]), years, amounts)[0])
    for _ in range(80):
        middle = (a + b) / 2
        if middle in (a, b):
            break
        if sign_a * _value(np.exp(np.array([middle])), years, amounts)[0] > 0:
            a = middle
        else:
            b = middle
    return math.exp((a + b) / 2)


def _reference(days: NDArray[np.int64], amounts: Floats) -> float | None:
    """Ask pyxirr for a root; it starts from a guess and gives at most one."""
    import pyxirr

    dates = list(map(date.fromordinal, days.tolist()))
    root: float | None = pyxirr.xirr(dates, amounts.tolist(), silent=True)
    return root if root is not None and math.isfinite(root) and root > -1.0 else None


def _merge(found: list[float], reference: float | None, years: Floats, amounts: Floats) -> tuple[float, ...]:
    """Add the root that pyxirr gives where the scan has missed it."""
    if reference is None or any(abs(r - reference) <= 1e-6 * (1.0 + r) for r in found):
        return tuple(found)
    residual = abs(_value(np.array([1.0 + reference]), years, amounts)[0])
    real = residual <= 1e-9 * np.abs(amounts).sum()
    return tuple(sorted([*found, reference])) if real else tuple(found)


def payback(cash: Cash, *, rate_frac_per_y: float = 0.0, on: date | None = None) -> Moment:
    """Find the date from which cumulative cash stays at or above zero.

    Parameters
    ----------
    rate_frac_per_y : float     discounts first, to the date `on`; 0 for plain payback
    """
    if not cash.cents.any():
        return Moment(None, "there is no cash flow")
    start = on.toordinal() if on else int(cash.days[0])
    if rate_frac_per_y:
        factors = (1.0 + rate_frac_per_y) ** (-(cash.days - start) / DAYS_PER_YEAR)
        so_far: NDArray[np.float64] | NDArray[np.int64] = np.cumsum(cash.cents * factors)
    else:
        so_far = np.cumsum(cash.cents)
    below = np.flatnonzero(so_far < 0)
    if not below.size:
        return Moment(None, "cumulative cash is never below zero, so there is nothing to pay back")
    if below[-1] == so_far.size - 1:
        return Moment(None, "cumulative cash is still below zero at the end")
    return Moment(date.fromordinal(int(cash.days[below[-1] + 1])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """How much finance a party needs, and until when.

    Parameters
    ----------
    peak_need_usd : float [USD]                 depth of the deepest cumulative cash before financing; opening cash not counted
    peak_date : date | None                     when; None where there is no need
    peak_need_after_opening_cash_usd : float    what is left of it after the opening cash
    gap_usd : tuple[float, ...] [USD]           by period: cash before financing that is missing, 0 where there is none
    breakeven : Moment                          first day on which cash before financing, from there on, adds up to more than it takes
    payback : Moment                            date from which cumulative cash before financing stays at or above zero
    """

    peak_need_usd: float
    peak_date: date | None
    peak_need_after_opening_cash_usd: float
    gap_usd: tuple[float, ...]
    breakeven: Moment
    payback: Moment


def funding(before_financing: Cash, periods: Intervals, *, opening_cash_usd: float = 0.0) -> Funding:
    """Read the funding need from cash before financing.

    The break-even date is the first movement after cumulative cash before financing is at its (last) lowest: until then the party
    needs money on balance, from then on it makes money.

    Examples
    --------
    >>> from datetime import date
    >>> from offtake.ledger.books import calendar_years
    >>> days = np.array([date(y, 7, 1).toordinal() for y in (2027, 2028, 2029)])
    >>> need = funding(
    ...     Cash(days=days, cents=np.array([-50000, -20000, 90000])), calendar_years(date(2027, 1, 1), date(2030, 1, 1))
    ... )
    >>> need.peak_need_usd, need.gap_usd, need.breakeven.value
    (700.0, (500.0, 200.0, 0.0), datetime.date(2029, 7, 1))
    """
    so_far = np.cumsum(before_financing.cents)
    days, cents = before_financing.days, before_financing.cents
    edges = [d.toordinal() for d in (*periods.starts, periods.end)]
    slot = np.searchsorted(edges, days, side="right") - 1
    within = (slot >= 0) & (slot < len(periods))
    net = np.zeros(len(periods), dtype=np.int64)
    np.add.at(net, slot[within], cents[within])
    gap = tuple((np.maximum(-net, 0) / 100.0).tolist())
    lowest = int(so_far.min()) if so_far.size else 0
    need = max(0, -lowest) / 100.0
    deepest = int(np.flatnonzero(so_far == lowest)[-1]) if need else -1
    if not need:
        turn = Moment(None, "cumulative cash before financing is never below zero")
    elif deepest == so_far.size - 1:
        turn = Moment(None, "cash before financing is still falling at the end")
    else:
        turn = Moment(date.fromordinal(int(days[deepest + 1])))
    return Funding(
        peak_need_usd=need,
        peak_date=date.fromordinal(int(days[deepest])) if need else None,
        peak_need_after_opening_cash_usd=max(0.0, need - opening_cash_usd),
        gap_usd=gap,
        breakeven=turn,
        payback=payback(before_financing),
    )
