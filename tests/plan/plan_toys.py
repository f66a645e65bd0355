"""Small scenarios with round numbers, and the steps from a scenario to a plan.

Three periods of exactly 365 days each, no discounting, one-kilowatt chips that make a million tokens an hour: a chip for a
year is 8,760 chip-hours, 8,760 Mtok and, at a pue of 1, 8.76 MWh.
"""

from __future__ import annotations

import json
from typing import Any

from offtake.catalog.resolve import resolve
from offtake.plan.build import Built, build
from offtake.plan.compile import compile_problem
from offtake.plan.inputs import Inputs, inputs_of
from offtake.plan.problem import Problem
from offtake.plan.result import Plan, read
from offtake.plan.solve import Settings, Solved, solve
from offtake.spec.load import loads

EXACT = Settings(gap=0.0)
RELAXED = Settings(gap=0.0, relax=True)

YEARS = ["2025-01-01", "2026-01-01", "2027-01-01", "2028-01-01"]
HOURS = 8760.0
MTOK_PER_CHIP_Y = 8760.0


def site(name: str = "s", **fields: Any) -> dict[str, Any]:
    """Return a site of 10 MW that stands and is powered; shells cost 1 M USD/MW, energy 0."""
    return {
        "id": name,
        "region": "us",
        "interconnected": "10 MW",
        "energised": "10 MW",
        "phase": "10 MW",
        "lead_time": "0 months",
        "ramp": "100 MW/month",
        "pue": 1.0,
        "peak_ratio": 1.0,
        "shell_cost": "1 M USD/MW",
        "running_cost": "0 USD/MW-year",
        "power_price": "0 USD/MWh",
        "shell_life": "20 years",
        "chips": ["c"],
        **fields,
    }


def chip(name: str = "c", **fields: Any) -> dict[str, Any]:
    """Return a chip of 1 kW: a million tokens and 1e18 useful flop an hour, 1,000 USD, no lead time, for ever."""
    return {
        "id": name,
        "price": "1000 USD/chip",
        "it_power": "1000 W/chip",
        "idle_power": "0 %",
        "lead_time": "0 months",
        "available_from": "2025-01-01",
        "supply": "1 M chip/y",
        "life": "100 years",
        "availability": "100 %",
        "goodput": "100 %",
        "price_terminal": "0 USD/chip",
        "overrides": {"tokens": {"chat": f"{1e6 / 3600!r} tok/s/chip"}, "train": f"{1e18 / 3600!r} FLOP/s/chip"},
        **fields,
    }


def stand(count: float, where: str = "s") -> list[dict[str, Any]]:
    """Return opening chips."""
    return [{"site": where, "count": f"{count!r} chip", "in_service": "2025-01-01", "book_value": "0 USD"}]


def demand(name: str = "d", mtok_per_d: float = 240_000.0, price: float = 1.0, **fields: Any) -> dict[str, Any]:
    """Return demand, by default as much as 10,000 chips can serve, at 1 USD/Mtok."""
    return {
        "id": name,
        "class": "chat",
        "region": "us",
        "channel": "direct",
        "volume": f"{mtok_per_d * 1e6!r} tok/d",
        "price": f"{price!r} USD/Mtok",
        **fields,
    }


def offer(name: str = "o", chips: float = 1000.0, price: float = 1.0, **fields: Any) -> dict[str, Any]:
    """Return one price step of another cloud with the same chip."""
    steps = [{"cap": f"{chips!r} chip", "price": f"{price!r} USD/chip-h"}]
    return {"id": name, "provider": "Other", "chip": "c", "region": "us", "steps": steps, **fields}


def run(name: str = "r", flop: float = 1e25, **fields: Any) -> dict[str, Any]:
    """Return a training run."""
    return {"id": name, "flop": f"{flop!r} FLOP", "earliest": "2025-01-01", "min_duration": "1 months", **fields}


def contract(*clauses: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a signed contract over the whole grid."""
    return {"id": "deal", "signed": "yes", "start": YEARS[0], "end": YEARS[-1], "clauses": list(clauses), **fields}


def party(name: str, **fields: Any) -> dict[str, Any]:
    """Return a party with more cash than it needs."""
    return {"name": name, "discount_rate": "0 %/y", "cash": "100 bn USD", **fields}


def toy(**fields: Any) -> dict[str, Any]:
    """Return a scenario: one site, one chip, one demand, a signed contract without clauses."""
    base = {
        "offtake": 1,
        "name": "toy",
        "title": "Toy",
        "valuation_date": YEARS[0],
        "grid": {"dates": YEARS},
        "objective": {"maximise": "joint", "discount_rate": "0 %/y"},
        "parties": {"offtaker": party("Lab"), "provider": party("Cloud")},
        "regions": ["us"],
        "sites": [site()],
        "chips": [chip()],
        "models": [{"id": "m", "from": "DeepSeek-V3"}],
        "classes": [
            {
                "id": "chat",
                "model": "m",
                "ttft": "2 s",
                "tpot": "40 ms/tok",
                "input_tokens": "1000 tok",
                "output_tokens": "1000 tok",
                "cached": "0 %",
                "utilisation": "100 %",
            }
        ],
        "channels": [{"id": "direct", "sold_by": "offtaker"}],
        "demand": [demand()],
        "contract": contract(),
        "terminal": {"site_value": "0 %", "chip_value": "0 %"},
    }
    return {k: v for k, v in {**base, **fields}.items() if v is not None}


def inputs(scenario: dict[str, Any]) -> Inputs:
    """Load and resolve a scenario."""
    loaded = loads(json.dumps(scenario))
    return inputs_of(loaded.scenario, resolve(loaded))


def problem(scenario: dict[str, Any], *, alliance: bool = True) -> Problem:
    """Compile a scenario."""
    return compile_problem(inputs(scenario), alliance=alliance)


def built(scenario: dict[str, Any]) -> Built:
    """Build the model of a scenario."""
    return build(problem(scenario))


def solved(scenario: dict[str, Any], settings: Settings = EXACT, *, tie_break: bool = True) -> Solved:
    """Solve a scenario."""
    return solve(built(scenario), settings, tie_break=tie_break)


def plan(scenario: dict[str, Any], settings: Settings = EXACT) -> Plan:
    """Plan a scenario."""
    return read(solved(scenario, settings))
