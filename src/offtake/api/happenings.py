"""What happens on a path, in words: the quantities that are farthest from the central path.

Distances are logarithms of factors; a year's delay counts as far as a factor of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.tables import significant

if TYPE_CHECKING:
    from offtake.outlook.futures import Futures
    from offtake.plan.problem import Float, Int

__all__ = ["Happenings", "happenings"]

NEAR = 0.02
"""What is nearer to central is not worth a word: a factor of 2 %, nine days."""

_YEAR = float(np.log(2.0)) / 12.0
"""Distance of a month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happenings:
    """How far each path is from central.

    Attributes
    ----------
    names : tuple of str              quantities in words
    measures : tuple of str           factor | months
    away : float64[path, quantity]    logarithm of the factor over the central one, both means over time; or months later than central
    probability : float64[path]
    """

    names: tuple[str, ...]
    measures: tuple[str, ...]
    away: Float
    probability: Float

    def of(self, paths: Int, *, most: int = 3) -> str:
        """Say what happens on some paths on average, farthest from central first.

        Examples
        --------
        >>> shown = Happenings(
        ...     names=("token price", "grid delay"),
        ...     measures=("factor", "months"),
        ...     away=np.array([[np.log(0.6), 9.0]]),
        ...     probability=np.array([1.0]),
        ... )
        >>> shown.of(np.array([0]))
        'grid delay 9 months later, token price 40 % lower'
        """
        weights = self.probability[paths] / self.probability[paths].sum()
        mean = weights @ self.away[paths]
        far = np.abs(mean) * np.where(np.array([m == "months" for m in self.measures]), _YEAR, 1.0)
        order = [q for q in np.argsort(-far, kind="stable").tolist() if far[q] >= NEAR][:most]
        return (
            ", ".join(f"{self.names[q]} {_far(float(mean[q]), self.measures[q])}" for q in order)
            or "near the central path"
        )


def _far(away: float, measure: str) -> str:
    if measure == "months":
        return f"{significant(abs(away), 2)} months {'later' if away > 0 else 'earlier'}"
    factor = float(np.exp(away))
    if factor >= 2.0:
        return f"{significant(factor, 2)} times as high"
    return f"{significant(100 * abs(factor - 1.0), 2)} % {'higher' if away > 0 else 'lower'}"


def happenings(futures: Futures, central: Futures, years: Float, *, upto: int | None = None) -> Happenings:
    """Measure how far each path is from the central one, over the horizon or until a stage.

    Parameters
    ----------
    futures : Futures           the plan's paths
    central : Futures           one path of the same quantities
    years : float64[period]     length of each period, by which factors are averaged over time
    upto : int                  number of the first period that has not been seen; all are seen if absent
    """
    seen = np.where(np.arange(len(years)) < (len(years) if upto is None else upto), years, 0.0)
    share = seen / seen.sum()
    logs = _logs(futures.effect @ share) - _logs(central.effect[:1] @ share)
    later = futures.effect[:, :, 0] - central.effect[:1, :, 0]
    away = np.where(np.array([m == "months" for m in futures.measures]), later, logs)
    return Happenings(
        names=tuple(in_words(q, m) for q, m in zip(futures.quantities, futures.measures, strict=True)),
        measures=futures.measures,
        away=away,
        probability=futures.probability,
    )


def in_words(quantity: str, measure: str) -> str:
    """Write the id of an uncertain quantity in words; a delay's says no "late" of its own, since its months do.

    Examples
    --------
    >>> in_words("token-price", "factor"), in_words("grid-late", "months"), in_words("delay", "months")
    ('token price', 'grid', 'delay')
    """
    words = quantity.replace("-", " ").replace("_", " ").split()
    if measure == "months" and len(words) > 1 and words[-1] in {"late", "delay", "delayed"}:
        words.pop()
    return " ".join(words)


def _logs(factors: Float) -> Float:
    found: Float = np.log(np.maximum(factors, 1e-12))
    return found
