"""`offtake plan`: solve a scenario, keep both parties' books, save the run, say what came of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from offtake.cli.options import Cases, Json, Sets
from offtake.errors import OfftakeError, RunDirectoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from offtake.api import Answer
    from offtake.cli.uncertainty import Overrides
    from offtake.spec.load import Loaded
    from offtake.spec.overlay import Changes

__all__ = ["plan"]


def plan(
    scenario: Path,
    /,
    *,
    case: Cases = (),
    set_: Sets = (),
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    json: Json = False,
    relax: Annotated[bool, Parameter(negative="")] = False,
    cases: Annotated[bool, Parameter(name="--cases", negative="--no-cases")] = True,
    gap: str = "0.5 %",
    time_limit: str = "",
    paths: int | None = None,
    seed: int | None = None,
    grid: str | None = None,
    risk: str | None = None,
    stages: str | None = None,
    executor: str | None = None,
    journal: Path | None = None,
    full: Annotated[bool, Parameter(negative="")] = False,
    report: Annotated[bool, Parameter(name="--report", negative="--no-report")] = True,
    verbose: Annotated[int, Parameter(name=["--verbose", "-v"], count=True)] = 0,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
    log_file: Path | None = None,
) -> int:
    """Solve a scenario: what to build, buy, commit and charge; what binds; who gains against having no deal.

    Ctrl-C keeps the best plan found so far; a second one ends at once. Exit code 0: solved; 1: an obligation is unmet
    or there is a warning; 2: bad input; 3: infeasible, or stopped before the gap was reached.

    Parameters
    ----------
    scenario : Path
        The scenario file.
    out : Path
        The run directory; `runs/NAME` of the scenario if left out.
    relax : bool
        Solve the linear program: fractions of sites and phases, no yes/no choices.
    cases : bool
        Solve the named cases, the widest assumptions and the relief values too.
    gap : str
        Stop when no plan can be better by more than this share.
    time_limit : str
        Stop after so long, "60 s"; without it the solve stops on its gap only.
    paths : int
        Futures that the plan is made for, in place of the scenario's number; 1 plans the scenario as it is written.
    seed : int
        Seed of everything random, in place of the scenario's.
    grid : str
        Periods over the same horizon: `default` (8 quarters, 6 half-years, then years) or `quarters`.
    risk : str
        How risk counts: `expectation`, `cvar:LEVEL:WEIGHT` such as `cvar:0.9:0.3`, or `worst_case:WEIGHT`.
    stages : str
        When decisions are taken: `now`, then times from now, such as `now,2y,5y`.
    executor : str
        Who works off fresh paths: `serial`, `processes`, `processes:N`, `ray` or `ray:ADDRESS`.
    journal : Path
        A folder that keeps finished fresh paths and replications: a stopped run of the same scenario goes on from it.
    full : bool
        Under uncertainty: replications, the widest assumptions and all fresh paths too.
    report : bool
        Write the HTML report.
    verbose : int
        Log more; twice: everything.
    quiet : bool
        Show no progress and no warnings.
    log_file : Path
        Write the log to a file.
    """
    from offtake.spec.reader import refuse_unreadable

    refuse_unreadable(scenario)
    from offtake import api
    from offtake.cli.logs import log_to
    from offtake.cli.memory import return_freed_memory
    from offtake.cli.uncertainty import Overrides

    return_freed_memory()
    share, limit_s = _share(gap), _seconds(time_limit)
    overrides = Overrides(paths=paths, seed=seed, risk=risk, stages=stages, grid=grid)
    log_to(verbose=verbose, quiet=quiet, file=log_file)
    _refuse_executor(executor)
    loaded, name = _load(scenario, case, set_, overrides)
    target = out if out is not None else Path("runs") / name
    _refuse_early(target)
    asked = partial(
        api.plan, loaded, relax=relax, cases=cases, gap=share, time_limit_s=limit_s, seed=seed or 0, full=full, executor=executor,
        journal=journal,
    )  # fmt: skip
    done = _planned(asked, target, report=report, quiet=quiet)
    _print(done.answer, None if done.trouble else target, json=json, report=report)
    return _ended(done)


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of planning and saving: the answer, whether it was stopped, why it could not be saved."""

    answer: Answer
    stopped: bool
    trouble: RunDirectoryError | None


def _planned(asked: Callable[..., Answer], target: Path, *, report: bool, quiet: bool) -> _Done:
    """Plan with progress until done or stopped, and save the run; an answer is worth more than its folder, so it is kept all the same."""
    from offtake import api
    from offtake.cli.interrupt import first_stops
    from offtake.cli.terminal import ProgressDisplay

    trouble: RunDirectoryError | None = None
    with first_stops() as interrupt:
        with ProgressDisplay(quiet=quiet) as show:
            answer = asked(progress=show, interrupt=interrupt)
        try:
            api.save(answer, target, with_report=report)
        except RunDirectoryError as error:
            trouble = error
    return _Done(answer, interrupt.is_set(), trouble)


