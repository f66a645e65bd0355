"""Tax depreciation of the United States (MACRS, general system): rates by class and convention, and deductions by period.

Declining balance at 200 % (classes 3, 5, 7 and 10) or 150 % (15 and 20), straight line once that is no less, half a year in the first
year and in the last (IRC 168(b), (d)(4)(A); IRS Publication 946, table A-1, which rounds the same rates to 0.01 %).  Buildings are
straight line over 39 years from the middle of the month (168(c), (d)(4)(B); table A-7a).

Chips and servers are 5-year property (Rev. Proc. 87-56, asset class 00.12, information systems), sites 39-year buildings: no part of a
site is set apart as equipment of a shorter class, which puts tax later than a cost study would.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from functools import cache
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.errors import OfftakeError
from offtake.ledger.accounts import CAPITAL
from offtake.ledger.depreciation import cut_by_day
from offtake.ledger.journal import ACCOUNTS, NO_DAY

if TYPE_CHECKING:
    from offtake.ledger.journal import FlowColumns

__all__ = ["BUILDING_YEARS", "CHIP_CLASS", "building_rates", "deductions", "rates"]

Ints = NDArray[np.int64]
CHIP_CLASS = 5
"""Class of chips and servers [y]."""
BUILDING_YEARS = 39
"""Recovery period of buildings that are no dwellings [y]."""
_FACTOR: Mapping[int, Fraction] = MappingProxyType(
    {3: Fraction(2), 5: Fraction(2), 7: Fraction(2), 10: Fraction(2), 15: Fraction(3, 2), 20: Fraction(3, 2)}
)


def rates(class_years: int, *, first_year_frac: Fraction = Fraction(1, 2)) -> tuple[Fraction, ...]:
    """Give the share of cost deducted in each tax year.

    Parameters
    ----------
    class_years : int               3, 5, 7, 10, 15 or 20
    first_year_frac : Fraction      1/2 by the half-year convention; 7/8, 5/8, 3/8 or 1/8 by quarter in the mid-quarter one

    Raises
    ------
    OfftakeError                    there is no such class

    Examples
    --------
    >>> [float(100 * r) for r in rates(5)]
    [20.0, 32.0, 19.2, 11.52, 11.52, 5.76]
    """
    if class_years not in _FACTOR:
        raise OfftakeError(f"no class of {class_years} years; there are {', '.join(map(str, _FACTOR))}")
    factor, left, out = _FACTOR[class_years], Fraction(1), []
    for year in range(class_years + 1):
        part = first_year_frac if year == 0 else Fraction(1)
        ahead = class_years - (year - 1 + first_year_frac if year else Fraction(0))
        declining = left * factor / class_years * part
        straight = left * min(Fraction(1), part / ahead) if ahead > 0 else left
        taken = min(left, max(declining, straight))
        out.append(taken)
        left -= taken
    return tuple(out)


def building_rates(month: int, years: int = BUILDING_YEARS) -> tuple[Fraction, ...]:
    """Give the share of a building's cost deducted in each tax year, from the middle of the month in which it entered service.

    Examples
    --------
    In service in July: 5.5 of 12 months in the first year (table A-7a, rounded month by month, gives 1.177 %).

    >>> round(float(100 * building_rates(7)[0]), 3), len(building_rates(7)), sum(building_rates(7)) == 1
    (1.175, 40, True)
    """
    first = Fraction(2 * (12 - month) + 1, 24) / years
    middle = [Fraction(1, years)] * (years - 1)
    return (first, *middle, 1 - first - sum(middle))


def deductions(flows: FlowColumns, party: int, edges: Ints, *, bonus_frac: float = 0.0) -> Ints:
    """Deductions of what a party bought, by reporting period; those of a tax year are spread evenly over its days in the books.

    Parameters
    ----------
    party : int                     code
    edges : int64[period + 1]       ordinals of the reporting periods' edges
    bonus_frac : float [frac]       of the cost of chips, deducted in the first year (IRC 168(k))

    Returns
    -------
    int64[period] [cent]
    """
    by_year: dict[int, int] = {}
    bought = np.flatnonzero((flows.payer == party) & (flows.in_service < NO_DAY))
    for account, stem in CAPITAL.items():
        rows = bought[flows.account[bought] == ACCOUNTS.index(account)]
        starts = np.maximum(flows.in_service[rows], flows.day[rows]).astype(np.int64)
        days = (starts - date(1970, 1, 1).toordinal()).astype("datetime64[D]")
        month, where = np.unique(days.astype("datetime64[M]").astype(np.int64), return_inverse=True)
        cost = np.zeros(month.size, dtype=np.int64)
        np.add.at(cost, where, flows.cents[rows])
        for m, c in zip(month.tolist(), cost.tolist(), strict=True):
            _add(by_year, 1970 + m // 12, c, _reached(stem, m % 12 + 1, bonus_frac))
    return _by_period(by_year, edges)


@cache
def _reached(stem: str, month: int, bonus_frac: float) -> tuple[tuple[int, int], ...]:
    """Share of cost deducted by the end of each tax year, as numerator and denominator."""
    if stem == "chips":
        bonus = Fraction(str(bonus_frac))
        first, *rest = rates(CHIP_CLASS)
        schedule = [first * (1 - bonus) + bonus, *(r * (1 - bonus) for r in rest)]
    else:
        schedule = [*building_rates(month)]
    return tuple(f.as_integer_ratio() for f in accumulate(schedule))


def _add(by_year: dict[int, int], year: int, cost: int, reached: tuple[tuple[int, int], ...]) -> None:
    """Add one vintage, rounded along its running total so that its years add up to its cost."""
    taken = 0
    for k, (over, under) in enumerate(reached):
        upto = (2 * cost * over + under) // (2 * under)
        by_year[year + k] = by_year.get(year + k, 0) + upto - taken
        taken = upto


def _by_period(by_year: Mapping[int, int], edges: Ints) -> Ints:
    """Spread each tax year's deduction over its days in the books."""
    found = np.zeros(edges.size - 1, dtype=np.int64)
    for year, cents in by_year.items():
        start = max(date(year, 1, 1).toordinal(), int(edges[0]))
        end = date(year + 1, 1, 1).toordinal()
        if cents and start < end and start < edges[-1]:
            chunks = cut_by_day(np.array([cents]), np.array([start]), np.array([end]), edges)
            period = np.searchsorted(edges, chunks.last, side="right") - 1
            inside = period < found.size
            np.add.at(found, period[inside], chunks.cents[inside])
    return found
