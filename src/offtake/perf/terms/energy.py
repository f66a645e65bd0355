"""Power and energy of a chip at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offtake.perf.terms.real import Array, Real

__all__ = ["busy_share", "mean_w", "step_energy_j"]


def busy_share(compute_s: Real, memory_s: Real, step_s: Real, *, memory_weight: Real = 0.6) -> Array:
    """Return how much of the running power above idle is drawn, as a mean over a step (0 to 1).

    Time in matrix products at the package's limit counts whole, time bound by memory bandwidth counts `memory_weight` (decode draws
    about 60-70 % of the limit of H100 in public power studies), waiting for messages nothing.

    Examples
    --------
    >>> busy_share(0.5, 0.25, 1.0).item()
    0.65
    """
    return np.asarray(
        np.minimum(np.maximum((compute_s + memory_weight * memory_s) / np.maximum(step_s, 1e-12), 0.0), 1.0)
    )


def mean_w(it_w: Real, idle_frac: Real, share: Real) -> Array:
    """Return idle + (running - idle) × share: all-in IT power of one chip [W/chip].

    Examples
    --------
    >>> round(float(mean_w(1000.0, 0.2, 0.5)), 6)
    600.0
    """
    return np.asarray(it_w * (idle_frac + (1.0 - idle_frac) * np.asarray(share)))


def step_energy_j(watts: Real, chips: Real, step_s: Real) -> Array:
    """Return the IT energy of one step over all chips [J].

    Examples
    --------
    >>> step_energy_j(1000.0, 8.0, 2.0).item()
    16000.0
    """
    return np.asarray(watts * np.asarray(chips) * step_s)
