"""Whether correlations can hold together, and which of them could be changed so that they do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float = NDArray[np.float64]

__all__ = ["allowed", "definite", "worst_pair"]

_LEAST = 1e-10
"""An eigenvalue below this is no variance but rounding."""


def definite(matrix: Float) -> bool:
    """Tell whether a correlation matrix is positive definite.

    Examples
    --------
    >>> definite(np.array([[1.0, 0.9], [0.9, 1.0]])), definite(np.array([[1.0, 1.0], [1.0, 1.0]]))
    (True, False)
    """
    return not matrix.size or bool(np.linalg.eigvalsh(matrix)[0] > _LEAST)


def allowed(matrix: Float, a: int, b: int) -> tuple[float, float] | None:
    """Return between which values one correlation may lie, the others as they are; None where there are no such values.

    Given all others the partial covariance of a and b is ``x - k``, with partial variances s and t: positive definite where
    ``|x - k| < sqrt(s t)``.

    Examples
    --------
    >>> three = np.array([[1.0, 0.8, -0.8], [0.8, 1.0, 0.8], [-0.8, 0.8, 1.0]])
    >>> low, high = allowed(three, 0, 2)
    >>> round(low, 6), round(high, 6)
    (0.28, 1.0)
    """
    pair = [a, b]
    others = [k for k in range(len(matrix)) if k not in pair]
    rest = matrix[np.ix_(others, others)]
    if not definite(rest):
        return None
    across = matrix[np.ix_(others, pair)]
    explained = across.T @ np.linalg.solve(rest, across) if others else np.zeros((2, 2))
    variances = 1.0 - np.diag(explained)
    if variances.min() <= _LEAST:
        return None
    middle, reach = float(explained[0, 1]), math.sqrt(float(variances.prod()))
    return middle - reach, middle + reach


def worst_pair(matrix: Float, pairs: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the pair that lowers the least eigenvalue most."""
    vector = np.linalg.eigh(matrix)[1][:, 0]
    return min(pairs, key=lambda pair: float(vector[pair[0]] * vector[pair[1]] * matrix[pair]))
