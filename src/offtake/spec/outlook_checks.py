"""Checks of the section `outlook`: what it names, when decisions are taken, and whether its correlations can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from offtake.dates import Grid
from offtake.diagnostics import Diagnostic, did_you_mean
from offtake.errors import UnitError
from offtake.spec.definite import allowed, definite, worst_pair
from offtake.spec.locate import at_key, at_node
from offtake.spec.outlook import TARGETS, Process, stage_start, target_shape
from offtake.spec.scalars import parse_day
from offtake.spec.scenario import GridSpec, Scenario
from offtake.spec.tree import Mapping, Node, Scalar, child, id_of, items_of, plain
from offtake.units import parse_quantity

if TYPE_CHECKING:
    from offtake.spec.definite import Float

__all__ = ["check_outlook"]

Steps = tuple[str | int, ...]

_NAMED_TIMES = ("now", "stages", "path")


@dataclass(frozen=True, slots=True)
class _View:
    """The tree, its grid where that can be read, and the processes that could be built, by id."""

    root: Mapping
    grid: Grid | None
    processes: dict[str, Process]

    def texts(self, *steps: str | int) -> Iterator[tuple[Steps, str]]:
        """Yield the texts of a list, each with its steps."""
        for k, item in items_of(child(self.root, *steps)):
            if isinstance(item, Scalar):
                yield (*steps, k), item.text.strip()

    def quantities(self) -> Iterator[tuple[Steps, Node]]:
        """Yield the uncertain quantities, each with its steps."""
        for k, item in items_of(child(self.root, "outlook", "uncertain")):
            yield ("outlook", "uncertain", k), item


def check_outlook(root: Mapping, data: dict[str, Any]) -> list[Diagnostic]:
    """Report what the section `outlook` says and cannot be meant.

    Parameters
    ----------
    root : Mapping    the tree
    data : dict       the tree as plain values, with the processes in their places (`offtake.spec.kinds.put_outlook`)
    """
    if not isinstance(child(root, "outlook"), Mapping):
        return []
    built = {
        id_of(item): process
        for k, item in items_of(child(root, "outlook", "uncertain"))
        if isinstance(item, Mapping)
        and isinstance(process := data["outlook"]["uncertain"][k].get("process"), Process)
        and process.kind  # what stands in for a broken one has none
    }
    view = _View(root, _grid(root), built)
    checks: tuple[Callable[[_View], Iterator[Diagnostic]], ...] = (
        _targets, _processes, _stages, _decisions, _correlations,
    )  # fmt: skip
    return [d for check in checks for d in check(view)]


def _grid(root: Mapping) -> Grid | None:
    start, grid = child(root, "valuation_date"), child(root, "grid")
    with suppress(ValidationError, UnitError, OverflowError, ValueError):
        spec = Scenario.model_fields["grid"].default if grid is None else GridSpec.model_validate(plain(grid))
        edges = spec.edges(parse_day(start.text if isinstance(start, Scalar) else ""))
        return Grid(edges[:-1], edges[1:])
    return None


def _targets(v: _View) -> Iterator[Diagnostic]:
    for at, item in v.quantities():
        for steps, text in v.texts(*at, "of"):
            shape = target_shape(text)
            if shape not in TARGETS:
                hint = did_you_mean(shape, list(TARGETS))
                yield at_node(v.root, steps, "E401", f"`{text[:60]}` is nothing that can be uncertain", hint)
                continue
            yield from _names_something(v, steps, text)
            process = v.processes.get(id_of(item))
            if process is not None and process.measure != TARGETS[shape]:
                said = {"factor": "is multiplied by a factor", "months": "comes some months later"}
                message = f"`{text[:60]}` {said[TARGETS[shape]]}, and a process of kind `{process.kind}` gives "
                message += "months here" if process.measure == "months" else "a factor here"
                yield at_node(v.root, steps, "E504", message, "give it a quantity of its own, with another process")


def _names_something(v: _View, steps: Steps, text: str) -> Iterator[Diagnostic]:
    """Report an id of a target that is not in its section."""
    section, name, *_ = text.split(".")
    if section == "resale":
        steps_sold = [child(s, "chip") for _, s in items_of(child(v.root, "resale", "steps"))]
        known = list(dict.fromkeys(c.text for c in steps_sold if isinstance(c, Scalar)))
    elif section == "parties":
        needs = ("facility",) if text.endswith(".facility.rate") else ()
        known = [p for p in ("offtaker", "provider") if isinstance(child(v.root, "parties", p, *needs), Mapping)]
    else:
        node = child(v.root, section)
        if node is not None and isinstance(node, Scalar | Mapping):
            return  # of a wrong shape, which is said elsewhere
        known = [n for _, item in items_of(node) if (n := id_of(item))]
    if not any(fnmatchcase(k, name) for k in known):
        what = f"there is no `{name[:60]}` in `{section}`" if name != "*" else f"there is nothing in `{section}`"
        if section == "parties":
            what = f"`{name[:60]}` has no facility" if name != "*" else "no party has a facility"
        yield at_node(v.root, steps, "E401", what, did_you_mean(name, known) if known else f"add it under `{section}:`")


def _processes(v: _View) -> Iterator[Diagnostic]:
    for at, item in v.quantities():
        process = v.processes.get(id_of(item))
        if process is not None and v.grid is not None:
            for problem in process.problems(v.grid):
                place = at_key if problem.on_key else at_node
                yield place(v.root, (*at, "process", *problem.at), problem.code, problem.message, problem.hint)


def _stages(v: _View) -> Iterator[Diagnostic]:
    stages = list(v.texts("outlook", "stages"))
    if stages and stages[0][1] != "now":
        yield at_node(v.root, stages[0][0], "E503", "the first stage is `now`", "write `stages: [now, …]`")
    if v.grid is None:
        return
    before: tuple[str, date] | None = None
    for steps, text in stages:
        start = _start(text, v.grid)
        if start is None:
            continue  # no stage at all: the model says so
        if before is not None and start <= before[1]:
            said = f"stage `{text[:40]}` does not lie after `{before[0][:40]}`"
            yield at_node(v.root, steps, "E501", said, "write the stages in order of time")
        elif start >= v.grid.end:
            said = f"stage `{text[:40]}` begins {start}, the plan ends {v.grid.end}"
            yield at_node(v.root, steps, "E502", said, "lengthen the grid, or leave the stage out")
        elif start not in v.grid.starts:
            yield _off_grid(v.root, v.grid, steps, text, start)
        before = (text, start)


def _start(text: str, grid: Grid) -> date | None:
    """Return when a stage begins, the last day of the calendar if it is later than that; None for what is no stage."""
    try:
        return stage_start(text, grid.start)
    except UnitError:
        return None
    except (OverflowError, ValueError):
        return date.max


def _off_grid(root: Mapping, grid: Grid, steps: Steps, text: str, start: date) -> Diagnostic:
    earlier = max((d for d in grid.starts if d < start), default=None)
    later = min((d for d in grid.starts if d > start), default=None)
    near = " and ".join(str(d) for d in (earlier, later) if d is not None)
    said = f"stage `{text[:40]}` begins {start}, within a period of the grid"
    return at_node(root, steps, "E504", said, f"periods begin {near}: write one of these, or change the grid")


def _decisions(v: _View) -> Iterator[Diagnostic]:
    stages = [text for _, text in v.texts("outlook", "stages")] or ["now"]
    decide = child(v.root, "outlook", "decide")
    if not isinstance(decide, Mapping):
        return
    for key, entry in decide.entries.items():
        when = entry.node.text.strip() if isinstance(entry.node, Scalar) else "now"
        if when in (*_NAMED_TIMES, *stages):
            continue
        known = list(dict.fromkeys((*_NAMED_TIMES, *stages)))
        message = f"`{key[:40]}` is tied until `{when[:40]}`, which is no stage"
        is_time = False
        with suppress(UnitError, ValueError, OverflowError):
            is_time = parse_quantity(when, "month") > 0
        hint = f"add it to `stages`, or write one of {', '.join(known)}" if is_time else did_you_mean(when, known)
        yield at_node(v.root, ("outlook", "decide", key), "E503", message, hint)


def _correlations(v: _View) -> Iterator[Diagnostic]:
    ids = [id_of(item) for _, item in v.quantities()]
    pairs: dict[tuple[int, int], tuple[Steps, float]] = {}
    for k, _ in items_of(child(v.root, "outlook", "correlations")):
        at: Steps = ("outlook", "correlations", k)
        names = [text for _, text in v.texts(*at, "between")]
        value = child(v.root, *at, "value")
        value = child(value, "value") if isinstance(value, Mapping) else value
        if len(names) != 2 or any(n not in ids for n in names) or not isinstance(value, Scalar):
            continue  # said elsewhere
        a, b = sorted(ids.index(n) for n in names)
        if a == b:
            yield at_node(v.root, (*at, "between"), "E503", f"`{names[0]}` with itself", "name two quantities")
        elif (a, b) in pairs:
            first = child(v.root, *pairs[a, b][0])
            line = first.place.line if first is not None else 0
            said = f"`{names[0]}` and `{names[1]}` stand twice"
            yield at_node(v.root, (*at, "between"), "E402", said, f"the first is in line {line}; take one out")
        else:
            with suppress(UnitError):
                pairs[a, b] = (at, parse_quantity(value.text, ""))
            yield from _apart(v, at, names)
    yield from _indefinite(v, ids, pairs)


def _apart(v: _View, at: Steps, names: Sequence[str]) -> Iterator[Diagnostic]:
    """Report two quantities that have no innovation of the same slot."""
    if v.grid is None or any(n not in v.processes for n in names):
        return
    grid = v.grid
    one, other = ({i.slot for i in v.processes[n].innovations(grid)} for n in names)
    if one.isdisjoint(other):
        said = f"`{names[0]}` and `{names[1]}` have no random number that becomes known alike"
        hint = "one is drawn once for all time, the other period by period: let a trend be `learned`, or leave this out"
        yield at_node(v.root, (*at, "between"), "E504", said, hint)


def _indefinite(
    v: _View, ids: Sequence[str], pairs: dict[tuple[int, int], tuple[Steps, float]]
) -> Iterator[Diagnostic]:
    """Report correlations that cannot all hold, at the one whose change mends them most easily."""
    import numpy as np

    matrix: Float = np.eye(len(ids))
    for (a, b), (_, value) in pairs.items():
        matrix[a, b] = matrix[b, a] = value
    if any(abs(value) > 1.0 for _, value in pairs.values()) or definite(matrix):
        return
    mending = {pair: room for pair in pairs if (room := allowed(matrix, *pair)) is not None}
    if not mending:
        a, b = worst_pair(matrix, list(pairs))
        hint = "no single one mends it: bring several of them nearer to 0, this one first"
    else:
        change = {pair: max(lo - pairs[pair][1], pairs[pair][1] - hi) for pair, (lo, hi) in mending.items()}
        a, b = min(reversed(list(change)), key=lambda pair: change[pair])
        low, high = mending[a, b]
        hint = f"with the others as they are it lies between {low:.3g} and {high:.3g}, both excluded; or take it out"
        if abs(pairs[a, b][1]) == 1.0:
            hint = f"two quantities that always go together are one: give `{ids[a]}` the targets of both"
    said = f"the correlations cannot all hold (they are not positive definite): `{ids[a]}` and `{ids[b]}`"
    yield at_node(v.root, (*pairs[a, b][0], "value"), "E504", said, hint)
