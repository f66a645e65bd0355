"""The type of every argument of a term: a number, or an array that broadcasts with the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Real", "larger", "smaller", "where"]

Array = npt.NDArray[np.float64]
Real = float | npt.NDArray[Any]
"""A float, or an array of float64."""


def where(condition: Any, this: Real, that: Real) -> Any:  # noqa: ANN401  (a truth value or an array of them; an array where any is)
    """Return `np.where`, quickly where the condition is one truth value.

    Examples
    --------
    >>> where(2.0 > 1.0, 3.0, 4.0), where(np.array([True, False]), 3.0, 4.0).tolist()
    (3.0, [3.0, 4.0])
    """
    if condition is True:
        return this
    return that if condition is False else np.where(condition, this, that)


def larger(this: Real, that: Real) -> Any:  # noqa: ANN401  (an array where one of both is)
    """Return `np.maximum`, quickly for two numbers.

    Examples
    --------
    >>> larger(2.0, 1.0), larger(np.array([0.0, 3.0]), 1.0).tolist()
    (2.0, [1.0, 3.0])
    """
    if isinstance(this, float) and isinstance(that, float):
        return max(this, that)
    return np.maximum(this, that)


def smaller(this: Real, that: Real) -> Any:  # noqa: ANN401  (an array where one of both is)
    """Return `np.minimum`, quickly for two numbers.

    Examples
    --------
    >>> smaller(2.0, 1.0), smaller(np.array([0.0, 3.0]), 1.0).tolist()
    (1.0, [0.0, 1.0])
    """
    if isinstance(this, float) and isinstance(that, float):
        return min(this, that)
    return np.minimum(this, that)
