"""Sampled futures: what each uncertain quantity does to its targets, on every path and in every period.

Axes ``[path, quantity, period]``. An effect is a factor on the scenario's own value, or months by which something comes later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

__all__ = ["Futures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Futures:
    """Paths with their probabilities.

    Parameters
    ----------
    quantities : tuple of str              ids of `outlook.uncertain`, in the order of the file
    targets : tuple of tuple of str        of each quantity, patterns of what it moves: ``demand.*.volume``
    measures : tuple of str                of each quantity, "factor" (multiplies the scenario's value) or "months" (that much later)
    effect : float64[path, quantity, period]      months are constant over periods
    probability : float64[path]            sums to 1
    innovations : float64[path, dimension] standard normal, 0 is the median
    known : int64[dimension]               first period at whose start the innovation is known; 0: never unknown
    """

    quantities: tuple[str, ...]
    targets: tuple[tuple[str, ...], ...]
    measures: tuple[str, ...]
    effect: Float
    probability: Float
    innovations: Float
    known: Int

    def __len__(self) -> int:
        """Count the paths."""
        return len(self.probability)

    def only(self, paths: Int) -> Futures:
        """Keep some paths, in the order given; their probabilities are scaled to sum to one."""
        chance = self.probability[paths]
        return replace(
            self,
            effect=self.effect[paths],
            probability=chance / chance.sum(),
            innovations=self.innovations[paths],
        )
