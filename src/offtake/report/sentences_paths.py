"""The sentences of a plan under uncertainty: what it is worth, what the hedge and waiting are worth, what is decided when.

As the other sentences of page 1, each is made from the numbers that stand below it and computes no result.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from offtake.report.words import joined, percent, plural, usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.report.data import ReportData

__all__ = ["RELAXED", "binding", "decided", "measure", "parties", "paths", "risk", "spread", "terms", "worth"]


def terms(data: ReportData) -> tuple[str, ...]:
    """Say for what the plan was made, and how to read every number and every range of the page."""
    count, stages = data.fact("paths"), data.fact("stages") or []
    later = f"decided now and again at {joined([str(s) for s in stages[1:]])}" if len(stages) > 1 else "decided now"
    return (
        f"Planned under uncertainty, for {plural(count, 'sampled path')} with probabilities, {later}. Seed {data.fact('seed')}.",
        (
            "Every figure is the mean over these paths, weighted by probability, every peak the largest of any path and least cash the "
            "smallest, unless it says otherwise."
        ),
        (
            "A range “by path” is from the lowest of these paths to the highest, and no confidence; “95 %” is of the mean over fresh "
            "paths, not of what one future may bring."
        ),
    )


RELAXED = (
    "Decisions of later stages are relaxed: they may begin a part of a phase, which is to be read as an intention. "
    "So are training runs, at any time."
)
"""Stands wherever the stages' decisions are listed."""


def worth(data: ReportData) -> str:
    """Say what the plan is worth on futures that it was not made for, before what it is worth on its own."""
    value = data.fact("value") or {}
    count = data.fact("paths")
    own = f"on the {plural(count, 'path')} that it was made for, {usd(value.get('in_sample_usd'))}"
    mean, interval = value.get("out_of_sample_mean_usd"), value.get("out_of_sample_ci95_usd")
    if mean is None:
        why = data.reason("value.out_of_sample_mean_usd") or "it was not valued on fresh paths"
        return f"The plan’s value is known in sample only, {own}: {why}."
    count = plural(value["out_of_sample_paths"], "fresh path")
    why = data.reason("value.out_of_sample_ci95_usd") or "no interval is known"
    sure = f"{_span(interval)} with 95 % confidence" if interval else f"without an interval ({why})"
    return f"On {count} the plan is worth {usd(mean)} on average, {sure}; {own}.{_failed(value)}"


def _failed(value: dict[str, Any]) -> str:
    """Say on how many fresh paths the plan's decisions left no plan."""
    count = value.get("out_of_sample_failed") or 0
    return (
        f" {plural(count, 'further fresh path')} are left out: the decisions left no plan there, or on the path’s twin."
        if count
        else ""
    )


def _span(interval: list[float]) -> str:
    return f"{usd(interval[0])} to {usd(interval[1])}"


def worth_rows(data: ReportData) -> list[tuple[str, str, str]]:
    """List (what, amount, what it means) of the worth of the plan, of the hedge, of information and of waiting."""
    value = data.fact("value") or {}
    gap, interval = value.get("gap_estimate_usd"), value.get("out_of_sample_ci95_usd")
    evaluator = _EVALUATORS.get(str(value.get("evaluator")), data.reason("value.evaluator"))
    made_for = f"mean objective over the {plural(data.fact('paths'), 'path')} that the plan was made for"
    limit = usd(value.get("gap_limit95_usd"))
    further = f"what other decisions now could add, from plans for further draws; below {limit} with 95 % confidence"
    replicated = data.reason("value.gap_estimate_usd") if gap is None else further
    rows = [
        ("In sample", usd(value.get("in_sample_usd")), made_for),
        ("Out of sample", usd(value.get("out_of_sample_mean_usd")), evaluator),
        *([("… with 95 % confidence", _span(interval), "where the mean over all futures lies")] if interval else []),
        *_risk_rows(data),
        ("Optimality gap", "not estimated" if gap is None else usd(gap), replicated),
        (
            "The hedge",
            usd(data.fact("vss_usd")),
            "what planning for all paths adds to doing now what is best on the mean path alone",
        ),
        (
            "Perfect information",
            usd(data.fact("evpi_usd")),
            "what knowing the path before deciding would add: a forecast is worth no more, on these paths, beyond what the stages reveal",
        ),
    ]
    learnt = "what learning by then adds to deciding as at the stage before"
    waits = (data.fact("waiting_value_usd") or {}).items()
    return [*rows, *((f"Waiting until {stage}", usd(amount), learnt) for stage, amount in waits)]


