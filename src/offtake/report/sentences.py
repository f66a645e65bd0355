"""The titles of page 1: one plain sentence each, made from the numbers of its table.

Each function takes the data and returns a sentence that is true of it, also where nothing is built, nothing binds or a
figure has no meaning. No sentence computes a result; it picks, compares and counts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.report import sentences_paths
from offtake.report.words import joined, percent, plural, power, usd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.report.data import ReportData
    from offtake.tables import Table

__all__ = [
    "bottleneck",
    "cases",
    "cash",
    "commitment",
    "decision",
    "firm",
    "gigawatts",
    "nearly",
    "ranked_limits",
    "tornado",
    "value",
]


def value(data: ReportData) -> float | None:
    """Give the base case's joint value against no alliance, None where it is not known."""
    table = data.table("cases")
    return table.rows()[0]["value_against_no_alliance_usd"] if len(table) else None


def _absent(data: ReportData, name: str, words: str) -> str:
    """Say why a table is empty."""
    return data.missing.get(name) or words


def gigawatts(data: ReportData) -> str:
    """Say how far accepted power gets, against what is announced and what demand would take."""
    table = data.table("power_by_year")
    accepted = table["accepted_facility_mw"]
    if not len(table) or np.isnan(accepted).all():
        return _absent(data, "power_by_year", "No figures of power are given.")
    at = int(np.nanargmax(accepted))
    if accepted[at] <= 0:
        return "No power is accepted in any year: nothing is built."
    near = nearly(accepted)
    if power(float(accepted[near])) == power(float(accepted[at])):  # what reads the same is not told twice
        at = near
    peak, first = float(accepted[at]), float(accepted[0])
    years = table["year"]
    if at == 0 or math.isnan(first) or peak <= first * 1.005:
        start = f"Accepted power does not grow beyond the {power(peak)} of {years[at]}"
    else:
        from_ = power(first) if first > 0.001 * peak else "nothing"
        start = f"Accepted power grows from {from_} in {years[0]} to {power(float(accepted[near]))} in {years[near]}"
        start += f" and {power(peak)} in {years[at]}" if near < at else ""
    announced = float(table["announced_facility_mw"][at])
    of = f", of {power(announced)} announced" if announced > peak * 1.005 else ""
    if 0 < announced < peak * 0.995:
        of = f"; {power(announced)} is announced"
    demand, used = float(table["demand_facility_mw"][at]), float(table["used_facility_mw"][at])
    if math.isnan(demand):
        return f"{start}{of}."
    if demand > peak * 1.005:
        return f"{start}{of}; demand that year would take {power(demand)}{_left_unserved(data)}."
    if used < peak * 0.995:
        return f"{start}{of}; demand that year takes {power(demand)}, and {power(used)} are used."
    return f"{start}{of}; it covers the {power(demand)} that demand takes that year."


def nearly(accepted: NDArray[np.float64]) -> int:
    """Find the first year with power within a hundredth of the most; the year of the most where that is the first year of all.

    Examples
    --------
    >>> nearly(np.array([1.70, 4.61, 4.95, 4.97, 4.99])), nearly(np.array([4.98, 4.99]))
    (2, 1)
    """
    at = int(np.nanargmax(accepted))
    near = int(np.argmax(accepted >= 0.99 * accepted[at]))
    return near or at


def _left_unserved(data: ReportData) -> str:
    """Say how much of the demand is served in the end: the alliance's power is not all that the offtaker uses."""
    cases = data.table("cases").rows()
    if not cases or cases[0]["unserved_frac"] is None:
        return ""
    share, own = cases[0]["unserved_frac"], cases[0]["dependence_frac"]
    by = "" if own is None or own > 0.9995 else "with other clouds’ chips, "
    served = "all" if share < 0.0005 else percent(1 - share)
    return f"; {by}{served} of the tokens wanted over the horizon are served"


def ranked_limits(data: ReportData) -> list[str]:
    """Rank the limits: by what relief is worth, then by how many periods they bind in, then by name; over paths, by how often."""
    if len(data.table("binding")):
        return sentences_paths.ranked(data)
    table = data.table("bottlenecks")
    worth = {r["limit"]: r["relief_usd"] for r in data.table("reliefs").rows() if r["relief_usd"] is not None}
    binds: dict[str, int] = {}
    for limit, binding in zip(table["limit"], table["binding"], strict=True):
        binds[limit] = binds.get(limit, 0) + int(binding)
    return sorted(binds, key=lambda n: (-worth.get(n, -math.inf), -binds[n], n))


