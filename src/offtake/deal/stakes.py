"""Stakes: what a dollar booked for a stake is worth on a later day.

A due that hands over a stake (account ``equity``, in money or in kind) carries ``facts["stake"]``:

    form, holder, growth_frac_per_y     what it is, who holds it, how it grows
    held_as, share_frac                 how the holder's books carry it, and which part of the issuer it is
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

from pydantic import model_validator

from offtake.dates import DAYS_PER_YEAR, add_months
from offtake.spec.fields import FracAboveZero, Model

if TYPE_CHECKING:
    from offtake.deal.flows import Due
    from offtake.spec.series import Series

__all__ = ["Held", "HeldAs", "path_of", "sampled", "stake", "worth"]

X = TypeVar("X")

HeldAs = Literal["fair_value", "equity_method", "cost"]
"""How a holder's books carry a stake."""


class Held(Model):
    """How a stake stands in the books of who holds it."""

    held_as: HeldAs = "fair_value"
    """How the holder's books carry the stake."""
    holder_share_frac: FracAboveZero | None = None
    """Part of the issuer that the stake is, for `held_as: equity_method`."""

    @model_validator(mode="after")
    def _share_known(self) -> Held:
        if (self.held_as == "equity_method") != (self.holder_share_frac is not None):
            raise ValueError("`held_as: equity_method` and `holder_share` belong together")
        return self


def stake(
    form: str,
    holder: str,
    growth_frac_per_y: float,
    *,
    held: Held,
    values: Mapping[date, float] | None = None,
    units: float | Sequence[float] = 1.0,
) -> dict[str, object]:
    """Write the facts of a stake."""
    facts: dict[str, object] = {
        "form": form,
        "holder": holder,
        "growth_frac_per_y": growth_frac_per_y,
        "held_as": held.held_as,
        "share_frac": held.holder_share_frac,
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


def path_of(due: Due[X], interval: int, end: date) -> dict[date, float]:
    """Return what a dollar booked in one interval of a due is worth from its day on, by month, and where its path turns [USD/USD]."""
    start = due.when[interval]
    days = {start, *_months(start, end), *((end,) if end > start else ())}
    known = due.facts.get("stake")
    values = known.get("values") if isinstance(known, Mapping) else None
    if isinstance(values, Mapping):
        days |= {day for day in values if start <= day <= end}
    return {day: worth(due, interval, day) for day in sorted(days)}


def sampled(path: Series, start: date, end: date) -> dict[date, float]:
    """Read a path at its points and at the first of each month, so that lines between the dates follow it.

    A step is read on the day before it too.
    """
    days = {start, end, *_months(start, end)}
    for point in path.days:
        days |= {d for d in (point - timedelta(days=1), point) if start <= d <= end}
    return {day: path.at(day) for day in sorted(days)}


def _months(start: date, end: date) -> list[date]:
    """First days of the months after `start` and before `end`."""
    count = (end.year - start.year) * 12 + end.month - start.month
    months = (add_months(date(start.year, start.month, 1), k) for k in range(1, count + 1))
    return [day for day in months if day < end]


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
