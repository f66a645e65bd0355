"""Charts of a plan under uncertainty: fans of what is built, served and earned, and dots of what each party gains."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from offtake.report.svg.dots import DOT_COUNT, Mark, dots
from offtake.report.svg.draw import Drawing
from offtake.report.svg.fan import Fan, fan

if TYPE_CHECKING:
    from offtake.report.data import ReportData

__all__ = ["DOTS", "FANS", "dots_chart", "fan_chart"]

WIDE, FAN_HIGH, DOTS_HIGH = 498.0, 300.0, 210.0
_SAMPLES = 6

FANS = {
    "accepted_power": ("Accepted power, facility", 1e3, "GW"),
    "served_tokens": ("Output tokens served", 1e15, "1,000 T tok/year"),
    "offtaker_cash": ("cumulative cash before funding", 1e9, "bn USD"),
    "provider_cash": ("cumulative cash before funding", 1e9, "bn USD"),
}
"""Title, divisor and unit of each fan."""

DOTS = {
    "offtaker": "gains against no alliance",
    "provider": "gains against no alliance",
    "fresh": "Objective on fresh paths",
}


def title_of(data: ReportData, name: str) -> str:
    """Give the title of a fan."""
    title = FANS[name][0]
    party = name.removesuffix("_cash")
    return f"{_upper(data.party(party))}: {title}" if party != name else title


def fan_chart(data: ReportData, name: str) -> str:
    """Draw one quantity over time as a fan with sample paths."""
    rows = data.table("fans").where(series=name).rows()
    if not rows:
        return ""
    _, by, unit = FANS[name]
    samples: dict[int, list[float]] = {}
    for r in data.table("path_series").where(series=name).rows():
        samples.setdefault(r["path"], []).append(r["value"] / by)
    levels: dict[str, Any] = {f"p{level}": tuple(r[f"p{level}"] / by for r in rows) for level in (10, 25, 50, 75, 90)}
    shown = Fan(
        periods=tuple(r["period"] for r in rows),
        edges_y=(*(_year(r["start"]) for r in rows), _year(rows[-1]["end"])),
        at_y=tuple(_year(r["end"]) for r in rows) if name.endswith("_cash") else (),  # a balance stands at a day
        **levels,
        samples=tuple(tuple(own) for own in list(samples.values())[:_SAMPLES]),
        paths=len(samples),
    )
    words = f"In {rows[-1]['period']} the middle 80 % lie between {levels['p10'][-1]:.3g} and {levels['p90'][-1]:.3g} {unit}."
    drawing = Drawing(f"fan-{name}", WIDE, FAN_HIGH, title_of(data, name), words)
    return fan(drawing, shown, unit=unit, zero=True)


def _year(day: date) -> float:
    first, after = date(day.year, 1, 1), date(day.year + 1, 1, 1)
    return day.year + (day - first).days / (after - first).days


def dots_chart(data: ReportData, name: str) -> str:
    """Draw one distribution as equally likely dots, with zero to count from."""
    values = [r["value_usd"] / 1e9 for r in data.table("dots").where(what=name).rows()]
    if not values:
        return ""
    title = f"{_upper(data.party(name))} {DOTS[name]}" if name != "fresh" else DOTS[name]
    drawing = Drawing(f"dots-{name}", WIDE, DOTS_HIGH, title, f"From {min(values):.3g} to {max(values):.3g} bn USD.")
    crosses = min(values) < 0.0 < max(values)
    mean = (data.fact("value") or {}).get("in_sample_usd")
    mark = Mark(value=0.0, name="nothing") if crosses else None
    if name == "fresh" and mean is not None:
        mark = Mark(value=mean / 1e9, name="in sample")
    each = f"one dot: 1 in {len(values)}" if len(values) >= DOT_COUNT else "one dot: one path"
    return dots(drawing, values, unit="bn USD", mark=mark, each=each)


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
