"""What the models answer with: an interval beside every figure, or a refusal that names what is missing."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Interval", "Refusal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no estimate: the missing input or the impossible setting, and what would fit.

    Attributes
    ----------
    reason : str
    most_per_s : float or None [1/s]   where more requests were asked for than are served: how many are
    """

    reason: str
    most_per_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The middle 80 % of what is expected, in the unit of the estimate."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Say whether a value lies within.

        Examples
        --------
        >>> Interval(low=1.0, high=2.0).holds(1.5)
        True
        """
        return self.low <= value <= self.high
