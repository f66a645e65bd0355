"""Measures: the quantities a clause may read, and the units in which both readers count.

A measure is a vector over [path, period] that whoever runs a contract supplies: the plan as expressions of its columns, settlement
as exact numbers.  A *flow* is a total over the period and is spread evenly by day onto a clause's own intervals; a *level* is a
mean over the period and is averaged by day; a *state* is a 0/1 fact that holds at the period's end and is read at the end of the
interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sort = Literal["flow", "level", "state"]

USD = "usd"
CHIP_H = "chip_h"
MW = "mw"
MW_H = "mw_h"
MW_Y = "mw_y"
CHIP = "chip"
CHIP_Y = "chip_y"
MTOK = "mtok"
ONE = "one"
UNITS = (USD, CHIP_H, MW, MW_H, MW_Y, CHIP, CHIP_Y, MTOK, ONE)
"""Units of vectors in the algebra; adding two vectors of different units is an error."""


@dataclass(frozen=True, slots=True)
class MeasureKind:
    """One row of the table of measures."""

    name: str
    unit: str
    sort: Sort
    keys: tuple[str, ...]
    meaning: str


KINDS: dict[str, MeasureKind] = {
    kind.name: kind
    for kind in (
        MeasureKind("offtake_chip_h", CHIP_H, "flow", ("chip",), "chip-hours the offtaker takes from the provider"),
        MeasureKind(
            "delivery_chip_h", CHIP_H, "flow", ("chip",), "chip-hours the provider makes available to the offtaker"
        ),
        MeasureKind(
            "unsold_chip_h",
            CHIP_H,
            "flow",
            ("chip",),
            "chip-hours ready for use, neither taken by the offtaker nor sold outside",
        ),
        MeasureKind("channel_revenue_usd", USD, "flow", ("channel",), "revenue of a sales channel"),
        MeasureKind("channel_chip_h", CHIP_H, "flow", ("channel", "chip"), "chip-hours assigned to a channel"),
        MeasureKind(
            "channel_list_rent_usd", USD, "flow", ("channel",), "those chip-hours at each chip's dated list rent"
        ),
        MeasureKind("resale_revenue_usd", USD, "flow", (), "what the provider earns outside with spare capacity"),
        MeasureKind("accepted_it_mw", MW, "level", (), "IT power accepted by the offtaker"),
        MeasureKind("training_done", ONE, "state", ("run",), "1 once a training run is done"),
        # Physical quantities that other payments than clauses are functions of.
        MeasureKind(
            "site_built_mw", MW, "flow", ("site",), "IT power of phases, by the part of their cost that is paid"
        ),
        MeasureKind("site_opened", ONE, "flow", ("site",), "1 in the first period if the site is opened"),
        MeasureKind("site_running_mw_y", MW_Y, "flow", ("site",), "IT power of phases that stand times years"),
        MeasureKind("energy_mw_h", MW_H, "flow", ("site",), "energy drawn from the grid, cooling and losses included"),
        MeasureKind("delivered_chip", CHIP, "flow", ("site", "chip"), "chips delivered"),
        MeasureKind("accepted_chip_y", CHIP_Y, "flow", ("chip",), "accepted chips times years"),
        MeasureKind("tokens_mtok", MTOK, "flow", ("demand step",), "output tokens served"),
        MeasureKind("rented_chip_h", CHIP_H, "flow", ("offer step",), "chip-hours rented from other clouds"),
        MeasureKind("resold_chip_h", CHIP_H, "flow", ("resale step",), "spare chip-hours sold outside"),
        MeasureKind("money_usd", USD, "flow", ("party", "what"), "drawn, repaid and mean balances of a party's loans"),
    )
}
"""Every measure that a clause may read; the plan supplies those that the contract's clauses ask for."""


@dataclass(frozen=True, slots=True, order=True)
class Measure:
    """One quantity, named by its kind and the labels of its keys.

    Examples
    --------
    >>> Measure("offtake_chip_h", "trainium2").unit
    'chip_h'
    >>> print(Measure("channel_chip_h", "direct", "trainium2"))
    channel_chip_h[direct, trainium2]
    """

    name: str
    labels: tuple[str, ...]

    def __init__(self, name: str, *labels: str) -> None:
        """Check the name and the number of labels against the table."""
        kind = KINDS.get(name)
        if kind is None:
            raise ValueError(f"no measure called {name!r}; there are {', '.join(KINDS)}")
        if len(labels) != len(kind.keys):
            raise ValueError(f"measure {name} needs labels for {kind.keys}, got {labels}")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "labels", labels)

    @property
    def unit(self) -> str:
        """Unit in which the measure is counted."""
        return KINDS[self.name].unit

    @property
    def sort(self) -> Sort:
        """Whether it is a flow, a level or a state."""
        return KINDS[self.name].sort

    def __str__(self) -> str:
        return f"{self.name}[{', '.join(self.labels)}]" if self.labels else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """Size of one row unit in file units: money of 1e6 means that the problem counts millions of dollars."""

    usd: float = 1.0
    chip_h: float = 1.0
    mw: float = 1.0
    mw_h: float = 1.0
    mw_y: float = 1.0
    chip: float = 1.0
    chip_y: float = 1.0
    mtok: float = 1.0

    def of(self, unit: str) -> float:
        """Scale of a unit; 0/1 facts have none."""
        return 1.0 if unit == ONE else float(getattr(self, unit))
