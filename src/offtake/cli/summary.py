"""What `offtake plan` says on a terminal: the headline, build, buy, commit, what binds, the cases, the findings, where it is."""

from __future__ import annotations

import math
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offtake.cli.summary_paths import binding_over_paths, limits_note, uncertainty_lines, uncertainty_tables
from offtake.cli.terminal import print_lines, print_table
from offtake.report import figures
from offtake.report.data import KINDS
from offtake.report.words import percent, plural, power, usd
from offtake.tables import Column, Table, scale_of, significant

if TYPE_CHECKING:
    from offtake.api import Answer
    from offtake.report.data import ReportData
    from offtake.report.figures import Headline

__all__ = ["print_summary"]

_MOST = 8
"""Rows of a table of limits."""

_WIDE = 100
"""Characters that the whole table of cases takes."""

_KINDS = (*(kind for kind in KINDS if kind not in ("demand", "other")), "other", "demand")
"""What limits are about, in the order in which they are shown."""

_CASES = {
    "case": "Case",
    "accepted_2030_gw": "2030",
    "provider_infrastructure_npv_usd": "Works NPV",
    "provider_infrastructure_irr_frac": "IRR",
    "offtaker_npv_usd": "Offtaker",
    "peak_funding_usd": "Funding",
    "true_up_usd": "True-up",
    "unserved_frac": "Unserved",
    "dependence_frac": "Depends",
    "value_against_no_alliance_usd": "Gain",
    "status": "Status",
}
"""Columns of the cases with headings that fit eighty characters; the report has them in full."""

_CASES_NOTE = (
    "2030: accepted at the fence; Works: the provider's infrastructure, after tax; Funding: the offtaker's on its worst day;\n"
    "Depends: share of the offtaker's chip-hours from the provider; Gain: both parties against no alliance."
)

_CASES_OF_PATHS = (
    "The first row is the mean over the paths of the plan, its funding the largest of any path, decided without knowing which comes;\n"
    "each other case is one path of its own, known in advance, and does not compare with it in funding or in foresight."
)


def print_summary(answer: Answer, target: Path | None, *, report: bool) -> None:
    """Print the answer for people: two or three significant digits, every figure of the saved run behind it."""
    document, tables = answer.document, answer.tables
    _headline(answer, document)
    tables_shown = (
        *(uncertainty_tables(answer) if document.get("paths") else ()),
        _by_year(
            tables["sites"],
            "site",
            "energised_facility_mw",
            "What to build: MW energised at the fence, end of the year",
        ),
        _by_year(tables["chips"], "chip", "ordered_chips", "What to buy: thousands of chips ordered in the year"),
        _commitments(document["commitments"]),
        _deliveries(document["commitments"]),
        _amendments(answer),
        _firm(answer),
        binding_over_paths(answer)
        if document.get("paths")
        else _binding(document["bottlenecks"], document["reliefs"], answer.report_data),
        _cases(tables["cases"], document),
    )
    for table in tables_shown:
        if table is not None:
            print_table(table)
            print_lines("")
    _findings(document)
    _where(answer, target, report=report)


def _headline(answer: Answer, document: Mapping[str, Any]) -> None:
    data = answer.report_data
    gap = "" if document["gap"] is None else f" · gap {percent(document['gap'])}"
    print_lines(
        f"{data.title} ({data.scenario})",
        f"{document['status']}{gap} · {document['foresight']} foresight · {data.objective}",
        f"{document['valuation_date']} to {document['horizon']}; the economics are the scenario's assumptions, not the parties'.",
        "",
    )
    if document.get("paths"):
        print_lines(*uncertainty_lines(answer), "")
    rows: list[tuple[Any, ...]] = [
        (
            party["name"],
            party["npv_usd"],
            document["no_alliance"][name]["npv_usd"],
            party["against_no_alliance_usd"],
            party["min_cash_usd"],
        )
        for name, party in document["parties"].items()
    ]
    # One unit for all, so that the gain is seen to be the first less the second.
    factor, unit = scale_of(max(abs(v) for row in rows for v in row[1:]), "USD")
    columns = tuple(Column(n, unit, n, "float") for n in ("NPV", "Without alliance", "Gain", "Least cash"))
    scaled = [(row[0], *(v / factor for v in row[1:])) for row in rows]
    rate = significant(100 * document["discount_rate_frac_per_y"])
    title = f"Who gains: value at {rate} %/year, before tax"
    note = "Least cash: what it has at the end of a period of the plan, opening cash, equity and loans counted."
    note += (
        "\nMeans over the paths of the plan; least cash: on the path on which it is least."
        if document.get("paths")
        else ""
    )
    print_table(Table("value", (Column("party", "", "Party", "text"), *columns), scaled, title, note))
    provider = document["parties"]["provider"]
    works, it, fence = (
        provider["infrastructure"],
        power(document["peak_contract_it_power_mw"]),
        power(document["peak_contract_facility_power_mw"]),
    )
    whole = power(document["peak_facility_power_mw"])
    sold = f"; {whole} with what {provider['name']} sells outside" if whole != fence else ""
    taxed = (
        "before tax: no tax is due or no rate is stated"
        if works["npv_usd"] == works["npv_before_tax_usd"]
        else "after tax"
    )
    told = (
        ("Funding", figures.funding(data)),
        ("Commitment", figures.commitment(data)),
        ("Return", figures.returns(data)),
    )
    print_lines(
        "",
        gain_line(document),
        f"At the peak {it} of IT power is accepted, {fence} at the fence{sold}.",
        *(line for name, one in told if one is not None for line in _figure(name, one)),
        f"Infrastructure of {provider['name']}: NPV {usd(works['npv_usd'])} {taxed}.",
        "",
    )


