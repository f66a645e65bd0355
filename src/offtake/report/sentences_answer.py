"""The answer of the plan in one sentence, how sure each headline figure is, and the limits that hold it back.

As the other sentences of page 1, each picks, compares and counts; none computes a result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.report import sentences
from offtake.report.words import percent, plural, power, usd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.report.data import ReportData

__all__ = ["MOST_LIMITS", "answer", "fresh_span", "gain_span", "joint_span", "limits", "peak_span", "reach"]

MOST_LIMITS = 4
"""So many limits stand beside the first chart; the ribbon has the others."""
_NOTHING = 0.5  # USD: what is worth less adds nothing


def answer(data: ReportData) -> str:
    """Say in one sentence what the alliance is worth, what it builds and what holds it back."""
    base = sentences.value(data)
    if base is None:
        start = "What the alliance adds is not known"
    elif base > 0:
        start = f"Together, {data.the('offtaker')} and {data.the('provider')} gain {usd(base)} against no alliance"
    elif base < 0:
        start = f"Together, {data.the('offtaker')} and {data.the('provider')} lose {usd(-base)} against no alliance"
    else:
        start = "The alliance is worth as much as none"
    start += ", on average over the paths" if base is not None and data.fact("paths") else ""
    return f"{start}, {_built(data)}{_held_back(data)}."


def _built(data: ReportData) -> str:
    """Say up to what power is accepted, and when it is nearly there."""
    table = data.table("power_by_year")
    accepted = table["accepted_facility_mw"]
    if not len(table) or np.isnan(accepted).all():
        return "by a plan whose power is not known"
    peak = float(np.nanmax(accepted))
    if peak <= 0:
        return "by building nothing"
    near = sentences.nearly(accepted)
    most = f", {power(peak)} at the most" if power(peak) != power(float(accepted[near])) else ""
    return f"with {power(float(accepted[near]))} of facility power accepted by the end of {table['year'][near]}{most}"


def _held_back(data: ReportData) -> str:
    """Name the first of the limits; nothing where no limits are reported."""
    if not len(data.table("bottlenecks")):
        return ""
    found = limits(data)
    if not found:
        return "; nothing binds"
    top = found[0][0]
    worth = _worth(data).get(top, 0.0)
    return (
        f"; of the limits tried, the {data.limit(top)} is worth most to relieve"
        if worth >= _NOTHING
        else f"; the {data.limit(top)} binds longest"
    )


def _worth(data: ReportData) -> dict[str, float]:
    """Give what one step more of each limit is worth, in US dollars, of those that were solved again."""
    return {r["limit"]: r["relief_usd"] for r in data.table("reliefs").rows() if r["relief_usd"] is not None}


def limits(data: ReportData) -> list[tuple[str, str]]:
    """Rank the limits that bind, the first of each kind: (limit, when it binds and what one step more is worth).

    What one step more is worth counts first, then how long a limit binds.  Demand that is all served holds nothing back: it comes last.
    """
    table = data.table("binding" if len(data.table("binding")) else "bottlenecks")
    steps = {r["limit"]: r["step"] for r in data.table("reliefs").rows()}
    worth = _worth(data)
    found: dict[str, tuple[str, str]] = {}
    for limit in sorted(sentences.ranked_limits(data), key=lambda n: -max(worth.get(n, 0.0), 0.0)):
        rows = table.where(limit=limit).rows()
        bound = [r for r in rows if r.get("share_frac", float(r.get("binding", False))) > 0]
        if bound and bound[0]["kind"] not in found:
            found[bound[0]["kind"]] = (limit, _when(bound, len(rows)) + _relieved(worth.get(limit), steps.get(limit)))
    ordered = sorted(found, key=lambda kind: kind == "demand")
    return [found[kind] for kind in ordered][:MOST_LIMITS]


def _when(bound: list[dict[str, Any]], count: int) -> str:
    """Say in how many periods a limit binds, from when, and over paths on how many."""
    when = f"binds in {len(bound)} of {plural(count, 'period')}, first in {bound[0]['period']}"
    if "share_frac" not in bound[0]:
        return when
    everywhere = sum(r["share_frac"] > 1 - 1e-9 for r in bound)
    if everywhere == len(bound):
        return f"{when}, on all paths"
    most = percent(max(r["share_frac"] for r in bound))
    return f"{when}, in {everywhere} on all paths" if everywhere else f"{when}, on at most {most} of the paths"


def _relieved(worth: float | None, step: str | None) -> str:
    if worth is None:
        return ""
    return f"; {step} adds {usd(worth)}" if worth >= _NOTHING else "; one step more of it alone adds nothing"


def joint_span(data: ReportData) -> str:
    """Say between what the joint gain lies: over the paths, else over the named cases and the assumption that moves it most."""
    over = reach(data, "value_against_no_alliance_usd", "value_against_no_alliance_usd", usd)
    if data.fact("paths"):
        return over
    rows = data.table("tornado").rows()
    widest = max(rows, key=sentences.swing, default=None)
    if widest is None or not sentences.swing(widest):
        return over
    ends = sorted((widest["value_low_usd"], widest["value_high_usd"]))
    alone = f"{_range(*ends)} with {widest['assumption']} from {widest['low']} to {widest['high']}"
    return f"{over}; {alone}" if over else alone


def gain_span(data: ReportData, party: str) -> str:
    """Say between what a party's gain lies, over the paths or over the named cases; empty where there is one."""
    column = f"{party}_against_no_alliance_usd"
    return reach(data, column, column, usd)


def peak_span(data: ReportData) -> str:
    """Say between what the peak power lies over the paths; empty where there is one."""
    return reach(data, "peak_facility_mw", "", power)


def reach(data: ReportData, of_path: str, of_case: str, word: Callable[[float], str]) -> str:
    """Say between what a figure lies over the paths, or where there is one path over the named cases; empty where that is not known.

    Parameters
    ----------
    of_path, of_case : str     columns of the tables `paths` and `cases`; of no case if empty
    word : function            that writes a value with its unit
    """
    if data.fact("paths"):
        ends = _ends(data.table("paths")[of_path])
        if ends is None:
            return ""
        return f"{_range(*ends, word)} by path" if word(ends[0]) != word(ends[1]) else "the same on every path"
    ends = _ends(data.table("cases")[of_case]) if of_case else None
    return "" if ends is None else f"{_range(*ends, word)} over the {plural(len(data.table('cases')), 'named case')}"


def fresh_span(data: ReportData) -> str:
    """Give the interval of the mean over fresh paths, or say why there is none."""
    value = data.fact("value") or {}
    interval = value.get("out_of_sample_ci95_usd")
    if interval:
        return f"95 %: {_range(*interval)}"
    return f"no interval: {data.reason('value.out_of_sample_ci95_usd') or 'none is known'}"


def _ends(values: NDArray[Any]) -> tuple[float, float] | None:
    """Give the smallest and the largest of several values, None where fewer than two are known."""
    known = [float(v) for v in values.tolist() if v is not None and math.isfinite(v)]
    return (min(known), max(known)) if len(known) > 1 else None


def _range(low: float, high: float, word: Callable[[float], str] = usd) -> str:
    """Write two amounts, the unit once where it is the same.

    Examples
    --------
    >>> _range(6.08e10, 4.12e11), _range(-4.5e8, 2e9), _range(0.04, 0.19, percent)
    ('$60.8 to $412 bn', '−$450 M to $2 bn', '4 to 19 %')
    """
    first, second = word(low), word(high)
    unit = second[second.rindex(" ") :] if " " in second else ""
    return f"{first.removesuffix(unit)} to {second}" if first.endswith(unit) else f"{first} to {second}"
