"""Power prices held back: fit the first years of each zone, predict the quarterly means that follow, count what falls inside.

The prediction is what the fitted law gives and nothing else: the body starts from its last month and reverts, spikes come as they came.
The uncertainty of the fitted terms themselves is not added, because the plan does not add it either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.outlook.fit.held import Held
from offtake.outlook.fit.power import MOST_HALF_LIFE, fit_zone
from offtake.outlook.fit.reversion import LEVEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from offtake.outlook.fit.power import Months, ZoneFit

    Float = NDArray[np.float64]

__all__ = ["held_back", "quarterly_law", "simulated_quarters"]

_SAMPLES = 4000
_SEED = 20230101


def held_back(
    zones: Iterable[Months], *, fitted: tuple[int, int], held: tuple[int, int], longest: float = MOST_HALF_LIFE
) -> tuple[Held, ...]:
    """Predict every whole quarter of the years held back from a fit to the years before.

    Parameters
    ----------
    zones : iterable of Months
    fitted, held : (int, int)    first and last year of each
    """
    found = []
    for months in zones:
        before, after = months.between(*fitted), months.between(*held)
        if len(before.month) < 24 or len(after.month) < 3 or after.month[0] != before.month[-1] + 1:
            continue
        fit = fit_zone(before, longest=longest)
        low, middle, high = quarterly_law(fit, len(after.month) // 3)
        quarters, prices = after.quarters()
        for k, (quarter, price) in enumerate(zip(quarters, prices, strict=True)):
            found.append(
                Held(
                    group="power-price", member=months.zone, at=f"{1970 + quarter // 4}-Q{quarter % 4 + 1}", ahead_y=(k + 0.5) / 4.0,
                    low=float(low[k]), middle=float(middle[k]), high=float(high[k]), seen=float(price),
                )
            )  # fmt: skip
    return tuple(found)


def quarterly_law(fit: ZoneFit, quarters: int) -> tuple[Float, Float, Float]:
    """Return the 10, 50 and 90 % quantiles of the mean price of each coming quarter [USD/MWh] : float64[quarter]."""
    tail = (1.0 - LEVEL) / 2.0
    low, middle, high = np.quantile(simulated_quarters(fit, quarters), [tail, 0.5, 1.0 - tail], axis=0)
    return low, middle, high


def simulated_quarters(fit: ZoneFit, quarters: int, *, samples: int = _SAMPLES) -> Float:
    """Draw the mean prices of the coming quarters : float64[sample, quarter] [USD/MWh]; a fixed seed."""
    rng = np.random.default_rng(_SEED)
    body = fit.body
    x = np.full(samples, body.last - body.mean)
    prices = np.empty((samples, 3 * quarters))
    for month in range(3 * quarters):
        x = body.rho * x + body.sigma * rng.standard_normal(samples)
        prices[:, month] = np.exp(body.mean + x)
    months = prices.shape
    if fit.size is not None and fit.spikes_per_y is not None:
        prices *= 1.0 + (rng.random(months) < fit.spikes_per_y.value / 12.0) * fit.size.value * rng.exponential(
            size=months
        )
    if fit.storms_per_y is not None:
        prices *= 1.0 + (rng.random(months) < fit.storms_per_y.value / 12.0) * fit.storm * rng.exponential(size=months)
    return np.asarray(prices.reshape(samples, quarters, 3).mean(axis=2))
