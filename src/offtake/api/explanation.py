"""Where a number of the document came from: its formula in words, what it is made of, and the sources of its inputs."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from offtake.api.formulas import FORMULAS, OF_PATHS
from offtake.api.grouped_inputs import FEW, grouped_inputs, input_line
from offtake.api.mixing import LEAST, PEAK
from offtake.api.schema import result_schema
from offtake.errors import OfftakeError
from offtake.report.sentences_paths import measure
from offtake.runs.compare import flatten

if TYPE_CHECKING:
    from offtake.runs.record import RunRecord
    from offtake.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Where a number came from, and the tables that it is drawn from.

    Attributes
    ----------
    lines : tuple of str     all that is known: each path's value, each input
    brief : tuple of str     the same in about ten lines: paths from the lowest to the highest, inputs by what they belong to
    """

    path: str
    lines: tuple[str, ...]
    brief: tuple[str, ...]
    tables: tuple[Table, ...]

    def __str__(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


def explain_path(run: RunRecord, path: str) -> Explanation:
    """Explain one number of a run's document, or one value or entry of its scenario."""
    provenance = json.loads(run.extra.get("provenance.json", "{}"))
    found = flatten(dict(run.document))
    if path in provenance:
        lines = (f"{path} = {provenance[path]['text']}", *_origin(provenance[path]))
        return Explanation(path=path, lines=lines, brief=lines, tables=())
    below = [p for p in found if p == path or p.startswith((f"{path}.", f"{path}["))]
    entry = [p for p in provenance if p.startswith(f"{path}.")]
    if entry and not below:
        lines = tuple(input_line(p, provenance[p]) for p in entry)
        return Explanation(path=path, lines=lines, brief=lines, tables=())
    if not below:
        near = difflib.get_close_matches(path, [*found, *provenance], n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        msg = f"the run has no number at {path!r}{hint}"
        raise OfftakeError(msg)
    return _of_number(run, path, {p: found[p] for p in below}, provenance)


def _of_number(run: RunRecord, path: str, below: Mapping[str, Any], provenance: Mapping[str, Any]) -> Explanation:
    """Explain a number, or the numbers below a path, from its formula."""
    values = [f"{p} = {value}" for p, value in below.items()]
    reasons = run.document.get("reasons", {})
    named = {p: re.sub(r"\[(\d+)\]", r".\1", p) for p in below}  # a path of the plan goes by its number there
    nulls = [
        f"why it is null: {reasons[named[p]]}" for p, value in below.items() if value is None and named[p] in reasons
    ]
    several = "by_path" in run.document
    known = (*OF_PATHS, *FORMULAS) if several else FORMULAS
    formula = next((f for f in known if re.fullmatch(f.paths, path) or re.fullmatch(f.paths, next(iter(below)))), None)
    if formula is None:
        lines = (*values[:_MANY], *nulls)
        return Explanation(path=path, lines=lines, brief=_folded(lines, _FIRST), tables=())
    words = [f"formula: {formula.words}"]
    if several and "risk_adjusted" in path:
        words.append(f"measure: {measure(run.document['risk'])}")
    over, brief_over = _over_paths(run.document, path) if several and formula in FORMULAS else ([], [])
    tables = [run.tables[name] for name in formula.tables if name in run.tables]
    drawn = [f"drawn from table: {t.name}" for t in tables]
    chosen = _chosen(provenance, formula.parts)
    return Explanation(
        path=path,
        lines=(*values[:_MANY], *nulls, *words, *over, *drawn, *_inputs(provenance, chosen)),
        brief=(
            *_folded(values, _FIRST),
            *nulls[:1],
            *words,
            *brief_over,
            *_brief_inputs(provenance, chosen, run.tables),
        ),
        tables=tuple(tables),
    )


def explain_key(key: str) -> Explanation | None:
    """Explain a key of the document where no run is named: the dotted paths that end in it and their formulas; None where there is none.

    Examples
    --------
    >>> print(explain_key("funding_need_usd").lines[0])
    parties.offtaker.funding_need_usd
    """
    lines = []
    for path in _keys(result_schema()):
        formula = next((f for f in (*FORMULAS, *OF_PATHS) if re.fullmatch(f.paths, path)), None)
        if formula is not None and (path == key or path.endswith(f".{key}")):
            lines += [path, f"  formula: {formula.words}"]
    return Explanation(path=key, lines=tuple(lines), brief=tuple(lines), tables=()) if lines else None


def _keys(schema: Mapping[str, Any], above: str = "") -> list[str]:
    """List the dotted paths of the keys that a schema names; those of lists are left out: they have no path without an index."""
    found = []
    for part in (schema, *schema.get("allOf", ())):
        for key, below in part.get("properties", {}).items():
            path = f"{above}.{key}" if above else key
            found += [path, *_keys(below, path)]
    return list(dict.fromkeys(found))


_MANY, _FIRST = 20, 3
"""Values below a path that are listed, and that are listed in brief."""


def _folded(lines: Sequence[str], most: int) -> tuple[str, ...]:
    """Keep the first lines and count the others."""
    rest = len(lines) - most
    return (*lines[:most], f"and {rest} more below it") if rest > 1 else tuple(lines)


_ONE_WORLD = ("cases", "sensitivity", "reliefs")
"""Numbers of a world of its own, with perfect foresight."""


def _over_paths(document: Mapping[str, Any], path: str) -> tuple[list[str], list[str]]:
    """Say that a number stands for several paths, and what it is on each where the run tells: every path, and in brief the ends."""
    if path.startswith(_ONE_WORLD) and not path.startswith("cases[0]"):
        said = ["on the central path, with perfect foresight"]
        return said, said
    count, name = document["paths"], path.rpartition(".")[2]
    kind = "largest" if name.startswith(PEAK) else "smallest" if name.startswith(LEAST) else "mean"
    lines = [
        f"{kind} over {count} paths"
        + (", weighted by probability; a path without it counts as zero" if kind == "mean" else "")
    ]
    part = document.get("partly_defined", {}).get(path)
    if part:
        lines.append(f"in paths of {100 * part['share_frac']:.3g} % of the probability only: {part['reason']}")
    column = _column(path)
    each = [p for p in document["by_path"] if column in p]
    known = [p for p in each if p[column] is not None]
    ends = [
        f"{p[column]} on path {p['path']}" for p in sorted(known, key=lambda p: p[column])[:: max(1, len(known) - 1)]
    ]
    same = len({p[column] for p in each}) == 1
    head = lines[0].partition(";")[0]
    told = f": {'the same on all of them' if same else ' to '.join(ends)}" if known else ""
    brief = [f"{head}{told}", *lines[1:]]
    return [*lines, *(f"  on path {p['path']} ({100 * p['probability_frac']:.3g} %): {p[column]}" for p in each)], brief


def _column(path: str) -> str:
    """Name what a path of the plan has of a figure: of a party's, the party first; of its largest, the path's own.

    Examples
    --------
    >>> _column("parties.offtaker.peak_funding_need_usd"), _column("parties.provider.infrastructure.irr"), _column("peak_it_power_mw")
    ('offtaker_funding_need_usd', 'provider_infrastructure_irr', 'peak_it_power_mw')
    """
    head, _, rest = path.partition(".")
    return rest.replace(".", "_").replace(f"_{PEAK}", "_") if head == "parties" else path.rpartition(".")[2]


def _origin(entry: dict[str, Any]) -> list[str]:
    lines = [f"  where: {entry['where']}"]
    lines += [f"  source: {entry['source']}"] if entry["source"] else []
    lines += [f"  assumption: {entry['assumption']}"] if entry["assumption"] else []
    return lines


def _chosen(provenance: Mapping[str, Any], parts: tuple[str, ...]) -> list[str]:
    """Choose the inputs with a unit below parts of the scenario, in the order of the file."""
    return [
        p for p in provenance if any(p == part or p.startswith(f"{part}.") for part in parts) and provenance[p]["unit"]
    ]


def _inputs(provenance: Mapping[str, Any], chosen: Sequence[str]) -> list[str]:
    return ["inputs:", *(f"  {input_line(p, provenance[p])}" for p in chosen)] if chosen else []


def _brief_inputs(provenance: Mapping[str, Any], chosen: Sequence[str], tables: Mapping[str, Table]) -> list[str]:
    return _inputs(provenance, chosen) if len(chosen) <= FEW else grouped_inputs(provenance, chosen, tables)