def _risk_rows(data: ReportData) -> list[tuple[str, str, str]]:
    """Set the risk-adjusted value in sample and out of sample side by side; no rows where risk counts as the mean."""
    found, value = data.fact("risk") or {}, data.fact("value") or {}
    if found.get("measure") == "expectation":
        return []
    fresh = value.get("out_of_sample_risk_adjusted_usd")
    known = (
        data.reason("value.out_of_sample_risk_adjusted_usd") if fresh is None else "the same measure on the fresh paths"
    )
    return [
        ("Risk-adjusted, in sample", usd(found.get("risk_adjusted_usd")), measure(found)),
        ("Risk-adjusted, out of sample", "not known" if fresh is None else usd(fresh), known),
    ]


_EVALUATORS = {
    "rolling": "mean over fresh paths; signing, sites, phases, orders and the contract’s options planned anew at each stage on what is "
    "then expected; training, renting, serving and borrowing know the path: an upper value between two stages",
    "recourse": "mean over fresh paths; after the decisions taken now, all else is decided knowing the path: an upper value",
}


def risk(data: ReportData) -> str:
    """Say in one line how the risk measure leans: its words, the risk-adjusted value, the stressed probabilities."""
    found = data.fact("risk") or {}
    words = measure(found)
    stressed = found.get("stressed_probabilities") or []
    chances = [r["probability_frac"] for r in data.table("paths").rows()]
    leaned = [(p, s, c) for p, (s, c) in enumerate(zip(stressed, chances, strict=False)) if abs(s - c) > 0.005]
    if not leaned:
        return f"Risk counts as {words}: every path with its own probability."
    leaned.sort(key=lambda row: (row[2] - row[1], row[0]))
    up = [f"path {p} had {percent(s)} of the probability instead of {percent(c)}" for p, s, c in leaned if s > c][:3]
    down = sum(s < c for _, s, c in leaned)
    rest = f" and {plural(down, 'other')} less than sampled" if down else ""
    return f"Risk counts as {words}: {_adjusted(data)}.{_tail(data)} In sample it is the mean as if {joined(up)}{rest}."


_FEW = 10
"""A tail of fewer fresh paths than this is called rough (ours: at ten, the error of its mean is a third of the spread in it)."""


def _tail(data: ReportData) -> str:
    """Say of how few fresh paths the tail is the mean; nothing where there are none, or many."""
    count = (data.fact("value") or {}).get("out_of_sample_paths") or 0
    level = (data.fact("risk") or {}).get("level_frac")
    if level is None or not count:
        return ""
    tail = max(1, round(count * (1.0 - float(level))))
    return f" Of the fresh paths that tail is {tail}: a rough figure, without an interval." if tail < _FEW else ""


def _adjusted(data: ReportData) -> str:
    """Say the risk-adjusted value on fresh paths, if there are any, and on those that the plan was made for."""
    value = data.fact("value") or {}
    own = f"{usd((data.fact('risk') or {}).get('risk_adjusted_usd'))} on the {plural(data.fact('paths'), 'path')} of the plan"
    fresh = value.get("out_of_sample_risk_adjusted_usd")
    if fresh is None:
        return own
    return f"{usd(fresh)} on {plural(value['out_of_sample_paths'], 'fresh path')}, {own}"


def measure(found: Mapping[str, Any]) -> str:
    """Say a risk measure in words, from the document's `risk`."""
    level, weight = found.get("level_frac"), found.get("weight_frac")
    if found.get("measure") == "expectation":
        return "the mean alone"
    if level is None or weight is None:
        parts = [
            f"{percent(p['weight_frac'])} of the mean of the worst {percent(1 - p['level_frac'])}"
            for p in found.get("parts", [])
        ]
        return joined(parts) or "the scenario states"
    tail = "the worst path" if level >= 1 else f"the mean of the worst {percent(1 - level)} of the probability"
    return f"{percent(1 - weight)} of the mean and {percent(weight)} of {tail}" if weight < 1 else tail


def parties(data: ReportData) -> str:
    """Say how each party fares on average and in its own bad tail."""
    found = data.fact("risk") or {}
    parts = []
    for party in ("offtaker", "provider"):
        own = (found.get("parties") or {}).get(party)
        if own:
            parts.append(
                f"{data.the(party)} gains {usd(own['against_no_alliance_mean_usd'])} on average, "
                f"{usd(own['against_no_alliance_cvar_usd'])} in the worst {percent(1 - found['tail_level_frac'])} of its paths"
            )
    lost = [
        f"{data.the(party)} in {percent(_share_below(data, party))}"
        for party in ("offtaker", "provider")
        if _share_below(data, party) > 0
    ]
    if not parts:
        return "The parties’ values by path are not known."
    none = "; neither is worse off than without it on any path"
    tail = f"; worse off than without the alliance: {joined(lost)} of the probability" if lost else none
    return f"On the {plural(data.fact('paths'), 'path')} of the plan, {'; '.join(parts)}{tail}."


