"""The tables of a plan under uncertainty: means over its paths where a mean says something, and the paths themselves where it does not.

Which table is what:

* amounts by year, site, chip, class, account, statement line, clause: means by their key columns, a missing row counting as zero. What adds
  up on each path adds up in the mean; what is conserved on each path is conserved in the mean.
* `phases`, `training`, `returns`, `uses`: means of their numbers and weighted medians of their dates, written into the same columns.
* `quantities`, `rights`: what payments are settled from. A clause is no linear function of them, so their mean settles to nothing; they
  carry each path as a case of its own, ``path 3``.
* `paths`, `path_series`, `fans`, `dots`, `effects`, `fresh_values`, `stage_decisions`, `binding`: what a mean cannot say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.api.causes import settled_tables
from offtake.api.document import Reasons
from offtake.api.limit_words import limit_words
from offtake.api.mixing import expected, mean_table, middle
from offtake.api.several import by_path
from offtake.api.stage_decisions import stage_decisions
from offtake.api.views import made_by_use, report_tables, tornado_rows, uses
from offtake.api.views_money import Return, returns
from offtake.outlook.quantiles import FAN_LEVELS, dot_levels, quantiles
from offtake.plan.problem import PARTIES
from offtake.report.data import report_table
from offtake.report.svg.dots import DOT_COUNT
from offtake.report.words import percent

if TYPE_CHECKING:
    from offtake.api.story import Hedge, Story
    from offtake.plan.bottlenecks import Bottleneck
    from offtake.plan.problem import Float
    from offtake.tables import Table

__all__ = ["several_tables"]

_FIRST = ("policies", "assumptions", "headline_to_firm")
"""Tables of the scenario and its terms, the same on every path."""
_KEYS = {"cases": ("case",)}
"""What names a row where not all of its words do."""


def several_tables(story: Story, hedge: Hedge) -> dict[str, Table]:
    """Make every table of a run under uncertainty."""
    own = [report_tables(replace(one, cases=(one.cases[0], *story.cases[1:]))) for one in hedge.paths]
    chance = hedge.probability
    series = _series(hedge, own)
    apart: dict[str, Any] = {
        "bottlenecks": _bottlenecks(story),
        "reliefs": [{"limit": r.limit, "step": r.step, "relief_usd": r.relief_usd} for r in story.reliefs],
        "limits": limit_words(hedge.hedged.problem, (*story.bottlenecks, *story.reliefs)),
        "findings": [
            {"severity": f.severity, "code": f.code, "message": f.message, "help": f.help} for f in story.findings
        ],
        "tornado": tornado_rows(story),
        "uses": uses(_made(hedge)),
        "phases": _phases([t["phases"] for t in own], chance),
        "training": _training([t["training"] for t in own], chance),
        "returns": [r.row() for r in _returns(hedge)],
        "paths": _paths(hedge),
        "path_series": _path_series(series),
        "fans": _fans(series, chance),
        "dots": _dots(hedge),
        "binding": _binding(story, hedge),
        "stage_decisions": stage_decisions(hedge),
        "effects": _effects(hedge),
        "fresh_values": _fresh(hedge),
    }
    found: dict[str, Table] = {}
    for name in own[0]:
        if name in apart:
            found[name] = report_table(name, apart[name])
        elif name in _FIRST:
            found[name] = own[0][name]
        else:
            found[name] = mean_table([t[name] for t in own], chance, key=_KEYS.get(name, ()))
    found |= {name: report_table(name, rows) for name, rows in apart.items() if name not in found}
    found["books"] = mean_table([one.figures.books.table() for one in hedge.paths], chance)
    return {**found, **settled_tables(story)}


def _made(hedge: Hedge) -> dict[str, tuple[float, int]]:
    each = [made_by_use(one.base.alliance) for one in hedge.paths]
    return {
        use: (expected([m[use][0] for m in each], hedge.probability.tolist()), of) for use, (_, of) in each[0].items()
    }


def _returns(hedge: Hedge) -> list[Return]:
    """Mix the figures of both parties; a date is the weighted median of those that there are."""
    each = [{(r.party, r.item): r for r in returns(one)} for one in hedge.paths]
    return [
        _mixed_return([own[key] for own in each if key in own], [*_chances(each, key, hedge.probability)])
        for key in each[0]
    ]


def _chances(each: Sequence[dict[tuple[str, str], Return]], key: tuple[str, str], chance: Float) -> list[float]:
    return [float(w) for own, w in zip(each, chance, strict=True) if key in own]


def _mixed_return(own: list[Return], weights: list[float]) -> Return:
    known = [(r, w) for r, w in zip(own, weights, strict=True) if r.value is not None]
    if not known:
        return own[0]
    share = sum(w for _, w in known)
    note = known[0][0].note
    if len(known) < len(own):
        note = f"in paths of {percent(share)} probability" + (f"; {note}" if note else "")
    if not own[0].unit:
        day = middle([str(r.value) for r, _ in known], [w for _, w in known])
        said = "weighted median" + (f"; {note}" if note else "")
        return replace(own[0], value=_as_date(day), note=said)
    numbers = [float(r.value) for r, _ in known if isinstance(r.value, float | int)]
    return replace(own[0], value=expected(numbers, [w for _, w in known]), note=note)


def _as_date(day: str) -> date:
    return date.fromisoformat(day)


def _phases(each: Sequence[Table], chance: Float) -> list[dict[str, Any]]:
    """Mix blocks of power by site and the middle of the period in which they are begun; the days are weighted medians."""
    rows: dict[tuple[str, Any], list[tuple[float, dict[str, Any]]]] = {}
    for table, weight in zip(each, chance, strict=True):
        for row in table.rows():
            rows.setdefault((row["site"], row["ordered"]), []).append((float(weight), row))
    sites = list(dict.fromkeys(site for site, _ in rows))
    found = []
    for site in sites:
        own = sorted((when, blocks) for (s, when), blocks in rows.items() if s == site)
        for number, (when, blocks) in enumerate(own, start=1):
            weights = [w for w, _ in blocks]
            days = {n: _as_date(middle([str(r[n]) for _, r in blocks], weights)) for n in ("energised", "accepted")}
            mean = float(sum(w * r["facility_mw"] for w, r in blocks))
            share = "" if sum(weights) > 1 - 1e-9 else f" ({percent(sum(weights))})"
            found.append(
                {"site": site, "phase": f"block {number}{share}", "ordered": when, **days, "facility_mw": mean}
            )
    return found


def _training(each: Sequence[Table], chance: Float) -> list[dict[str, Any]]:
    """Mix training runs: in which share of the paths each is done, or in part where later stages are relaxed, and when in the middle."""
    found = []
    for own in zip(*(t.rows() for t in each), strict=True):
        done = [(r, float(w)) for r, w in zip(own, chance, strict=True) if r["status"] == "done"]
        share = sum(w for _, w in done)
        part = sum(float(w) for r, w in zip(own, chance, strict=True) if r["status"] == "in part")
        said = [f"{words} in {percent(p)}" for words, p in (("done", share), ("in part", part)) if p > 0]
        status = "done" if len(done) == len(own) else ", ".join(said) or "not done"
        days = {}
        for name in ("start", "end"):
            known = [
                (str(r[name]), w) for r, w in (done or zip(own, chance.tolist(), strict=True)) if r[name] is not None
            ]
            days[name] = _as_date(middle([d for d, _ in known], [w for _, w in known])) if known else None
        where = dict.fromkeys(place for r in own for place in r["where"].split(", ") if place)
        flop = expected([r["flop"] for r in own], chance.tolist())
        found.append({"run": own[0]["run"], "status": status, **days, "where": " or ".join(where), "flop": flop})
    return found


def _paths(hedge: Hedge) -> list[dict[str, Any]]:
    rows = by_path(hedge, Reasons())
    for row in rows:
        row["peak_facility_mw"] = row.pop("peak_contract_facility_power_mw")
        row.pop("peak_facility_power_mw")
        for rate in ("offtaker_irr", "provider_infrastructure_irr"):
            row[f"{rate}_frac"] = row.pop(rate)
    return rows


Series = tuple[str, str, tuple[tuple[str, date, date], ...], "Float"]
"""Name, unit, periods with their dates, values over paths : float64[path, period]."""


def _series(hedge: Hedge, own: Sequence[dict[str, Table]]) -> list[Series]:
    """Gather what the fans show."""
    grid = hedge.hedged.problem.grid
    periods = tuple(zip(grid.labels, grid.starts, grid.ends, strict=True))
    accepted = np.array([one.figures.contract_facility_mw for one in hedge.paths])
    served = np.array([one.base.alliance.decisions.tokens[0].sum(axis=1) / grid.years_long for one in hedge.paths])
    found: list[Series] = [
        ("accepted_power", "MW, facility", periods, accepted),
        ("served_tokens", "tok/year", periods, served),
    ]
    years = hedge.paths[0].figures.books.periods
    named = tuple((str(a.year), a, b) for a, b in zip(years.starts, years.ends, strict=True))
    for party in PARTIES:
        cash = np.array([t["cash_by_year"].where(party=party)["cumulative_before_funding_usd"] for t in own])
        found.append((f"{party}_cash", "USD", named, cash))
    return found


def _path_series(every: Sequence[Series]) -> list[tuple[Any, ...]]:
    return [
        (name, unit, p, *period, float(values[p, t]))
        for name, unit, periods, values in every
        for p in range(len(values))
        for t, period in enumerate(periods)
    ]


def _fans(every: Sequence[Series], chance: Float) -> list[tuple[Any, ...]]:
    rows = []
    for name, unit, periods, values in every:
        levels = quantiles(values, chance, FAN_LEVELS)
        rows += [
            (name, unit, *period, *levels[:, t].tolist(), expected(values[:, t].tolist(), chance.tolist()))
            for t, period in enumerate(periods)
        ]
    return rows


def _dots(hedge: Hedge) -> list[tuple[Any, ...]]:
    """Write distributions as equally likely values."""
    gains = {
        party: hedge.per_path(lambda one, p=party: one.base.alliance.npv_usd(p) - one.base.without.npv_usd(p))
        for party in PARTIES
    }
    rows = [row for name, values in gains.items() for row in _dots_of(name, values, hedge.probability)]
    if hedge.evaluated is not None and len(hedge.evaluated.values_usd):
        fresh = hedge.evaluated.values_usd
        rows += _dots_of("fresh", fresh, np.full(len(fresh), 1.0 / len(fresh)))
    return rows


def _dots_of(name: str, values: Float, chance: Float) -> list[tuple[Any, ...]]:
    """Write twenty equally likely values, or of fewer paths each one's own: (of, share of the probability below, value)."""
    if len(values) < DOT_COUNT:
        order = np.argsort(values, kind="stable")
        below = np.cumsum(chance[order]) - 0.5 * chance[order]
        return [(name, float(s), float(v)) for s, v in zip(below, values[order], strict=True)]
    levels = dot_levels(DOT_COUNT)
    return [(name, s, float(v)) for s, v in zip(levels, quantiles(values, chance, levels), strict=True)]


