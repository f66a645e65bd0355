"""Read the facts of one answer: its document by path, its money by year, its chips by what they are at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CAMPUSES", "NONE", "Reader"]

Float = NDArray[np.float64]
Row = Mapping[str, Any]
Chosen = Callable[[Row], bool]
NONE = "none"
"""Stands for a figure that this answer has not, so that the page shows where its words no longer hold."""

CAMPUSES = ("new-carlisle", "madison", "ridgeland")


def _all(_: Row) -> bool:
    """Choose every row."""
    return True


@dataclass(frozen=True)
class Reader:
    """The facts of one answer of one path (`facts.py`)."""

    facts: Row

    def at(self, path: str) -> Any:  # noqa: ANN401  (a document holds anything)
        """Return what stands in the document at a dotted path."""
        found: Any = self.facts["document"]
        for key in path.split("."):
            found = found[key]
        return found

    def bn(self, path: str) -> float:
        """Return money of the document [bn USD]."""
        return float(self.at(path)) / 1e9

    def case(self, name: str) -> Row:
        """Return the row of a named case."""
        return next(row for row in self.at("cases") if row["case"] == name)

    @cached_property
    def periods(self) -> list[tuple[str, date, date]]:
        """Label, start and end of each period."""
        found = self.facts["periods"]
        return [(p["period"], date.fromisoformat(p["start"]), date.fromisoformat(p["end"])) for p in found]

    @cached_property
    def days(self) -> Float:
        """Length of each period [day]."""
        return np.array([(end - start).days for _, start, end in self.periods], dtype=np.float64)

    def start_of(self, period: str) -> date:
        """Return the first day of a period by its label."""
        return next(start for label, start, _ in self.periods if label == period)

    def days_in(self, year: int) -> Float:
        """Return the days of each period that lie in a calendar year : float64[period]."""
        first, last = date(year, 1, 1), date(year + 1, 1, 1)
        lies = [(min(end, last) - max(start, first)).days for _, start, end in self.periods]
        return np.maximum(np.array(lies, dtype=np.float64), 0.0)

    def mean(self, level: Float, year: int) -> float:
        """Average a level over the part of a calendar year that is planned."""
        days = self.days_in(year)
        return float(level @ days / days.sum())

    def line(self, party: str, line: str, year: int) -> float:
        """Return a line of a party's profit and loss account in a year [USD]; costs are negative."""
        return sum(
            float(row["amount_usd"])
            for row in self.facts["tables"]["statements"]
            if (row["party"], row["statement"], row["line"], row["year"]) == (party, "profit_and_loss", line, year)
        )

    def share(self, provider: str, year: int) -> float:
        """Return a provider's share of the developer's chip-hours in a year."""
        rows = self.facts["tables"]["compute_share"]
        return next(float(r["share_frac"]) for r in rows if (r["name"], r["year"]) == (provider, year))

    def at_work_mw(self, of: Chosen = _all) -> Float:
        """Sum the IT power of chips by the hours that they work for the developer : float64[period]."""
        return self._mw(of, available=())

    def standing_mw(self, of: Chosen = _all) -> Float:
        """Sum the same with the provider's chips as they stand, the hours included in which they are not available."""
        return self._mw(of, available=("own",))

    def needed_mw(self, of: Chosen = _all) -> Float:
        """Sum the same with every chip as it stands, a rented one too: what `demand_facility_mw` counts."""
        return self._mw(of, available=None)

    def _mw(self, of: Chosen, *, available: tuple[str, ...] | None) -> Float:
        """Sum rows, those of some providers, or of all, over the availability of their chips."""
        total, chips = np.zeros(len(self.periods)), self.facts["chips"]
        for row in self.facts["work"]:
            if row["kind"] != "resale" and of(row):
                counted = available is None or row["by"] in available
                total = total + np.array(row["at_work_mw"]) / (
                    chips[row["chip"]]["availability_frac"] if counted else 1.0
                )
        return total

    def unserved(self, kind: str = "", year: int | None = None) -> float:
        """Return the share of the tokens of a class, or of all, that is wanted and not served, in a year or in all."""
        weight = np.ones(len(self.periods)) if year is None else self.days_in(year) / self.days
        rows = [row for row in self.facts["demand"] if kind in {"", row["class"]}]
        wanted = sum(float(np.array(row["wanted_tok"]) @ weight) for row in rows)
        return 1.0 - sum(float(np.array(row["served_tok"]) @ weight) for row in rows) / wanted

    def binding(self, limit: str) -> list[date]:
        """List the first days of the periods in which a limit has a price."""
        return [self.start_of(b["period"]) for b in self.at("bottlenecks") if b["limit"] == limit and b["price"]]
