"""Chips of the catalogue: facts in canonical units, with what is derived marked as such."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from offtake.catalog.facts import Fact, sourced
from offtake.catalog.load import Entry, canonical, find, rows
from offtake.catalog.types import Chip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.catalog.facts import Reliability

__all__ = ["IT_OVER_TDP", "chip", "chip_of"]

IT_OVER_TDP = (1.65, 1.31, 1.82)
"""All-in IT power over package power: median, least and most of H100 1.82, B200 1.79, Trainium2 1.75, B300 1.65, Rubin 1.62, GB200 1.39,
GB300 1.31."""

_SPECS: tuple[tuple[str, str, str, float, str], ...] = (
    # column, fact, unit, factor to the canonical unit, source column
    ("bf16_tflops_dense", "bf16_flop_per_s", "flop/s", 1e12, "src_specs"),
    ("fp8_tflops_dense", "fp8_flop_per_s", "flop/s", 1e12, "src_specs"),
    ("fp4_tflops_dense", "fp4_flop_per_s", "flop/s", 1e12, "src_specs"),
    ("hbm_gb", "hbm_bytes", "bytes", 1e9, "src_specs"),
    ("hbm_tbps", "hbm_bytes_per_s", "bytes/s", 1e12, "src_specs"),
    ("scaleup_domain_chips", "scaleup_domain", "chip", 1.0, "src_scaleup"),
    ("scaleout_nic_gbps_per_chip", "scaleout_bytes_per_s", "bytes/s", 1e9 / 8.0, "src_scaleup"),
)


@lru_cache(maxsize=128)
def chip(name: str) -> Entry:
    """Return a chip by name or alias.

    Examples
    --------
    >>> entry = chip("h100")
    >>> entry.name, entry.number("it_w_per_chip")
    ('H100 SXM', 1275.0)
    """
    found = canonical("chips", name)
    row = next(r for r in rows("chips") if r["chip"] == found)
    facts = _printed(row)
    for derived in rows("chips_derived"):
        if derived["chip"] == found:
            facts[derived["field"]] = _derived(derived)
    facts.update(_design(found, row))
    if "it_w_per_chip" not in facts and "tdp_w_per_chip" in facts:
        facts["it_w_per_chip"] = _from_package(facts["tdp_w_per_chip"])
    return Entry(kind="chips", name=found, facts=MappingProxyType(facts))


def chip_of(entry: Entry, overrides: Mapping[str, float] | None = None) -> Chip:
    """Return a chip's plain numbers, with overrides by field name.

    Examples
    --------
    >>> chip_of(chip("Trainium2")).scaleup_domain
    16
    """
    fields: dict[str, Any] = {
        field: entry.number(field)
        for field in (
            "bf16_flop_per_s",
            "fp8_flop_per_s",
            "fp4_flop_per_s",
            "hbm_bytes",
            "hbm_bytes_per_s",
            "scaleup_bytes_per_s",
            "scaleout_bytes_per_s",
            "it_w_per_chip",
            "tdp_w_per_chip",
            "int8_flop_per_s",
        )
    }
    design: dict[str, Any] = {field: int(entry.number(field) or 0) for field in ("year", "cores", "tile", "torus_axes")}
    design.update({field: entry.text(field) for field in ("family", "topology")})
    fields.update(design)
    fields.update(overrides or {})
    domain = fields.pop("scaleup_domain", None) or entry.number("scaleup_domain") or 1
    idle = fields.pop("idle_frac", None)
    extra = {} if idle is None else {"idle_frac": idle}
    return Chip(name=entry.name, vendor=entry.text("vendor"), scaleup_domain=int(domain), **fields, **extra)


def _printed(row: Mapping[str, str]) -> dict[str, Fact]:
    """Collect the facts that a row prints."""
    grade = cast("Reliability", row["confidence"])
    facts: dict[str, Fact] = {}
    for column in ("vendor", "status", "release"):
        if row[column]:
            facts[column] = sourced(row[column], "", row["src_specs"] or row["src_scaleup"], reliability=grade)
    for column, field, unit, factor, source in _SPECS:
        if row[column]:
            facts[field] = sourced(float(row[column]) * factor, unit, row[source], reliability=grade, note=row["notes"])
    if row["scaleup_gbps_per_chip"]:
        facts["scaleup_bytes_per_s"] = _link(row, grade)
    if row["tdp_w"]:
        facts["tdp_w_per_chip"] = sourced(
            float(row["tdp_w"]), "W/chip", row["src_power"] or row["src_specs"], reliability=grade,
            low=_number(row["tdp_w_low"]), high=_number(row["tdp_w_high"]),
        )  # fmt: skip
    facts.update(_price(row))
    facts.update(_rent(row))
    return facts


def _design(name: str, row: Mapping[str, str]) -> dict[str, Fact]:
    """Collect what kind of chip it is: year, cores, tile, how its scale-up fabric joins chips."""
    facts: dict[str, Fact] = {}
    year = row["release"][:4]
    if year.isdigit():
        facts["year"] = sourced(float(year), "y", row["src_specs"] or row["src_scaleup"], reliability="high")
    for design in rows("chips_design"):
        if design["chip"] != name:
            continue
        for field in ("family", "topology"):
            if design[field]:
                facts[field] = sourced(design[field], "", design["source"], reliability="medium", note=design["note"])
        for field, unit in (("cores", "core"), ("tile", ""), ("torus_axes", "")):
            if design[field]:
                facts[field] = sourced(
                    float(design[field]), unit, design["source"], reliability="medium", note=design["note"]
                )
        if design["int8_tops_dense"]:
            rate = float(design["int8_tops_dense"]) * 1e12
            facts["int8_flop_per_s"] = sourced(
                rate, "flop/s", design["source"], reliability="medium", note=design["note"]
            )
    return facts


def _link(row: Mapping[str, str], grade: Reliability) -> Fact:
    """Return the scale-up bandwidth in one direction: half of a total over both."""
    stated = row["scaleup_direction"]
    one_way = stated.startswith("one-way")
    rate = float(row["scaleup_gbps_per_chip"]) * 1e9 * (1.0 if one_way else 0.5)
    contested = "CONTESTED" in stated
    return sourced(
        rate, "bytes/s", row["src_scaleup"], reliability=grade if one_way else "derived",
        # Trainium3: 704 GB/s over both directions is the sum of its links (upstream issue 1396)
        low=0.352e12 if contested else None, high=rate if contested else None,
        note=f"one direction; printed as {row['scaleup_gbps_per_chip']} GB/s, {stated}",
    )  # fmt: skip


def _price(row: Mapping[str, str]) -> dict[str, Fact]:
    """Return the purchase price: the middle of the latest year's band; what a TPU costs to make is kept apart."""
    bought = [r for r in rows("prices") if r["kind"] == "chip_purchase_usd" and _same_chip(r["item"], row["chip"])]
    facts: dict[str, Fact] = {}
    if row["price_usd_low"]:
        low, high = float(row["price_usd_low"]), float(row["price_usd_high"])
        field = "manufacturing_usd_per_chip" if row["vendor"] == "Google" else "price_usd_per_chip"
        grade: Reliability = "low" if low == high else "derived"
        facts[field] = sourced(
            0.5 * (low + high),
            "USD/chip",
            row["src_price"],
            reliability=grade,
            low=low,
            high=high,
            note=row["price_note"],
        )
    if bought:
        last = max(bought, key=lambda r: r["date"])
        low, high = float(last["low"]), float(last["high"])
        facts["price_usd_per_chip"] = sourced(
            0.5 * (low + high), "USD/chip", f"{last['source']} ({last['date']})", reliability="derived", low=low, high=high,
            note=f"middle of the band; {last['note']}",
        )  # fmt: skip
    return facts