def gain_line(document: Mapping[str, Any]) -> str:
    """Say what both gain in money, and what with research and runs left undone counted, where these differ by a hundredth.

    Examples
    --------
    >>> gain_line({"value_against_no_alliance_usd": 52e9, "objective_against_no_alliance_usd": 191e9})
    'Both together gain $52 bn against no alliance; $191 bn with what is left undone (research, training) counted at its price.'
    >>> gain_line({"value_against_no_alliance_usd": 2e9, "objective_against_no_alliance_usd": 2e9})
    'Both together gain $2 bn against no alliance.'
    """
    gain, whole = document["value_against_no_alliance_usd"], document.get("objective_against_no_alliance_usd")
    said = f"Both together gain {usd(gain)} against no alliance{_on_paths(document)}"
    if whole is not None and abs(whole - gain) > 0.01 * abs(gain):
        said += f"; {usd(whole)} with what is left undone (research, training) counted at its price"
    return f"{said}."


def _figure(name: str, one: Headline) -> list[str]:
    """Say one of the report's headline figures in lines of the terminal."""
    reach = f" ({one.reach})" if one.reach else ""
    return textwrap.wrap(
        f"{name}: {one.amount}{reach}, {one.words}.", _WIDE, subsequent_indent="  ", break_on_hyphens=False
    )


def _on_paths(document: Mapping[str, Any]) -> str:
    """Say on what a mean is taken, where there are several paths."""
    return f", mean over the {plural(document['paths'], 'path')} of the plan" if document.get("paths") else ""


def _by_year(table: Table, name: str, value: str, title: str) -> Table | None:
    """Turn one row per thing and year into one row per thing; things without anything are left out."""
    years = sorted({int(y) for y in table["year"]})
    found: dict[str, dict[int, float]] = {}
    for row in table.rows():
        found.setdefault(row[name], {})[row["year"]] = row[value] or 0.0
    rows: list[tuple[Any, ...]] = [
        (thing, *(by.get(y, 0.0) for y in years)) for thing, by in found.items() if any(by.values())
    ]
    if not rows:
        return None
    rows += [("all", *(sum(by.get(y, 0.0) for by in found.values()) for y in years))] if len(rows) > 1 else []
    scale = 1e3 if value.endswith("_chips") else 1.0
    heads = (Column(name, "", "", "text"), *(Column(f"y{y}", "", str(y), "float") for y in years))
    return Table(value, heads, [(r[0], *(v / scale for v in r[1:])) for r in rows], title=title)


_PROMISE_NOTES = {
    "take_or_pay": "Take or pay: least is the minimum of what is made available, so late capacity lowers it.",
    "spend_commitment": "Spend commitment: least is the floor as written; counted is all spend that the clause counts.",
    "reservation": "Reservation: least is the fee of what is held.",
}
"""What the columns mean for each kind of commitment."""


def _commitments(every: Sequence[Mapping[str, Any]]) -> Table | None:
    """Show what must be paid at least, what counts towards it, and what is owed for the rest, with relief and without."""
    found = [c for c in every if c["kind"] != "delivery"]
    if not found:
        return None
    relieved = any("without_relief_usd" in c for c in found)
    heads = {"committed_usd": "Least", "paid_usd": "Counted", "true_up_usd": "True-up"}
    heads |= {"without_relief_usd": "Without relief"} if relieved else {}
    columns = (
        Column("commitment", "", "", "text"),
        Column("kind", "", "", "text"),
        *(Column(name, "USD", head, "float") for name, head in heads.items()),
    )
    rows = [(_commitment(c), c["kind"].replace("_", " "), *(c.get(name, math.nan) for name in heads)) for c in found]
    kinds = {c["kind"] for c in found}
    notes = [words for kind, words in _PROMISE_NOTES.items() if kind in kinds]
    if sum(c["kind"] == "take_or_pay" for c in found) > 1:
        notes.insert(1, "Of several tranches of a chip, the last counts the use above all of them.")
    notes += ["Without relief: the true-up of the same plan if late delivery lowered nothing."] if relieved else []
    return Table("commitments", columns, rows, "What is committed, over the whole term", "\n".join(notes))


def _commitment(c: Mapping[str, Any]) -> str:
    return str(c["clause"]) if c["scope"] in ("interval", "capacity") else f"{c['clause']} ({c['scope']})"


