"""Made-up figures in the shape of a plan under uncertainty: six paths, three stages."""

from __future__ import annotations

import datetime as dt
from typing import Any

from offtake.report.data import ReportData, report_table

from .sample import DOCUMENT, LIMITS, ROWS, YEARS, full, periods

CHANCES = (0.1, 0.2, 0.25, 0.2, 0.15, 0.1)
STRESSED = (0.37, 0.14, 0.175, 0.14, 0.105, 0.07)
GROWTH = (0.55, 0.8, 0.95, 1.1, 1.25, 1.7)
WHAT = (
    "token price 35 % lower, demand growth 41 % lower, grid delay 9 months later",
    "grid delay 14 months later, demand growth 18 % lower",
    "near the central path",
    "demand growth 12 % higher, algorithmic gain 8 % lower",
    "token price 20 % higher, chip price 10 % lower",
    "demand growth 70 % higher, chip delay 5 months earlier, power price 2.1 times as high",
)
LOANS = (120e9, 0.0, 0.0, 0.0, 0.0, 0.0)
NEEDS = (90.0e9, 24.0e9, 14.0e9, 9.0e9, 6.5e9, 4.0e9)
SPENT = (141e9, 155e9, 166e9, 172e9, 183e9, 199e9)
RATES = (None, 0.09, 0.17, 0.24, 0.33, 0.46)
WORKS = (0.061, 0.098, 0.121, 0.133, 0.142, 0.158)
VALUES = (-6.1e9, 14.2e9, 30.5e9, 41.0e9, 55.3e9, 83.9e9)


def paths() -> list[tuple[Any, ...]]:
    return [
        (
            p,
            CHANCES[p],
            STRESSED[p],
            WHAT[p],
            v,
            v * 1.02,
            0.6 * v,
            0.42 * v,
            0.61 * v,
            0.41 * v,
            5000.0 * min(1.0, GROWTH[p] + 0.1),
            LOANS[p],
            0.0,
            NEEDS[p],
            SPENT[p],
            RATES[p],
            WORKS[p],
        )
        for p, v in enumerate(VALUES)
    ]


def _power(growth: float, k: float) -> float:
    return 1500.0 + 2900.0 * min(1.0, growth * k / 6)


def _cash(growth: float, k: float) -> float:
    return (-9.0 * k + 1.6 * growth * k * k) * 1e9


def series() -> dict[str, tuple[str, list[tuple[str, dt.date, dt.date]], list[list[float]]]]:
    """Values of each path by period."""
    grid = periods()
    at = [(start - grid[0][1]).days / 365.25 for _, start, _ in grid]
    years = [(str(y), dt.date(y, 1, 1), dt.date(y + 1, 1, 1)) for y in YEARS]
    return {
        "accepted_power": ("MW, facility", grid, [[_power(g, k) for k in at] for g in GROWTH]),
        "served_tokens": ("tok/year", grid, [[2e15 * (1 + g * k) for k in at] for g in GROWTH]),
        "offtaker_cash": ("USD", years, [[_cash(g, k) for k in range(len(YEARS))] for g in GROWTH]),
        "provider_cash": ("USD", years, [[1.3 * _cash(g, k) - 4e9 * k for k in range(len(YEARS))] for g in GROWTH]),
    }


def path_series() -> list[tuple[Any, ...]]:
    return [
        (name, unit, p, *period, own[t])
        for name, (unit, when, values) in series().items()
        for p, own in enumerate(values)
        for t, period in enumerate(when)
    ]


def fans() -> list[tuple[Any, ...]]:
    rows = []
    for name, (unit, when, values) in series().items():
        for t, period in enumerate(when):
            low, *_, high = at = sorted(own[t] for own in values)
            mean = sum(w * own[t] for w, own in zip(CHANCES, values, strict=True))
            rows.append((name, unit, *period, low, at[1], at[2], at[4], high, mean))
    return rows


def dots() -> list[tuple[Any, ...]]:
    """Twenty equally likely values of each."""
    rows = []
    for name, share in (("offtaker", 0.61), ("provider", 0.41), ("fresh", 0.93)):
        reached = [v * share for v, w in zip(VALUES, CHANCES, strict=True) for _ in range(round(20 * w))]
        rows += [(name, (k + 0.5) / 20, v) for k, v in enumerate(reached)]
    return rows


def binding() -> list[tuple[Any, ...]]:
    rows = []
    for n, (limit, kind, unit, when, price) in enumerate(LIMITS):
        for k, (label, start, end) in enumerate(periods()):
            share = (1.0, 0.8, 0.55, 0.35, 0.25, 0.1)[n] if k in when else 0.0
            top = price * (1 - 0.03 * k)
            rows.append((limit, kind, label, start, end, share, share * top, 0.0, top if share else 0.0, unit))
    return rows


def bottlenecks() -> list[tuple[Any, ...]]:
    return [
        (limit, kind, label, start, end, price, unit, share > 0)
        for limit, kind, label, start, end, share, price, _, _, unit in binding()
    ]


