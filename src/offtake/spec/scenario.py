"""The scenario: one file of assumptions, as one frozen model."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from offtake.dates import add_months
from offtake.spec.accounting import Accounting
from offtake.spec.chips import Chip, ServedModel
from offtake.spec.contracts import Contract
from offtake.spec.demand import Channel, Demand, InferenceClass, OutsideSupply, Resale
from offtake.spec.fields import Count, Day, Id, Model, Text
from offtake.spec.finance import Objective, Parties, Terminal
from offtake.spec.outlook import Outlook
from offtake.spec.scalars import Problem, failure
from offtake.spec.sites import Site
from offtake.spec.training import Research, TrainingRun

__all__ = ["Case", "GridSpec", "Scenario", "Tornado"]

FORMAT_VERSION = 1


class GridSpec(Model):
    """Periods of the plan: counts of quarters, then half-years, then years; or all dates written out."""

    quarters: Annotated[Count, Field(ge=0, le=400)] = 0
    """Quarters at the start."""
    half_years: Annotated[Count, Field(ge=0, le=200)] = 0
    """Half-years after them."""
    years: Annotated[Count, Field(ge=0, le=100)] = 0
    """Years after those."""
    dates: tuple[Day, ...] | None = None
    """All edges: the valuation date, then the end of each period."""

    @model_validator(mode="after")
    def _one_way(self) -> GridSpec:
        counts = self.quarters + self.half_years + self.years
        if self.dates is None and counts == 0:
            raise failure(
                Problem(
                    "E503",
                    "the grid has no period",
                    "write `grid: {quarters: 8, half_years: 6, years: 5}` or leave it out",
                )
            )
        if self.dates is not None and counts:
            raise failure(
                Problem(
                    "E503",
                    "`dates` stand instead of counts of periods",
                    "leave one of them out",
                    ("dates",),
                    on_key=True,
                )
            )
        if self.dates is not None:
            late = [k for k in range(1, len(self.dates)) if self.dates[k] <= self.dates[k - 1]]
            if late or len(self.dates) < 2:
                at: tuple[str | int, ...] = ("dates", late[0]) if late else ("dates",)
                raise failure(
                    Problem(
                        "E501",
                        "the dates of a grid ascend, and there are at least two",
                        "the first is the valuation date",
                        at,
                    )
                )
        return self

    def edges(self, start: date) -> tuple[date, ...]:
        """Return the edges of the periods from a start.

        Examples
        --------
        >>> GridSpec(quarters=1, years=1).edges(date(2026, 7, 1))
        (datetime.date(2026, 7, 1), datetime.date(2026, 10, 1), datetime.date(2027, 10, 1))
        """
        if self.dates is not None:
            return self.dates
        steps = [3] * self.quarters + [6] * self.half_years + [12] * self.years
        return tuple(add_months(start, sum(steps[:k])) for k in range(len(steps) + 1))


class Tornado(Model):
    """One-at-a-time assumptions."""

    most: Annotated[Count, Field(ge=0, le=100)] = 8
    """How many of the widest are solved."""


class Case(Model):
    """A named overlay of this scenario."""

    id: Id
    """Short name."""
    title: Text | None = None
    """Title for people."""
    changes: dict[str, Any] | None = None
    """Values to change: nested like the scenario, or by dotted path; list items by their id."""
    file: Text | None = None
    """Overlay file in the scenario's folder, applied before `changes`."""


class Scenario(Model):
    """One file of assumptions."""

    format_version: Annotated[Count, Field(alias="offtake")]
    """Version of the file format."""
    name: Text
    """Short name."""
    title: Text
    """Title of the report."""
    notes: Text | None = None
    """Free text."""
    valuation_date: Day
    """Day of the valuation: the first day of the plan; money spent before it is sunk."""
    grid: GridSpec = GridSpec(quarters=8, half_years=6, years=5)
    """Periods of the plan."""
    currency: Literal["USD"] = "USD"
    """Currency of all money."""
    price_basis: Literal["nominal"] = "nominal"
    """Money of each date."""
    objective: Objective
    """What the plan maximises."""
    parties: Parties
    """Who decides and who pays."""
    regions: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Jurisdictions."""
    sites: tuple[Site, ...] = ()
    """Where power is."""
    chips: tuple[Chip, ...] = ()
    """What computes."""
    models: tuple[ServedModel, ...] = ()
    """What is served and trained."""
    classes: tuple[InferenceClass, ...] = ()
    """Kinds of requests."""
    channels: tuple[Channel, ...] = ()
    """Ways to customers."""
    demand: tuple[Demand, ...] = ()
    """What could be sold."""
    training: tuple[TrainingRun, ...] = ()
    """Training runs."""
    research: Research | None = None
    """Computation for research."""
    outside_supply: tuple[OutsideSupply, ...] = ()
    """Other clouds."""
    resale: Resale | None = None
    """Spare capacity sold on."""
    contract: Contract | None = None
    """The alliance's contract."""
    terminal: Terminal = Terminal()
    """End of the horizon."""
    accounting: Accounting = Accounting()
    """How the books are kept."""
    outlook: Outlook | None = None
    """What may happen; one path if absent."""
    cases: tuple[Case, ...] = ()
    """Named cases."""
    relief: Annotated[Count, Field(ge=0, le=100)] = 5
    """How many of the largest limits get a relief value."""
    tornado: Tornado = Tornado()
    """One-at-a-time assumptions."""

    @model_validator(mode="after")
    def _known_format(self) -> Scenario:
        if self.format_version != FORMAT_VERSION:
            at = ("offtake",)
            raise failure(
                Problem(
                    "E204",
                    f"this version reads format {FORMAT_VERSION}, not {self.format_version}",
                    f"write `offtake: {FORMAT_VERSION}`",
                    at,
                )
            )
        return self

    @property
    def edges(self) -> tuple[date, ...]:
        """Edges of the periods of the plan."""
        return self.grid.edges(self.valuation_date)

    @property
    def horizon_end(self) -> date:
        """Day after the last period."""
        return self.edges[-1]

    @property
    def groups(self) -> dict[str, tuple[Site, ...]]:
        """Joined sites by group, in order of the file."""
        names = dict.fromkeys(s.group or s.id for s in self.sites)
        return {g: tuple(s for s in self.sites if s.group == g) for g in names}

    def with_value(self, path: str, value: object) -> Scenario:
        """Return the scenario with one value replaced.

        Parameters
        ----------
        path : str    dotted path of file keys, list items by id: ``sites.indiana.phase``
        value         text with a unit (``"40 MW"``), a float in the canonical unit, a `Series`, …

        Raises
        ------
        ScenarioError    if there is no such path, or the value does not fit
        """
        from offtake.spec.vary import with_value

        return with_value(self, path, value)
