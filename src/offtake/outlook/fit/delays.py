"""Delays and events: sites and chips that come late, useful lives, rules that change; mostly few and doubtful data, and graded so."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from offtake.catalog.load import rows
from offtake.outlook.fit.history import day_of, year_of
from offtake.outlook.fit.laws import Estimate, rate, share, sizes, weighted
from offtake.outlook.fit.prices import package_rows
from offtake.outlook.fit.terms import Fitted, Term, term, waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["delay_terms", "event_terms", "late"]

READ_UNTIL = date(2026, 8, 22)
"""Date of the newest source of the catalogue: until then the rules were watched."""

_GRID = 60
_ONE_STEP = 1.0


def late(months: Sequence[float], at_least: Sequence[bool], *, step: float = _ONE_STEP) -> tuple[Estimate, Estimate]:
    """Fit a lognormal delay that is read in whole steps: median [month] and standard deviation of its logarithm.

    A delay of none is one below half a step; one that is not over yet is at least as long. A grid with flat priors on log median (a week
    to five years) and on spread (0.2 to 1.5: an assumption, six delays would allow absurd tails) gives medians and 80 % intervals.

    Examples
    --------
    >>> median, spread = late([3.0, 3.0, 3.0, 4.0], [False] * 4)
    >>> 2.5 < median.value < 4.0
    True
    """
    from scipy.special import ndtr

    medians = np.geomspace(0.25, 60.0, _GRID)[:, None]
    spreads = np.linspace(0.2, 1.5, _GRID)[None, :]
    logs = np.zeros((_GRID, _GRID))
    for value, censored in zip(months, at_least, strict=True):
        low, high = value - step / 2.0, math.inf if censored else value + step / 2.0
        below = ndtr(np.log(low / medians) / spreads) if low > 0.0 else 0.0
        above = ndtr(np.log(high / medians) / spreads) if math.isfinite(high) else 1.0
        logs += np.log(np.maximum(above - below, 1e-300))
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    return weighted(medians[:, 0], weight.sum(axis=1)), weighted(spreads[0], weight.sum(axis=0))


def delay_terms() -> tuple[Fitted, ...]:
    """Return the terms of delays and useful lives."""
    return (_sites(), _lead_times(), _chips(), _useful_life())


def event_terms() -> tuple[Fitted, ...]:
    """Return the terms of events."""
    return (*_rules(), _moratorium(), _vendor())


def _sites() -> Fitted:
    found = [r for r in package_rows("delays") if r["what"] == "site"]
    median, spread = late([float(r["months"]) for r in found], [r["at_least"] == "yes" for r in found])
    return Fitted(
        key="site-energised", kind="delay", quantity="months by which a site is energised later than announced", grade="weak",
        terms={"median": term(median, "month"), "spread": term(spread, "%", times=100.0), "step": Term(1.0, "month")},
        source="data/delays.csv: sites_timeline.csv (Epoch AI, CC-BY 4.0, 2026-07-06) and reports named there", data_from="2025-06",
        data_to="2026-07", points=len(found), fit_error="flat priors; the table has one announced date a phase at most",
        note="delays are reported more than punctual phases: likely too pessimistic; buildings under way, not connections still in a queue",
    )  # fmt: skip


def _lead_times() -> Fitted:
    months = [
        float(r["months_clearing_to_first_power"])
        for r in rows("sites_snapshot")
        if r["months_clearing_to_first_power"] and float(r["months_clearing_to_first_power"]) > 0.0
    ]
    found = sizes(months)
    return Fitted(
        key="site-lead-time", kind="delay", quantity="months from clearing to first power, beyond those planned", grade="assumption",
        terms={
            "median": term(0.25 * found.median.value, "month"), "spread": term(found.spread, "%", times=100.0), "step": Term(1.0, "month"),
        },
        source="sites_snapshot.csv (Epoch AI, CC-BY 4.0, 2026-07-06)", data_from="2019", data_to="2026-07", points=len(months),
        fit_error=f"median {found.median.value:.0f} months ({found.median.low:.0f} to {found.median.high:.0f})",
        note=(
            "for a site without dates of its own: the spread is that between sites; a median excess of a quarter of the lead time is an "
            "assumption; projected first power is in the data too"
        ),
    )  # fmt: skip


def _chips() -> Fitted:
    found = [r for r in package_rows("delays") if r["what"] == "chip"]
    law = (
        "[{by: 0 months, probability: 50 %}, {by: 3 months, probability: 35 %}, {by: 6 months, probability: 10 %}, "
        "{by: 9 months, probability: 5 %}]"
    )
    return Fitted(
        key="chip-delivery", kind="delay", quantity="months by which volume of a new chip comes later than announced", grade="assumption",
        terms={"law": Term(law)}, source="; ".join(r["source"] for r in found), data_from="2024-08", data_to="2026-03", points=len(found),
        fit_error="not fitted: three reported delays, and no list of what came in time",
        note="Blackwell and Rubin a quarter, MI455X nearly a year (denied); half in time is an assumption; CoWoS lead time 52 to 78 weeks",
    )  # fmt: skip


def _useful_life() -> Fitted:
    filed = [
        float(r["value"]) for r in rows("demand") if r["metric"] == "useful_life" and r["value"] and r["date"] >= "2023"
    ]
    mode = sorted(filed)[len(filed) // 2]
    critics = next(r for r in rows("demand") if r["metric"] == "useful_life" and r["low"])
    return Fitted(
        key="useful-life", kind="level", quantity="useful life of a chip, as a factor on filings", grade="assumption",
        terms={
            "law": Term("triangular"), "low": term(float(critics["low"]) / mode), "mode": Term(1.0), "high": term(max(filed) * 1.1 / mode),
        },
        source=f"filings in demand.csv; {critics['source']}", data_from="2023", data_to="2025-11", points=len(filed),
        fit_error="not fitted", note=f"filings {min(filed):g} to {max(filed):g} years, critics {critics['low']} to {critics['high']}",
    )  # fmt: skip


def _rules() -> tuple[Fitted, ...]:
    found = [(day, r) for r in package_rows("events") for day in [day_of(r["date"])] if day is not None]
    exposure = year_of(READ_UNTIL) - year_of(found[0][0])
    after = found[1:]  # the first rule opens the window, so it is not counted
    tighter = sum(r["direction"] == "tighter" for _, r in after)
    every, once = rate(len(after), exposure), rate(tighter, exposure)
    within_a_year = Estimate(*(-math.expm1(-v) for v in (once.value, once.low, once.high)))
    note = (
        f"{len(after)} changes in {exposure:.1f} years after the first, {tighter} of them tighter; what a change does is for the scenario "
        "to say"
    )

    def of(kind: str, quantity: str, name: str, value: Term, points: int) -> Fitted:
        return Fitted(
            key="export-rules", kind=kind, quantity=quantity, terms={name: value}, points=points, note=note, grade="weak",
            source="macro.csv (aiwiki.ai/wiki/export_controls and others, 2026-06); data/events.csv", data_from=str(found[0][0]),
            data_to=str(READ_UNTIL), fit_error="Garwood interval of a Poisson rate",
        )  # fmt: skip

    return (
        of("jumps", "changes of export rules for chips", "every", waiting(every), len(after)),
        of(
            "event",
            "a tighter export rule within one year",
            "probability",
            term(within_a_year, "%", times=100.0),
            tighter,
        ),
    )


def _moratorium() -> Fitted:
    found = share(0, 12)
    return Fitted(
        key="moratorium", kind="event", quantity="a state's moratorium bill becomes law", grade="weak",
        terms={"probability": term(found, "%", times=100.0)},
        source="macro.csv: 12 state bills introduced in 2026, 11 stalled, 1 passed and vetoed (2026-04)", data_from="2026-01",
        data_to="2026-04", points=12, fit_error="Clopper–Pearson interval; the value is the median under Jeffreys' prior",
        note="one session of one year; local moratoria by counties are not counted; one bill passed both chambers",
    )  # fmt: skip


def _vendor() -> Fitted:
    return Fitted(
        key="vendor-failure", kind="event", grade="assumption",
        quantity="a chip vendor fails to deliver for half a year, within ten years",
        terms={"probability": Term(5.0, "%", 2.0, 15.0)}, source="no failure in macro.csv; chosen", points=0, fit_error="not fitted",
        note="TSMC makes nearly all AI logic and SK hynix 62 % of HBM (2025-Q2): rare, and not independent between vendors",
    )  # fmt: skip
