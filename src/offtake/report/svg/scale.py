"""From values to places: linear scales with round ticks, and bands for categories."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Band", "Linear", "extent", "tick_label", "ticks"]


@dataclass(frozen=True, slots=True)
class Linear:
    """Map [low, high] of values onto [start, end] of places.

    Examples
    --------
    >>> Linear(0.0, 10.0, 100.0, 200.0)(2.5)
    125.0
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Give the place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Band:
    """Give each of `count` categories an equal band between two places.

    Examples
    --------
    >>> Band(4, 0.0, 100.0, padding=0.5).left(1), Band(4, 0.0, 100.0, padding=0.5).width
    (31.25, 12.5)
    """

    count: int
    start: float
    end: float
    padding: float = 0.3

    @property
    def step(self) -> float:
        """Give the distance from one category to the next."""
        return (self.end - self.start) / max(self.count, 1)

    @property
    def width(self) -> float:
        """Give the width of a mark."""
        return self.step * (1 - self.padding)

    def left(self, index: int) -> float:
        """Give the left edge of a mark."""
        return self.start + self.step * (index + self.padding / 2)

    def centre(self, index: int) -> float:
        """Give the middle of a band."""
        return self.start + self.step * (index + 0.5)


def extent(values: Iterable[float], *, zero: bool = True) -> tuple[float, float]:
    """Give the range of the finite values, with zero in it, never empty.

    Examples
    --------
    >>> extent([3.0, float("nan"), 5.0]), extent([])
    ((0.0, 5.0), (0.0, 1.0))
    """
    finite = [v for v in values if math.isfinite(v)]
    if zero or not finite:
        finite.append(0.0)
    low, high = min(finite), max(finite)
    return (low, high) if high > low else (low, low + 1.0)


def ticks(low: float, high: float, count: int = 6) -> tuple[float, ...]:
    """Choose about `count` round values that cover [low, high]: steps of 1, 2, 2.5 or 5 times a power of ten.

    Examples
    --------
    >>> ticks(0.0, 4.3), ticks(-12.0, 55.0)
    ((0.0, 1.0, 2.0, 3.0, 4.0, 5.0), (-20.0, 0.0, 20.0, 40.0, 60.0))
    """
    raw = (high - low) / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1.0, 2.0, 2.5, 5.0, 10.0) if s * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(i * step, 12) + 0.0 for i in range(first, last + 1))


def tick_label(value: float, all_ticks: Sequence[float]) -> str:
    """Write a tick with the decimals that its axis needs.

    Examples
    --------
    >>> [tick_label(t, (0.0, 2.5, 5.0)) for t in (0.0, 2.5, -5.0)]
    ['0', '2.5', '−5.0']
    """
    step = min((b - a for a, b in itertools.pairwise(all_ticks)), default=1.0)
    decimals = next((d for d in range(7) if abs(round(step, d) - step) < 1e-9 * abs(step)), 6)
    words = f"{abs(value):,.{decimals}f}" if value else "0"
    return f"\N{MINUS SIGN}{words}" if value < 0 else words
