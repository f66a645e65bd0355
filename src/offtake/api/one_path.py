"""Plan a scenario as it is written, one path, and all that belongs to the answer: no alliance, prices, reliefs, cases, assumptions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from offtake.api.headline import headline
from offtake.api.prepare import assumptions, prepare
from offtake.api.story import CaseResult, Story
from offtake.errors import OfftakeError
from offtake.executors import side_by_side, together
from offtake.lp.certificate import certify
from offtake.lp.solution import Status
from offtake.plan.bottlenecks import bottlenecks
from offtake.plan.compile import compile_problem
from offtake.plan.findings import Finding, findings
from offtake.plan.relief import Relief, reliefs
from offtake.plan.run import Outcome, plan_inputs
from offtake.plan.shortages import shortages
from offtake.progress import Progress, ProgressEvent, ignore
from offtake.risk.tornado import Swing, tornado

if TYPE_CHECKING:
    from offtake.plan.inputs import Inputs
    from offtake.plan.problem import Problem
    from offtake.plan.settings import Settings
    from offtake.spec.load import Loaded


def tell_one_path(loaded: Loaded, settings: Settings, *, cases: bool = True, progress: Progress = ignore) -> Story:
    """Plan a scenario as it is written, one path, and all that belongs to the answer."""
    watch = Watch()
    world = prepare(loaded)
    base = plan_inputs(world.inputs, settings, progress=progress)
    watch.lap("base case and no alliance")
    figures = headline(base)
    watch.lap("books")
    found = bottlenecks(base.alliance.solved)
    problem = base.alliance.problem
    steps: list[Relief] = []
    results = [
        CaseResult(
            id="base", title="Base case", status=status_of(base, ()), method=base.method, outcome=base, figures=figures
        )
    ]
    swings: list[Swing] = []
    missing: list[Finding] = []
    if cases and base.alliance.solved.status.solved and not is_stopped(settings):
        progress(ProgressEvent(stage="relief values"))
        steps = reliefs(
            base.alliance.solved,
            found,
            world.inputs,
            most=problem.scenario.relief,
            settings=settings,
            recompile=_recompile(base),
        )
        watch.lap("relief values")
        if not is_stopped(settings):
            missing = shortages(base.alliance.solved, settings)
            watch.lap("shortages")
        varied, values = assumptions(loaded, stopped=partial(is_stopped, settings))
        # Cases mostly wait for the solver, while the screening of assumptions computes here.
        more, swings = together(
            lambda: named_cases(loaded, settings, progress=progress),
            lambda: tornado(base, varied, values, settings, most=problem.scenario.tornado.most, progress=progress),
        )
        results += more
        watch.lap("named cases and assumptions")
    told = [*findings(base.alliance), *missing]
    return Story(
        world=world,
        base=base,
        figures=figures,
        bottlenecks=found,
        reliefs=steps,
        cases=results,
        swings=swings,
        findings=told,
        certificate=certificate_of(base),
        status=str(Status.INTERRUPTED) if is_stopped(settings) else status_of(base, told),
        seconds={**watch.laps, **{f"base: {k}": v for k, v in base.seconds.items()}},
    )


def named_cases(loaded: Loaded, settings: Settings, *, progress: Progress = ignore) -> list[CaseResult]:
    """Plan the scenario's named cases in full, each against no alliance: another world may call for other choices."""
    titles = {c.id: c.title or c.id for c in loaded.scenario.cases}

    def planned(name: str) -> CaseResult | None:
        if is_stopped(settings):
            return None
        stage = f"case {name}"
        progress(ProgressEvent(stage=stage))
        try:
            outcome = plan_inputs(prepare(loaded.cases[name]).inputs, settings, progress=progress, stage=stage).told()
        except OfftakeError as error:
            return CaseResult(
                id=name, title=titles[name], status=f"no plan: {error}", method="", outcome=None, figures=None
            )
        return CaseResult(
            id=name,
            title=titles[name],
            status=status_of(outcome, findings(outcome.alliance)),
            method=outcome.method,
            outcome=outcome,
            figures=headline(outcome),
        )

    return [case for case in side_by_side(planned, loaded.cases) if case is not None]


def certificate_of(base: Outcome) -> dict[str, Any]:
    """Recompute the answer outside the solver and compare the problem's money with the settled money."""
    from offtake.lp.highs import version

    solved = base.alliance.solved
    # A linear program is solved again once its clauses are exact: that is the program which the plan answers.
    again = solved.settings.relax and solved.exact is not solved.first and solved.exact.priced
    found, arrays = (solved.exact, solved.priced_arrays) if again else (solved.first, solved.arrays)
    final = certify(arrays, replace(found, x=solved.x[: arrays.columns]), solver=version())
    prices = certify(solved.priced_arrays, solved.priced, solver=version())
    worst, where = base.alliance.money_difference_usd
    return {**final.as_dict(), "prices": prices.as_dict(), "money_difference_usd": worst, "money_difference_at": where}


def _recompile(base: Outcome):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from offtake.plan.run import floored

    def again(inputs: Inputs) -> Problem:
        return floored(compile_problem(inputs), base.without)

    return again


def is_stopped(settings: Settings) -> bool:
    """Say whether somebody asked to stop."""
    return settings.interrupt is not None and settings.interrupt.is_set()


def status_of(outcome: Outcome, told: Sequence[Finding]) -> str:
    """Tell how a world's plan ended."""
    status = outcome.alliance.solved.status
    if status in (Status.INTERRUPTED, Status.TIME_LIMIT):
        return str(status)
    if any(f.short for f in told):
        return "short"
    return "optimal" if status.solved else str(status)


class Watch:
    """Wall clock by step; times live only in `timings`."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End a step."""
        now = time.perf_counter()
        self.laps[name], self.last = now - self.last, now
