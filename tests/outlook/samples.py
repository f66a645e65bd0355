"""Small sets of futures shared by the tests of reduction and tree."""

from __future__ import annotations

import numpy as np

from offtake.outlook.futures import Futures


def futures(points, *, probability=None, months=False, periods=1) -> Futures:
    """Make paths of one feature each: a factor whose logarithm is the point, or months."""
    points = np.asarray(points, dtype=float)
    points = points.reshape(len(points), -1)
    effect = points if months else np.exp(points)
    return Futures(
        quantities=tuple(f"q{k}" for k in range(points.shape[1])),
        targets=tuple((f"demand.d{k}.volume",) for k in range(points.shape[1])),
        measures=("months" if months else "factor",) * points.shape[1],
        effect=np.repeat(effect[:, :, None], periods, axis=2),
        probability=np.full(len(points), 1 / len(points))
        if probability is None
        else np.asarray(probability, dtype=float),
        innovations=points,
        known=np.ones(points.shape[1], dtype=np.int64),
    )


def random_futures(paths: int, quantities: int, periods: int, seed: int = 0) -> Futures:
    """Draw random walks of logarithms, their probabilities uneven."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(paths, quantities, periods))
    chance = rng.random(paths) + 0.1
    return Futures(
        quantities=tuple(f"q{k}" for k in range(quantities)),
        targets=tuple((f"demand.d{k}.volume",) for k in range(quantities)),
        measures=("factor",) * quantities,
        effect=np.exp(0.1 * steps.cumsum(axis=2)),
        probability=chance / chance.sum(),
        innovations=steps.reshape(paths, -1),
        known=np.tile(np.arange(1, periods + 1), quantities),
    )
