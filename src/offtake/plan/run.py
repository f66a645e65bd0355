"""Plan resolved inputs: compile, build, solve, settle; with the contract and without."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from offtake.plan.build import build
from offtake.plan.compile import compile_problem, with_floors
from offtake.plan.fixed import solve_at
from offtake.plan.problem import PARTIES, Party
from offtake.plan.result import Plan, read
from offtake.plan.settings import Settings
from offtake.plan.solve import solve
from offtake.progress import Progress, ProgressEvent, ignore

if TYPE_CHECKING:
    from offtake.plan.inputs import Inputs
    from offtake.plan.problem import Problem

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One world with and without the alliance.

    Attributes
    ----------
    alliance, without : Plan
    method : str                how the alliance was solved: "MILP", "LP" or "LP at the base plan's yes/no choices"
    freed : tuple[str, ...]     choices of the base plan that this world made impossible and that were relaxed
    seconds : mapping           wall clock by step; belongs in timings only
    """

    alliance: Plan
    without: Plan
    method: str
    freed: tuple[str, ...] = ()
    seconds: Mapping[str, float]

    @property
    def value_against_no_alliance_usd(self) -> float:
        """Both parties' value above their value without the alliance [USD]."""
        return sum(self.alliance.npv_usd(p) - self.without.npv_usd(p) for p in PARTIES)

    def told(self) -> Outcome:
        """Let go of both models: no other world can be solved from this one any more."""
        return replace(self, alliance=self.alliance.told(), without=self.without.told())


def plan_inputs(
    inputs: Inputs, settings: Settings | None = None, *, progress: Progress = ignore, stage: str = "base case"
) -> Outcome:
    """Plan a world in full: the no-alliance problem first, whose values are the floors of a one-party objective."""
    settings = settings or Settings()
    seconds: dict[str, float] = {}
    without = _timed(seconds, "no alliance", lambda: plan_without(inputs, settings, progress=progress))
    problem = _timed(seconds, "compile", lambda: floored(compile_problem(inputs), without))
    built = _timed(seconds, "build", lambda: build(problem))
    progress(
        ProgressEvent(
            stage=stage, message=f"{built.model.column_blocks.count:,} columns, {built.model.row_blocks.count:,} rows"
        )
    )
    solved = _timed(seconds, "solve", lambda: solve(built, settings, progress=progress, stage=stage))
    alliance = _timed(seconds, "settle", lambda: read(solved))
    return Outcome(alliance=alliance, without=without, method="LP" if settings.relax else "MILP", seconds=seconds)


def plan_without(
    inputs: Inputs, settings: Settings, *, progress: Progress = ignore, stage: str = "no alliance"
) -> Plan:
    """Plan the same demand with outside supply only, the provider selling on or not building."""
    problem = compile_problem(inputs, alliance=False)
    return read(solve(build(problem), settings, progress=progress, stage=stage, tie_break=False))


def plan_at(inputs: Inputs, base: Outcome, settings: Settings) -> Outcome | None:
    """Plan another world as linear programs at the base plan's yes/no choices, counts free; None if it has no plan."""
    problem = compile_problem(inputs, alliance=False)
    without = solve_at(build(problem), base.without.solved, settings, basis=base.without.solved.priced.basis)
    if without is None:
        return None
    apart = read(without.solved)
    at = solve_at(
        build(floored(compile_problem(inputs), apart)),
        base.alliance.solved,
        settings,
        basis=base.alliance.solved.priced.basis,
    )
    if at is None:
        return None
    return Outcome(
        alliance=read(at.solved),
        without=apart,
        method="LP at the base plan's yes/no choices",
        freed=(*at.freed, *without.freed),
        seconds={},
    )


def floored(problem: Problem, without: Plan) -> Problem:
    """Hold the party that a one-party objective does not favour at its no-alliance value plus the hurdle."""
    if problem.goal.name not in PARTIES or problem.signed is False:
        return problem
    hurdle = problem.scenario.objective.others_at_least_usd
    floors: dict[Party, float] = {p: without.npv_usd(p) + hurdle for p in PARTIES if p != problem.goal.name}
    return with_floors(problem, floors)


def _timed(seconds: dict[str, float], name: str, work: Callable[[], T]) -> T:
    start = time.perf_counter()
    done = work()
    seconds[name] = time.perf_counter() - start
    return done
