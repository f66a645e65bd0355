"""Training runs and research."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from offtake.spec.fields import (
    ChipId,
    Day,
    Flop,
    FlopPerSecondSeries,
    GroupId,
    Id,
    Model,
    ModelId,
    Months,
    TrainingId,
    Usd,
    UsdPerZflop,
)

__all__ = ["Research", "TrainingRun"]


class TrainingRun(Model):
    """One training run: done when its FLOP are reached, in one group of joined sites."""

    id: Id
    """Short name."""
    flop: Flop
    """Useful computation needed."""
    earliest: Day
    """First day."""
    latest: Day | None = None
    """Day by which it should be done."""
    min_duration_months: Months
    """Shortest duration."""
    model: ModelId | None = None
    """Model trained, for the speed estimate."""
    chips: Annotated[tuple[ChipId, ...] | None, Field(min_length=1)] = None
    """Chips allowed; all if left out."""
    groups: Annotated[tuple[GroupId, ...] | None, Field(min_length=1)] = None
    """Groups of joined sites allowed; all if left out."""
    value_usd: Usd = 0.0
    """One-off value when done (normally none: it opens demand)."""
    penalty_usd: Usd = 0.0
    """Objective-only penalty if it is not done by `latest`."""
    needs: TrainingId | None = None
    """Run that must be done before this one begins."""


class Research(Model):
    """Computation for research, every day."""

    compute_flop_per_s: FlopPerSecondSeries
    """Useful computation wanted."""
    penalty_usd_per_zflop: UsdPerZflop
    """Objective-only penalty on what is not done."""
    chips: Annotated[tuple[ChipId, ...] | None, Field(min_length=1)] = None
    """Chips allowed; all if left out."""