def _ended(done: _Done) -> int:
    """Say what stopped it, raise what kept it from being saved, and give the exit code."""
    from offtake.cli.terminal import print_lines

    if done.stopped:
        print_lines(
            "stopped early: this is the best plan found so far, and what was not yet solved is missing", error=True
        )
    if done.trouble is not None:
        raise done.trouble
    return _code(done)


def _print(answer: Answer, target: Path | None, *, json: bool, report: bool) -> None:
    from offtake.cli.output import listening, print_json
    from offtake.cli.summary import print_summary
    from offtake.cli.terminal import print_lines

    with listening():
        if not json:
            print_summary(answer, target, report=report)
            return
        print_json(answer.document)
    if target is not None:
        print_lines(f"saved in {target}", error=True)


def _code(done: _Done) -> int:
    from offtake.cli.failure import FINDINGS, OK, UNSOLVED

    answer = done.answer
    if done.stopped or answer.status not in ("optimal", "gap_reached", "short"):
        return UNSOLVED
    warned = any(f.severity in ("error", "warning") for f in answer.findings)
    return FINDINGS if warned or answer.status == "short" else OK


def _load(
    scenario: Path, case: tuple[str, ...], assignments: tuple[str, ...], overrides: Overrides | None = None
) -> tuple[Loaded, str]:
    """Load a scenario under overlay files, `--set`, overrides and at most one of its own cases; name the run after both."""
    from offtake import api
    from offtake.cli.options import changes
    from offtake.diagnostics import did_you_mean

    files = [c for c in case if Path(c).suffix or os.sep in c or Path(c).exists()]
    named = [c for c in case if c not in files]
    if len(named) > 1:
        msg = f"one case of the scenario at a time, not {', '.join(named)}; overlay files may be given together"
        raise OfftakeError(msg)
    overlays: tuple[Path | Changes, ...] = (*map(Path, files), *changes(assignments))
    loaded = api.load(scenario, overlays=overlays)
    if overrides and (more := overrides.overlays(loaded.scenario)):
        loaded = api.load(scenario, overlays=(*overlays, *more))
    whole = loaded
    if named:
        if named[0] not in loaded.cases:
            msg = f"--case {named[0][:60]}: no file, and no case of {scenario}: {did_you_mean(named[0], list(loaded.cases))}"
            raise OfftakeError(msg)
        # The choice is an input of the run, so that its id differs from the base case's.
        sources = MappingProxyType({**loaded.sources, "--case": named[0]})
        whole = replace(loaded.cases[named[0]], sources=sources)
    words = [loaded.scenario.name, *(Path(f).stem for f in files), *named]
    return whole, re.sub(r"[^\w.-]+", "-", "-".join(words)).strip("-.") or "run"


def _refuse_executor(text: str | None) -> None:
    """Refuse a word that names no executor before anything is solved; whether a cluster answers is seen when it is used."""
    if text is not None and text.partition(":")[0] != "ray":
        from offtake.executors import executor_of

        executor_of(text).close()


def _refuse_early(target: Path) -> None:
    """Refuse a run directory that cannot be written before anything is solved."""
    from offtake.runs.directory import check_target
    from offtake.runs.manifest import owned_files

    try:
        check_target(target, owned_files)
        above = next(p for p in (target.absolute(), *target.absolute().parents) if p.exists())
    except (OSError, ValueError) as error:
        msg = f"{target} cannot be a run directory: {getattr(error, 'strerror', None) or error}"
        raise RunDirectoryError(msg) from error
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        msg = f"{target} cannot be written: {above} is {'not writable' if above.is_dir() else 'a file'}"
        raise RunDirectoryError(msg)


def _share(text: str) -> float:
    from offtake.cli.options import quantity

    found = quantity("--gap", text, "%")
    if not 0.0 <= found < 1.0:
        msg = f"--gap wants a share from 0 to below 100 %, such as 0.5 %; got {text}"
        raise OfftakeError(msg)
    return found


def _seconds(text: str) -> float | None:
    from offtake.cli.options import quantity

    if not text:
        return None
    bare = re.fullmatch(r"\d+(\.\d+)?", text.strip())  # the option's name says what it is
    found = float(text) if bare else quantity("--time-limit", text, "s")
    if found <= 0.0:
        msg = f"--time-limit wants a time above zero, such as 60 s; got {text}"
        raise OfftakeError(msg)
    return found
