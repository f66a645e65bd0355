"""What one sees first: the answer, the headline figures with how sure they are, the chart, what binds; then what to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.report import charts, figures, sentences, sentences_answer, sentences_paths
from offtake.report.blocks import empty, figure, table, tied, twin
from offtake.report.words import percent, plural
from offtake.tables import escape

if TYPE_CHECKING:
    from offtake.report.data import ReportData

__all__ = ["header", "opening"]

_FORESIGHT = {
    "perfect": "the plan knows every price, delay and volume of its scenario in advance, so it is an upper bound on what could be done.",
    "two-stage": "the first decisions are taken before it is known which path comes, the rest after.",
    "rolling": "each stage decides on what is known by then, and is bound by it later.",
    "multistage": "signing, sites, phases, orders and the contract’s options know the past of their path only. Training, renting, "
    "serving and borrowing know their whole path, so that every value is an upper one between two stages.",
}

_STATUS = {
    "short": "An obligation is not met in this plan",
    "infeasible": "There is no plan: fixed decisions contradict each other or physics",
    "interrupted": "The solve was interrupted: this is the best plan found until then, and a better one may exist",
    "time_limit": "The solve stopped at the time limit: a better plan may exist",
}
_NEEDS_LOAN = "F102"
"""Code of the finding that a party needs an emergency loan."""


def header(data: ReportData) -> str:
    """Write the head of the page: title, the answer, the headline figures, where to read what they rest on."""
    return (
        f'<header class="top"><p class="kicker">Offtake report · {escape(data.offtaker)} and {escape(data.provider)}</p>'
        f"<h1>{escape(data.title or data.scenario)}</h1>"
        f'<p class="answer">{tied(sentences_answer.answer(data))}</p>{_alert(data)}{_headline(data)}{_contents(data)}</header>\n'
    )


def opening(data: ReportData) -> str:
    """Write the first chart beside what binds, and below them what to know about the figures."""
    shown = data.table("power_by_year")
    chart = figure(
        "power-by-year",
        sentences.gigawatts(data),
        sub="Facility power at the end of each year; used: mean of the year’s last period. Announced, contracted: as the "
        "scenario states. Demand: what serving every demand step, training and research would take.",
        body=charts.power_chart(data),
        twins=twin(table(shown)) if len(shown) else "",
        number="1",
    )
    return f'<div class="first">{chart}{_binds(data)}</div>\n{_know(data)}'


def _alert(data: ReportData) -> str:
    """Say that the plan is not as it should be, and what is amiss first; nothing where it is optimal."""
    status = data.fact("status")
    if status in {None, "optimal"}:
        return ""
    words = _STATUS.get(str(status), f"Status: {status}")
    count = len(data.table("findings"))
    seen = f"see the {plural(count, 'finding')}" if count > 1 else "see the findings"
    warned = [r for r in data.table("findings").rows() if r["severity"] == "warning"]
    if status == "short" and warned and all(r["code"] == _NEEDS_LOAN for r in warned):
        words = "This plan needs an emergency loan"  # whatever is owed is paid with it
    amiss = next((r["message"] for r in warned), None)
    first = f": {amiss}" if status == "short" and amiss else ""
    return f'<p class="alert">{tied(words + first)}; <a href="#trust">{escape(seen)}</a>.</p>'


def _headline(data: ReportData) -> str:
    """Set the headline figures, each with how far it reaches and what it is."""
    return '<ul class="headline">' + "".join(map(_item, figures.every(data))) + "</ul>"


def _item(one: figures.Headline) -> str:
    reach = f'<span class="reach">{tied(one.reach)}</span>' if one.reach else ""
    return f"<li><b>{tied(one.amount)}</b>{reach}<span>{tied(one.words)}</span></li>"


def _contents(data: ReportData) -> str:
    links = (
        ("know", _count(data)),
        ("flows", "Flows"),
        ("parties", "Both parties’ books"),
        ("physical", "Sites, chips and tokens"),
        ("trust", "Findings and certificate"),
        ("assumptions", "Every assumption"),
    )
    return '<nav aria-label="Contents">' + "\n".join(f'<a href="#{i}">{escape(w)}</a>' for i, w in links) + "</nav>"


def _binds(data: ReportData) -> str:
    """List the limits that hold the plan back, the first of each kind."""
    found = sentences_answer.limits(data)
    if not found:
        return f'<aside class="binds" id="binds"><h3>What binds</h3>{empty(sentences.bottleneck(data))}</aside>'
    listed = "".join(_limit(data, *one) for one in found)
    more = '<p class="note"><a href="#bottlenecks">Every limit, period by period</a></p>'
    return f'<aside class="binds" id="binds"><h3>What binds</h3><ol>{listed}</ol>{more}</aside>'


def _limit(data: ReportData, name: str, when: str) -> str:
    """Name a limit in words, its name of the tables small behind where that is another one."""
    words = data.limit(name)
    alike = words.replace(" the ", " ").casefold() == name.casefold()
    as_table = "" if alike else f"<small>{escape(name)}</small>"
    return f"<li><b>{tied(words[:1].upper() + words[1:])}</b><span>{tied(when)}</span>{as_table}</li>"


def _count(data: ReportData) -> str:
    count = len(_things(data))
    return f"{count} thing{'' if count == 1 else 's'} to know about these figures"


def _know(data: ReportData) -> str:
    """List what the figures are and are not, and what the run was."""
    listed = "".join(f"<li>{tied(words)}</li>" for words in _things(data))
    return (
        f'<section class="terms" id="know"><h3>{escape(_count(data))}</h3><ol>{listed}</ol>{_facts(data)}</section>\n'
    )


def _things(data: ReportData) -> list[str]:
    """Say, one thing a line, what the figures are and are not."""
    foresight = data.fact("foresight") or "perfect"
    lines = [
        *(sentences_paths.terms(data) if data.fact("paths") else ()),
        *([] if data.fact("paths") else [_ONE_PATH]),
        "The economics are our assumptions and not the parties’. Signed terms are data; what is not public is assumed, and listed below.",
        "One planner, not an equilibrium: a single plan decides for both parties, each within its own rights.",
        f"Foresight is {foresight}: " + _FORESIGHT.get(str(foresight), "see the documentation."),
    ]
    if _gap(data):
        lines.append(
            f"The solver’s gap of {_gap(data)} bounds how far this plan may be from the best one under these assumptions. "
            "It is not the accuracy of a forecast."
        )
    if data.undetermined:
        lines.append("Not determined by the objective: " + " ".join(data.undetermined))
    return [*lines, *data.asides]


_ONE_PATH = "One path is planned: a range beside a figure is over assumptions or named cases, and no probability."


def _facts(data: ReportData) -> str:
    """Name what was planned, when, and how it ended."""
    facts = {
        "Scenario": data.scenario,
        "Run": data.run_id,
        "Valued at": data.fact("valuation_date"),
        "Foresight": data.fact("foresight"),
        "Paths": data.fact("paths"),
        "Stages": ", ".join(map(str, data.fact("stages") or ())),
        "Objective": data.objective,
        "Status": data.fact("status"),
        "Solver gap": _gap(data),
    }
    listed = "".join(
        f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items() if v not in {None, ""}
    )
    return f'<dl class="facts">{listed}</dl>'


def _gap(data: ReportData) -> str:
    gap = data.fact("gap")
    return "" if gap is None else percent(float(gap))
