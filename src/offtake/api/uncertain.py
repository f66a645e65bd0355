"""Plan under uncertainty with everything that belongs to the answer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.api.headline import headline
from offtake.api.mixing import mixed_findings, worst_certificate
from offtake.api.one_path import Watch, certificate_of, is_stopped, named_cases, status_of
from offtake.api.prepare import assumptions, prepare
from offtake.api.story import CaseResult, Hedge, Story, Told
from offtake.executors import Journal, Stopped, executor_of, together
from offtake.lp.solution import Status
from offtake.outlook.sampling import central
from offtake.plan.compile import compile_problem
from offtake.plan.evaluate import estimate_gap, evaluate
from offtake.plan.findings import findings
from offtake.plan.hedge import missed_floors, plan_under_uncertainty
from offtake.plan.relief import reliefs
from offtake.plan.run import plan_inputs
from offtake.plan.tree_solve import solve_tree_at
from offtake.progress import Progress, ProgressEvent, ignore
from offtake.risk.tornado import tornado

if TYPE_CHECKING:
    from offtake.api.prepare import World
    from offtake.executors import Executor
    from offtake.plan.findings import Finding
    from offtake.plan.hedge import Hedged
    from offtake.plan.inputs import Inputs
    from offtake.plan.problem import Problem
    from offtake.plan.relief import Relief
    from offtake.plan.run import Outcome
    from offtake.plan.settings import Settings
    from offtake.risk.tornado import Swing
    from offtake.spec.load import Loaded
    from offtake.spec.outlook import Outlook

__all__ = ["REPLICATIONS", "tell_under_uncertainty"]

REPLICATIONS = 6
"""Further samples from which the optimality gap is estimated, where all is asked for and the scenario states no number."""


def tell_under_uncertainty(
    loaded: Loaded,
    outlook: Outlook,
    settings: Settings,
    *,
    cases: bool = True,
    full: bool = False,
    executor: str | None = None,
    journal: str | Path | None = None,
    progress: Progress = ignore,
) -> Story:
    """Plan for the futures of an outlook, value the plan on fresh ones, and plan the named cases on their central paths.

    Parameters
    ----------
    full : bool       replications, and the widest assumptions on the central path
    executor : str    as `offtake.executors.executor_of` reads it
    journal : path    of a folder that keeps finished fresh paths and replications, so that a stopped run goes on
    """
    watch = Watch()
    world = prepare(loaded)
    with executor_of(executor) as workers:
        hedge, steps, floors = _hedge(
            world, outlook, settings, workers, watch, cases=cases, full=full, journal=journal, progress=progress
        )
    named: list[CaseResult] = []
    swings: list[Swing] = []
    if cases and not is_stopped(settings):
        named, swings = _beside(loaded, world, settings, full=full, progress=progress)
        watch.lap("named cases and assumptions" if full else "named cases")
    found = [*floors, *mixed_findings([one.findings for one in hedge.paths], hedge.probability)]
    first = hedge.paths[0]
    return Story(
        world=world,
        base=first.base,
        figures=first.figures,
        bottlenecks=hedge.hedged.bottlenecks,
        reliefs=steps,
        cases=(first.cases[0], *named),
        swings=swings,
        findings=found,
        certificate=worst_certificate([dict(one.certificate) for one in hedge.paths]),
        status="short" if floors and not is_stopped(settings) else _status(hedge.paths, settings),
        seconds=watch.laps,
        hedge=hedge,
    )


def _hedge(
    world: World,
    outlook: Outlook,
    settings: Settings,
    workers: Executor,
    watch: Watch,
    *,
    cases: bool,
    full: bool,
    journal: str | Path | None,
    progress: Progress,
) -> tuple[Hedge, list[Relief], list[Finding]]:
    """Plan the tree, value it, and take from it what is told: the tree itself is let go, later steps need its memory."""
    workers.warm("offtake.plan.evaluate")
    kept = None if journal is None else Journal(Path(journal))
    hedged = plan_under_uncertainty(world.inputs, outlook, settings, progress=progress)
    watch.lap("plan under uncertainty")
    fresh = gap = None
    with suppress(Stopped):  # the plan is kept, and says that it was not valued
        if not is_stopped(settings):
            fresh = evaluate(hedged, settings, workers, journal=kept, progress=progress)
            watch.lap("fresh paths")
        if full and not is_stopped(settings):
            count = outlook.evaluate.replications or REPLICATIONS
            gap = estimate_gap(hedged, settings, workers, replications=count, journal=kept, progress=progress)
            watch.lap("replications")
    paths = tuple(_path(world, outcome, settings) for outcome in hedged.paths)
    watch.lap("books")
    steps: list[Relief] = []
    if cases and not is_stopped(settings):
        progress(ProgressEvent(stage="relief values"))
        steps = _reliefs(hedged, world, settings)
        watch.lap("relief values")
    middle = central(outlook, hedged.problem.grid)
    told = Told.of(hedged)
    return (
        Hedge(hedged=told, evaluated=fresh, gap=gap, outlook=outlook, central=middle, paths=paths, full=full),
        steps,
        missed_floors(hedged),
    )


def _reliefs(hedged: Hedged, world: World, settings: Settings) -> list[Relief]:
    """Solve the tree again with one step more of each of its largest limits."""

    def again(inputs: Inputs) -> Problem:
        return replace(hedged.question, base=compile_problem(inputs)).problem()

    return reliefs(
        hedged.tree_solved.solved,
        hedged.bottlenecks,
        world.inputs,
        most=world.loaded.scenario.relief,
        settings=settings,
        recompile=again,
        again=solve_tree_at,
    )


def _path(world: World, outcome: Outcome, settings: Settings) -> Story:
    """Tell one path as a world of its own."""
    figures, found = headline(outcome), findings(outcome.alliance)
    status = status_of(outcome, found)
    base = CaseResult(
        id="base", title="Mean over the paths", status=status, method=outcome.method, outcome=outcome, figures=figures
    )
    return Story(
        world=world,
        base=outcome,
        figures=figures,
        bottlenecks=(),
        reliefs=(),
        cases=(base,),
        swings=(),
        findings=found,
        certificate=certificate_of(outcome),
        status=str(Status.INTERRUPTED) if is_stopped(settings) else status,
        seconds={},
    )


_WORST_FIRST = (str(Status.INTERRUPTED), str(Status.TIME_LIMIT), "short")


def _status(paths: tuple[Story, ...], settings: Settings) -> str:
    """Tell how it ended: as on the path on which it ended worst."""
    if is_stopped(settings):
        return str(Status.INTERRUPTED)
    ends = {one.status for one in paths}
    return next((end for end in _WORST_FIRST if end in ends), paths[0].status)


def _beside(
    loaded: Loaded, world: World, settings: Settings, *, full: bool, progress: Progress
) -> tuple[list[CaseResult], list[Swing]]:
    """Plan the named cases on their central paths, and vary the widest assumptions on the base case's where all is asked for."""

    def cases() -> list[CaseResult]:
        return named_cases(loaded, settings, progress=progress)

    if not full:
        return cases(), []

    def widest() -> list[Swing]:
        varied, values = assumptions(loaded, stopped=partial(is_stopped, settings))
        middle = plan_inputs(world.inputs, settings, progress=progress, stage="central path")
        most = loaded.scenario.tornado.most
        return tornado(middle, varied, values, settings, most=most, progress=progress)

    return together(cases, widest)