def stage_decisions() -> list[tuple[Any, ...]]:
    now, two, five = dt.date(2026, 7, 1), dt.date(2028, 7, 1), dt.date(2031, 7, 1)
    return [
        (
            "now",
            now,
            0,
            1.0,
            "0, 1, 2, 3, 4, 5",
            "",
            "sign the contract; begin 900 MW at new-carlisle; order 410 k trainium3",
            900.0,
            410e3,
        ),
        (
            "2y",
            two,
            0,
            0.3,
            "0, 1",
            "demand growth 27 % lower",
            "begin 200 MW at new-carlisle; order 90 k trainium3",
            200.0,
            90e3,
        ),
        (
            "2y",
            two,
            2,
            0.7,
            "2, 3, 4, 5",
            "demand growth 14 % higher",
            "begin 1,100 MW at new-carlisle; order 260 k trainium4",
            1100.0,
            260e3,
        ),
        ("5y", five, 0, 0.1, "0", WHAT[0], "nothing new", 0.0, 0.0),
        ("5y", five, 1, 0.2, "1", WHAT[1], "order 40 k trainium4", 0.0, 40e3),
        (
            "5y",
            five,
            2,
            0.45,
            "2, 3",
            "near the central path",
            "begin 300 MW at madison; order 150 k trainium4",
            300.0,
            150e3,
        ),
        (
            "5y",
            five,
            4,
            0.25,
            "4, 5",
            "demand growth 43 % higher",
            "begin 700 MW at madison; order 380 k trainium4",
            700.0,
            380e3,
        ),
    ]


PATH_ROWS: dict[str, Any] = {
    "paths": paths,
    "path_series": path_series,
    "fans": fans,
    "dots": dots,
    "binding": binding,
    "stage_decisions": stage_decisions,
    "effects": lambda: [
        (p, "demand-growth", "factor", label, g, 1.0) for p, g in enumerate(GROWTH) for label, _, _ in periods()
    ],
    "fresh_values": lambda: [(p, "rolling", v * 0.93 - 1e9) for p, v in enumerate((*VALUES, *reversed(VALUES)))],
}

MORE = {
    "foresight": "multistage",
    "paths": 6,
    "seed": 1,
    "stages": ["now", "2y", "5y"],
    "value": {
        "in_sample_usd": 35.1e9,
        "out_of_sample_mean_usd": 31.9e9,
        "out_of_sample_ci95_usd": [18.4e9, 45.4e9],
        "out_of_sample_risk_adjusted_usd": -2.0e9,
        "out_of_sample_cvar_usd": -14.0e9,
        "out_of_sample_paths": 20,
        "evaluator": "rolling",
        "gap_estimate_usd": None,
    },
    "evpi_usd": 4.1e9,
    "vss_usd": 2.6e9,
    "waiting_value_usd": {"2y": 1.9e9, "5y": 0.4e9},
    "risk": {
        "measure": "cvar",
        "level_frac": 0.9,
        "weight_frac": 0.3,
        "parts": [{"weight_frac": 0.7, "level_frac": 0.0}, {"weight_frac": 0.3, "level_frac": 0.9}],
        "risk_adjusted_usd": 22.7e9,
        "stressed_probabilities": list(STRESSED),
        "tail_level_frac": 0.9,
        "objective": {"mean_usd": 35.1e9, "cvar_usd": -6.1e9},
        "parties": {
            "offtaker": {
                "mean_usd": 21.1e9,
                "cvar_usd": -3.7e9,
                "against_no_alliance_mean_usd": 21.4e9,
                "against_no_alliance_cvar_usd": -3.7e9,
            },
            "provider": {
                "mean_usd": 14.8e9,
                "cvar_usd": -2.6e9,
                "against_no_alliance_mean_usd": 14.4e9,
                "against_no_alliance_cvar_usd": -2.5e9,
            },
        },
    },
    "partly_defined": {"parties.offtaker.irr": {"share_frac": 0.9, "reason": "no rate brings the value to zero"}},
}


def parties() -> dict[str, Any]:
    """Both parties' figures: means over the paths, each peak the largest."""

    def mean(values: tuple[float | None, ...]) -> float:
        known = [(w, v) for w, v in zip(CHANCES, values, strict=True) if v is not None]
        return sum(w * v for w, v in known) / sum(w for w, _ in known)

    offtaker = {
        **DOCUMENT["parties"]["offtaker"],
        "emergency_loan_usd": mean(LOANS),
        "peak_emergency_loan_usd": max(LOANS),
        "funding_need_usd": mean(NEEDS),
        "peak_funding_need_usd": max(NEEDS),
        "planned_spend_usd": mean(SPENT),
        "irr": mean(RATES),
    }
    return {
        "offtaker": offtaker,
        "provider": {**DOCUMENT["parties"]["provider"], "infrastructure": {"irr": mean(WORKS)}},
    }


def uncertain(**change: Any) -> ReportData:
    """A report of a plan under uncertainty with every table."""
    rows = {**ROWS, **PATH_ROWS, "bottlenecks": bottlenecks}
    facts: dict[str, Any] = {
        "document": {**DOCUMENT, **MORE, "parties": parties()},
        "tables": {n: report_table(n, own()) for n, own in rows.items() if n not in ("tornado", "reliefs")},
        "missing": {"tornado": "assumptions are varied one at a time with --full"},
    }
    return full(**{**facts, **change})
