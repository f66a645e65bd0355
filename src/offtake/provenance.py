"""Where a number came from: a side table beside the plain floats, keyed by dotted path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Origin", "Provenance"]

Origin = Literal["file", "overlay", "catalog", "default"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The origin of one value of a scenario.

    Parameters
    ----------
    file : str            the file (or catalogue table) that holds it; "" for a default
    line, column : int    one-based; 0 where there is none
    text : str            as it was written
    source : str          where the number was read, in the author's words
    assumption : str      why it was chosen, where there is no source
    low, high : float     the range in the unit of the value; of a series, factors on it; None where not given
    origin : Origin       "file", "overlay" (a case), "catalog", or "default" (untouched)
    unit : str            canonical unit, "" for what has none
    kind : str            "quantity", "series" or "other"

    Examples
    --------
    >>> Provenance(origin="default", text="0 months").where
    'default, untouched'
    >>> Provenance(origin="file", file="a.yaml", line=3, column=10).where
    'a.yaml:3:10'
    """

    origin: Origin
    file: str = ""
    line: int = 0
    column: int = 0
    text: str = ""
    source: str = ""
    assumption: str = ""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    kind: Literal["quantity", "series", "other"] = "other"

    @property
    def where(self) -> str:
        """The place in one phrase."""
        if self.origin == "default":
            return "default, untouched"
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file
