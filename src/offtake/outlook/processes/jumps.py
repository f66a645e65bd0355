"""Jumps: from time to time the level changes for good (compound Poisson).

In a period of D years N jumps come, N of the Poisson law with mean D / every; each multiplies the level by a lognormal factor with the
stated median and spread.  Compensated, the level is divided by exp(t (E[J] - 1) / every), so that its mean is 1 at all times: the
scenario's own series is then the mean, not the median.  The effect is the mean of the levels at the start and at the end of the
period, for a jump may come at any time in it.

References
----------
Merton, "Option pricing when underlying stock returns are discontinuous", Journal of Financial Economics 3 (1976) 125-144.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from offtake.outlook.processes.parts import MOST_LOG, Spread, edges_y, poisson, shock, uniform
from offtake.spec.fields import Flag, PlainAboveZero, Unit
from offtake.spec.outlook import Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.dates import Grid
    from offtake.spec.outlook import Innovation

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

__all__ = ["Jumps"]

Wait = Annotated[float, Unit("y", at_least=1e-3, at_most=1000.0)]


class Jumps(Process):
    """Lasting changes of level at random times."""

    kind: ClassVar[str] = "jumps"

    every_y: Wait
    """Mean time between two jumps."""
    size: PlainAboveZero
    """Median factor of a jump: 1.3 is a rise by 30 %."""
    size_spread_frac: Spread = 0.0
    """Standard deviation of its logarithm."""
    compensated: Flag = True
    """Whether the level falls (or rises) between jumps so that its mean stays 1."""

    def innovations(self, grid: Grid) -> Sequence[Innovation]:
        """Of each period the number of jumps, then the sizes."""
        counts = [shock(t) for t in range(len(grid))]
        return (*counts, *(shock(t, 2) for t in range(len(grid)))) if self.size_spread_frac else counts

    def counts(self, z: Float, grid: Grid) -> Int:
        """Return the number of jumps : int64[path, period]."""
        means = np.diff(edges_y(grid)) / self.every_y
        u = uniform(z[:, : len(grid)])
        return np.stack([poisson(float(mean), u[:, t]) for t, mean in enumerate(means)], axis=1)

    def effect(self, z: Float, grid: Grid) -> Float:
        """Return the mean of the factor over each period : float64[path, period]."""
        counts = self.counts(z, grid)
        logs = counts * math.log(self.size)
        if self.size_spread_frac:
            logs = logs + np.sqrt(counts) * self.size_spread_frac * z[:, len(grid) :]
        after = np.cumsum(logs, axis=1)
        before = np.concatenate([np.zeros((len(z), 1)), after[:, :-1]], axis=1)
        falls = (self.size * math.exp(self.size_spread_frac**2 / 2.0) - 1.0) / self.every_y if self.compensated else 0.0
        edges = edges_y(grid)
        return (_level(before - falls * edges[:-1]) + _level(after - falls * edges[1:])) / 2.0


def _level(logs: Float) -> Float:
    level: Float = np.exp(np.clip(logs, -MOST_LOG, MOST_LOG))
    return level
