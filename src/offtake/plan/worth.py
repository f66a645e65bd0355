"""What information and hedging are worth: perfect information, the stochastic solution, and waiting.

All in the risk-adjusted objective, higher is better, on the same paths, as linear relaxations, so that the order

    wait and see >= the tree's plan >= the plan made for the mean path

holds by construction: deciding with perfect information can only help, holding the mean's decisions can only hurt.  The value of waiting
until a stage is what is lost if that stage's decisions are taken with the information of the stage before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from offtake.executors import side_by_side
from offtake.lp.build import RowArrays, compress
from offtake.lp.highs import Solver
from offtake.outlook.measures import value as risk_value
from offtake.outlook.sampling import mean_path
from offtake.plan import scales
from offtake.plan.build import build
from offtake.plan.decided import decided, here_and_now
from offtake.plan.futures import one_path, with_futures
from offtake.plan.problem import Ties
from offtake.plan.question import ties_of
from offtake.plan.ties import period_of
from offtake.plan.tree_solve import relaxation
from offtake.plan.withheld import promised_chip, promising

if TYPE_CHECKING:
    from offtake.lp.solution import Solution
    from offtake.plan.build import Built
    from offtake.plan.problem import Int
    from offtake.plan.question import Question
    from offtake.plan.settings import Settings
    from offtake.plan.tree_solve import SolvedTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Values of information, all relaxed and risk-adjusted [USD]; None where a plan could not be found.

    Attributes
    ----------
    tree_usd : float                      of the tree's plan (RP)
    wait_and_see_usd : float or None      every path decided knowing it (WS)
    mean_plan_usd : float or None         the mean path's here-and-now decisions held, the rest decided on the tree (EEV)
    without_waiting_usd : stage -> float or None
    """

    tree_usd: float
    wait_and_see_usd: float | None
    mean_plan_usd: float | None
    without_waiting_usd: Mapping[str, float | None]

    @property
    def evpi_usd(self) -> float | None:
        """Expected value of perfect information: what knowing the path beforehand would add."""
        return None if self.wait_and_see_usd is None else self.wait_and_see_usd - self.tree_usd

    @property
    def vss_usd(self) -> float | None:
        """Value of the stochastic solution: what planning for the futures adds to planning for their mean."""
        return None if self.mean_plan_usd is None else self.tree_usd - self.mean_plan_usd

    @property
    def waiting_usd(self) -> Mapping[str, float | None]:
        """Value of waiting until each later stage."""
        return {s: None if v is None else self.tree_usd - v for s, v in self.without_waiting_usd.items()}


def worth(question: Question, tree: SolvedTree, settings: Settings) -> Worth:
    """Solve what the values of information need: each path alone, the mean's plan, and the tree without each stage."""
    stages = question.tree.stages[1:]
    jobs: list[Callable[[], float | None]] = [
        lambda: _wait_and_see(question, tree, settings),
        lambda: _mean_plan(question, tree, settings),
    ]
    jobs += [lambda stage=stage: _merged(question, tree, stage=stage, settings=settings) for stage in stages]  # type: ignore[misc]
    sees, mean, *waits = side_by_side(lambda job: job(), jobs)
    return Worth(
        tree_usd=tree.relaxed.objective * scales.USD,
        wait_and_see_usd=sees,
        mean_plan_usd=mean,
        without_waiting_usd=dict(zip(stages, waits, strict=True)),
    )


def _wait_and_see(question: Question, tree: SolvedTree, settings: Settings) -> float | None:
    """Value if every path is known before anything is decided [USD].

    With no tie and no floor on a mean, paths share nothing: each is solved alone.  The measure grows with every path's value, so that the
    best of each path is the best of all.
    """
    problem = tree.solved.built.problem
    if problem.goal.floors_usd:
        alone = Ties.alone(len(problem.paths), len(problem.grid))
        return _value(_solved(build(replace(problem, ties=alone)), settings))
    found = [_solved(build(one_path(problem, p)), settings) for p in range(len(problem.paths))]
    if any(f is None for f in found):
        return None
    values = np.array([f.objective for f in found if f is not None]) * scales.USD
    return risk_value(question.risk, values, problem.probability)


def _mean_plan(question: Question, tree: SolvedTree, settings: Settings) -> float | None:
    """Value of the here-and-now decisions that are best on the mean path, the rest decided on the tree [USD]."""
    problem = tree.solved.built.problem
    expected = replace(with_futures(question.base, mean_path(question.futures)), goal=problem.goal)
    mean = build(promising(expected, promised_chip(problem.chips).max(axis=0)))
    plan = _solved(mean, settings)
    if plan is None:
        return None
    solver = _at_the_tree(tree, settings)
    held = here_and_now(problem, decided(mean, plan.x)).fix(tree.solved.built, solver.arrays)
    every = np.arange(held.columns)
    solver.set_col_bounds(every, lower=held.col_lower, upper=held.col_upper)
    return _value(solver.solve(method="dual simplex", interrupt=settings.interrupt))


def _merged(question: Question, tree: SolvedTree, *, stage: str, settings: Settings) -> float | None:
    """Value of the tree in which a stage knows no more than the stage before: the decisions of its nodes are made equal [USD]."""
    built = tree.solved.built
    coarse = ties_of(question.tree.merged(stage), question.outlook.decide, len(question.base.grid))
    solver = _at_the_tree(tree, settings)
    pairs = [_pairs(built, name, getattr(coarse, name)) for name in ("phases", "orders")]
    pairs += [
        _pairs(built, f"{name}.right", coarse.rights[:, period_of(on, built.problem.grid)])
        for name, on in built.written.rights_on.items()
    ]
    one, other = (np.concatenate([p[k] for p in pairs]) for k in (0, 1))
    rows = np.arange(len(one))
    start, index, value = compress(
        np.concatenate([one, other]), np.concatenate([rows, rows]), np.repeat([1.0, -1.0], len(one)), len(one)
    )
    zero = np.zeros(len(one))
    solver.add_rows(RowArrays(lower=zero, upper=zero, start=start, index=index, value=value))
    return _value(solver.solve(method="dual simplex", interrupt=settings.interrupt))


def _pairs(built: Built, name: str, coarse: Int) -> tuple[Int, Int]:
    """Columns of a block that a coarser tie makes equal : int64[pair] twice."""
    index = built.model.column_block(name).index
    paths, periods = np.nonzero(coarse != np.arange(len(coarse))[:, None])
    here, there = index[paths, periods], index[coarse[paths, periods], periods]
    both = (here >= 0) & (there >= 0)
    return here[both], there[both]


def _at_the_tree(tree: SolvedTree, settings: Settings) -> Solver:
    """Return a solver that stands at the optimum of the tree's relaxation, so that a change costs few steps."""
    solver = Solver(relaxation(tree.solved.built), threads=settings.threads, seed=settings.seed)
    if tree.relaxed.basis is not None:
        solver.set_basis(tree.relaxed.basis)
        solver.solve(method="dual simplex")
    return solver


def _solved(built: Built, settings: Settings) -> Solution | None:
    solver = Solver(relaxation(built), threads=settings.threads, seed=settings.seed)
    found = solver.solve(interrupt=settings.interrupt)
    return found if found.status.solved else None


def _value(found: Solution | None) -> float | None:
    return found.objective * scales.USD if found is not None and found.status.solved else None
