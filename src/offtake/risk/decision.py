"""The decision that a plan commits to first: how far an assumption moves it, and from which value on it is another one.

The decision is what cannot wait: whether the contract is signed, the facility power begun at each site, and the chips of each generation
ordered, in the first eight quarters.  Two decisions lie as far apart as the larger of

    sum over sites of |power begun|    and    sum over generations of |facility power of the chips ordered|      [MW]

Later quarters are left out: a plan is made again before they come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan import scales

if TYPE_CHECKING:
    from offtake.plan.problem import Float
    from offtake.plan.solve import Solved

__all__ = ["CHANGED", "STEPS", "Decision", "decision_of", "switching_value"]

CHANGED = 0.10
"""A decision is another one if it lies farther off than this part of what the base decides: a linear plan drifts with every number."""

LEAST_MW = 1.0
"""Nearer than this is the same decision, however small the base's is."""

STEPS = 5
"""Halvings of the way from the base to an end: a switching value is exact to 1/32 of that way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is decided in the first eight quarters.

    Parameters
    ----------
    signed : bool
    begun_mw : float64[site] [MW]        facility power of the phases begun
    ordered_mw : float64[chip] [MW]      facility power of the chips ordered, at the peak ratio of their sites

    Examples
    --------
    A plan that begins 50 MW elsewhere and orders 30 MW less:

    >>> one = Decision(signed=True, begun_mw=np.array([100.0, 0.0]), ordered_mw=np.array([80.0]))
    >>> other = Decision(signed=True, begun_mw=np.array([50.0, 50.0]), ordered_mw=np.array([50.0]))
    >>> one.apart_mw(other), one.changed_by_mw, one.is_other(other)
    (100.0, 10.0, True)
    """

    signed: bool
    begun_mw: Float
    ordered_mw: Float

    @property
    def size_mw(self) -> float:
        """The larger of all power begun and all power of the chips ordered [MW]."""
        return max(float(self.begun_mw.sum()), float(self.ordered_mw.sum()))

    @property
    def changed_by_mw(self) -> float:
        """Distance from which on another decision counts as another one [MW]."""
        return max(LEAST_MW, CHANGED * self.size_mw)

    def apart_mw(self, other: Decision) -> float:
        """Distance of two decisions [MW]."""
        begun = np.abs(self.begun_mw - other.begun_mw).sum()
        ordered = np.abs(self.ordered_mw - other.ordered_mw).sum()
        return max(float(begun), float(ordered))

    def is_other(self, other: Decision) -> bool:
        """Say whether another decision is farther off than the tolerance, or signs where this one does not."""
        return self.signed != other.signed or self.apart_mw(other) > self.changed_by_mw


def decision_of(solved: Solved) -> Decision:
    """Read the decision off a solved problem of one path."""
    problem, physics, x = solved.built.problem, solved.built.physics, solved.x
    sites, chips, fleets = problem.sites, problem.chips, problem.fleets
    first = max(1, problem.integer_periods)
    starts = physics.energising.starts.value(x)[0, :first].sum(axis=0)
    orders = physics.fleet.orders.value(x)[0, :first].sum(axis=0) * scales.CHIP
    mw = orders * chips.it_w_per_chip[fleets.chip] * sites.peak_ratio[fleets.site] / 1e6
    ordered = np.zeros(len(chips.ids))
    np.add.at(ordered, fleets.chip, mw)
    return Decision(
        signed=bool(physics.work.signed.value(x)[0] > 0.5), begun_mw=starts * sites.phase_mw, ordered_mw=ordered
    )


def switching_value(
    changed: Callable[[float], bool],
    *,
    base: float,
    ends: tuple[float, float],
    at_ends: tuple[bool, bool],
    steps: int = STEPS,
) -> float | None:
    """Return the value nearest to the base at which the decision is known to be another one; None if it is not at either end.

    Between the base and an end the way is halved `steps` times, so the decision changes at most ``2 ** -steps`` of it nearer to the base.
    A decision that changes and changes back before an end is not found.

    Parameters
    ----------
    changed : callable           whether the decision at a value is another one: one solve
    ends, at_ends : low, high    the ends of the assumption, and whether the decision is another one there

    Examples
    --------
    >>> switching_value(lambda v: v > 1.3 or v < 0.9, base=1.0, ends=(0.0, 2.0), at_ends=(True, True), steps=10)
    0.8994140625
    """
    nearest: float | None = None
    sides = [end for end, other in zip(ends, at_ends, strict=True) if other and end != base]
    for end in sorted(sides, key=lambda end: abs(end - base)):
        far = end
        if nearest is not None and abs(nearest - base) < abs(end - base):
            far = base + np.sign(end - base).item() * abs(nearest - base)
            if not changed(far):
                continue
        found = _halved(changed, base, far, steps)
        nearest = found if nearest is None or abs(found - base) < abs(nearest - base) else nearest
    return nearest


def _halved(changed: Callable[[float], bool], near: float, far: float, steps: int) -> float:
    """Move the nearest value known to change the decision halfway to the farthest that does not, again and again."""
    for _ in range(steps):
        middle = 0.5 * (near + far)
        if changed(middle):
            far = middle
        else:
            near = middle
    return far
