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
from offtake.plan.problem import Problem  # noqa: TC001
from offtake.plan.result import Plan, read
from offtake.plan.settings import Settings
from offtake.plan.solve import Solved, solve
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


QUARTERS_THEN_HALVES = [
    "2026-07-01",
    "2026-10-01",
    "2027-01-01",
    "2027-04-01",
    "2027-07-01",
    "2028-01-01",
    "2028-07-01",
]
"""Six periods of unequal length; the first four lie within eight quarters, and so does the fifth."""


def _party(name: str, rate: str, **fields: Any) -> dict[str, Any]:
    facility = {"kind": "revolver", "limit": "900 M USD", "rate": "7 %/y", "fee": "0.5 %/y"}
    return party(name, discount_rate=rate, facility=facility, **fields)


def busy(**fields: Any) -> dict[str, Any]:
    """Return a scenario with a little of everything and no round numbers, so that few limits coincide."""
    rate = {"chat": "310 tok/s/chip", "batch": "905 tok/s/chip"}
    fast = {"chat": "640 tok/s/chip", "batch": "1430 tok/s/chip"}
    kind = {"model": "m", "ttft": "2 s", "tpot": "40 ms/tok", "input_tokens": "1000 tok", "output_tokens": "1000 tok"}
    sites = [
        site(
            "ohio",
            interconnected={"2026-07-01": "24 MW", "2027-04-01": "27.5 MW"},
            energised="20 MW",
            phase="3 MW",
            lead_time="5 months",
            ramp="7 MW/month",
            pue=1.17,
            peak_ratio=1.31,
            shell_cost="13 M USD/MW",
            running_cost="0.4 M USD/MW-year",
            power_price={"2026-07-01": "71 USD/MWh", "2028-01-01": "79 USD/MWh"},
            chips=["c", "n"],
        ),
        site(
            "lyon",
            region="eu",
            interconnected="23 MW",
            energised="9 MW",
            phase="6 MW",
            lead_time="4 months",
            ramp="3 MW/month",
            pue=1.23,
            peak_ratio=1.27,
            shell_cost="15 M USD/MW",
            running_cost="0.5 M USD/MW-year",
            power_price="93 USD/MWh",
            chips=["n", "c"],
        ),
    ]
    chips = [
        chip(
            "c",
            price="9000 USD/chip",
            server_cost="4000 USD/chip",
            it_power="870 W/chip",
            idle_power="30 %",
            lead_time="3 months",
            supply="21 k chip/y",
            life="4 years",
            availability="94 %",
            goodput="91 %",
            running_cost="310 USD/chip-year",
            price_terminal="6000 USD/chip",
            list_rent="1.2 USD/chip-h",
            available_from="2026-07-01",
            opening=[{"site": "ohio", "count": "9 k chip", "in_service": "2025-11-01", "book_value": "90 M USD"}],
            overrides={"tokens": rate, "train": "4.1e14 FLOP/s/chip"},
        ),
        chip(
            "n",
            price="17000 USD/chip",
            server_cost="6000 USD/chip",
            it_power="1290 W/chip",
            idle_power="27 %",
            lead_time="4 months",
            supply={"2026-07-01": "9 k chip/y", "2027-07-01": "17 k chip/y"},
            life="5 years",
            availability="92 %",
            goodput="89 %",
            running_cost="420 USD/chip-year",
            price_terminal="12 k USD/chip",
            list_rent="2.1 USD/chip-h",
            available_from="2026-11-15",
            overrides={"tokens": fast, "train": "8.3e14 FLOP/s/chip"},
        ),
    ]
    asked = [
        demand(
            "us-chat",
            price=2.6,
            volume={"2026-07-01": "0.31 T tok/d", "2028-07-01": "0.83 T tok/d"},
            steps=[{"share": "55 %", "price_factor": 1.2}, {"share": "45 %", "price_factor": 0.7}],
        ),
        demand("eu-chat", price=2.9, region="eu", resident=True, volume="0.13 T tok/d"),
        demand("us-batch", mtok_per_d=500_000.0, price=0.71, **{"class": "batch", "channel": "cloud"}),
        demand("new", mtok_per_d=210_000.0, price=4.4, needs="r"),
    ]
    rent = {"c": "1.1 USD/chip-h", "n": {"2026-07-01": "2.2 USD/chip-h", "2027-07-01": "1.9 USD/chip-h"}}
    base = toy(
        valuation_date=QUARTERS_THEN_HALVES[0],
        grid={"dates": QUARTERS_THEN_HALVES},
        objective={"maximise": "joint", "discount_rate": "9 %/y", "unserved_penalty": "0.05 USD/Mtok"},
        parties={
            "offtaker": _party("Lab", "14 %/y", cash="700 M USD", other_costs="60 M USD/y"),
            "provider": _party("Cloud", "8 %/y", cash="600 M USD"),
        },
        regions=["us", "eu"],
        sites=sites,
        chips=chips,
        classes=[
            {
                "id": "chat",
                "cached": "30 %",
                "utilisation": "55 %",
                "algorithmic_gain": {"2026-07-01": 1.0, "2028-07-01": 1.5},
                **kind,
            },
            {"id": "batch", "cached": "0 %", "utilisation": "80 %", **kind},
        ],
        channels=[{"id": "direct", "sold_by": "offtaker"}, {"id": "cloud", "sold_by": "provider"}],
        demand=asked,
        training=[
            run(flop=3.1e25, earliest="2026-08-10", latest="2027-12-31", min_duration="3 months", penalty="20 M USD")
        ],
        research={"compute": "9e17 FLOP/s", "penalty": "1900 USD/ZFLOP"},
        outside_supply=[
            {
                "id": "o",
                "provider": "Other",
                "chip": "c",
                "region": "us",
                "steps": [
                    {"cap": "1700 chip", "price": "1.6 USD/chip-h"},
                    {"cap": "2300 chip", "price": "2.05 USD/chip-h"},
                ],
            },
            {
                "id": "e",
                "provider": "Euro",
                "chip": "n",
                "region": "eu",
                "trains": False,
                "steps": [{"cap": "900 chip", "price": "3.3 USD/chip-h"}],
            },
        ],
        resale={
            "steps": [
                {"chip": "c", "price": "0.7 USD/chip-h", "cap": "2100 chip"},
                {"chip": "n", "price": "1.4 USD/chip-h", "cap": "800 chip"},
            ]
        },
        contract=contract(
            {"kind": "chip_price", "id": "rent", "prices": rent, "escalator": "3 %/y"},
            start="2026-07-01",
            end="2028-07-01",
        ),
        terminal={"site_value": "60 %", "chip_value": "80 %"},
    )
    return {**base, **fields}
