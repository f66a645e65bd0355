"""Training runs and research.

A run gathers useful flop from the hours given to it, on one group of joined pools, no faster than its minimum duration allows, and
is complete at the end of the first period by which its flop are reached:

    flop * done[t] <= progress by the end of t,     done is 0/1 and never falls.

Research takes a wanted amount of useful flop in each period; what is missing is priced in the objective only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offtake.plan import scales

if TYPE_CHECKING:
    from offtake.lp.affine import Affine
    from offtake.lp.model import Model
    from offtake.plan.capacity import Work
    from offtake.plan.problem import Float, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Expressions of runs and research.

    Attributes
    ----------
    done : [path, period, run]         complete at the end of the period (0 or 1)
    open_after : [path, period, run]   complete before the period begins
    progress : [path, period, run]     useful flop done in the period [1e24 flop]
    group : [path, run, group]         the group of joined pools that trains the run
    missed : [path, run]               1 when the run is not complete by its latest date
    research : [path, period] ; research_short : [path, period]   [1e24 flop]
    """

    done: Affine
    open_after: Affine
    progress: Affine
    group: Affine
    missed: Affine
    research: Affine
    research_short: Affine


def add_training(model: Model, problem: Problem, work: Work) -> Training:
    """Add progress, completion and the choice of group of each run, and research."""
    runs, grid, paths = problem.runs, problem.grid, problem.paths
    flop = work.hours * flop_rates(problem)
    axes = (("path", paths), ("period", grid.labels), ("run", runs.ids))
    progress = flop.apply(_of_run(problem), 2)
    size = runs.flop / scales.FLOP
    model.rows(
        "training_rate",
        progress,
        upper=runs.rate_cap_flop / scales.FLOP,
        axes=axes,
        unit="Yflop",
        describe="a run works only in its window and no faster than its minimum duration allows",
    )
    reachable = np.cumsum(runs.rate_cap_flop, axis=0) >= runs.flop * (1 - 1e-9)
    shape = (len(paths), *reachable.shape)
    done = model.columns(
        "done",
        axes=axes,
        upper=1.0,
        integer=True,
        unit="yes",
        describe="the run is complete at the end of the period",
        mask=np.broadcast_to(reachable, shape),
    )
    model.rows(
        "completion",
        done * size - progress.cumsum(1),
        upper=0.0,
        axes=axes,
        unit="Yflop",
        describe="a run is complete when its flop are reached",
        mask=np.broadcast_to(reachable, shape),
    )
    model.rows(
        "completion_stays",
        done[:, :-1] - done[:, 1:],
        upper=0.0,
        axes=(("path", paths), ("period", grid.labels[1:]), ("run", runs.ids)),
        unit="yes",
        describe="a complete run stays complete",
        mask=np.broadcast_to(reachable[:-1], (len(paths), len(grid) - 1, len(runs.ids))),
    )
    _follow(model, problem, progress, done)
    group = _choose_group(model, problem, flop)
    latest = np.arange(len(runs.ids)), runs.latest_period
    missed = 1.0 - done[:, latest[1], latest[0]]
    opened = done.apply(np.eye(len(grid), k=-1), 1)
    research, short = _add_research(model, problem, flop)
    return Training(
        done=done,
        open_after=opened,
        progress=progress,
        group=group,
        missed=missed,
        research=research,
        research_short=short,
    )


def _follow(model: Model, problem: Problem, progress: Affine, done: Affine) -> None:
    """Begin a run only in a period after the run that it needs is complete."""
    runs = problem.runs
    later = np.flatnonzero(runs.after >= 0)
    if not len(later):
        return
    before = done.apply(np.eye(len(problem.grid), k=-1), 1)[:, :, runs.after[later]]
    model.rows(
        "training_order",
        progress[:, :, later] - before * (runs.rate_cap_flop[:, later] / scales.FLOP),
        upper=0.0,
        axes=(("path", problem.paths), ("period", problem.grid.labels), ("run", tuple(runs.ids[r] for r in later))),
        unit="Yflop",
        describe="a run begins after the run that it needs is complete",
    )
    model.rows(
        "completion_order",
        done[:, :, later] - before,
        upper=0.0,
        axes=(("path", problem.paths), ("period", problem.grid.labels), ("run", tuple(runs.ids[r] for r in later))),
        unit="yes",
        describe="a run is complete only after the run that it needs",
    )


def flop_rates(problem: Problem) -> Float:
    """Return the useful flop, in 1e24, of a million chip-hours of each assignment : float64[assignment]."""
    work, chips = problem.work, problem.chips
    useful = chips.flop_per_s * chips.goodput_frac * 3600.0 * scales.CHIP_H / scales.FLOP
    kinds = np.array([work.uses[u].kind in {"train", "research"} for u in work.use], dtype=float)
    rates: Float = useful[..., work.pool_chip[work.pool]] * kinds
    return rates


def _of_run(problem: Problem, group: str | None = None) -> Float:
    """0/1 matrix [run, assignment]."""
    work = problem.work
    return np.array(
        [
            [
                work.uses[u].run == run and (group is None or work.pool_group[p] == group)
                for p, u in zip(work.pool, work.use, strict=True)
            ]
            for run in problem.runs.ids
        ],
        dtype=float,
    ).reshape(len(problem.runs.ids), len(work.pool))


def training_groups(problem: Problem) -> tuple[str, ...]:
    """List the groups of joined pools that may train, sorted."""
    work = problem.work
    able = {work.pool_group[p] for p, u in zip(work.pool, work.use, strict=True) if work.uses[u].kind == "train"}
    return tuple(sorted(able))


def _choose_group(model: Model, problem: Problem, flop: Affine) -> Affine:
    runs, groups = problem.runs, training_groups(problem)
    can = (
        np.stack([_of_run(problem, g) for g in groups], axis=1)
        if groups
        else np.zeros((len(runs.ids), 0, len(problem.work.pool)))
    )
    able = np.broadcast_to(can.any(axis=2), (len(problem.paths), len(runs.ids), len(groups)))
    axes = (("path", problem.paths), ("run", runs.ids), ("group", groups))
    group = model.columns(
        "train_at",
        axes=axes,
        upper=1.0,
        integer=True,
        unit="yes",
        describe="the run is trained on this group of joined sites",
        mask=able,
    )
    model.rows(
        "one_group",
        group.sum(axis=2),
        upper=1.0,
        axes=axes[:2],
        unit="yes",
        describe="a run is trained on one group of joined sites",
    )
    by_group = flop.sum(axis=1).apply(can.reshape(can.shape[0] * can.shape[1], can.shape[2]), 1).reshape(able.shape)
    model.rows(
        "at_group",
        by_group - group * (runs.flop / scales.FLOP)[:, None],
        upper=0.0,
        axes=axes,
        unit="Yflop",
        describe="flop of a run come only from the group that trains it",
        mask=able,
    )
    return group


def _add_research(model: Model, problem: Problem, flop: Affine) -> tuple[Affine, Affine]:
    work = problem.work
    axes = (("path", problem.paths), ("period", problem.grid.labels))
    wanted = problem.research_flop / scales.FLOP
    short = model.columns(
        "research_short",
        axes=axes,
        upper=wanted,
        unit="Yflop",
        describe="research compute wanted and not given",
        mask=wanted > 0,
    )
    done = (flop * work.by_kind("research").astype(float)).sum(axis=2)
    model.rows(
        "research",
        done + short,
        lower=wanted,
        upper=wanted,
        axes=axes,
        unit="Yflop",
        describe="research compute given and missing make up what is wanted",
    )
    return done, short
