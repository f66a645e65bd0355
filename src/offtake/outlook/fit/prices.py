"""Prices: rental of chips, purchase of chips, tokens at list price and for the same capability."""

from __future__ import annotations

import csv
import io
import math
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING

from offtake.catalog.load import rows
from offtake.outlook.fit.held import Held
from offtake.outlook.fit.history import Series, day_of, year_of
from offtake.outlook.fit.laws import Estimate, spread_of
from offtake.outlook.fit.terms import Fitted, Term, term
from offtake.outlook.fit.trends import drift, pooled
from offtake.outlook.fit.wandering import wandering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.outlook.fit.wandering import Wandering

__all__ = ["held_back", "package_rows", "price_terms", "rental_fit", "rentals", "token_tiers"]

_OUTPUT_SHARE = 0.25
"""One output token to three input tokens weigh a list price: a usual convention; DeepSeek's fleet served 1 to 3.6 (aiposthub.cc/5152)."""


FADES_Y = 3.0
"""Half-life of a lead or lag of list prices and of algorithms: an assumption, as of demand."""

HELD_FROM = date(2026, 5, 1)
"""Rents until then are fitted, later ones held back."""

_Z80 = 1.2815515655446004
"""Normal quantile at 90 %: both ends of an 80 % interval."""


def package_rows(name: str) -> tuple[dict[str, str], ...]:
    """Read one of the calibration's own tables."""
    text = resources.files("offtake.outlook").joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(io.StringIO(text)))


def rentals() -> tuple[Series, ...]:
    """Return published rents by chip: one index, and for H100 the history before it from 2024 on (2023 was scarcity at $7 to $12).

    Unit: USD/chip-h.
    """
    found: dict[str, list[tuple[str, float]]] = {}
    for row in rows("prices"):
        if row["kind"] == "gpu_index" and row["usd_per_chip_hour"]:
            found.setdefault(row["item"], []).append((row["date"], float(row["usd_per_chip_hour"])))
        if (
            row["kind"] == "gpu_history"
            and row["vendor"] == "market"
            and row["item"] == "H100"
            and row["date"] >= "2024"
        ):
            value = row["usd_per_chip_hour"] or _middle(row["low"], row["high"])
            if value and "contested" not in row["note"].casefold() and day_of(row["date"]) is not None:
                found.setdefault("H100 SXM", []).append((row["date"], float(value)))
    return tuple(
        Series(
            name=name, days=tuple(d for d, _ in pairs), values=tuple(v for _, v in pairs), unit="USD/chip-h",
            source="Gauss10/ai-money-radar@82457b1a:site/data/gpu_prices.json (Ornn index, 2026-08-21); neighborhoodsf.com (H100 history)",
        )
        for name, raw in found.items()
        for pairs in [sorted((day, v) for d, v in raw for day in [day_of(d)] if day is not None)]
    )  # fmt: skip


def rental_fit(found: Sequence[Series]) -> Wandering:
    """Fit a common half-life and spread to the log rents of several chips."""
    return wandering([(one.years, [math.log(v) for v in one.values]) for one in found])


def token_tiers() -> dict[str, tuple[tuple[float, float], ...]]:
    """Return tier → (year, log of the blended list price [USD/Mtok]), by the mapping of `data/token_tiers.csv`."""
    listed = {(r["vendor"], r["item"], r["date"]): r for r in rows("prices") if r["kind"] == "token"}
    by_item = {(r["vendor"], r["item"]): r for r in rows("prices") if r["kind"] == "token"}
    found: dict[str, list[tuple[float, float]]] = {}
    for row in package_rows("token_tiers"):
        price = listed.get((row["vendor"], row["item"], row["date"])) or by_item[row["vendor"], row["item"]]
        blended = (1.0 - _OUTPUT_SHARE) * float(price["input_usd_per_mtok"]) + _OUTPUT_SHARE * float(
            price["output_usd_per_mtok"]
        )
        day = day_of(row["date"])
        if day is not None:
            found.setdefault(f"{row['vendor']} {row['tier']}", []).append((year_of(day), math.log(blended)))
    return {name: tuple(sorted(pairs)) for name, pairs in found.items()}


def price_terms() -> tuple[Fitted, ...]:
    """Return the terms of every price."""
    return (_rental(), _chip_price(), _token_list(), _same_capability())


def _rental() -> Fitted:
    found = rentals()
    fit = rental_fit(found)
    trends = [drift(one.years, [math.log(v) for v in one.values]) for one in found]
    pool = pooled([one.growth for one in trends], [one.growth_se for one in trends])
    days = sorted(day for one in found for day in one.days)
    return Fitted(
        key="gpu-rental", kind="mean_reversion", quantity="rent of a GPU-hour", grade="weak",
        terms={"spread": term(fit.spread, "%", times=100.0), "half_life": term(fit.half_life, "y")},
        source=found[0].source, data_from=str(days[0]), data_to=str(days[-1]), points=fit.points,
        fit_error=f"reading error {100 * fit.noise:.0f} %; flat prior on log half-life from one month to four years",
        note=(
            f"no trend: pooled over {pool.members} chips {pool.mean:+.2f} a year in logarithms ({pool.low:.2f} to {pool.high:.2f}); "
            "rents rose in 2026, so nothing declines by itself; index, one-year contracts and list prices are mixed"
        ),
    )  # fmt: skip


