"""Where a number of the document came from: its formula in words, what it is made of, and the sources of its inputs."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from offtake.errors import OfftakeError
from offtake.runs.compare import flatten

if TYPE_CHECKING:
    from offtake.runs.record import RunRecord
    from offtake.tables import Table

DISCOUNTED = "settled payments discounted from their dates at (1 + rate)^(-days/365), third-party debt left out, plus the value at the horizon"

FORMULAS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    (r"objective_usd", "weighted sum of the parties' NPV less the itemised penalties", ("money_flows", "returns"), ("objective",)),
    (r"value_against_no_alliance_usd", "both parties' NPV less their NPV in the no-alliance problem", ("returns",), ("objective",)),
    (r"parties\.\w+\.npv_usd", DISCOUNTED, ("money_flows", "returns"), ("objective.discount_rate", "parties", "contract")),
    (r"parties\.\w+\.npv_own_rate_usd", DISCOUNTED + ", at the party's own rate", ("money_flows", "returns"), ("parties",)),
    (r"parties\.\w+\.npv_without_terminal_usd", "settled payments discounted, nothing counted at the horizon", ("money_flows",), ("parties",)),
    (r"parties\.\w+\.terminal_usd.*", "chips: remaining life x replacement price; sites: unused shell x its recoverable share; business: last year's margin x stated years; stake: issue price grown at its rate", ("returns",), ("terminal", "chips", "parties")),
    (r"parties\.\w+\.min_cash_usd", "least cash at a period's end, from opening cash and settled payments", ("cash_by_year",), ("parties",)),
    (r"parties\.provider\.infrastructure\..*", "unlevered, after tax: capex, running cost, energy, rent, minimums, true-ups, shares, resale, and the chips and sites left; IRR by XIRR (actual/365)", ("cash_by_year", "statements"), ("sites", "chips", "parties.provider")),
    (r"parties\.provider\.equity_stake.*", "equity paid in, at entry price", ("money_flows", "headline_to_firm"), ("contract",)),
    (r"parties\.offtaker\.peak_funding.*", "deepest cumulative cash before equity and loans", ("cash_by_year",), ("parties.offtaker", "demand")),
    (r"parties\.offtaker\.(breakeven_date|funding_gap_usd.*)", "cash before equity and loans, by date", ("cash_by_year",), ("parties.offtaker",)),
    (r"peak_it_power_mw", "largest sum over sites of accepted chips x IT watts", ("sites", "chips"), ("chips", "sites")),
    (r"peak_facility_power_mw", "the same x each site's peak ratio", ("sites",), ("sites",)),
    (r"energised_mw\..*", "opening power plus phases begun a lead time earlier, mean of the period (facility MW)", ("phases", "sites"), ("sites",)),
    (r"chips\..*", "cumulative orders, shifted by lead time and life", ("chips",), ("chips",)),
    (r"tokens\..*", "output tokens served, or wanted and not served, by class over the horizon", ("tokens",), ("demand", "classes")),
    (r"commitments.*", "the clause settled in exact decimals on its own intervals", ("commitments_by_year",), ("contract",)),
    (r"bottlenecks.*", "derivative of the optimum by the limit at this plan's yes/no choices, divided by discount and duration", ("bottlenecks", "reliefs"), ()),
    (r"reliefs.*", "re-solve with one whole step more at the same yes/no choices", ("reliefs",), ()),
    (r"circularity\..*", "cumulative from the valuation date; pro rata over the offtaker's cash sources of each year", ("circularity",), ("contract", "parties.offtaker.cash")),
    (r"cases.*", "the case planned in full, like the base case", ("cases",), ("cases",)),
    (r"sensitivity.*", "the assumption at its low and high end, solved at the base plan's yes/no choices", ("tornado",), ()),
    (r"penalties_usd.*", "objective only: nobody pays it", (), ("objective", "research", "training")),
)  # fmt: skip
"""Pattern of a path, its formula in words, tables it is drawn from, and parts of the scenario it rests on."""


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
        return Explanation(path=path, lines=(f"{path} = {provenance[path]['text']}", *_origin(provenance[path])), tables=())
    below = [p for p in found if p == path or p.startswith(f"{path}.")]
    if not below:
        near = difflib.get_close_matches(path, [*found, *provenance], n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        msg = f"the run has no number at {path!r}{hint}"
        raise OfftakeError(msg)
    lines = [f"{p} = {found[p]}" for p in below[:20]]
    reasons = run.document.get("reasons", {})
    lines += [f"why it is null: {reasons[p]}" for p in below if p in reasons]
    formula = next((f for f in FORMULAS if re.fullmatch(f[0], path) or re.fullmatch(f[0], below[0])), None)
    tables: list[Table] = []
    if formula:
        lines.append(f"formula: {formula[1]}")
        tables = [run.tables[name] for name in formula[2] if name in run.tables]
        lines += [f"drawn from table: {t.name}" for t in tables]
        lines += _inputs(provenance, formula[3])
    return Explanation(path=path, lines=tuple(lines), tables=tuple(tables))


def _origin(entry: dict[str, Any]) -> list[str]:
    lines = [f"  where: {entry['where']}"]
    lines += [f"  source: {entry['source']}"] if entry["source"] else []
    lines += [f"  assumption: {entry['assumption']}"] if entry["assumption"] else []
    return lines


def _inputs(provenance: dict[str, Any], parts: tuple[str, ...], *, most: int = 40) -> list[str]:
    chosen = [p for p in provenance if any(p == part or p.startswith(f"{part}.") for part in parts) and provenance[p]["unit"]]
    lines = ["inputs:"] if chosen else []
    for p in chosen[:most]:
        entry = provenance[p]
        because = entry["source"] or entry["assumption"] or entry["origin"]
        lines.append(f"  {p} = {entry['text']}  [{entry['where']}] {because}")
    if len(chosen) > most:
        lines.append(f"  and {len(chosen) - most} more below {', '.join(parts)}")
    return lines
