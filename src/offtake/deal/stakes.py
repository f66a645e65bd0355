"""Stakes: what a dollar booked for a stake is worth on a later day.

A due that hands over a stake (account ``equity``, in money or in kind) carries ``facts["stake"]``:

    form, holder, growth_frac_per_y, held_as     what it is, who holds it, how it grows, how the holder's books carry it
    values    {date: USD per unit}, linear between the dates and level beyond them; the plan never prices a share
    units     units of the stake per dollar booked: one number, or one for each interval of the due (1 where absent)

With `values`, a dollar booked in interval k is worth ``units[k] x value(day)``; without, ``units[k] x (1 + growth)^years``.
So `values` alone is in USD per invested dollar.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar

from offtake.dates import DAYS_PER_YEAR, add_months

if TYPE_CHECKING:
    from offtake.deal.flows import Due
    from offtake.spec.series import Series

__all__ = ["HeldAs", "sampled", "stake", "worth"]

X = TypeVar("X")

HeldAs = Literal["fair_value", "equity_method", "cost"]
"""How a holder's books carry a stake."""


def stake(
    form: str,
    holder: str,
    growth_frac_per_y: float,
    *,
    held_as: HeldAs = "fair_value",
    values: Mapping[date, float] | None = None,
    units: float | Sequence[float] = 1.0,
) -> dict[str, object]:
    """Write the facts of a stake."""
    facts: dict[str, object] = {
        "form": form,
        "holder": holder,
        "growth_frac_per_y": growth_frac_per_y,
        "held_as": held_as,
        "units": units if isinstance(units, float | int) else tuple(units),
    }
    return facts if values is None else facts | {"values": dict(values)}


def worth(due: Due[X], interval: int, day: date, *, growth_frac_per_y: float = 0.0) -> float:
    """Say what a dollar booked in one interval of a due is worth on a day [USD/USD].

    Parameters
    ----------
    growth_frac_per_y : float
        Growth of a stake whose facts state neither values nor growth.

    Examples
    --------
    >>> from types import SimpleNamespace as Due
    >>> bought, later = date(2027, 1, 1), date(2028, 1, 1)
    >>> round(worth(Due(facts={"stake": {"growth_frac_per_y": 0.1}}, when=(bought,)), 0, later), 6)
    1.1
    >>> worth(Due(facts={"stake": {"values": {bought: 40.0, later: 60.0}, "units": 0.025}}, when=(bought,)), 0, later)
    1.5
    """
    known = due.facts.get("stake")
    facts = known if isinstance(known, Mapping) else {}
    units = facts.get("units", 1.0)
    count = float(units[interval]) if isinstance(units, Sequence) else float(units)
    values = facts.get("values")
    if isinstance(values, Mapping):
        return count * _at(values, day)
    growth = facts.get("growth_frac_per_y")
    rate = growth_frac_per_y if growth is None else float(growth)
    return float(count * (1.0 + rate) ** ((day - due.when[interval]).days / DAYS_PER_YEAR))


def sampled(path: Series, start: date, end: date) -> dict[date, float]:
    """Read a path at its points and at the first of each month, so that lines between the dates follow it.

    A step is read on the day before it too.
    """
    days = {start, end}
    month = date(start.year, start.month, 1)
    while month < end:
        days.add(max(month, start))
        month = add_months(month, 1)
    for point in path.days:
        days |= {d for d in (point - timedelta(days=1), point) if start <= d <= end}
    return {day: path.at(day) for day in sorted(days)}


def _at(values: Mapping[date, float], day: date) -> float:
    """Value on a line between two dates."""
    days = sorted(values)
    k = bisect_right(days, day) - 1
    if k < 0:
        return float(values[days[0]])
    if k == len(days) - 1:
        return float(values[days[-1]])
    before, after = days[k], days[k + 1]
    part = (day - before).days / (after - before).days
    return float(values[before]) + part * (float(values[after]) - float(values[before]))
