"""Judge plans of the core reference problem on fresh paths: the pieces of work that uncertainty.py hands to worker processes.

A piece is a few paths, built, taken apart and solved by one worker, so that only their numbers and values travel.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import uncertainty_core as core
from benchmarks.uncertainty_core import QUARTERS, Draws, FirstStage, Grid, draw
from offtake.lp.affine import Affine
from offtake.lp.model import Model
from offtake.lp.reduced import solved
from offtake.lp.split import Split, evaluate, paths_of, split

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays

FRESH = 10_000  # the number of the first fresh path: no plan has seen it
STAGES_Q = (8, 20)  # quarters at which `rolled` plans again


def fresh(grid: Grid, paths: range, held: FirstStage | None = None) -> tuple[Model, Draws]:
    """Return a program of fresh paths without risk, whose parts are worth each path's value."""
    drawn = draw(grid, len(paths), first=FRESH + paths.start)
    return core.core(grid, drawn, parts=((1.0, 0.0),), held=held), drawn


def decided(m: Model, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the first stage of a plan by the names of its blocks."""
    blocks = [b for b in m.column_blocks if "path" not in [axis.name for axis in b.axes]]
    return {b.name: m.column_block(b.name).take(x) for b in blocks}


def numbered(plan: dict[str, np.ndarray], m: Model) -> np.ndarray:
    """Return a first stage as a program numbers it."""
    blocks = [b for b in m.column_blocks if "path" not in [axis.name for axis in b.axes]]
    return np.concatenate([plan[b.name].ravel()[b.positions] for b in blocks])


def amounts(plan: dict[str, np.ndarray]) -> FirstStage:
    """Return what a first stage comes to, as numbers: a program built on them has the columns and entries of its paths alone."""
    m = Model()
    now = core.first_stage(m, QUARTERS)
    x = numbered(plan, m)
    return FirstStage(**{name: Affine.constant(getattr(now, name).value(x)) for name in FirstStage.__slots__})


def judge(asked: tuple[str, dict[str, np.ndarray]], paths: range) -> tuple[np.ndarray, float]:
    """Return what a plan is worth on some fresh paths, `held` or `rolled`, and the seconds of processor time that took."""
    how, plan = asked
    before = time.process_time()
    values = {"held": held, "rolled": rolled}[how](plan, paths)
    return values, time.process_time() - before


def held(plan: dict[str, np.ndarray], paths: range) -> np.ndarray:
    """Return what a first stage is worth on some fresh paths, each known from now on; USD bn [path]."""
    m, _ = fresh(QUARTERS, paths, amounts(plan))
    parts = split(m.build(), *paths_of(m))
    own = np.array([found.objective for found in evaluate(parts, np.zeros(0), workers=1)]) * len(parts.parts)
    return own + parts.arrays.offset


def known(grid: Grid, drawn: Draws, stage_q: int) -> Draws:
    """Return what is expected at a quarter: the past as it was, the latest factors from then on, delays once they have shown."""
    last = int(np.searchsorted(grid.end_q, stage_q, side="right")) - 1
    seen = {}
    for name in ("demand", "price", "power", "chip"):
        was = getattr(drawn, name)
        still = np.ones_like(was[:, :1]) if last < 0 else was[:, last : last + 1]
        seen[name] = np.where((np.arange(grid.periods) <= last).reshape(-1, *[1] * (was.ndim - 2)), was, still)
    shown = (stage_q >= core.LAUNCH_Q + 4) & (stage_q > 0)
    chip = np.where(shown, drawn.chip_delay_q, 2)
    site = drawn.grid_delay_q if stage_q >= 8 else np.full_like(drawn.grid_delay_q, 3)
    return Draws(**seen, chip_delay_q=chip, grid_delay_q=site)


def rolled(plan: dict[str, np.ndarray], paths: range) -> np.ndarray:
    """Return what a first stage is worth on some fresh paths if it is planned again at each stage; USD bn [path]."""
    m, drawn = fresh(QUARTERS, paths)
    true, period = split(m.build(), *paths_of(m)), _period_of(m)
    plans = np.tile(numbered(plan, m), (len(paths), 1))
    for stage in STAGES_Q:
        seen = core.core(QUARTERS, known(QUARTERS, drawn, stage), parts=((1.0, 0.0),))
        parts = split(seen.build(), *paths_of(seen))
        free = period >= np.searchsorted(QUARTERS.start_q, stage)
        chance = 1.0 / len(paths)
        plans = np.stack([_replan(parts.alone(k, chance), plans[k], free) for k in range(len(paths))])
    return np.array([_settled(true, k, x) for k, x in enumerate(plans)])


def _period_of(m: Model) -> np.ndarray:
    """Return the period of each first-stage column, in their order."""
    out = []
    for block in m.column_blocks:
        names = [axis.name for axis in block.axes]
        if "path" not in names:
            place = np.unravel_index(block.positions, block.shape)
            out.append(place[names.index("period")])
    return np.concatenate(out)


def _replan(arrays: LpArrays, before: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Plan again with the past held; return the first stage.  Quickest from nothing: from the plan before it takes twice as long."""
    past = np.flatnonzero(~free)
    low, high = arrays.col_lower.copy(), arrays.col_upper.copy()
    low[past] = high[past] = before[past]
    return solved(replace(arrays, col_lower=low, col_upper=high), method="dual simplex").x[: len(free)]


def _settled(true: Split, path: int, x: np.ndarray) -> float:
    """Return what a path is worth with its own first stage."""
    one = Split(columns=true.columns, rows=true.rows, arrays=true.arrays, parts=(true.parts[path],))
    own = evaluate(one, x, workers=1)[0].objective * len(true.parts)
    return own + float(true.arrays.cost @ x) + true.arrays.offset