def bottleneck(data: ReportData) -> str:
    """Say which limit is worth most to relieve, when it binds, or that nothing does."""
    table = data.table("bottlenecks")
    if not len(table):
        return _absent(data, "bottlenecks", "No limits are reported.")
    if len(data.table("binding")):
        return sentences_paths.binding(data)
    if not table["binding"].any():
        return "Nothing binds: one more unit of any limit would add no value in any period."
    reliefs = {r["limit"]: r for r in data.table("reliefs").rows() if r["relief_usd"] is not None}
    ranked = [n for n in ranked_limits(data) if table.where(limit=n)["binding"].any()]
    top = ranked[0]
    own = table.where(limit=top)
    bound = own["binding"]
    periods = len(set(table["period"]))
    when = f"in {int(bound.sum())} of {plural(periods, 'period')}, first in {own['period'][int(np.argmax(bound))]}"
    if top in reliefs and reliefs[top]["relief_usd"] > 0:
        gain = reliefs[top]
        return f"{_first_upper(data.limit(top))} is worth most to relieve: {gain['step']} adds {usd(gain['relief_usd'])}; it binds {when}."
    longest = max(ranked, key=lambda n: (int(table.where(limit=n)["binding"].sum()), n == top))
    own = table.where(limit=longest)
    bound = own["binding"]
    when = f"in {int(bound.sum())} of {plural(periods, 'period')}, first in {own['period'][int(np.argmax(bound))]}"
    tail = "; one step more of it alone adds nothing" if longest in reliefs else ""
    return f"{_first_upper(data.limit(longest))} binds longest, {when}{tail}."


def cash(data: ReportData) -> str:
    """Say how deep each party's cash goes before funding, and when it turns."""
    table = data.table("cash_by_year")
    if not len(table):
        return _absent(data, "cash_by_year", "No cash flows are reported.")
    parts = []
    for party in ("offtaker", "provider"):
        own = table.where(party=party)
        depth = own["cumulative_before_funding_usd"]
        if not len(own) or np.isnan(depth).all():
            continue
        at = int(np.nanargmin(depth))
        if depth[at] >= 0:
            parts.append(f"{data.the(party)} is never down")
        else:
            parts.append(f"{data.the(party)} is down {usd(-float(depth[at]))} at its lowest, in {own['year'][at]}")
    if not parts:
        return _absent(data, "cash_by_year", "No cash flows are reported.")
    mean = ", in the mean over paths" if data.fact("paths") else ""
    return _first_upper(
        f"at year ends{mean} and before funding, {joined(parts)}{_met_from(data, table.where(party='offtaker'))}."
    )


def _met_from(data: ReportData, own: Table) -> str:
    """Say what carries the offtaker to its lowest point: the cash that it had, and what equity and loans brought until then."""
    depth = own["cumulative_before_funding_usd"]
    if not len(own) or np.isnan(depth).all() or np.nanmin(depth) >= 0:
        return ""
    at = int(np.nanargmin(depth))
    brought = float(np.nansum(own["funding_usd"][: at + 1]))
    had = float(own["closing_cash_usd"][at] - depth[at]) - brought
    means = [f"{usd(had)} of its own cash"] if had > 0.5 else []
    means += [f"{usd(brought)} of equity and loans"] if brought > 0.5 else []
    return f"; {data.the('offtaker')} meets it with {joined(means)}" if means else ""


def commitment(data: ReportData) -> str:
    """Say whether planned spend meets the floor, and what the low case costs."""
    table = data.table("commitments_by_year")
    if not len(table):
        return _absent(
            data, "commitments_by_year", "There is no floor of spend, and no minimum that is paid if it is not taken."
        )
    true_up, low = float(np.nansum(table["true_up_usd"])), float(np.nansum(table["low_true_up_usd"]))
    intervals = plural(len(table), "interval")
    short = int((table["true_up_usd"] > 0.5).sum())
    if true_up > 0.5:
        start = f"The plan falls short of the floor in {short} of {intervals} and pays {usd(true_up)} of true-up"
    elif np.isnan(table["planned_usd"]).all():
        start = "Planned spend is not known"
    else:
        start = "Planned spend meets the floor in every interval, without true-up"
    if np.isnan(table["low_usd"]).all():
        return f"{start}; no low case was solved."
    low_short = int((table["low_true_up_usd"] > 0.5).sum())
    if low > 0.5:
        return f"{start}; the low case falls short in {low_short} of {intervals} and pays {usd(low)}."
    return f"{start}; the low case pays none either." if true_up <= 0.5 else f"{start}; the low case pays none."


def firm(data: ReportData) -> str:
    """Say what of the headline is firm, and how much of the money returns."""
    table = data.table("headline_to_firm")
    parts = []
    for layer in dict.fromkeys(table["layer"]):
        own = table.where(layer=layer)
        total, result = _role(own, "total"), _role(own, "result")
        if total and result is not None:
            parts.append(f"of {usd(total)} in the {layer} deal, {usd(result)} is firm")
    rows = [r for r in data.table("circularity").rows() if r["firmness"] == "firm"]
    shares = [_returned(rows), _funded(data, rows)]
    words = "; ".join(w for w in (joined(parts), joined([w for w in shares if w])) if w)
    return (
        _first_upper(words) + "."
        if words
        else _absent(data, "headline_to_firm", "There is no contract, so nothing is firm.")
    )


