"""Size and number ranges of a program, and the entries that make it badly scaled, by name.

A solver works to absolute tolerances near 1e-7. Coefficients that spread over many powers of ten make those tolerances
mean different things in different rows; the cure is another unit (GW, bn USD), so the worst entries are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offtake.lp.build import LpArrays
    from offtake.lp.model import Model
    from offtake.lp.sparse import Floats

SPREAD_LIMIT = 1e6  # coefficients beyond this ratio are reported; ours span 5e-3 … 4e1 in GW and bn USD


@dataclass(frozen=True, slots=True)
class Range:
    """Smallest and largest magnitude among finite nonzero numbers; 0 and 0 if there are none."""

    low: float
    high: float

    @property
    def spread(self) -> float:
        """Ratio of largest to smallest; 1 if there are none."""
        return self.high / self.low if self.low else 1.0

    def __str__(self) -> str:
        """Show such as ``5e-03 … 4e+01``."""
        return f"{self.low:.0e} … {self.high:.0e}" if self.high else "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One matrix coefficient, by name."""

    row: str
    column: str
    value: float

    def __str__(self) -> str:
        """Show such as ``1e-09 of lots[a] in power``."""
        return f"{self.value:.3g} of {self.column} in {self.row}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Size and ranges of one program."""

    rows: int
    columns: int
    whole: int
    nonzeros: int
    matrix: Range
    cost: Range
    bounds: Range
    limits: Range
    smallest: tuple[Entry, ...]
    largest: tuple[Entry, ...]

    def __str__(self) -> str:
        """Show size and ranges on two lines."""
        return (
            f"{self.rows} rows, {self.columns} columns ({self.whole} whole), {self.nonzeros} nonzeros\n"
            f"coefficients {self.matrix}, objective {self.cost}, bounds {self.bounds}, limits {self.limits}"
        )

    def findings(self, limit: float = SPREAD_LIMIT) -> tuple[str, ...]:
        """Return a sentence if the coefficients spread wider than `limit`, naming the entries at both ends."""
        if self.matrix.spread <= limit:
            return ()
        small, large = "; ".join(map(str, self.smallest)), "; ".join(map(str, self.largest))
        spread = f"coefficients spread over a factor of {self.matrix.spread:.1e} (limit {limit:.0e})"
        return (f"{spread}: smallest {small}; largest {large}",)


def statistics(model: Model, arrays: LpArrays | None = None, *, shown: int = 3) -> Statistics:
    """Measure a model; `arrays` saves building it once more, `shown` entries are named at each end.

    Examples
    --------
    >>> from offtake.lp.model import Model
    >>> m = Model()
    >>> x = m.columns("lots", axes=(("chip", ("a", "b")),))
    >>> _ = m.rows("power", (x * [1e-6, 5.0]).sum(), upper=50.0)
    >>> print(statistics(m).findings(1e6)[0])
    coefficients spread over a factor of 5.0e+06 (limit 1e+06): smallest 1e-06 of lots[a] in power; largest 5 of lots[b] in power
    """
    a = model.build() if arrays is None else arrays
    size = np.abs(a.value)
    count = min(shown, len(size) // 2)
    order = np.argsort(size, kind="stable")
    column = a.entry_columns()

    def named(places: np.ndarray) -> tuple[Entry, ...]:
        return tuple(
            Entry(
                row=model.row_name(int(a.index[k])), column=model.column_name(int(column[k])), value=float(a.value[k])
            )
            for k in places
        )

    return Statistics(
        rows=a.rows,
        columns=a.columns,
        whole=int(a.integer.sum()),
        nonzeros=a.nonzeros,
        matrix=_range(a.value),
        cost=_range(a.cost),
        bounds=_range(np.concatenate((a.col_lower, a.col_upper))),
        limits=_range(np.concatenate((a.row_lower, a.row_upper))),
        smallest=named(order[:count]),
        largest=named(order[::-1][:count]),
    )


def _range(numbers: Floats) -> Range:
    size = np.abs(numbers[np.isfinite(numbers) & (numbers != 0.0)])
    return Range(float(size.min()), float(size.max())) if len(size) else Range(0.0, 0.0)