def _chip_price() -> Fitted:
    by: dict[str, list[tuple[str, float]]] = {}
    for row in rows("prices"):
        middle = _middle(row["low"], row["high"])
        if row["kind"] == "chip_purchase_usd" and row["vendor"] == "NVIDIA" and middle and row["date"].isdigit():
            by.setdefault(row["item"], []).append((row["date"], float(middle)))
    changes = [
        (math.log(pairs[-1][1] / pairs[0][1]) / (int(pairs[-1][0]) - int(pairs[0][0])))
        for pairs in map(sorted, by.values())
        if len(pairs) > 1
    ]
    spread = spread_of(changes)
    mean = sum(changes) / len(changes)
    return Fitted(
        key="chip-price", kind="trend", quantity="purchase price of a chip, same generation", grade="weak",
        terms={"growth": term(spread, "%/y", times=100.0)},
        source="epoch-research/ai-chip-counts@d1b1bc31:data_inputs/Nvidia annual prices.csv", data_from="2022", data_to="2025",
        points=sum(map(len, by.values())), fit_error=f"spread between {len(changes)} chips",
        note=f"middles of ranges; mean change {mean:+.2f} a year in logarithms; the ranges themselves are ±20 %; no shortage is in them",
    )  # fmt: skip


def _token_list() -> Fitted:
    tiers = token_tiers()
    changes = {name: (p[-1][1] - p[0][1]) / (p[-1][0] - p[0][0]) for name, p in tiers.items()}
    values = list(changes.values())
    spread = spread_of(values)
    mean = sum(values) / len(values)
    rose = sum(v > 0.05 for v in values)
    fell = sum(v < -0.05 for v in values)
    # All tiers move together by the error of the mean; one tier by the spread between them.
    common = Estimate(*(_faded(v / math.sqrt(len(values))) for v in (spread.value, spread.low, spread.high)))
    return Fitted(
        key="token-price", kind="mean_reversion", quantity="list price of the newest model of a tier", grade="weak",
        terms={"spread": term(common, "%", times=100.0), "half_life": Term(FADES_Y, "y")},
        source="simonw/llm-prices@723ef0bd (2026-08-05); tiers by data/token_tiers.csv", data_from="2025-02-08", data_to="2026-09-01",
        points=sum(map(len, tiers.values())), fit_error=f"spread between {len(values)} tiers {spread.value:.2f} a year",
        note=(
            f"mixed evidence: {rose} tiers rose, {fell} fell; mean {mean:+.2f} a year in logarithms; one tier alone varies by "
            f"{100 * spread.value:.0f} % a year; one year of data, so the half-life is an assumption; for the "
            "same capability see algorithmic-efficiency: its cost falls fast while tiers do not"
        ),
    )  # fmt: skip


def _same_capability() -> Fitted:
    # Epoch: doubling every 5 to 14 months (95 % interval): ln 2 / (5/12) = 1.66 and ln 2 / (14/12) = 0.59 a year
    low, high = math.log(2.0) / (14.0 / 12.0), math.log(2.0) / (5.0 / 12.0)
    spread = (high - low) / 2.0 / 1.96
    row = next(r for r in rows("demand") if r["metric"] == "growth" and r["entity"] == "algorithmic efficiency")
    return Fitted(
        key="algorithmic-efficiency", kind="mean_reversion", quantity="tokens of the same capability from the same chip", grade="weak",
        terms={"spread": term(_faded(spread), "%", times=100.0), "half_life": Term(FADES_Y, "y")},
        source=row["source"], data_from="2014", data_to="2023", points=1, fit_error="from a published 95 % interval, not fitted here",
        note=(
            "3x a year, doubling every 5 to 14 months (Epoch, 95 %); on training compute; 1.9x a year of tokens per GPU by software "
            "(Microsoft, 2025-07) lies below the interval; that a lead fades with a half-life of three years is an assumption: "
            "carried on, the interval is a factor of 15 either way in ten years"
        ),
    )  # fmt: skip


def _faded(a_year: float) -> float:
    """Return the long-run spread of a fading deviation that has the spread `a_year` after one year."""
    return a_year / math.sqrt(1.0 - 0.25 ** (1.0 / FADES_Y))


def _middle(low: str, high: str) -> str:
    return repr(math.sqrt(float(low) * float(high))) if low and high else ""


def held_back(*, until: date = HELD_FROM) -> tuple[Held, ...]:
    """Fit rents up to a day; predict each chip's later readings from its last one, as a plan would: the deviation starts at none.

    The process of a plan has no reading error; that of the index is in the interval here, because what is seen has it.
    """
    found = rentals()
    before = [one.first(sum(day <= until for day in one.days)) for one in found]
    fit = rental_fit(before)
    held = []
    for old, one in zip(before, found, strict=True):
        for day, value in list(zip(one.days, one.values, strict=True))[len(old.days) :]:
            ahead = year_of(day) - old.years[-1]
            left = 0.5 ** (ahead / fit.half_life.value)
            reach = _Z80 * math.sqrt(fit.spread.value**2 * (1.0 - left**2) + 2.0 * fit.noise**2)
            held.append(
                Held(
                    group="gpu-rental", member=one.name, at=str(day), ahead_y=ahead, low=old.values[-1] * math.exp(-reach),
                    middle=old.values[-1], high=old.values[-1] * math.exp(reach), seen=value,
                )
            )  # fmt: skip
    return tuple(held)
