"""Predictions of history that was held back, and how often it fell inside the intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.outlook.fit.laws import Estimate, share

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Coverage", "Held", "coverage", "worst"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One value that the fit did not see, with the 80 % interval that it gave.

    Attributes
    ----------
    group : str          what kind: "power-price", "demand"
    member : str         zone, company
    at : str             when
    ahead_y : float [y]  how far after the last value that the fit saw
    low, middle, high, seen : float    in the quantity's own unit
    """

    group: str
    member: str
    at: str
    ahead_y: float
    low: float
    middle: float
    high: float
    seen: float

    @property
    def inside(self) -> bool:
        """Whether the value fell inside its interval."""
        return self.low <= self.seen <= self.high

    @property
    def side(self) -> int:
        """−1 below the interval, 1 above it, 0 inside."""
        return (self.seen > self.high) - (self.seen < self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many predictions held.

    Attributes
    ----------
    inside : Estimate    share inside, with an interval as if all were independent: neighbours in time and place are not
    below, above : int
    count, members : int
    """

    inside: Estimate
    below: int
    above: int
    count: int
    members: int


def coverage(held: Sequence[Held]) -> Coverage:
    """Count what fell inside.

    Examples
    --------
    >>> ones = [Held(group="g", member="m", at="", ahead_y=1.0, low=0.0, middle=1.0, high=2.0, seen=x) for x in (1.0, 3.0)]
    >>> coverage(ones).inside.value, coverage(ones).above
    (0.5, 1)
    """
    inside = sum(one.inside for one in held)
    found = share(inside, len(held))
    return Coverage(
        inside=Estimate(inside / len(held), found.low, found.high), below=sum(one.side < 0 for one in held),
        above=sum(one.side > 0 for one in held), count=len(held), members=len({one.member for one in held}),
    )  # fmt: skip


def worst(held: Sequence[Held], *, count: int = 5) -> tuple[tuple[str, float], ...]:
    """Return the members with the smallest share inside, worst first."""
    by: dict[str, list[bool]] = {}
    for one in held:
        by.setdefault(one.member, []).append(one.inside)
    shares = sorted(((sum(v) / len(v), name) for name, v in by.items()))
    return tuple((name, value) for value, name in shares[:count])
