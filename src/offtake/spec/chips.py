"""Chip generations: price, power, supply, life; and the models that run on them."""

from __future__ import annotations

from pydantic import Field

from offtake.spec.fields import (
    CatalogChip,
    CatalogModel,
    Chips,
    ChipsAboveZero,
    ChipsPerYearSeries,
    ClassId,
    Day,
    FlopPerSecondPerChip,
    Frac,
    FracAboveZero,
    Id,
    Model,
    Months,
    PlainAboveZero,
    SiteId,
    Text,
    TokPerSecondPerChip,
    Usd,
    UsdPerChipHourSeries,
    UsdPerChipSeries,
    UsdPerChipYear,
    WattsPerChip,
    YearsAboveZero,
)
from offtake.spec.series import Series
from offtake.spec.sheet import ChipSheet

__all__ = ["Chip", "OpeningChips", "Overrides", "ServedModel"]


class OpeningChips(Model):
    """Chips in service at the valuation date."""

    site: SiteId
    """Where they stand."""
    count_chip: Chips
    """How many."""
    in_service: Day
    """Since when: the life counts from here."""
    book_value_usd: Usd
    """Book value of all of them at the valuation date."""


class Overrides(Model):
    """Measured speeds that replace the estimates."""

    tokens_tok_per_s_per_chip: dict[ClassId, TokPerSecondPerChip] = Field(default_factory=dict)
    """Output tokens per second of one chip, by inference class, at the valuation date's software; nought: it does not serve the class."""
    train_flop_per_s_per_chip: FlopPerSecondPerChip | None = None
    """Useful training FLOP per second of one chip."""


class Chip(Model):
    """One chip generation."""

    id: Id
    """Short name, used in paths and tables."""
    name: Text | None = None
    """Name for people; the id if left out."""
    from_: CatalogChip | None = None
    """Catalogue entry that gives its specification and fills what is left out."""
    sheet: ChipSheet | None = None
    """Its data sheet, where the catalogue has no entry: what performance is computed from."""
    price_usd_per_chip: UsdPerChipSeries | None = None
    """Price of the chip, by date of delivery."""
    server_cost_usd_per_chip: UsdPerChipSeries = Series.constant(0.0)
    """Server, network and installation per chip."""
    it_power_w_per_chip: WattsPerChip | None = None
    """IT power of one running chip with its share of host and network."""
    idle_power_frac: Frac = 0.35
    """Power of an idle chip over that of a running one."""
    lead_time_months: Months
    """From order to service."""
    delay_months: Months = 0.0
    """Added to the lead time (a case raises it)."""
    available_from: Day
    """First delivery."""
    last_order: Day | None = None
    """Last day of an order."""
    supply_chip_per_y: ChipsPerYearSeries
    """Chips that can be delivered to this alliance."""
    lot_chip: ChipsAboveZero = 10_000.0
    """Smallest step of an order, for relief values."""
    life_y: YearsAboveZero
    """Years in service."""
    availability_frac: FracAboveZero
    """Share of time a delivered chip can run."""
    goodput_frac: Frac
    """Share of training time that is not lost to failures."""
    running_cost_usd_per_chip_y: UsdPerChipYear = 0.0
    """Yearly cost of one chip beside energy."""
    price_terminal_usd_per_chip: UsdPerChipSeries | None = None
    """Replacement price at the horizon; the price then if left out."""
    list_rent_usd_per_chip_h: UsdPerChipHourSeries | None = None
    """Dated list rent, the cost of chip-hours in gross profit."""
    opening: tuple[OpeningChips, ...] = ()
    """What is in service at the valuation date."""
    overrides: Overrides | None = None
    """Measured speeds."""

    @property
    def label(self) -> str:
        """Name for people."""
        return self.name or self.id


class ServedModel(Model):
    """A served or trained model, by a public one of like shape."""

    id: Id
    """Short name."""
    from_: CatalogModel
    """Catalogue entry that gives its shape."""
    active_params: PlainAboveZero | None = None
    """Weights that one token uses; the entry's if left out, else its sizes are scaled to this."""
