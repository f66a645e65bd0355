"""A small valid scenario, and a way to break it at a marked place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar

import pytest
from pydantic import BaseModel, Field

from offtake.errors import ScenarioError
from offtake.spec.fields import ChipId, ClauseId, Day, Id, Model, MwStepSeries, UsdPerChipHourSeries, UsdPerMwYear
from offtake.spec.load import Loaded, loads

if TYPE_CHECKING:
    from offtake.diagnostics import Diagnostic

TEXT = """\
offtake: 1
name: toy
title: A toy
valuation_date: 2026-07-01
grid: {quarters: 4, years: 1}
objective:
  discount_rate: 10 %/y
parties:
  offtaker: {name: Lab, discount_rate: 14 %/y, cash: 600 M USD}
  provider:
    name: Cloud
    discount_rate: 9 %/y
    cash: {value: 1.2 bn USD, low: 1 bn USD, high: 2 bn USD, assumption: equity}
    facility: {kind: revolver, limit: 2 bn USD, rate: 7 %/y, maturity: 2030-01-01}
regions: [us, eu]
sites:
  - id: indiana
    region: us
    interconnected: {2026-07-01: 60 MW, 2027-07-01: 125 MW}
    energised: 30 MW
    phase: 20 MW
    lead_time: 9 months
    ramp: 10 MW/month
    pue: 1.15
    chips: [tr2]
  - id: ohio
    region: us
    group: indiana
    phase: 50 MW
    lead_time: 12 months
    ramp: 20 MW/month
    chips: [tr2, tr3]
chips:
  - id: tr2
    from: Trainium2
    price: 8000 USD/chip
    lead_time: 6 months
    available_from: 2026-07-01
    supply: 60000 chip/y
    life: 5 years
    availability: 95 %
    goodput: 0.92
    opening:
      - {site: indiana, count: 25000 chip, in_service: 2026-01-01, book_value: 473 M USD}
    overrides: {tokens: {chat: 900 tok/s/chip}}
  - id: tr3
    from: Trainium3
    lead_time: 6 months
    available_from: 2027-01-01
    supply: {2027-01-01: 100000 chip/y, 2028-01-01: 200000 chip/y}
    life: 5 years
    availability: 95 %
    goodput: 92 %
models:
  - {id: large, from: DeepSeek-V3}
classes:
  - id: chat
    model: large
    ttft: 2 s
    tpot: 40 ms/tok
    input_tokens: 3000 tok
    output_tokens: 1000 tok
    cached: 50 %
    utilisation: 50 %
channels:
  - {id: direct, sold_by: offtaker}
demand:
  - id: chat-us
    class: chat
    region: us
    channel: direct
    volume: {points: {2026-07-01: 1 T tok/d, 2027-07-01: 2 T tok/d}, interpolation: geometric, low: 0.5, high: 1.5}
    price: 2 USD/Mtok
    steps: [{share: 60 %, price_factor: 1.1}, {share: 40 %, price_factor: 0.85}]
    needs: run-1
training:
  - {id: run-1, flop: 1e26 FLOP, earliest: 2026-10-01, latest: 2027-06-01, min_duration: 3 months, chips: [tr2], groups: [indiana]}
  - {id: run-2, flop: 1e27 FLOP, earliest: 2027-01-01, min_duration: 3 months, needs: run-1}
outside_supply:
  - {id: market, provider: Other, chip: H100, region: us, steps: [{cap: 3000 chip, price: 2.6 USD/chip-h}]}
contract:
  id: deal
  signed: yes
  start: 2026-07-01
  end: 2028-07-01
  clauses:
    - kind: rent
      id: rent
      prices: {tr2: 1.05 USD/chip-h}
    - kind: minimum
      id: floor
      volume: {2026-07-01: 20 MW}
      rate: 9 M USD/MW-year
      counts: rent
cases:
  - id: late
    changes:
      sites.indiana.interconnected: {later: 12 months}
"""


class Rent(Model):
    kind: ClassVar[str] = "rent"
    id: Id
    prices_usd_per_chip_h: Annotated[dict[ChipId, UsdPerChipHourSeries], Field(min_length=1)]
    start: Day | None = None


class Minimum(Model):
    kind: ClassVar[str] = "minimum"
    id: Id
    volume_mw: MwStepSeries
    rate_usd_per_mw_y: UsdPerMwYear
    counts: ClauseId | None = None


KINDS: dict[str, type[BaseModel]] = {"rent": Rent, "minimum": Minimum}
CATALOG = {"chips": ["Trainium2", "Trainium3", "H100", "H200"], "models": ["DeepSeek-V3"], "sites": ["New Carlisle"]}

MARK = "«"


@pytest.fixture(scope="session")
def text() -> str:
    return TEXT


@pytest.fixture(scope="session")
def read() -> Callable[[str], Loaded]:
    def _read(text: str) -> Loaded:
        return loads(text, name="toy.yaml", catalog_names=CATALOG.__getitem__, clause_kinds=KINDS)

    return _read


@pytest.fixture(scope="session")
def mistakes(read: Callable[[str], Loaded]) -> Callable[[str], list[Diagnostic]]:
    """Return the diagnostics of a text; none for a correct one."""

    def _mistakes(text: str) -> list[Diagnostic]:
        try:
            return list(read(text).warnings)
        except ScenarioError as caught:
            error = caught
        error.render().encode("utf-8")  # whatever the text holds can be shown
        return list(error.diagnostics)

    return _mistakes


@pytest.fixture(scope="session")
def broken(mistakes: Callable[[str], list[Diagnostic]]) -> Callable[[str, str], tuple[list[Diagnostic], int, int]]:
    """Replace a part of the toy that stands there once; return the diagnostics and the place of the mark in the new part."""

    def _broken(old: str, new: str) -> tuple[list[Diagnostic], int, int]:
        assert TEXT.count(old) == 1, f"{old!r} stands {TEXT.count(old)} times"
        marked = TEXT.replace(old, new)
        before = marked[: marked.index(MARK)]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        return mistakes(marked.replace(MARK, "")), line, column

    return _broken
