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


@dataclass(frozen=True, slots=True)
class Formula:
    """How a family of numbers comes about.

    Parameters
    ----------
    paths : str                  regular expression of dotted paths
    words : str                  the formula
    tables : tuple of str        tables of the run that it is drawn from
    parts : tuple of str         parts of the scenario that it rests on
    """

    paths: str
    words: str
    tables: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


_DISCOUNTED = (
    "settled payments discounted from their dates at (1 + rate)^(-days/365), third-party debt left out, "
    "plus the value at the horizon"
)
_INFRASTRUCTURE = (
    "unlevered, after tax: capital, running cost, energy, rent, minimums, true-ups, shares and resale, and the chips and sites left; "
    "the rate of return (XIRR, actual/365) counts opening assets as bought at book value"
)
_TERMINAL = (
    "chips: remaining life x replacement price; sites: unused shell x its recoverable share; business: last year's margin x stated "
    "years; stake: issue price grown at its rate"
)

FORMULAS = (
    Formula(
        "objective_usd",
        "weighted sum of the parties' NPV less the itemised penalties",
        ("money_flows", "returns"),
        ("objective",),
    ),
    Formula(
        "objective_against_no_alliance_usd",
        "value against no alliance, plus what no alliance leaves undone less what the plan leaves undone, at the penalties' prices",
        ("returns",),
        ("objective", "research"),
    ),
    Formula(
        "value_against_no_alliance_usd",
        "both parties' NPV less their NPV in the no-alliance problem",
        ("returns",),
        ("objective",),
    ),
    Formula(
        r"parties\.\w+\.npv_usd",
        _DISCOUNTED,
        ("money_flows", "returns"),
        ("objective.discount_rate", "parties", "contract"),
    ),
    Formula(
        r"parties\.\w+\.npv_own_rate_usd",
        f"{_DISCOUNTED}; at the party's own rate",
        ("money_flows", "returns"),
        ("parties",),
    ),
    Formula(
        r"parties\.\w+\.npv_without_terminal_usd",
        "settled payments discounted, nothing at the horizon",
        ("money_flows",),
        ("parties",),
    ),
    Formula(r"parties\.\w+\.terminal_usd.*", _TERMINAL, ("returns",), ("terminal", "chips", "parties")),
    Formula(
        r"parties\.\w+\.min_cash_usd",
        "least cash at a period's end, within which it may be lower: opening cash and all payments, loans included",
        ("cash_by_year",),
        ("parties",),
    ),
    Formula(
        r"parties\.provider\.infrastructure\..*",
        _INFRASTRUCTURE,
        ("cash_by_year", "statements"),
        ("sites", "chips", "parties.provider"),
    ),
    Formula(
        r"parties\.provider\.equity_stake.*",
        "equity paid in, at entry price",
        ("money_flows", "headline_to_firm"),
        ("contract",),
    ),
    Formula(
        r"parties\.offtaker\.peak_funding.*",
        "deepest cumulative cash before equity and loans, by the day of each settled payment; opening cash not counted",
        ("cash_by_year",),
        ("parties.offtaker", "demand"),
    ),
    Formula(
        r"parties\.offtaker\.(breakeven_date|funding_gap_usd.*)",
        "cash before equity and loans, by date",
        ("cash_by_year",),
        ("parties.offtaker",),
    ),
    Formula(
        "peak_it_power_mw",
        "largest sum over sites of accepted chips x IT watts",
        ("sites", "chips"),
        ("chips", "sites"),
    ),
    Formula("peak_facility_power_mw", "the same x each site's peak ratio", ("sites",), ("sites",)),
    Formula(
        r"energised_mw\..*",
        "opening power plus phases begun a lead time earlier, as far as the grid lets them draw; mean of the period, facility MW",
        ("phases", "sites"),
        ("sites",),
    ),
    Formula(r"chips\..*", "cumulative orders, shifted by lead time and life", ("chips",), ("chips",)),
    Formula(
        r"tokens\..*",
        "output tokens served, or wanted and not served, over the horizon",
        ("tokens",),
        ("demand", "classes"),
    ),
    Formula(
        r"commitments.*",
        "the clause settled exactly on its own intervals",
        ("commitments_by_year", "relief_changes", "deliveries"),
        ("contract",),
    ),
    Formula(
        r"amendments.*",
        "the plan's quantities settled under the version before the amendment and under the one it made",
        ("concessions",),
        ("contract.amendments", "objective.discount_rate"),
    ),
    Formula(
        r"bottlenecks.*",
        "derivative of the optimum by the limit at this plan's yes/no choices, divided by discount and duration",
        ("bottlenecks", "reliefs"),
    ),
    Formula(r"reliefs.*", "re-solve with one whole step more at the same yes/no choices", ("reliefs",)),
    Formula(
        r"circularity\..*",
        "cumulative from the valuation date; pro rata over the offtaker's cash sources of each year",
        ("circularity",),
        ("contract", "parties.offtaker.cash"),
    ),
    Formula(r"cases.*", "the case planned in full, like the base case", ("cases",), ("cases",)),
    Formula(
        r"sensitivity.*",
        "the assumption at its low and high end, solved at the base plan's yes/no choices",
        ("tornado",),
    ),
    Formula(r"penalties_usd.*", "objective only: nobody pays it", (), ("objective", "research", "training")),
    Formula(
        r"parties\.\w+\.against_no_alliance_usd",
        "the party's NPV less its NPV in the no-alliance problem",
        ("returns",),
        ("objective", "outside_supply", "resale"),
    ),
    Formula(
        r"parties\.\w+\.emergency_loan_usd", "largest balance of the emergency loan", ("cash_by_year",), ("parties",)
    ),
    Formula(
        r"parties\.\w+\.dscr.*",
        "cash from operations over interest, fees and repayments; a revolver is repaid at will and is no service",
        ("cash_by_year",),
        ("parties",),
    ),
    Formula(r"(parties\.\w+\.own|discount)_rate_frac_per_y", "as the scenario states it", (), ("objective", "parties")),
    Formula(
        r"no_alliance\..*",
        f"{_DISCOUNTED}; the same demand with outside supply only, the provider selling on or not building",
        ("returns",),
        ("outside_supply", "resale", "demand"),
    ),
    Formula(
        r"left_open_usd.*",
        "least and largest value of the offtaker at an equal objective and the plan's integers",
        (),
        ("objective",),
    ),
    Formula(
        r"plausibility\.contract.*",
        "rent, minimums and true-ups over the IT MW-years taken, gross of downtime",
        ("money_flows", "sites"),
        ("contract",),
    ),
    Formula(
        r"plausibility\.revenue.*",
        "token revenue over the IT MW-years of all the offtaker's chips, training and research included",
        ("money_flows", "sites"),
        ("demand",),
    ),
    Formula(
        r"plausibility\.dependence.*",
        "the provider's share of the offtaker's chip-hours",
        ("compute_share",),
        ("contract",),
    ),
    Formula(
        r"plausibility\.unserved.*", "output tokens wanted and not served, over those wanted", ("tokens",), ("demand",)
    ),
    Formula(
        "gap", "the bound on the best objective less the plan's, over the plan's; it says nothing about the forecast"
    ),
    Formula(r"certificate.*", "computed again outside the solver from the same rows and columns"),
    Formula(
        r"training.*",
        "complete at the end of the first period by which its FLOPs are reached",
        ("training",),
        ("training",),
    ),
)
"""The first one that fits a path explains it."""


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
    formula = next((f for f in FORMULAS if re.fullmatch(f.paths, path) or re.fullmatch(f.paths, below[0])), None)
    tables: list[Table] = []
    if formula:
        lines.append(f"formula: {formula.words}")
        tables = [run.tables[name] for name in formula.tables if name in run.tables]
        lines += [f"drawn from table: {t.name}" for t in tables]
        lines += _inputs(provenance, formula.parts)
    return Explanation(path=path, lines=tuple(lines), tables=tuple(tables))


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
