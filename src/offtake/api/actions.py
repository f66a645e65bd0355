"""Plan, save, report, compare, explain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.api.answer import Answer
from offtake.api.causes import causes_table, one_case, pair_of
from offtake.api.explanation import Explanation, explain_path
from offtake.api.one_path import tell_one_path
from offtake.api.prepare import load
from offtake.api.uncertain import tell_under_uncertainty
from offtake.errors import OfftakeError
from offtake.executors import executor_of
from offtake.plan.settings import Settings
from offtake.progress import Progress, ignore
from offtake.report.page import render
from offtake.runs import compare as runs_compare
from offtake.runs import record
from offtake.spec.load import Loaded

if TYPE_CHECKING:
    import threading

    from offtake.api.story import Story
    from offtake.runs.record import RunRecord
    from offtake.spec.overlay import Changes


def plan(
    scenario: str | Path | Loaded,
    *,
    overlays: Iterable[str | Path | Changes] = (),
    relax: bool = False,
    cases: bool = True,
    gap: float = 0.005,
    time_limit_s: float | None = None,
    seed: int = 0,
    full: bool = False,
    executor: str | None = None,
    journal: str | Path | None = None,
    progress: Progress = ignore,
    interrupt: threading.Event | None = None,
) -> Answer:
    """Plan a scenario: base case, no alliance, prices, reliefs, named cases, widest assumptions.

    Where the scenario states an outlook of several paths: a plan for all of them, valued on fresh paths, and its worth; relief values
    are not computed then.

    Parameters
    ----------
    scenario : path or Loaded
    overlays : iterable of paths        applied in order, if a path is given
    relax : bool                        the linear program instead of the integer one
    cases : bool                        False skips reliefs, named cases and assumptions
    gap : float [frac]                  relative gap at which the integer solve stops
    time_limit_s : float or None [s]    None stops on the gap, never on time
    progress : callable                 see `offtake.progress`
    full : bool                         under uncertainty: replications and widest assumptions too
    journal : path or None              a folder that keeps finished fresh paths and replications: a stopped run goes on from it
    executor : str or None              under uncertainty: who works off fresh paths: "serial", "processes:4", "ray:ADDRESS"
    interrupt : threading.Event         set it to stop; the best plan so far is settled and marked

    Raises
    ------
    ScenarioError      what is wrong with the file, all at once
    InfeasibleError    fixed decisions contradict each other or physics
    """
    loaded = scenario if isinstance(scenario, Loaded) else load(scenario, overlays=overlays)
    settings = Settings(gap=gap, relax=relax, time_limit_s=time_limit_s, seed=seed, interrupt=interrupt)
    story = _tell(loaded, settings, cases=cases, full=full, executor=executor, journal=journal, progress=progress)
    options = {"relax": relax, "cases": cases, "gap": gap, "time_limit_s": time_limit_s}
    return Answer(story, {**options, "full": full} if story.hedge else options)


def _tell(
    loaded: Loaded,
    settings: Settings,
    *,
    cases: bool = True,
    full: bool = False,
    executor: str | None = None,
    journal: str | Path | None = None,
    progress: Progress = ignore,
) -> Story:
    """Plan a loaded scenario and all that belongs to the answer: under uncertainty where it states an outlook of several paths."""
    outlook = loaded.scenario.outlook
    if outlook is not None and outlook.paths > 1 and outlook.uncertain:
        return tell_under_uncertainty(
            loaded, outlook, settings, cases=cases, full=full, executor=executor, journal=journal, progress=progress
        )
    if executor is not None:  # one path leaves nothing to share out, but who names a cluster hears that it is silent
        executor_of(executor).close()
    return tell_one_path(loaded, settings, cases=cases, progress=progress)


def save(answer: Answer, directory: str | Path, *, with_report: bool = True) -> Path:
    """Write an answer to a run directory, created or replaced in one step.

    Raises
    ------
    RunDirectoryError    the directory is not ours to replace, or the disk refuses; it is then as before
    """
    whole = answer.record
    return record.save(replace(whole, report=render(answer.report_data)) if with_report else whole, Path(directory))


def report(answer: Answer | str | Path) -> str:
    """Return the HTML report of an answer, or the one that a run directory holds."""
    if isinstance(answer, Answer):
        return render(answer.report_data)
    held = record.load(Path(answer)).report
    return held or ""


def compare(a: Answer | str | Path, b: Answer | str | Path) -> runs_compare.Comparison:
    """Put the inputs and the results of two answers or run directories side by side, the difference split by cause.

    ``RUN#CASE`` means one case of a run directory.

    Raises
    ------
    OfftakeError    no such case
    """
    (one, case_a), (other, case_b) = _named(a), _named(b)
    views = [one_case(r, c) if c else r for r, c in ((one, case_a), (other, case_b))]
    if bool(case_a) != bool(case_b):  # a case beside a whole run: the run as its base case
        views = [v if c else one_case(v, "base") for v, c in zip(views, (case_a, case_b), strict=True)]
    found = runs_compare.compare(*views)
    try:
        table = causes_table(pair_of(one, case_a or "base"), pair_of(other, case_b or "base"))
    except OfftakeError as error:
        return replace(found, why=str(error))
    return replace(found, causes=table)


def _named(answer: Answer | str | Path) -> tuple[RunRecord, str]:
    """Load a run, and take the case off its name."""
    if isinstance(answer, Answer) or "#" not in Path(answer).name or Path(answer).exists():
        return _record(answer), ""
    path, _, case = str(answer).rpartition("#")
    return _record(path), case


def explain(answer: Answer | str | Path, path: str) -> Explanation:
    """Say where a number of the document came from: formula, inputs, sources.

    Raises
    ------
    OfftakeError    no such path; the message names the nearest ones
    """
    return explain_path(_record(answer), path)


def _record(answer: Answer | str | Path) -> RunRecord:
    return answer.record if isinstance(answer, Answer) else record.load(Path(answer))
