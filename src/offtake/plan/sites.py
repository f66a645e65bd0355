"""Energising: phases begun at a site become facility megawatts after their lead time.

    energised[t] = opening + phase * mean over t of S(tau - lead - delay),   energised[t] <= interconnected[t]

with S the cumulative starts.  Starts are whole in the first eight quarters; each period's are capped by the ramp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan import scales

if TYPE_CHECKING:
    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.plan.problem import Problem


ROUNDING = 1e-9
"""A phase that fits but for rounding fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Energising:
    """Expressions over [path, period, site]; `opened` over [path, site] (0 or 1)."""

    starts: Affine
    energised_mw: Affine
    built_mw: Affine
    opened: Affine


def add_sites(model: Model, problem: Problem) -> Energising:
    """Add the phases of every site and the limits on them."""
    sites, periods = problem.sites, problem.grid.labels
    axes = (("path", problem.paths), ("period", periods), ("site", sites.ids))
    counted = np.arange(len(periods)) < problem.integer_periods
    off = np.where(counted, scales.OFF, 1.0)[:, None]
    most = np.minimum(sites.starts_cap, sites.max_phases * off)[None]
    starts = model.columns(
        "phases",
        axes=axes,
        upper=np.broadcast_to(most, (len(problem.paths), *most.shape[1:])),
        integer=np.broadcast_to(counted[None, :, None], (len(problem.paths), *most.shape[1:])),
        unit="phase",
        describe="phases begun at a site in a period",
        mask=np.broadcast_to(most > 0, (len(problem.paths), *most.shape[1:])),
    )
    begun = starts.cumsum(1)
    energised = begun.apply(sites.energised_weights, 1, over=(0, 2)) * sites.phase_mw + sites.energised_mw
    model.rows(
        "interconnection",
        energised,
        upper=sites.interconnected_mw,
        axes=axes,
        unit="MW",
        describe="energised power is at most what may be drawn from the grid",
        mask=sites.energised_weights.sum(axis=3).transpose(0, 2, 1) > 0,
    )
    opened = _open(model, problem, begun)
    built = begun.apply(sites.spend_weights, 1, over=(0, 2)) * (sites.phase_mw / sites.peak_ratio)
    return Energising(starts=starts, energised_mw=energised, built_mw=built, opened=opened)


def _open(model: Model, problem: Problem, begun: Affine) -> Affine:
    """Say yes or no to using a site beyond its opening position, and begin no more phases than it has.

    Where the grid is what allows no more, the count stands a little off: the price belongs to the interconnection.
    """
    sites = problem.sites
    asked = sites.needs_opening | (sites.open_cost_usd > 0)
    axes = (("path", problem.paths), ("site", sites.ids))
    shape = (len(problem.paths), len(sites.ids))
    opened = model.columns(
        "open_site",
        axes=axes,
        upper=1.0,
        integer=True,
        unit="yes",
        describe="the site is used beyond its opening position",
        mask=np.broadcast_to(asked, shape),
    )
    room = (sites.interconnected_mw.max(axis=(0, 1), initial=0.0) - sites.energised_mw) / sites.phase_mw
    most = sites.max_phases * np.where(sites.max_phases < np.floor(room + ROUNDING), 1.0, scales.OFF)
    model.rows(
        "site_opened",
        begun[:, -1, :] - opened * most,
        upper=np.where(asked, 0.0, most),
        axes=axes,
        unit="phase",
        describe="phases are begun only at a site that is opened, and no more than it has",
        mask=np.broadcast_to(sites.max_phases > 0, shape),
    )
    return opened