def _returned(rows: list[dict[str, Any]]) -> str:
    """Say when the whole firm investment has come back as payments, or how much of it has by the end."""
    known = [r for r in rows if r["returned_share_frac"] is not None and r["invested_usd"]]
    if not known:
        return ""
    whole = next((r for r in known if r["returned_share_frac"] > 1 - 1e-9), known[-1])
    share = percent(whole["returned_share_frac"])
    return f"by the end of {whole['date'].year}, {share} of the firm investment has been paid back to the investor"


def _funded(data: ReportData, rows: list[dict[str, Any]]) -> str:
    """Say what part of the payments the provider's own money met, at the highest, and over the whole horizon."""
    known = [r for r in rows if r["funded_share_frac"] is not None]
    if not any(r["invested_usd"] for r in known):
        return ""
    if not known:
        return ""
    high, last = max(known, key=lambda r: r["funded_share_frac"]), known[-1]
    met = f"of {data.the('offtaker')}’s payments were met with {data.the('provider')}’s own money"
    if high["funded_share_frac"] <= last["funded_share_frac"]:
        return f"{percent(last['funded_share_frac'])} {met}"
    return f"{percent(last['funded_share_frac'])} {met}, at most {percent(high['funded_share_frac'])}, by the end of {high['date'].year}"


def tornado(data: ReportData) -> str:
    """Say what the alliance is worth, what moves it most, and how many assumptions can turn its sign."""
    base = value(data)
    rows = data.table("tornado").rows()
    if base is None:
        why = data.reason("cases.base.value_against_no_alliance_usd")
        return why or _absent(data, "tornado", "The value against no alliance is not known.")
    if base > 0:
        start = f"The alliance is worth {usd(base)} more than none"
    elif base < 0:
        start = f"The alliance is worth {usd(-base)} less than none"
    else:
        start = "The alliance is worth as much as none"
    if not rows:
        return f"{start}; {data.missing.get('tornado') or 'no assumption was varied'}."
    widest = max(rows, key=swing)
    turns = sum(1 for r in rows if r["switching_value"])
    ends = [v for v in (widest["value_low_usd"], widest["value_high_usd"]) if v is not None]
    if not ends:
        return f"{start}; no end of an assumption could be solved."
    span = f"from {usd(min(ends))} to {usd(max(ends))}" if len(ends) == 2 else f"to {usd(ends[0])}"
    tail = (
        f"{turns} of {len(rows)} assumptions can turn its sign"
        if turns
        else "no assumption alone turns its sign within its range"
    )
    return f"{start}; {widest['assumption']} moves it most, {span}; {tail}."


def decision(data: ReportData) -> str:
    """Say which assumption moves the decision most, and how many can make it another one; nothing where none moves it."""
    rows = data.table("tornado").rows()
    moved = [max(r["decision_low_mw"] or 0.0, r["decision_high_mw"] or 0.0) for r in rows]
    farthest = max(moved, default=0.0)
    if farthest < 1.0:
        return ""
    turns = sum(1 for r in rows if r["decision_switch"])
    others = f"{turns} of {len(rows)} can make it another decision" if turns else "none makes it another decision"
    return (
        f"What is begun and ordered in the first two years is moved most by {rows[moved.index(farthest)]['assumption']}, "
        f"by {power(farthest)}; {others}."
    )


def swing(row: dict[str, Any]) -> float:
    """Give how far an assumption moves the value between its ends."""
    ends = [v for v in (row["value_low_usd"], row["value_high_usd"]) if v is not None]
    return max(ends) - min(ends) if len(ends) == 2 else 0.0


def cases(data: ReportData) -> str:
    """Say how far the cases lie apart, and in how many a true-up is paid."""
    table = data.table("cases")
    if not len(table):
        return _absent(data, "cases", "No case was solved.")
    npv = table["offtaker_npv_usd"]
    paid = int((table["true_up_usd"] > 0.5).sum())
    count = len(table)
    if count == 1:
        return f"One case was solved; {data.the('offtaker')}’s net present value is {usd(float(npv[0]))}."
    words = f"Across {count} named cases"
    if np.isfinite(npv).any():
        words += f", {data.the('offtaker')}’s net present value lies between {usd(float(np.nanmin(npv)))} and {usd(float(np.nanmax(npv)))}"
    words += f"; a true-up is paid in {paid or 'none'} of them"
    return f"{words}; {_worse_off(data)}." if _worse_off(data) else f"{words}."


def _worse_off(data: ReportData) -> str:
    """Name the cases in which a party would have been better off without the alliance."""
    told = []
    for party in ("offtaker", "provider"):
        column = f"{party}_against_no_alliance_usd"
        lost = [r for r in data.table("cases").rows() if r[column] is not None and r[column] < -0.5e6]
        if lost:
            named = joined([f"{r['case']} ({usd(r[column])})" for r in lost])
            told.append(f"{data.the(party)} is worse off than without the alliance in {named}")
    return joined(told)


def _role(table: Table, role: str) -> float | None:
    """Give the amount of the one step of a role, None where there is none."""
    found = table.where(role=role)["amount_usd"]
    return float(found[0]) if found.size and math.isfinite(found[0]) else None


def _first_upper(words: str) -> str:
    return words[:1].upper() + words[1:]
