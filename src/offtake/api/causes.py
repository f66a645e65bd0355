"""Why two runs differ: what a run keeps so that it can be settled again, and the difference by cause.

A run keeps the quantities of each of its worlds (case by case, with the alliance and without), the rights that were used, and its inputs
as one file each.  Prices, terms and dates are compiled from those inputs again, so that nothing is said twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.api.prepare import prepare
from offtake.catalog.load import references
from offtake.deal.quantities import KINDS
from offtake.errors import OfftakeError
from offtake.plan.compile import compile_problem
from offtake.risk.attribution import CAUSES, Pair, attribute
from offtake.risk.hybrids import World, world_of
from offtake.runs.manifest import parse_json
from offtake.spec.load import loads
from offtake.spec.tree import plain
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from offtake.api.story import Story
    from offtake.plan.problem import Float, Problem
    from offtake.runs.record import RunRecord

__all__ = ["INPUTS", "causes_table", "inputs_text", "one_case", "pair_of", "settled_tables"]

INPUTS = "inputs.json"
"""File of a run: case -> the scenario after overlays, as it is written in a file."""

BASE = "base"
_WORLDS = ("alliance", "no_alliance")
_QUANTITIES = (
    Column("case", "", "Case", "text"),
    Column("world", "", "World", "text"),
    Column("quantity", "", "Quantity", "text"),
    Column("label", "", "Of", "text"),
    Column("label_2", "", "On", "text"),
    Column("period", "", "Period", "int"),
    Column("start", "", "From", "date"),
    Column("value", "", "Value", "float"),
    Column("unit", "", "Unit", "text"),
)
_RIGHTS = (
    Column("case", "", "Case", "text"),
    Column("world", "", "World", "text"),
    Column("right", "", "Right", "text"),
    Column("path", "", "Path", "int"),
    Column("interval", "", "Interval", "int"),
    Column("value", "", "Used", "float"),
)
_EXTRA_UNITS = {"phases_started": "phase", "accepted_chip": "chip", "terminal_usd": "usd"}


def settled_tables(story: Story) -> dict[str, Table]:
    """Make the tables of what every payment of a run follows from; periods with nothing are left out.

    A clause is no linear function of quantities, so a plan under uncertainty keeps each path as a case: ``path 3``.
    """
    quantities: list[tuple[Any, ...]] = []
    rights: list[tuple[Any, ...]] = []
    for case, name, world in _worlds(story):
        starts = world.problem.grid.starts
        for key, values in sorted(world.quantities.items()):
            unit = KINDS[key[0]].unit if key[0] in KINDS else _EXTRA_UNITS[key[0]]
            labels = (*key[1:], "", "")[:2]
            kept = np.flatnonzero(values) if values.any() else (0,)
            quantities += [(case, name, key[0], *labels, int(t), starts[t], float(values[t]), unit) for t in kept]
        for party, value in (world.terminal_usd or {}).items():
            quantities.append((case, name, "terminal_usd", party, "", len(starts) - 1, starts[-1], value, "usd"))
        rights += [(case, name, "", p, 0, float(signed)) for p, signed in enumerate(world.signed)]
        for right, used in world.rights.items():
            rights += [(case, name, right, p, k, float(v)) for p, row in enumerate(used) for k, v in enumerate(row)]
    return {"quantities": Table("quantities", _QUANTITIES, quantities), "rights": Table("rights", _RIGHTS, rights)}


def inputs_text(story: Story) -> str:
    """Write the inputs of every case of a run, as files have them."""
    loaded = story.world.loaded
    solved = [c.id for c in story.cases[1:] if c.outcome is not None]
    texts = {BASE: plain(loaded.tree), **{name: plain(loaded.cases[name].tree) for name in solved}}
    return json.dumps({k: {n: v for n, v in t.items() if n != "cases"} for k, t in texts.items()}, indent=1) + "\n"


def _worlds(story: Story) -> Iterator[tuple[str, str, World]]:
    for p, one in enumerate(story.hedge.paths if story.hedge else ()):
        yield f"path {p}", "alliance", world_of(one.base.alliance)
        yield f"path {p}", "no_alliance", world_of(one.base.without)
    for case in story.cases[1:] if story.hedge else story.cases:
        if case.outcome is not None:
            yield case.id, "alliance", world_of(case.outcome.alliance)
            yield case.id, "no_alliance", world_of(case.outcome.without)


def pair_of(record: RunRecord, case: str = BASE) -> Pair:
    """Take both worlds of a case out of a run.

    Raises
    ------
    OfftakeError    where the run does not hold them
    """
    texts = _inputs_of(record)
    if not {"quantities", "rights"} <= record.tables.keys() or not texts:
        raise OfftakeError(
            "the run does not hold what it was settled from: it was planned by an earlier version; plan it again"
        )
    if case == BASE and "by_path" in record.document:
        raise OfftakeError(
            "a plan under uncertainty is the mean of several paths, and what is paid is no function of mean quantities: "
            "to split the difference by cause, plan both with --paths 1, or compare named cases (RUN#CASE)"
        )
    if case not in texts:
        raise OfftakeError(f"the run has no plan of a case {case[:60]!r}; it has {', '.join(texts)}")
    inputs = prepare(loads(json.dumps(texts[case]), name=f"{INPUTS}#{case}", catalog_names=references)).inputs
    rows = record.tables["quantities"].where(case=case)
    rights = record.tables["rights"].where(case=case)
    worlds = [
        _world(rows.where(world=name), rights.where(world=name), compile_problem(inputs, alliance=name == "alliance"))
        for name in _WORLDS
    ]
    return Pair(alliance=worlds[0], without=worlds[1])


def _inputs_of(record: RunRecord) -> dict[str, Any]:
    """Read the inputs of every case; none where the run holds none.

    Raises
    ------
    OfftakeError    where they are not as a run writes them
    """
    try:
        return parse_json(record.extra.get(INPUTS, "{}"))
    except ValueError as error:
        raise OfftakeError(f"{INPUTS} of the run is not as it was written ({error}); plan it again") from None


def _world(quantities: Table, rights: Table, problem: Problem) -> World:
    found: dict[tuple[str, ...], Float] = {}
    terminal: dict[str, float] = {}
    for row in quantities.rows():
        if row["quantity"] == "terminal_usd":
            terminal[row["label"]] = row["value"]
            continue
        labels = [row[n] for n in ("label", "label_2") if row[n]]
        values = found.setdefault((row["quantity"], *labels), np.zeros(len(problem.grid)))
        if not 0 <= row["period"] < len(values) or not math.isfinite(
            row["value"] if row["value"] is not None else math.nan
        ):
            raise OfftakeError("the run's table of quantities is not as it was written; plan it again")
        values[row["period"]] = row["value"]
    used: dict[str, dict[tuple[int, int], float]] = {}
    for row in rights.rows():
        used.setdefault(row["right"] or "", {})[row["path"], row["interval"]] = row["value"]
    signed = tuple(bool(v) for _, v in sorted(used.pop("", {}).items()))
    arrays = {name: _array(cells) for name, cells in used.items()}
    return World(problem, found, arrays, signed, terminal)


def _array(cells: Mapping[tuple[int, int], float]) -> Float:
    paths, intervals = (max(at[n] for at in cells) + 1 for n in range(2))
    made = np.zeros((paths, intervals))
    for at, value in cells.items():
        made[at] = value
    return made


_CAUSES = (
    Column("figure", "", "Figure", "text"),
    Column("party", "", "Party", "text"),
    Column("year", "", "Year", "int"),
    Column("unit", "", "Unit", "text"),
    Column("role", "", "Role", "text"),
    Column("cause", "", "Cause", "text"),
    Column("amount", "", "Amount", "float"),
)


def causes_table(a: Pair, b: Pair) -> Table:
    """Split the difference of two cases by cause: one row for each figure of A, each part, and B (role: from, part, to).

    A year of 0 is the whole horizon.  The parts of a figure add up to B less A, to the cent or the watt.
    """
    rows = []
    for found in attribute(a, b):
        head = (found.figure, found.party, found.year, found.unit)
        rows.append((*head, "from", "", found.a))
        rows += [(*head, "part", cause, found.parts[cause]) for cause in CAUSES if found.parts[cause]]
        rows.append((*head, "to", "", found.b))
    return Table("causes", _CAUSES, rows)


def one_case(record: RunRecord, case: str) -> RunRecord:
    """Return a run as if it were one of its cases: the figures of that case and its inputs.

    Raises
    ------
    OfftakeError    where the run has no such case
    """
    texts = _inputs_of(record)
    figures = next((c for c in record.document.get("cases", ()) if c["case"] == case), None)
    if figures is None or (texts and case not in texts):
        known = ", ".join(c["case"] for c in record.document.get("cases", ()))
        raise OfftakeError(f"the run has no plan of a case {case[:60]!r}; it has {known or 'none'}")
    return replace(record, document=figures, scenario=texts.get(case, {}))