def _share_below(data: ReportData, party: str) -> float:
    rows = data.table("paths").rows()
    return math.fsum(r["probability_frac"] for r in rows if (r[f"{party}_against_no_alliance_usd"] or 0.0) < -0.5e6)


def spread(data: ReportData) -> str:
    """Say how far accepted power spreads over the paths at the end."""
    table = data.table("fans").where(series="accepted_power")
    if not len(table):
        return "No spread over paths is known."
    last = table.rows()[-1]
    low, high = (f"{last[k] / 1e3:.2g} GW" if last["p90"] >= 999.5 else f"{last[k]:.0f} MW" for k in ("p10", "p90"))
    if low == high:
        return f"Accepted power is the same on all paths in {last['period']}, {low}; what is made of it differs."
    return f"In {last['period']}, accepted power lies between {low} and {high} in the middle 80 % of the probability."


def decided(data: ReportData) -> str:
    """Say what share of the power and of the chips is fixed now."""
    rows = data.table("stage_decisions").rows()
    if not rows:
        return "What is decided when is not known."
    parts = []
    for column, word in (("begun_mw", "power that is begun"), ("ordered_chips", "chips that are ordered")):
        whole = sum(r["probability_frac"] * (r[column] or 0.0) for r in rows)
        now = sum(r["probability_frac"] * (r[column] or 0.0) for r in rows if r["stage"] == rows[0]["stage"])
        if whole > 0:
            parts.append(f"{percent(now / whole)} of the {word} over the horizon")
    if not parts:
        return "Nothing is begun and nothing is ordered at any stage."
    waits = len({r["stage"] for r in rows}) > 1
    return f"Fixed now: {joined(parts)}" + ("; the rest may wait for what is seen by then." if waits else ".")


def paths(data: ReportData) -> str:
    """Name the best and the worst path."""
    rows = data.table("paths").rows()
    if not rows:
        return "No paths are told."
    worst, best = (chosen(rows, key=lambda r: r["objective_usd"]) for chosen in (min, max))
    return (
        f"The worst path ({percent(worst['probability_frac'])}: {worst['what']}) is worth {usd(worst['objective_usd'])}; "
        f"the best ({percent(best['probability_frac'])}: {best['what']}) {usd(best['objective_usd'])}.{_fresh_tail(data)}"
    )


def _fresh_tail(data: ReportData) -> str:
    """Say what the worst of the fresh paths are worth, beside the worst of the plan's own."""
    value, found = data.fact("value") or {}, data.fact("risk") or {}
    tail, level = value.get("out_of_sample_cvar_usd"), found.get("tail_level_frac")
    if tail is None or level is None:
        return ""
    worst = "the worst" if level >= 1 else f"the worst {percent(1 - level)}"
    return f" On {plural(value['out_of_sample_paths'], 'fresh path')}, {worst} is worth {usd(tail)} on average."


def ranked(data: ReportData) -> list[str]:
    """Rank the limits by the sum over periods of the shares of paths in which they bind, then by name."""
    found: dict[str, float] = {}
    for row in data.table("binding").rows():
        found[row["limit"]] = found.get(row["limit"], 0.0) + row["share_frac"]
    return sorted(found, key=lambda n: (-found[n], n))


def binding(data: ReportData) -> str:
    """Say which limit binds most, how often and when."""
    names = ranked(data)
    rows = data.table("binding").rows()
    if not any(r["share_frac"] > 0 for r in rows):
        return "Nothing binds on any path: one more unit of any limit would add no value in any period."
    supply = [n for n in names if next(r["kind"] for r in rows if r["limit"] == n) != "demand"]
    top = (supply or names)[0]
    own = [r for r in rows if r["limit"] == top]
    bound = [r for r in own if r["share_frac"] > 0]
    if not bound:
        top = names[0]
        own = [r for r in rows if r["limit"] == top]
        bound = [r for r in own if r["share_frac"] > 0]
    always = sum(r["share_frac"] > 1 - 1e-9 for r in bound)
    most = max(bound, key=lambda r: r["share_frac"])
    when = f"in {len(bound)} of {plural(len(own), 'period')}"
    when += ", on all paths" if always == len(bound) else f" on some path, in {always or 'none'} on all"
    peak = "" if always else f", at most on {percent(most['share_frac'])} of the paths, in {most['period']}"
    return f"{_upper(data.limit(top))} binds most often: {when}{peak}."


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
