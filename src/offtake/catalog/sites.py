"""Sites of the catalogue: one snapshot row each, joined with the owner's PUE, the state's power price and the grid's carbon."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from offtake.catalog.facts import Fact, date_in, sourced
from offtake.catalog.load import Entry, canonical, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.catalog.facts import Reliability

__all__ = ["generic", "power_fact", "site", "timeline"]

_NUMBERS = (
    # column, fact, unit, factor
    ("current_it_mw", "current_it_mw", "MW", 1.0),
    ("planned_peak_it_mw", "planned_peak_it_mw", "MW", 1.0),
    ("planned_peak_facility_mw", "planned_peak_facility_mw", "MW", 1.0),
    ("capital_cost_2025usd_bn", "capital_usd", "USD", 1e9),
    ("months_clearing_to_first_power", "lead_time_months", "months", 1.0),
    ("implied_pue", "peak_ratio", "ratio", 1.0),
)
_TEXTS = (
    "owner", "users", "country", "address", "chips", "planned_peak_date", "land_clearing", "first_operational", "energy_companies",
)  # fmt: skip
_OWNER = MappingProxyType(
    {"Amazon": "AWS", "Google": "Google", "Meta": "Meta", "Microsoft": "Microsoft", "Oracle": "Oracle"}
)
_GRID = MappingProxyType({
    "PJM": "PJM Interconnection", "MISO": "Midcontinent ISO", "ERCOT": "Electric Reliability Council of Texas",
    "TVA": "Tennessee Valley Authority", "SOCO": "Southern Company Services", "CAISO": "CAISO", "NYISO": "New York ISO",
    "SPP": "Southwest Power Pool", "Duke": "Duke Energy Carolinas", "BPA": "Bonneville Power Administration",
    "NV Energy": "Nevada Power Company", "PacifiCorp": "Pacificorp East", "APS": "Arizona Public Service Company",
})  # fmt: skip
_UNITS = MappingProxyType({"$/MWh": "USD/MWh", "gCO2e/kWh": "g/kWh"})
# Of every site with both, when the site itself has none (power_sites.csv).
_MEDIAN = MappingProxyType({
    "lead_time_months": ("lead_time", "Epoch sites (n=44)"), "ramp_mw_per_month": ("ramp", "Epoch sites (n=31)"),
    "peak_ratio": ("PUE", "Epoch AI data centers"),
})  # fmt: skip


@lru_cache(maxsize=128)
def site(name: str) -> Entry:
    """Return a site by name or alias.

    Examples
    --------
    >>> s = site("New Carlisle")
    >>> s.number("current_it_mw"), s.number("pue"), s.text("state"), s.number("ramp_mw_per_month")
    (910.0, 1.15, 'Indiana', 54.24)
    """
    found = canonical("sites", name)
    row = next(r for r in rows("sites_snapshot") if r["site"] == found)
    source = row["source"]
    facts: dict[str, Fact] = {}
    for column, field, unit, factor in _NUMBERS:
        if row[column] and not (field == "capital_usd" and float(row[column]) == 0.0):
            facts[field] = _fact(float(row[column]) * factor, unit, source)
    for column in _TEXTS:
        if row[column]:
            facts[column] = _fact(row[column], "", source)
    for derived in rows("sites_derived"):
        if derived["site"] == found:
            for field in ("state", "grid_operator"):
                if derived[field]:
                    grade: Reliability = "derived" if field == "state" else "assumption"
                    facts[field] = _fact(derived[field], "", derived["source"], grade, derived["reason"])
    for field in ("lead_time_months", "peak_ratio"):
        facts.setdefault(field, _median(field))
    facts["ramp_mw_per_month"] = _ramp(row, facts["peak_ratio"])
    _join(facts, row["owner"])
    return Entry(kind="sites", name=found, facts=MappingProxyType(facts))


def power_fact(category: str, entity: str, *, metric: str = "") -> Fact | None:
    """Return the latest row of power_sites.csv of a category and entity, None where there is none.

    Examples
    --------
    >>> power_fact("price_industrial", "Indiana", metric="average industrial price").value
    82.4
    """
    found = [
        r for r in rows("power_sites")
        if r["category"] == category and r["entity"] == entity and r["value"] and (not metric or r["metric"] == metric)
        and r["confidence"] != "low"
    ]  # fmt: skip
    if not found:
        return None
    row = max(found, key=lambda r: r["date"])
    return Fact(
        value=float(row["value"]),
        unit=_UNITS.get(row["unit"], row["unit"]),
        source=row["source"],
        date=_date(row),
        note=f"{row['entity']}: {row['metric']}; {row['note']}",
        reliability=cast("Reliability", row["confidence"] or "medium"),
        low=float(row["low"]) if row["low"] else None,
        high=float(row["high"]) if row["high"] else None,
    )


def _date(row: Mapping[str, str]) -> str:
    """Return the row's own date where it is one, else that of its source."""
    return date_in(row["date"]) if row["date"][:2] == "20" else date_in(row["source"])


def _fact(value: float | str, unit: str, source: str, grade: Reliability = "medium", note: str = "") -> Fact:
    return sourced(value, unit, source, reliability=grade, note=note)


