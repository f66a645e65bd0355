"""Shortages in domain words: what the plan would use if a kind of limit were not there, beside what the limit gives.

For the grid and for the makers of chips the limit is lifted, one kind at a time, and the problem solved again as a linear program at the
plan's yes/no choices; what it then draws beyond the limit is the shortage: "needs 61 MW at indiana in 2027-Q3; interconnection gives 50".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan.build import build
from offtake.plan.findings import Finding
from offtake.plan.fixed import solve_at
from offtake.plan.result import decisions_of
from offtake.tables import significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.plan.problem import Float, Problem
    from offtake.plan.settings import Settings
    from offtake.plan.solve import Solved

LIFTED = 10.0
"""Factor by which a limit is lifted: far beyond what any plan would use."""

WORTH_TELLING = 0.01
"""Relative excess below which a shortage is rounding."""

MOST = 6
"""Shortages told of one kind, the largest first."""


def shortages(solved: Solved, settings: Settings) -> list[Finding]:
    """List what the grid and the makers of chips withhold, the largest first; empty where nothing binds."""
    return [*_of_grid(solved, settings), *_of_chips(solved, settings)]


def _of_grid(solved: Solved, settings: Settings) -> list[Finding]:
    problem = solved.built.problem
    sites = problem.sites
    lifted = replace(sites, interconnected_mw=sites.interconnected_mw * LIFTED, max_phases=sites.max_phases * LIFTED)
    accepted = _solve(solved, replace(problem, sites=lifted), settings, "accepted_chip")
    if accepted is None:
        return []
    mw = problem.chips.it_w_per_chip[problem.fleets.chip] * sites.peak_ratio[problem.fleets.site] / 1e6
    at_site = (problem.fleets.site[:, None] == np.arange(len(sites.ids))[None, :]) * mw[:, None]
    words = "needs {0} MW at {1} in {2}; interconnection gives {3}"
    return _told(problem, accepted @ at_site, sites.interconnected_mw[0], sites.ids, words)


def _of_chips(solved: Solved, settings: Settings) -> list[Finding]:
    problem = solved.built.problem
    chips = problem.chips
    delivered = _solve(
        solved,
        replace(problem, chips=replace(chips, supply_chip=chips.supply_chip * LIFTED)),
        settings,
        "delivered_chip",
    )
    if delivered is None:
        return []
    of_chip = (problem.fleets.chip[:, None] == np.arange(len(chips.ids))[None, :]).astype(float)
    made = np.where(chips.supply_chip[0] > 0, chips.supply_chip[0], np.inf)
    return _told(problem, delivered @ of_chip, made, chips.ids, "needs {0} {1} chips in {2}; supply gives {3}")


def _solve(solved: Solved, problem: Problem, settings: Settings, what: str) -> Float | None:
    """Solve the lifted problem and read one decision of its first path : float64[period, item]."""
    found = solve_at(build(problem), solved, settings, basis=solved.priced.basis)
    if found is None:
        return None
    value: Float = getattr(decisions_of(found.solved.built, found.solved.x), what)[0]
    return value


def _told(problem: Problem, used: Float, given: Float, labels: Sequence[str], words: str) -> list[Finding]:
    """Tell for each item the period in which most is missing."""
    missing = np.where(np.isfinite(given), used - given, 0.0)
    found = []
    for i, label in enumerate(labels):
        t = int(missing[:, i].argmax())
        if missing[t, i] > WORTH_TELLING * max(given[t, i], 1.0):
            text = words.format(
                significant(float(used[t, i])), label, problem.grid.labels[t], significant(float(given[t, i]))
            )
            found.append((float(missing[t, i]), Finding(severity="note", code="F105", message=text, about=label)))
    found.sort(key=lambda row: -row[0])
    return [finding for _, finding in found[:MOST]]
