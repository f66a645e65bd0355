"""From months to the process: the half-life and spread whose quarterly means have the variance that the fitted months imply.

The fit knows monthly means, x[k+1] = ρ x[k] + σ ε. A plan's process is continuous, with long-run spread S and half-life H,
and integrates it over its own periods. H is the half-life of the months; S is set at the scale of the plan, not of the hour:

    S² · 2 (q + exp(−q) − 1) / q² = Var[mean of three months],      q = ln 2 · quarter / H.

Hours and days vary far more, and so would S from hourly prices; none of that is left in a quarter's mean.
"""

from __future__ import annotations

import math

from offtake.outlook.fit.reversion import half_life, mean_variance

__all__ = ["half_life_y", "long_run_spread"]

LONGEST_Y = 10.0
"""Stands for no return at all: a plan cannot tell."""

_SHORTEST_Y = 1.0 / 120.0


def half_life_y(rho: float) -> float:
    """Return the half-life [y] of months of which `rho` is left from one to the next.

    Examples
    --------
    >>> half_life_y(0.5) == 1 / 12, half_life_y(1.0)
    (True, 10.0)
    """
    return min(max(half_life(rho) / 12.0, _SHORTEST_Y), LONGEST_Y)


def long_run_spread(rho: float, sigma: float) -> float:
    """Return the long-run spread of the process whose quarterly means vary as those of the months do.

    Examples
    --------
    >>> round(long_run_spread(0.9, 0.2), 3)
    0.462
    """
    q = math.log(2.0) * 0.25 / half_life_y(rho)
    own = 2.0 * (q + math.expm1(-q)) / q**2
    return math.sqrt(mean_variance(rho, sigma, 3) / own)