def _grouped(story: Story, hedge: Hedge) -> list[tuple[str, Bottleneck, Float, float]]:
    """Tell limits as (name, one of them, price by path, share of the paths in which they bind); the steps of a demand as one."""
    problem = hedge.hedged.problem
    class_of = dict(zip(problem.demand.ids, problem.demand.classes, strict=True))
    found: dict[tuple[str, int], tuple[str, Bottleneck, Float, float]] = {}
    for b in story.bottlenecks:
        name = f"demand for {class_of[b.item]}" if b.block == "tokens" else b.limit
        prices = np.array([np.nan if v is None else v for v in b.by_path], dtype=np.float64)
        if (name, b.index) in found:
            _, _, before, share = found[name, b.index]
            prices = np.fmax(prices, before)
        else:
            share = 0.0
        binds = float(hedge.probability[prices > 0.0].sum())
        found[name, b.index] = (name, b, prices, max(share, b.share, binds))
    return list(found.values())


def _bottlenecks(story: Story) -> list[dict[str, Any]]:
    """Limits by period as of one path: the expected price, binding where it binds on any path."""
    hedge = story.hedge
    if hedge is None:
        return []
    grid = hedge.hedged.problem.grid
    return [
        {
            "limit": name,
            "kind": b.kind,
            "period": b.period,
            "start": grid.starts[b.index],
            "end": grid.ends[b.index],
            "price": expected(prices.tolist(), hedge.probability.tolist()) if b.block == "tokens" else b.price,
            "unit": b.unit,
            "binding": share > 0.0,
        }
        for name, b, prices, share in _grouped(story, hedge)
    ]


