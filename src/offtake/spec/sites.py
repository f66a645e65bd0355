"""Sites: power by date, how fast it can be energised, and what that costs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from offtake.spec.fields import (
    AtLeastOne,
    CatalogSite,
    ChipId,
    Count,
    Flag,
    GramPerKwhSeries,
    Id,
    Model,
    Months,
    Mw,
    MwAboveZero,
    MwPerMonth,
    MwStepSeries,
    RegionId,
    Text,
    Usd,
    UsdPerMwhSeries,
    UsdPerMwSeries,
    UsdPerMwYearSeries,
    YearsAboveZero,
)

__all__ = ["Site"]


class Site(Model):
    """One place with one connection to the grid."""

    id: Id
    """Short name, used in paths and tables."""
    name: Text | None = None
    """Name for people; the id if left out."""
    from_: CatalogSite | None = None
    """Catalogue entry that fills what is left out."""
    region: RegionId
    """Region (jurisdiction) whose resident demand it may serve."""
    grid_operator: Text | None = None
    """Grid operator, for the report."""
    state: Text | None = None
    """State or country, for the report."""
    group: Id | None = None
    """Joined sites share a group and can train one run together; the id if left out."""
    interconnected_mw: MwStepSeries | None = None
    """Facility power that may be drawn, by date, in steps."""
    announced_mw: MwStepSeries | None = None
    """Facility power announced, for the chart only."""
    contracted_mw: MwStepSeries | None = None
    """Facility power contracted, for the chart only."""
    energised_mw: Mw = 0.0
    """Facility power running at the valuation date."""
    phase_mw: MwAboveZero
    """Facility power of one phase."""
    max_phases: Annotated[Count, Field(ge=0)] | None = None
    """Largest number of phases; bounded by the interconnection if left out."""
    lead_time_months: Months
    """From the decision to a phase being energised."""
    delay_months: Months = 0.0
    """Added to the lead time (a case raises it)."""
    ramp_mw_per_month: MwPerMonth
    """Fastest pace of energising."""
    open_cost_usd: Usd = 0.0
    """One-off cost if the site is used beyond its opening."""
    needs_opening: Flag = False
    """Whether using it beyond its opening is a yes/no decision."""
    pue: AtLeastOne | None = None
    """Facility energy over IT energy, mean of the year."""
    peak_ratio: AtLeastOne | None = None
    """Facility power over IT power at the design peak."""
    shell_cost_usd_per_mw: UsdPerMwSeries | None = None
    """Cost per MW of IT power."""
    running_cost_usd_per_mw_y: UsdPerMwYearSeries | None = None
    """Yearly cost per energised MW of IT power, energy excluded."""
    power_price_usd_per_mwh: UsdPerMwhSeries | None = None
    """Price of energy."""
    shell_life_y: YearsAboveZero | None = None
    """Life of the shell, for depreciation and terminal value."""
    carbon_g_per_kwh: GramPerKwhSeries | None = None
    """Carbon of the energy, for the report."""
    chips: tuple[ChipId, ...] = ()
    """Chips that may stand here."""

    @model_validator(mode="after")
    def _group_is_id(self) -> Site:
        if self.group is None:
            object.__setattr__(self, "group", self.id)  # the only write, before anyone holds the model
        return self

    @property
    def label(self) -> str:
        """Name for people."""
        return self.name or self.id
