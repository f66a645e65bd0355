"""A fact: one value that can say where it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["READ_ON", "Fact", "Reliability", "date_in", "sourced"]

Reliability = Literal["high", "medium", "low", "derived", "assumption"]
"""high, medium, low: as judged when the source was read; derived: computed here from read values; assumption: chosen, with a reason."""

READ_ON = "2026-11-22"
"""The day on which sources without a date of their own were read."""

_DATE = re.compile(r"(?<![\d/.])((?:19|20)\d{2}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?)(?![\d])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One value with unit, source and date.

    Parameters
    ----------
    value : float or str
    unit : str              canonical unit, "" for text and counts without one
    source : str            address, or repository@commit:path; never empty
    date : str              ISO date, month or year of the source; the day of reading where it has none
    reliability : Reliability
    low, high : float       where sources disagree, or the range of a derived value
    note : str              basis; the reason of what is derived or assumed

    Examples
    --------
    >>> Fact(value=1275.0, unit="W/chip", source="server data sheet", date="2023", reliability="derived", note="10.2 kW / 8").value
    1275.0
    """

    value: float | str
    unit: str
    source: str
    date: str
    reliability: Reliability
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def number(self) -> float:
        """The value as a number; ValueError where it is text."""
        return float(self.value)


def date_in(text: str) -> str:
    """Return the last ISO date, month or year printed in a source, else the day on which it was read.

    Examples
    --------
    >>> date_in("owner/repo@81ce03ae (2026-08-21):docs/chip.rst"), date_in("https://example.org/chips")
    ('2026-08-21', '2026-11-22')
    """
    found = _DATE.findall(text)
    return max(found, key=len) if found else READ_ON


def sourced(
    value: float | str,
    unit: str,
    source: str,
    *,
    reliability: Reliability,
    low: float | None = None,
    high: float | None = None,
    note: str = "",
) -> Fact:
    """Return a fact dated by its source.

    Raises
    ------
    ValueError
        No source: the catalogue holds no number without one.
    """
    if not source.strip():
        raise ValueError(f"no source for {value!r} {unit}")
    return Fact(
        value=value,
        unit=unit,
        source=source,
        date=date_in(source),
        reliability=reliability,
        low=low,
        high=high,
        note=note,
    )
