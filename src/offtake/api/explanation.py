"""Where a number of the document came from: its formula in words, what it is made of, and the sources of its inputs."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from offtake.api.formulas import FORMULAS, OF_PATHS
from offtake.api.mixing import LEAST, PEAK
from offtake.errors import OfftakeError
from offtake.report.sentences_paths import measure
from offtake.runs.compare import flatten

if TYPE_CHECKING:
    from offtake.runs.record import RunRecord
    from offtake.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Lines for people, and the tables that a number is drawn from."""

    path: str
    lines: tuple[str, ...]
    tables: tuple[Table, ...]

    def __str__(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


def explain_path(run: RunRecord, path: str) -> Explanation:
    """Explain one number of a run's document, or one value of its scenario."""
    provenance = json.loads(run.extra.get("provenance.json", "{}"))
    found = flatten(dict(run.document))
    if path in provenance:
        return Explanation(
            path=path, lines=(f"{path} = {provenance[path]['text']}", *_origin(provenance[path])), tables=()
        )
    below = [p for p in found if p == path or p.startswith((f"{path}.", f"{path}["))]
    if not below:
        near = difflib.get_close_matches(path, [*found, *provenance], n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        msg = f"the run has no number at {path!r}{hint}"
        raise OfftakeError(msg)
    lines = [f"{p} = {found[p]}" for p in below[:20]]
    reasons = run.document.get("reasons", {})
    lines += [f"why it is null: {reasons[p]}" for p in below if p in reasons]
    several = "by_path" in run.document
    known = (*OF_PATHS, *FORMULAS) if several else FORMULAS
    formula = next((f for f in known if re.fullmatch(f.paths, path) or re.fullmatch(f.paths, below[0])), None)
    tables: list[Table] = []
    if formula:
        lines.append(f"formula: {formula.words}")
        if several and "risk_adjusted" in path:
            lines.append(f"measure: {measure(run.document['risk'])}")
        if several and formula in FORMULAS:
            lines += _over_paths(run.document, path)
        tables = [run.tables[name] for name in formula.tables if name in run.tables]
        lines += [f"drawn from table: {t.name}" for t in tables]
        lines += _inputs(provenance, formula.parts)
    return Explanation(path=path, lines=tuple(lines), tables=tuple(tables))


_ONE_WORLD = ("cases", "sensitivity", "reliefs")
"""Numbers of a world of its own, with perfect foresight."""


def _over_paths(document: Mapping[str, Any], path: str) -> list[str]:
    """Say that a number stands for several paths, and what it is on each where the run tells."""
    if path.startswith(_ONE_WORLD) and not path.startswith("cases[0]"):
        return ["on the central path, with perfect foresight"]
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
    return lines + [
        f"  on path {p['path']} ({100 * p['probability_frac']:.3g} %): {p[column]}"
        for p in document["by_path"]
        if column in p
    ]


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


def _inputs(provenance: dict[str, Any], parts: tuple[str, ...], *, most: int = 40) -> list[str]:
    chosen = [
        p for p in provenance if any(p == part or p.startswith(f"{part}.") for part in parts) and provenance[p]["unit"]
    ]
    lines = ["inputs:"] if chosen else []
    for p in chosen[:most]:
        entry = provenance[p]
        because = entry["source"] or entry["assumption"] or entry["origin"]
        lines.append(f"  {p} = {entry['text']}  [{entry['where']}] {because}")
    if len(chosen) > most:
        lines.append(f"  and {len(chosen) - most} more below {', '.join(parts)}")
    return lines