def _rent(row: Mapping[str, str]) -> dict[str, Fact]:
    """Return the rent of an hour: the latest value of an index with its band, else the middle of the printed band."""
    index = [
        r
        for r in rows("prices")
        if r["kind"] == "gpu_index" and r["usd_per_chip_hour"] and _same_chip(r["item"], row["chip"])
    ]
    low, high = _number(row["cloud_usd_per_chip_hour_low"]), _number(row["cloud_usd_per_chip_hour_high"])
    if index:
        last = max(index, key=lambda r: r["date"])
        value = float(last["usd_per_chip_hour"])
        seen = [float(r["usd_per_chip_hour"]) for r in index]
        fact = sourced(
            value, "USD/chip-h", f"{last['source']} ({last['date']})", reliability="high",
            low=min(low or value, *seen), high=max(high or value, *seen),
            note=f"{last['vendor']} index, {last['date']}; band: lowest and highest of 2026 and of {row['cloud_note']}",
        )  # fmt: skip
        return {"rent_usd_per_chip_h": fact}
    if low is None or high is None:
        return {}
    grade: Reliability = "low" if "WEAK" in row["cloud_note"] else "derived"
    note = f"middle of the band; {row['cloud_note']}"
    return {
        "rent_usd_per_chip_h": sourced(
            0.5 * (low + high), "USD/chip-h", row["src_cloud"], reliability=grade, low=low, high=high, note=note
        )
    }


def _same_chip(item: str, name: str) -> bool:
    """Say whether a price row is about a chip."""
    return find("chips", item) == name


def _derived(row: Mapping[str, str]) -> Fact:
    """Return the fact of a row of chips_derived.csv."""
    return Fact(
        value=float(row["value"]),
        unit=row["unit"],
        source=row["source"],
        date=row["date"],
        reliability=cast("Reliability", row["reliability"]),
        low=_number(row["low"]),
        high=_number(row["high"]),
        note=row["reason"],
    )


def _from_package(package: Fact) -> Fact:
    """Return the all-in power where only the package's is known."""
    middle, low, high = IT_OVER_TDP
    watts = package.number
    return Fact(
        value=watts * middle,
        unit="W/chip",
        source=package.source,
        date=package.date,
        reliability="assumption",
        low=(package.low or watts) * low,
        high=(package.high or watts) * high,
        note=f"no server or rack power found: {middle} x package power of {watts:g} W, range {low}-{high} as where both are known",
    )


def _number(text: str) -> float | None:
    """Return a cell as a number, None where it is empty."""
    return float(text) if text else None