def _binding(story: Story, hedge: Hedge) -> list[dict[str, Any]]:
    grid = hedge.hedged.problem.grid
    return [
        {
            "limit": name,
            "kind": b.kind,
            "period": b.period,
            "start": grid.starts[b.index],
            "end": grid.ends[b.index],
            "share_frac": share,
            "price": expected(prices.tolist(), hedge.probability.tolist()) if b.block == "tokens" else b.price,
            "price_low": float(np.nanmin(prices)) if np.isfinite(prices).any() else None,
            "price_high": float(np.nanmax(prices)) if np.isfinite(prices).any() else None,
            "unit": b.unit,
        }
        for name, b, prices, share in _grouped(story, hedge)
    ]


def _effects(hedge: Hedge) -> list[tuple[Any, ...]]:
    futures, labels = hedge.hedged.futures, hedge.hedged.problem.grid.labels
    return [
        (p, quantity, futures.measures[q], label, float(futures.effect[p, q, t]), float(hedge.central.effect[0, q, t]))
        for p in range(len(futures))
        for q, quantity in enumerate(futures.quantities)
        for t, label in enumerate(labels)
    ]


def _fresh(hedge: Hedge) -> list[tuple[Any, ...]]:
    fresh = hedge.evaluated
    return [] if fresh is None else [(p, fresh.evaluator, float(v)) for p, v in enumerate(fresh.values_usd)]