def _deliveries(every: Sequence[Mapping[str, Any]]) -> Table | None:
    """Show what was to be delivered and may be late, at its price."""
    found = [c for c in every if c["kind"] == "delivery"]
    if not found:
        return None
    columns = (
        Column("delivery", "", "", "text"),
        *(Column(f"{w.lower()}_usd", "USD", w, "float") for w in ("Scheduled", "Delivered", "Credit")),
    )
    rows = [(_commitment(c), c["committed_usd"], c["paid_usd"], c["credit_usd"]) for c in found]
    return Table(
        "deliveries", columns, rows, title="What is delivered, at its price, and what is credited for the rest"
    )


def _amendments(answer: Answer) -> Table | None:
    """Show what each side gave and got by each amendment."""
    from offtake.report.promises import amendments_table

    shown = amendments_table(answer.report_data, title="What each amendment gave and got")
    return None if shown is None else shown.select("number", "since", "clause", "party", "usd", "discounted_usd")


def _firm(answer: Answer) -> Table | None:
    """Show what the contract's headline is made of."""
    from offtake.report.headline import OWN_TITLE, deal_table

    data = answer.report_data
    own = data.table("headline_against_firm").where(own=True)
    names = {p: data.party(p) for p in {*own["payer"], *own["payee"]}}
    return deal_table(own, names, title=OWN_TITLE) if len(own) else None


def _binding(
    limits: Sequence[Mapping[str, Any]], reliefs: Sequence[Mapping[str, Any]], data: ReportData
) -> Table | None:
    """Show what binds: the limits with a relief value first, by it; then the others, demand last."""
    binds: dict[str, list[Mapping[str, Any]]] = {}
    for one in limits:
        if one["binding"]:
            binds.setdefault(one["limit"], []).append(one)
    if not binds:
        return None
    steps = {r["limit"]: r for r in reliefs}
    worth = {name: float(steps[name]["relief_usd"]) if name in steps else -1.0 for name in binds}
    order = sorted(binds, key=lambda name: (-worth[name], _rank(binds[name][0]["kind"]), -len(binds[name])))
    rows = []
    for name in order[:_MOST]:
        periods = [one["period"] for one in binds[name]]
        top = max(binds[name], key=lambda one: abs(one["price"] or 0.0))
        when = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
        step = steps.get(name)
        rows.append(
            (data.limit(name), when, _price(top), step["step"] if step else "", usd(step["relief_usd"]) if step else "")
        )
    heads = {"limit": "Limit", "when": "Binds", "price": "Highest price", "step": "One step more", "worth": "Is worth"}
    shown = len(heads) if reliefs else 3  # without relief values, no empty columns for them
    columns = tuple(Column(n, "", t, "text") for n, t in list(heads.items())[:shown])
    note = limits_note(data, order, most=_MOST)
    return Table("binding", columns, [row[:shown] for row in rows], title="What binds", note=note)


def _rank(kind: str) -> int:
    return _KINDS.index(kind if kind in _KINDS else "other")


def _price(limit: Mapping[str, Any]) -> str:
    """Write a price with its unit: `$2.9 M/phase`."""
    price, unit = limit["price"], str(limit["unit"])
    if price is None:
        return ""
    if unit.startswith("USD/"):
        amount = float(f"{price:.2g}")
        return f"{usd(amount) if abs(amount) >= 1.0 else '$' + significant(amount, 2)}{unit.removeprefix('USD')}"
    return f"{significant(price, 2)} {unit}"


def _cases(table: Table, document: Mapping[str, Any]) -> Table | None:
    """Show the cases; how each ended only where one did not end well."""
    if len(table) < 2:
        return None
    fine = {"optimal", "gap_reached"}.issuperset(table["status"].tolist())
    left_out = {"status"} if fine else set()
    if sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE:
        left_out |= {"peak_funding_usd", "dependence_frac"}
    names = [name for name in _CASES if name not in left_out]
    columns = {c.name: c for c in table.columns}
    note = _CASES_NOTE + (f"\n{_CASES_OF_PATHS}" if document.get("paths") else "")
    heads = [Column(name, columns[name].unit, _CASES[name], columns[name].kind) for name in names]
    return Table("cases", heads, {name: table[name] for name in names}, "In which cases it goes wrong", note)


def _findings(document: Mapping[str, Any]) -> None:
    found = document["findings"]
    if found:
        print_lines(*(f"{f['severity']} {f['code']}: {f['message']}" for f in found), "")
    for name, value in document["penalties_usd"].items():
        if value:
            print_lines(f"penalty in the objective only, nobody pays it: {name} {usd(value)}")


def _where(answer: Answer, target: Path | None, *, report: bool) -> None:
    """Say where everything is, and what to do next: the last line."""
    if target is None:
        print_lines("Next: name another folder with -o")
        return
    print_lines(f"Run {answer.manifest.run_id} is saved in {target}; every number: offtake explain {target} PATH")
    if answer.status in ("interrupted", "time_limit"):
        print_lines("Next: plan again with more time, or with a wider --gap")
    elif report:
        print_lines(f"Next: open {target / 'report.html'}")
    else:
        print_lines(f"Next: offtake explain {target} value_against_no_alliance_usd")
