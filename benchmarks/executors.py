"""Work off the same small linear programs by every executor: times as ratios to serial, starts, and the cost of handing over."""

from __future__ import annotations

import importlib
import importlib.util
import operator
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.executors import Executor, cores, executor_of
from offtake.executors.plain import write_plain
from offtake.lp.highs import Solver
from offtake.lp.model import Model

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays

ITEMS = 400
ROUNDS = 3
PERIODS, SITES, CHIPS = 12, 5, 4


def program() -> LpArrays:
    """Return one path's recourse as a stand-in: what runs where, within power, chips and demand."""
    rng = np.random.default_rng(0)
    model = Model()
    period, site, chip = ("period", range(PERIODS)), ("site", range(SITES)), ("chip", range(CHIPS))
    used = model.columns("used", axes=(period, site, chip))
    model.rows("power", used.sum(2), axes=(period, site), upper=rng.uniform(20, 90, (PERIODS, SITES)))
    model.rows("stock", used.sum(1), axes=(period, chip), upper=rng.uniform(20, 120, (PERIODS, CHIPS)))
    model.rows(
        "demand", used.sum((1, 2)), axes=(period,), upper=rng.uniform(50, 150, PERIODS) * np.linspace(1, 3, PERIODS)
    )
    model.set_objective((used * rng.uniform(1, 3, (PERIODS, SITES, CHIPS))).sum())
    return model.build()


def solve(context: LpArrays, item: int) -> tuple[float, Any]:
    """Change prices and limits by a stream of this item's own, and solve cold."""
    rng = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(item,)))
    solver = Solver(context)
    solver.set_costs(context.cost * rng.normal(1.0, 0.1, context.columns))
    numbers = np.arange(context.rows)
    solver.set_row_bounds(numbers, upper=context.row_upper * rng.uniform(0.8, 1.2, context.rows))
    solution = solver.solve()
    return solution.objective, solution.x


def timed(
    executor: Executor, work: Callable[[Any, Any], Any], items: Sequence[int], context: object
) -> tuple[float, Any]:
    """Return the wall-clock time of one job [s], and its results."""
    start = time.perf_counter()
    found = executor.map(work, items, context=context)
    return time.perf_counter() - start, found


def main() -> None:
    """Print, for each executor: its start, a job against the same job done serially, and the cost of an item without work."""
    work = importlib.import_module("benchmarks.executors").solve  # not of `__main__`: workers import it by its name
    context = program()
    names = ["serial", "processes:1", *(["processes"] if cores() > 1 else [])]
    names += ["ray"] if importlib.util.find_spec("ray") else []
    print(f"{cores()} cores; {ITEMS} programs of {context.columns} columns and {context.rows} rows")
    reference, alone = "", 0.0
    for name in names:
        with executor_of(name) as executor:
            first, _ = timed(executor, work, range(max(2, executor.workers)), context)
            runs = [timed(executor, work, range(ITEMS), context) for _ in range(ROUNDS)]
            taken = statistics.median(seconds for seconds, _ in runs)
            empty = statistics.median(timed(executor, operator.mul, range(1000), 2)[0] for _ in range(ROUNDS))
            workers = executor.workers
        bytes_ = write_plain(runs[0][1])
        reference, alone = reference or bytes_, alone or taken
        print(
            f"{name}: {taken:.2f} s, {taken / alone:.2f} of serial (1/{workers} = {1 / workers:.2f} at best); "
            f"first {max(2, workers)} items {first:.2f} s; {1000 * empty / 1000:.2f} ms an item without work; "
            f"{'the same bytes' if bytes_ == reference else 'OTHER BYTES'}"
        )


if __name__ == "__main__":
    main()
