"""The columns that the report's tables are made of."""

from __future__ import annotations

from dataclasses import dataclass

from offtake.tables import Column

__all__ = ["PARTY", "YEAR", "TableSpec", "date", "number", "share", "text", "usd", "yes"]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """The columns of one table of the report, and what a row means.

    Parameters
    ----------
    row : str                       what one row is, and where the figures come from
    columns : tuple of Column       all are wanted, in any order
    """

    row: str
    columns: tuple[Column, ...]


def text(name: str, title: str = "") -> Column:
    """Make a column of words."""
    return Column(name, "", title, "text")


def number(name: str, unit: str = "", title: str = "") -> Column:
    """Make a column of numbers in a unit."""
    return Column(name, unit, title, "float")


def usd(name: str, title: str = "") -> Column:
    """Make a column of nominal US dollars."""
    return Column(name, "USD", title, "float")


def share(name: str, title: str = "") -> Column:
    """Make a column of shares, shown in percent."""
    return Column(name, "frac", title, "float")


def date(name: str, title: str = "") -> Column:
    """Make a column of days."""
    return Column(name, "", title, "date")


def yes(name: str, title: str = "") -> Column:
    """Make a column of yes and no."""
    return Column(name, "", title, "bool")


YEAR = Column("year", "", "Year", "int")
PARTY = text("party")
