"""Dated values of the catalogue as series: dates as years, doubtful rows left out by a stated rule."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from offtake.catalog.load import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Series", "day_of", "never_falls", "series", "year_of"]

FALLEN = 0.7
"""A run-rate below this share of an earlier figure is another thing (a product line, a calendar year), for run-rates have not fallen so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Dated values of one thing.

    Attributes
    ----------
    name : str
    days : tuple of date
    values : tuple of float
    unit, source : str
    left_out : int     rows left out
    """

    name: str
    days: tuple[date, ...]
    values: tuple[float, ...]
    unit: str
    source: str
    left_out: int = 0

    @property
    def years(self) -> tuple[float, ...]:
        """Dates as years."""
        return tuple(year_of(day) for day in self.days)

    def first(self, count: int) -> Series:
        """Keep the first values."""
        return Series(
            name=self.name, days=self.days[:count], values=self.values[:count], unit=self.unit, source=self.source
        )


def day_of(text: str) -> date | None:
    """Return a day, or the middle of a month, quarter or year; None for other text.

    Examples
    --------
    >>> day_of("2026-03-05"), day_of("2026-03"), day_of("2024-Q1"), day_of("2025"), day_of("2025-mid")
    (datetime.date(2026, 3, 5), datetime.date(2026, 3, 15), datetime.date(2024, 2, 15), datetime.date(2025, 7, 1), None)
    """
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return date.fromisoformat(text)
    if re.fullmatch(r"\d{4}-\d{2}", text):
        return date(int(text[:4]), int(text[5:]), 15)
    if re.fullmatch(r"\d{4}-Q[1-4]", text):
        return date(int(text[:4]), 3 * int(text[6]) - 1, 15)
    return date(int(text), 7, 1) if re.fullmatch(r"\d{4}", text) else None


def year_of(day: date) -> float:
    """Return a date as a year.

    Examples
    --------
    >>> year_of(date(2026, 1, 1))
    2026.0
    """
    return day.year + (day - date(day.year, 1, 1)).days / 365.25


def series(
    metric: str, entity: str, *, name: str, wanted: Callable[[Mapping[str, str]], bool] = lambda _: True
) -> Series:
    """Return the dated values of one metric of one company in the demand table, in order of date."""
    found = [
        (day, float(row["value"]), row)
        for row in rows("demand")
        if row["metric"] == metric and row["entity"] == entity and row["value"] and wanted(row)
        for day in [day_of(row["date"])]
        if day is not None
    ]
    found.sort(key=lambda one: one[:2])
    return Series(
        name=name, days=tuple(f[0] for f in found), values=tuple(f[1] for f in found), unit=found[0][2]["unit"],
        source="; ".join(dict.fromkeys(f[2]["source"] for f in found[-1:])),
    )  # fmt: skip


def never_falls(found: Series, *, least: float) -> Series:
    """Keep the largest figure of each date, from the first that is `least` on, and none that has fallen below `FALLEN` of an earlier one.

    Examples
    --------
    >>> days = tuple(date(2025, m, 1) for m in (1, 2, 2, 3))
    >>> never_falls(Series(name="x", days=days, values=(1.0, 2.0, 0.5, 1.0), unit="", source=""), least=0.1).values
    (1.0, 2.0)
    """
    top, kept = 0.0, []
    for day, value in _largest(zip(found.days, found.values, strict=True)):
        if value >= max(FALLEN * top, least):
            kept.append((day, value))
            top = max(top, value)
    return Series(
        name=found.name, days=tuple(k[0] for k in kept), values=tuple(k[1] for k in kept), unit=found.unit, source=found.source,
        left_out=len(found.days) - len(kept),
    )  # fmt: skip


def _largest(pairs: Iterable[tuple[date, float]]) -> list[tuple[date, float]]:
    by: dict[date, float] = {}
    for day, value in pairs:
        by[day] = max(value, by.get(day, 0.0))
    return sorted(by.items())