def _median(field: str) -> Fact:
    """Return the median of all sites, as an assumption for one."""
    category, entity = _MEDIAN[field]
    fact = power_fact(category, entity)
    if fact is None:  # pragma: no cover  (the rows are package data)
        raise LookupError(field)
    return Fact(
        value=fact.value,
        unit=fact.unit,
        source=fact.source,
        date=fact.date,
        reliability="assumption",
        low=fact.low,
        high=fact.high,
        note="median of all sites with a figure; this site has none",
    )


def _ramp(row: Mapping[str, str], peak_ratio: Fact) -> Fact:
    """Return the ramp in facility MW a month: the observed IT ramp times the design ratio."""
    ratio = peak_ratio.number
    if row["observed_ramp_it_mw_per_month"]:
        it = float(row["observed_ramp_it_mw_per_month"])
        return _fact(
            it * ratio, "MW/month", row["source"], "derived", f"{it:g} MW of IT a month x peak ratio {ratio:g}"
        )
    fact = _median("ramp_mw_per_month")
    low, high = (fact.low or 0.0) * ratio, (fact.high or 0.0) * ratio
    return Fact(
        value=fact.number * ratio,
        unit="MW/month",
        source=fact.source,
        date=fact.date,
        reliability="assumption",
        low=low,
        high=high,
        note=f"{fact.note}; {fact.number:g} MW of IT a month x peak ratio {ratio:g}",
    )


def generic(state: str, grid_operator: str) -> Mapping[str, Fact]:
    """Return what is known of a site that is no entry: medians, costs, and price and carbon by its place.

    Examples
    --------
    >>> generic("IN", "PJM")["power_price_usd_per_mwh"].value
    90.1
    """
    facts: dict[str, Fact] = {}
    source = "as the scenario states"
    if state:
        full = next((r["name"] for r in rows("states") if state in (r["code"], r["name"])), state)
        facts["state"] = _fact(full, "", source)
        facts["country"] = _fact("United States", "", source)
    if grid_operator:
        facts["grid_operator"] = _fact(grid_operator, "", source)
    facts["peak_ratio"] = _median("peak_ratio")
    _join(facts, "")
    return MappingProxyType({k: f for k, f in facts.items() if f.source != source})


def timeline(name: str) -> tuple[Mapping[str, str], ...]:
    """Return the dated rows of a site, projections included.

    Examples
    --------
    >>> [r["projected"] for r in timeline("New Carlisle")][-1]
    'yes'
    """
    found = canonical("sites", name)
    return tuple(sorted((r for r in rows("sites_timeline") if r["site"] == found), key=lambda r: r["date"]))


def _carbon(facts: Mapping[str, Fact]) -> Fact | None:
    """Return the carbon of the grid, else of the country."""
    metric = "grid carbon intensity (lifecycle, consumption)"
    for field, named in (("grid_operator", _GRID), ("country", MappingProxyType[str, str]({}))):
        if field in facts:
            place = str(facts[field].value)
            found = power_fact("carbon", named.get(place, place), metric=metric)
            if found is not None:
                return found
    return None


def _join(facts: dict[str, Fact], owner: str) -> None:
    """Add PUE by owner, costs, and price and carbon by place; what no row gives stays absent."""
    pue = power_fact("PUE", _OWNER.get(owner, ""), metric="fleet PUE")
    if pue is None:
        pue = Fact(
            value=1.15,
            unit="ratio",
            date="2024",
            reliability="assumption",
            low=1.08,
            high=1.3,
            note="owner's PUE not published; AWS fleet, range Meta 1.08 to 1.3",
            source="https://www.briefly.co/anchor/DevOps/story/ai-energy-and-the-new-rules-of-cloud-sustainability-competition--computer-weekly",
        )
    facts["pue"] = pue
    state = str(facts["state"].value) if "state" in facts else ""
    price = power_fact("price_industrial", state)
    if price is not None:
        facts["power_price_usd_per_mwh"] = price
    carbon = _carbon(facts)
    if carbon is not None:
        facts["carbon_g_per_kwh"] = carbon
    facts.update(_costs())


@lru_cache(maxsize=1)
def _costs() -> Mapping[str, Fact]:
    """Return the costs that are the same for every site."""
    shell = power_fact("capex", "Epoch AI", metric="construction (shell+MEP+land) per MW IT")
    running = power_fact("opex", "Epoch AI")
    if shell is None or running is None:  # pragma: no cover  (the rows are package data)
        raise LookupError("capex, opex")
    return MappingProxyType({
        "shell_cost_usd_per_mw": Fact(
            value=shell.number * 1e6, unit="USD/MW", source=shell.source, date="2025", reliability="medium", low=7e6, high=20e6,
            note="per MW of IT, 2025 USD, one constant for all sites; low: Cortex Construct, high: Giga Energy (2026)",
        ),
        "running_cost_usd_per_mw_y": Fact(
            value=0.55e6, unit="USD/MW-y", source=running.source, date="2025", reliability="assumption",
            low=0.2e6, high=running.number * 1e6,
            note="0.90 M a MW of IT if energy is outside it, about 0.2 M if 0.7 M of energy is inside: not said; the middle",
        ),
        "shell_life_y": Fact(
            value=20.0, unit="y", source="chosen; no filing read gives the life of the building alone", date="2026-11-22",
            reliability="assumption", low=15.0, high=30.0, note="longer than four lives of chips; range as usual for industrial buildings",
        ),
    })  # fmt: skip
