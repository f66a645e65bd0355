"""Energising: phases begun at a site become facility megawatts after their lead time.

    energised[t] <= opening + phase * mean over t of S(tau - lead - delay),   energised[t] <= interconnected[t]

with S the cumulative starts.  Starts are whole in the first eight quarters; each period's are capped by
the ramp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan.ties import own, shared, tied_to_now

if TYPE_CHECKING:
    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.plan.problem import Float, Problem


ROUNDING = 1e-9
"""A phase that fits but for rounding fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Energising:
    """Expressions over [path, period, site]; `opened` over [path, site] (0 or 1)."""

    starts: Affine
    energised_mw: Affine
    standing_mw: Affine
    built_mw: Affine
    opened: Affine


def add_sites(model: Model, problem: Problem) -> Energising:
    """Add the phases of every site and the limits on them."""
    sites, periods = problem.sites, problem.grid.labels
    axes = (("path", problem.paths), ("period", periods), ("site", sites.ids))
    rep = problem.ties.phases
    counted = (np.arange(len(periods)) < problem.integer_periods) & tied_to_now(rep)
    shape = (len(problem.paths), len(periods), len(sites.ids))
    most = np.broadcast_to(np.minimum(sites.starts_cap, _most_phases(problem)), shape)
    starts = model.columns(
        "phases",
        axes=axes,
        upper=most,
        integer=np.broadcast_to(counted[None, :, None], shape),
        unit="phase",
        describe="phases begun at a site in a period",
        mask=(most > 0) & own(rep)[:, :, None],
    )
    starts = shared(starts, rep)
    begun = starts.cumsum(1)
    energised, standing = _energise(model, problem, begun)
    opened = _open(model, problem, begun)
    built = begun.apply(sites.spend_weights, 1, over=(0, 2)) * (sites.phase_mw / sites.peak_ratio)
    return Energising(starts=starts, energised_mw=energised, standing_mw=standing, built_mw=built, opened=opened)


def _energise(model: Model, problem: Problem, begun: Affine) -> tuple[Affine, Affine]:
    """Add energised power, and return it with what stands: energised are phases that stand, as far as the grid lets them draw.

    A phase may stand before the connection is ready and wait for it.  Were it energised at once, the price of the connection in the
    quarter before would be that of shifting whole phases, not of a megawatt.  What stands costs its running whether it draws or not, so
    nothing is won by energising less; a row that forbids it would move every price of the connection into the last period.
    """
    sites, periods = problem.sites, problem.grid.labels
    axes = (("path", problem.paths), ("period", periods), ("site", sites.ids))
    could = sites.energised_weights.sum(axis=3).transpose(0, 2, 1) > 0
    more = model.columns(
        "energised",
        axes=axes,
        unit="MW",
        describe="power energised beyond the opening position, mean of the period",
        mask=could,
    )
    standing = begun.apply(sites.energised_weights, 1, over=(0, 2)) * sites.phase_mw
    model.rows(
        "standing",
        more - standing,
        upper=0.0,
        axes=axes,
        unit="MW",
        describe="only phases that stand are energised",
        mask=could,
    )
    model.rows(
        "interconnection",
        more + sites.energised_mw,
        upper=sites.interconnected_mw,
        axes=axes,
        unit="MW",
        describe="energised power is at most what may be drawn from the grid",
        mask=could,
    )
    return more + sites.energised_mw, standing + sites.energised_mw


def _open(model: Model, problem: Problem, begun: Affine) -> Affine:
    """Say yes or no to using a site beyond its opening position, and begin no more phases than it has."""
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
        mask=asked & own(problem.ties.sites)[:, None],
    )
    opened = shared(opened, problem.ties.sites)
    most = _most_phases(problem)
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


def _most_phases(problem: Problem) -> Float:
    """Phases that a site may begin : float64[site].

    Where only the grid allows no more, this is one phase beyond it: the last one may stand and wait in part, and the price belongs to the
    interconnection alone.
    """
    sites = problem.sites
    connected = np.maximum(sites.interconnected_mw.max(axis=(0, 1), initial=0.0), sites.planned_mw)
    room = (connected - sites.energised_mw) / sites.phase_mw
    stated = sites.max_phases < np.floor(room + ROUNDING)
    most: Float = np.where(stated | (sites.max_phases == 0), sites.max_phases, sites.max_phases + 1)
    return most
