"""What the chips are for: inference classes, demand in steps, channels, other clouds and resale."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from offtake.spec.fields import (
    AnyChip,
    ChannelId,
    ChipId,
    ChipsSeries,
    ClassId,
    Day,
    Flag,
    Frac,
    Id,
    Model,
    ModelId,
    Ratio,
    RatioSeries,
    RegionId,
    Seconds,
    SecondsPerToken,
    Text,
    Tokens,
    TokensPerDaySeries,
    TrainingId,
    Unit,
    UsdPerChipHourSeries,
    UsdPerMtokSeries,
)
from offtake.spec.series import Series

__all__ = ["Channel", "Demand", "DemandStep", "InferenceClass", "OutsideStep", "OutsideSupply", "Resale", "ResaleStep"]


class InferenceClass(Model):
    """Requests of one kind: model, latency and lengths."""

    id: Id
    """Short name."""
    model: ModelId
    """Model that serves it."""
    ttft_s: Seconds
    """Time to the first token."""
    tpot_s_per_tok: SecondsPerToken
    """Time per output token."""
    input_tok: Annotated[Tokens, Field(alias="input_tokens")]
    """Input tokens of one request."""
    output_tok: Annotated[Tokens, Field(alias="output_tokens")]
    """Output tokens of one request."""
    cached_frac: Annotated[float, Unit("%", at_most=0.999)]
    """Share of input tokens found in a cache."""
    utilisation_frac: Frac
    """Mean load of the day over its peak."""
    algorithmic_gain: RatioSeries = Series.constant(1.0)
    """Tokens per chip-second relative to the valuation date."""


class DemandStep(Model):
    """One step of a demand curve."""

    share_frac: Frac
    """Share of the volume."""
    price_factor: Ratio
    """Its price over the price of the entry."""


class Demand(Model):
    """Demand of one class in one region through one channel."""

    id: Id
    """Short name."""
    class_: ClassId
    """Inference class."""
    region: RegionId
    """Where the users are."""
    channel: ChannelId
    """Through whom it is sold."""
    volume_tok_per_d: TokensPerDaySeries
    """Output tokens a day."""
    price_usd_per_mtok: UsdPerMtokSeries
    """Revenue per million output tokens, their inputs included, net of discounts and free use."""
    steps: Annotated[tuple[DemandStep, ...], Field(min_length=1)] = (DemandStep(share_frac=1.0, price_factor=1.0),)
    """Shares of the volume with their prices."""
    resident: Flag = False
    """Whether it must be served at sites of its region."""
    needs: TrainingId | None = None
    """Training run whose capability opens this demand."""


class Channel(Model):
    """A way to the customers."""

    id: Id
    """Short name."""
    sold_by: Literal["offtaker", "provider"]
    """Who sells, and so books the revenue."""


class OutsideStep(Model):
    """One price step of another cloud."""

    cap_chip: ChipsSeries
    """Most chips rented at once."""
    price_usd_per_chip_h: UsdPerChipHourSeries
    """Rent."""


class OutsideSupply(Model):
    """Chip-hours that the offtaker can rent from another cloud."""

    id: Id
    """Short name."""
    provider: Text
    """Name of that cloud."""
    chip: AnyChip
    """Chip: an id of this scenario, or a catalogue entry."""
    region: RegionId
    """Where it stands."""
    steps: Annotated[tuple[OutsideStep, ...], Field(min_length=1)]
    """Price steps."""
    trains: Flag = True
    """Whether it can train."""
    from_date: Annotated[Day | None, Field(alias="from")] = None
    """First day; the valuation date if left out."""


class ResaleStep(Model):
    """One price step of spare capacity sold on."""

    chip: ChipId
    """Chip sold."""
    price_usd_per_chip_h: UsdPerChipHourSeries
    """Rent received."""
    cap_chip: ChipsSeries
    """Most chips rented out at once."""


class Resale(Model):
    """Spare capacity that the provider can sell elsewhere."""

    steps: Annotated[tuple[ResaleStep, ...], Field(min_length=1)]
    """Price steps, by chip."""
