"""The catalogue as tables: one short row per entry, or with `sources` one row per value with where it came from."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from offtake.catalog import chips, deals, models, sites
from offtake.catalog.facts import date_in
from offtake.catalog.load import names, rows
from offtake.errors import OfftakeError
from offtake.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from offtake.catalog.load import Entry

__all__ = ["KINDS", "listing"]

_TERA, _GIGA = 1e12, 1e9

_CHIPS: tuple[tuple[str, str, str, float], ...] = (
    # column, unit, fact, divided by
    ("bf16_tflop_per_s", "TFLOP/s", "bf16_flop_per_s", _TERA),
    ("fp8_tflop_per_s", "TFLOP/s", "fp8_flop_per_s", _TERA),
    ("hbm_gb", "GB", "hbm_bytes", _GIGA),
    ("hbm_tb_per_s", "TB/s", "hbm_bytes_per_s", _TERA),
    ("scaleup_gb_per_s", "GB/s", "scaleup_bytes_per_s", _GIGA),
    ("scaleup_domain_chips", "", "scaleup_domain", 1.0),
    ("it_w_per_chip", "W/chip", "it_w_per_chip", 1.0),
    ("price_usd_per_chip", "USD/chip", "price_usd_per_chip", 1.0),
    ("rent_usd_per_chip_h", "USD/chip-h", "rent_usd_per_chip_h", 1.0),
)
_MODELS: tuple[tuple[str, str, str, float], ...] = (
    ("params_bn", "bn", "params", _GIGA),
    ("active_params_bn", "bn", "active_params", _GIGA),
    ("layers", "", "layers", 1.0),
    ("hidden", "", "hidden", 1.0),
    ("kv_values_per_layer", "", "kv_values_per_layer", 1.0),
    ("experts", "", "experts", 1.0),
    ("train_t_tok", "T tok", "train_tok", _TERA),
    ("train_yflop", "10²⁴ FLOP", "train_flop", 1e24),
)
_SITES: tuple[tuple[str, str, str, float], ...] = (
    ("current_it_mw", "MW", "current_it_mw", 1.0),
    ("planned_peak_facility_mw", "MW", "planned_peak_facility_mw", 1.0),
    ("peak_ratio", "", "peak_ratio", 1.0),
    ("pue", "", "pue", 1.0),
    ("lead_time_months", "months", "lead_time_months", 1.0),
    ("ramp_mw_per_month", "MW/month", "ramp_mw_per_month", 1.0),
    ("power_price_usd_per_mwh", "USD/MWh", "power_price_usd_per_mwh", 1.0),
    ("carbon_g_per_kwh", "g/kWh", "carbon_g_per_kwh", 1.0),
)

# Tables shown as they are: title, table, columns (the last ones only with sources).
_PLAIN: Mapping[str, tuple[str, str, tuple[str, ...]]] = MappingProxyType(
    {
        "power": (
            "Power, sites and their cost",
            "power_sites",
            ("category", "entity", "metric", "value", "low", "high", "unit", "date"),
        ),
        "prices": (
            "Prices of tokens, chip-hours and chips",
            "prices",
            (
                "kind",
                "vendor",
                "item",
                "date",
                "input_usd_per_mtok",
                "output_usd_per_mtok",
                "usd_per_chip_hour",
                "low",
                "high",
            ),
        ),
        "demand": (
            "Demand, revenue and spending",
            "demand",
            ("metric", "entity", "date", "value", "low", "high", "unit"),
        ),
        "macro": (
            "Export controls, concentration, load and shocks",
            "macro",
            ("theme", "fact", "date", "value", "low", "high", "unit"),
        ),
        "clusters": (
            "Largest clusters",
            "gpu_clusters_top150",
            ("name", "status", "owner", "chip", "chips", "first_operational", "cluster_power_mw", "country"),
        ),
        "timeline": ("Power of sites by date", "sites_timeline", ("site", "date", "it_mw", "facility_mw", "projected")),
        "site-chips": ("Chips of sites by date", "sites_chips", ("site", "date", "chip", "units", "owner", "user")),
    }
)
_NUMERIC = frozenset(
    {
        "value", "low", "high", "input_usd_per_mtok", "output_usd_per_mtok", "usd_per_chip_hour", "it_mw", "facility_mw", "units", "chips",
        "cluster_power_mw", "gw", "spend_usd_bn", "equity_firm_usd_bn", "equity_contingent_usd_bn", "years",
    }
)  # fmt: skip
_UNITS = MappingProxyType(
    {
        "input_usd_per_mtok": "USD/Mtok", "output_usd_per_mtok": "USD/Mtok", "usd_per_chip_hour": "USD/chip-h", "it_mw": "MW",
        "facility_mw": "MW", "units": "chip", "chips": "chip", "cluster_power_mw": "MW", "gw": "GW", "spend_usd_bn": "bn USD",
        "equity_firm_usd_bn": "bn USD", "equity_contingent_usd_bn": "bn USD", "years": "y",
    }
)  # fmt: skip

_TITLES = MappingProxyType(
    {
        "bf16_tflop_per_s": "bf16", "fp8_tflop_per_s": "fp8", "hbm_gb": "HBM", "hbm_tb_per_s": "HBM rate", "scaleup_gb_per_s": "Scale-up",
        "scaleup_domain_chips": "Domain", "it_w_per_chip": "IT power", "price_usd_per_chip": "Price", "rent_usd_per_chip_h": "Rent",
        "params_bn": "Weights", "active_params_bn": "Active", "train_t_tok": "Trained on", "train_yflop": "Training",
        "kv_values_per_layer": "Cache per layer", "current_it_mw": "IT now", "planned_peak_facility_mw": "Facility planned",
        "peak_ratio": "Peak ratio", "pue": "PUE", "lead_time_months": "Lead time", "ramp_mw_per_month": "Ramp",
        "power_price_usd_per_mwh": "Power price", "carbon_g_per_kwh": "Carbon", "input_usd_per_mtok": "Input",
        "output_usd_per_mtok": "Output", "usd_per_chip_hour": "Chip-hour", "it_mw": "IT", "facility_mw": "Facility",
        "cluster_power_mw": "Power, basis not stated",
        "gw": "Power", "spend_usd_bn": "Spend", "equity_firm_usd_bn": "Equity, firm", "equity_contingent_usd_bn": "Equity, contingent",
        "deal_id": "Deal", "provider_or_investor": "Provider", "customer_or_developer": "Customer",
    }
)  # fmt: skip

KINDS = (
    "chips",
    "models",
    "sites",
    "power",
    "prices",
    "demand",
    "deals",
    "macro",
    "timeline",
    "site-chips",
    "clusters",
)
"""What `offtake catalog` lists."""


def listing(kind: str, *, sources: bool = False) -> Table:
    """Return one part of the catalogue as a table.

    Raises
    ------
    OfftakeError
        No such part.

    Examples
    --------
    >>> len(listing("deals")), "source" in listing("chips", sources=True)
    (34, True)
    """
    entries: Mapping[
        str, tuple[Callable[[str], Entry], str, Sequence[tuple[str, str, str, float]], tuple[str, ...]]
    ] = {
        "chips": (chips.chip, "Chips", _CHIPS, ("vendor", "status")),
        "models": (models.model, "Models", _MODELS, ("family",)),
        "sites": (sites.site, "Sites", _SITES, ("owner", "state", "grid_operator")),
    }
    if kind in entries:
        get, title, columns, texts = entries[kind]
        found = [get(name) for name in names(kind)]  # type: ignore[arg-type]
        return _values(kind, title, found) if sources else _wide(kind, title, found, columns=columns, texts=texts)
    if kind == "deals":
        return _deals(sources=sources)
    if kind in _PLAIN:
        return _plain(kind, sources=sources)
    raise OfftakeError(f"the catalogue has no part {kind!r}; it has {', '.join(KINDS)}")


def _wide(
    kind: str,
    title: str,
    found: Sequence[Entry],
    *,
    columns: Sequence[tuple[str, str, str, float]],
    texts: tuple[str, ...],
) -> Table:
    """Return one row per entry; a figure that no source gives is NaN."""
    heads = (
        Column("name", kind="text"),
        *(Column(t, kind="text") for t in texts),
        *(Column(name, unit, _TITLES.get(name, ""), kind="float") for name, unit, _, _ in columns),
        Column("assumed", "", "Derived or assumed", kind="text"),
    )
    data = []
    for entry in found:
        numbers = [(v / scale if (v := entry.number(fact)) is not None else math.nan) for _, _, fact, scale in columns]
        soft = [
            name
            for name, _, fact, _ in columns
            if fact in entry.facts and entry.facts[fact].reliability in {"derived", "assumption", "low"}
        ]
        data.append((entry.name, *(entry.text(t) for t in texts), *numbers, ", ".join(soft)))
    note = "Dense peaks; links in one direction; power all-in at the server or rack." if kind == "chips" else ""
    return Table(kind, heads, data, title=title, note=note)


def _values(kind: str, title: str, found: Sequence[Entry]) -> Table:
    """Return one row per value, with its source."""
    heads = tuple(
        Column(name, kind="float" if name in {"low", "high"} else "text")
        for name in ("name", "field", "value", "unit", "low", "high", "reliability", "date", "source", "note")
    )
    data = [
        (
            entry.name, field, fact.value if isinstance(fact.value, str) else f"{fact.value:.6g}", fact.unit,
            math.nan if fact.low is None else fact.low, math.nan if fact.high is None else fact.high,
            fact.reliability, fact.date, fact.source, fact.note,
        )
        for entry in found
        for field, fact in entry.facts.items()
    ]  # fmt: skip
    return Table(f"{kind}_sources", heads, data, title=f"{title}: every value with its source")


def _plain(kind: str, *, sources: bool) -> Table:
    """Return a table of the package data, numbers as numbers."""
    title, table, columns = _PLAIN[kind]
    data = []
    for row in rows(table):
        cells: list[float | str] = [_cell(name, row[name]) for name in columns]
        if sources:
            cells += [
                row.get("confidence", "") or row.get("certainty", ""),
                row.get("date", "") or date_in(row["source"]),
                row["source"],
                row.get("note", ""),
            ]
        data.append(tuple(cells))
    heads = [_head(name) for name in columns]
    if sources:
        heads += [Column(name, kind="text") for name in ("reliability", "source_date", "source", "note")]
    return Table(kind, tuple(heads), data, title=title)


def _deals(*, sources: bool) -> Table:
    """Return the reference deals with what a second source says."""
    columns = (
        "deal_id", "date", "provider_or_investor", "customer_or_developer", "layer", "spend_usd_bn", "spend_qualifier", "years", "gw",
        "gw_qualifier", "equity_firm_usd_bn", "equity_contingent_usd_bn", "status",
    )  # fmt: skip
    extra = ("reliability", "source_1", "source_2") if sources else ()
    heads = (
        *(_head(name) for name in columns),
        Column("second_source", kind="text"),
        *(Column(name, kind="text") for name in extra),
    )
    data = [
        (*(_cell(name, row[name]) for name in columns), deals.agreement(row), *(row[name] for name in extra))
        for row in rows("deals")
    ]
    return Table(
        "deals", heads, data, title="Reference deals",
        note="Figures are ceilings or floors as qualified; layers may be the same watts: never add them.",
    )  # fmt: skip


def _head(name: str) -> Column:
    """Return the column of a name in the package data."""
    return Column(name, _UNITS.get(name, ""), _TITLES.get(name, ""), kind="float" if name in _NUMERIC else "text")


def _cell(name: str, text: str) -> float | str:
    """Return a cell: a number where the column holds numbers (NaN where empty or not a number), else the text."""
    if name not in _NUMERIC:
        return text
    try:
        return float(text)
    except ValueError:
        return math.nan
