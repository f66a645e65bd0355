"""What a plan is worth on futures that it was not made for.

Half of what a plan promises in sample can be luck of the draw.  Two evaluators value its decisions on fresh paths, each with a confidence
interval:

* ``recourse``: what is decided here and now is held; all the rest is decided knowing the path.  An upper value: nobody knows the path.
* ``rolling``: at each stage the plan is made anew on the central path as one then expects it, the decisions up to the next stage are
  kept, and at the end the path is settled with all of them.  What a planner can do who re-plans at the stages.

Fresh paths come in antithetic pairs: values rise and fall with their innovations, so that the mean of a pair varies far less than two
paths would.  Each path is worked out alone, so that any executor gives the same bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from offtake.errors import InfeasibleError, OfftakeError
from offtake.lp.highs import Solver
from offtake.lp.solution import Basis
from offtake.outlook.intervals import interval, upper_limit
from offtake.outlook.measures import value as risk_value
from offtake.outlook.sampling import conditional, sample
from offtake.plan import scales
from offtake.plan.build import build
from offtake.plan.decided import Decided, decided, here_and_now, with_room
from offtake.plan.futures import with_futures
from offtake.plan.hedge import path_of
from offtake.plan.objective import score_of
from offtake.plan.question import ask
from offtake.plan.solve import solve
from offtake.plan.tree_solve import relaxation
from offtake.progress import Progress, ignore

if TYPE_CHECKING:
    from offtake.executors import Executor, Journal
    from offtake.outlook.futures import Futures
    from offtake.plan.build import Built
    from offtake.plan.hedge import Hedged
    from offtake.plan.problem import Float, Goal, Problem
    from offtake.plan.settings import Settings
    from offtake.plan.solve import Solved
    from offtake.spec.outlook import Outlook

Evaluator = Literal["recourse", "rolling"]

LABELS: dict[str, str] = {
    "recourse": "recourse: now-decisions held, the rest decided knowing the path (an upper value)",
    "rolling": "rolling: planned anew at each stage on the central path as then expected",
}

PATHS_A_PIECE = 4
"""Fresh paths in one piece of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """Values on fresh paths.

    Attributes
    ----------
    evaluator : str
    values_usd : float64[fresh path]        the objective's scalar, paths in antithetic pairs; a pair of which one path has no plan
                                            for the decisions is left out
    risk_adjusted_usd : float               as the risk measure counts them
    failed : int                            paths left out
    """

    evaluator: Evaluator
    values_usd: Float
    risk_adjusted_usd: float
    failed: int = 0

    @property
    def mean_usd(self) -> float:
        """Mean over the fresh paths [USD]."""
        return float(self.values_usd.mean())

    @property
    def ci95_usd(self) -> tuple[float, float]:
        """95 % confidence interval of the mean [USD], by Student's t over the means of the antithetic pairs, which are independent."""
        return interval(self.values_usd.reshape(-1, 2).mean(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the evaluation of any path needs to know: pickled once for each worker."""

    base: Problem
    goal: Goal
    outlook: Outlook
    now: Decided
    starts: tuple[int, ...]
    evaluator: Evaluator
    settings: Settings


def evaluator_of(hedged: Hedged) -> Evaluator:
    """Return the evaluator that the scenario asks for: rolling where there are stages after now, if it does not say."""
    return hedged.question.outlook.evaluate.evaluator or ("rolling" if len(hedged.tree.stages) > 1 else "recourse")


def evaluate(
    hedged: Hedged,
    settings: Settings,
    executor: Executor,
    *,
    paths: int | None = None,
    evaluator: Evaluator | None = None,
    journal: Journal | None = None,
    progress: Progress = ignore,
) -> Evaluated:
    """Value a plan's decisions on fresh paths.

    Parameters
    ----------
    paths : int, optional       how many; as the outlook says if absent
    evaluator : str, optional   as `evaluator_of` says if absent
    journal : optional          finished pieces are kept there, and read again

    Raises
    ------
    OfftakeError    on no pair of fresh paths there is a plan
    """
    outlook, question = hedged.question.outlook, hedged.question
    count = paths or outlook.evaluate.paths
    fresh = sample(
        outlook.model_copy(update={"method": "antithetic"}),
        question.base.grid,
        paths=count + count % 2,
        seed=outlook.seed,
        stream="evaluate",
    )
    task = task_of(hedged, settings, evaluator or evaluator_of(hedged))
    pieces = [fresh.only(np.arange(k, min(k + PATHS_A_PIECE, len(fresh)))) for k in range(0, len(fresh), PATHS_A_PIECE)]
    found = executor.map(
        values_of,
        pieces,
        context=task,
        progress=progress,
        stage="fresh paths",
        journal=journal,
        interrupt=settings.interrupt,
    )
    pairs = np.concatenate(found).reshape(-1, 2)
    known = pairs[np.isfinite(pairs).all(axis=1)].ravel()
    if not len(known):
        raise OfftakeError(f"of {pairs.size} fresh paths only {len(known)} have a plan for what is decided now")
    chance = np.full(len(known), 1.0 / len(known))
    return Evaluated(
        evaluator=task.evaluator,
        values_usd=known,
        risk_adjusted_usd=risk_value(hedged.risk, known, chance),
        failed=pairs.size - len(known),
    )


def task_of(hedged: Hedged, settings: Settings, evaluator: Evaluator) -> Task:
    """Collect what workers need; an interrupt event stays with the parent."""
    solved = hedged.tree_solved.solved
    return Task(
        base=hedged.question.base,
        goal=path_of(hedged.tree_solved, 0).goal,
        outlook=hedged.question.outlook,
        now=here_and_now(hedged.problem, decided(solved.built, solved.x)),
        starts=hedged.tree.starts,
        evaluator=evaluator,
        settings=replace(settings, relax=True, interrupt=None),
    )


def values_of(task: Task, piece: Futures) -> Float:
    """Value the decisions on some fresh paths : float64[path] [USD]; NaN where they leave no plan."""
    bases: Bases = {}
    return np.array([_value(task, piece.only(np.array([k])), bases) for k in range(len(piece))])


Bases = dict[int, Basis]
"""The last basis of each stage: like paths have like plans, so that the next one starts near its end."""

AT_THE_END = -1


def _value(task: Task, path: Futures, bases: Bases) -> float:
    try:
        held = task.now if task.evaluator == "recourse" else _replanned(task, path, bases)
        solved = _solve(task, path, held, bases=bases)
    except InfeasibleError:
        return math.nan
    # A floor on the other party steers a path by its price; what is reported is the objective alone.
    plain = replace(solved.built.problem, goal=task.base.goal)
    score = score_of(plain, solved.built.values, solved.built.penalties)
    return float(score.value(solved.x)[0]) * scales.USD


def _replanned(task: Task, path: Futures, bases: Bases) -> Decided:
    """Plan anew at each stage on what one then expects, and keep the decisions up to the next one."""
    held, grid = task.now, task.base.grid
    period = np.arange(len(grid))
    for k, start in enumerate(task.starts[1:], start=1):
        expected = conditional(task.outlook, grid, path, start)
        seen = replace(expected, effect=np.where(period < start, path.effect, expected.effect))
        upto = period < (task.starts[k + 1] if k + 1 < len(task.starts) else len(grid))
        held = _planned(task, seen, held, bases=bases, stage=k).until(
            phases=upto | held.phases_held, orders=upto | held.orders_held, rights=upto | held.rights_held
        )
    return held


def _planned(task: Task, path: Futures, held: Decided, *, bases: Bases, stage: int) -> Decided:
    """Decide anew on one path what is not held yet, by the linear relaxation."""
    built = _built(task, path, held)
    arrays = held.fix(built, relaxation(built))
    solver = Solver(arrays, threads=task.settings.threads, seed=task.settings.seed)
    basis = bases.get(stage)
    warm = basis is not None and (basis.columns, basis.rows) == (arrays.columns, arrays.rows)
    if warm and basis is not None:
        solver.set_basis(basis)
    found = solver.solve(method="dual simplex" if warm else "auto")
    if not found.status.solved:
        raise InfeasibleError("the decisions kept so far leave no plan", ())
    if found.basis is not None:
        bases[stage] = found.basis
    return decided(built, found.x)


def _solve(task: Task, path: Futures, held: Decided, *, bases: Bases) -> Solved:
    """Solve a path with all that is decided held, its clauses exact."""
    built, basis = _built(task, path, held), bases.get(AT_THE_END)
    solved = solve(built, task.settings, held=held, stage="fresh path", tie_break=False, basis=basis)
    if solved.first.basis is not None:
        bases[AT_THE_END] = solved.first.basis
    return solved


def _built(task: Task, path: Futures, held: Decided) -> Built:
    problem = with_futures(task.base, path)
    return build(with_room(replace(problem, goal=task.goal), held))


@dataclass(frozen=True, slots=True, kw_only=True)
class GapEstimate:
    """How far the plan's here-and-now decisions may be from the best ones, over the futures that there are.

    Attributes
    ----------
    gaps_usd : float64[replication]    of each further sample: its own best plan less this plan's decisions on it
    """

    gaps_usd: Float

    @property
    def mean_usd(self) -> float:
        """Estimate of the gap [USD]; biased upward, so that it errs on the safe side."""
        return float(self.gaps_usd.mean())

    @property
    def limit95_usd(self) -> float:
        """One-sided 95 % confidence limit of the gap [USD]."""
        return upper_limit(self.gaps_usd)


def estimate_gap(
    hedged: Hedged,
    settings: Settings,
    executor: Executor,
    *,
    replications: int,
    journal: Journal | None = None,
    progress: Progress = ignore,
) -> GapEstimate:
    """Estimate the optimality gap by replications: plan for further samples of futures, and hold this plan's decisions on each.

    Each sample's own best plan is too hopeful on it, so that the mean difference bounds the gap from above in expectation (Mak, Morton
    and Wood, Operations Research Letters 24 (1999), 47-56; common random numbers).  Both are linear relaxations, risk-adjusted.

    Raises
    ------
    ValueError    fewer than two replications
    """
    if replications < 2:
        raise ValueError(f"{replications} replications give no interval; at least 2")
    task = task_of(hedged, settings, "recourse")
    found = executor.map(
        replicated,
        list(range(replications)),
        context=task,
        progress=progress,
        stage="replications",
        journal=journal,
        interrupt=settings.interrupt,
    )
    return GapEstimate(gaps_usd=np.array(found))


def replicated(task: Task, number: int) -> float:
    """Plan for another sample; return what its best plan is worth above this plan's decisions on it [USD]."""
    question = ask(task.base, task.outlook, stream=f"replication {number}")
    problem = replace(question.problem(), goal=task.goal)
    problem = with_room(problem, task.now)
    built = build(problem)
    free = relaxation(built)
    solver = Solver(free, threads=task.settings.threads, seed=task.settings.seed)
    best = solver.solve()
    held = task.now.fix(built, free)
    solver.set_col_bounds(np.arange(held.columns), lower=held.col_lower, upper=held.col_upper)
    ours = solver.solve(method="dual simplex")
    if not (best.status.solved and ours.status.solved):
        return math.nan
    return (best.objective - ours.objective) * scales.USD
