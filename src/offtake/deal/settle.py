"""The exact reader: what is owed for given quantities, in rational numbers.

Every operation is exact (`fractions.Fraction`): day ratios, prices as they are spelled in the file, sums and thresholds.  Rounding
happens once, to whole cents, when a due becomes flows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Self

from offtake import money
from offtake.deal.algebra import (
    Algebra,
    ByPath,
    Matrix,
    Number,
    Numbers,
    exactly,
    is_numbers,
    last_known,
    mean_shares,
    per_interval,
    per_path,
    vector,
)
from offtake.deal.flows import Due, Flow
from offtake.deal.quantities import ONE, Measure

if TYPE_CHECKING:
    from offtake.dates import Intervals

Row = tuple[Fraction, ...]
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """Exact numbers over [path, interval].

    Parameters
    ----------
    rows : tuple[tuple[Fraction, ...], ...]
        [path][interval], in `unit`.
    """

    rows: tuple[Row, ...]
    on: Intervals
    unit: str

    def __add__(self, other: Exact) -> Exact:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Exact) -> Exact:
        return self._with(other, lambda a, b: a - b)

    def __neg__(self) -> Exact:
        return self.map(lambda a: -a)

    def map(self, change: Callable[[Fraction], Fraction]) -> Exact:
        """Apply a function to every number."""
        return Exact(rows=tuple(tuple(change(a) for a in row) for row in self.rows), on=self.on, unit=self.unit)

    def decimals(self) -> tuple[tuple[Decimal, ...], ...]:
        """Return [path][interval] as decimals of 60 digits, for views."""
        return tuple(tuple(money.ratio(a) for a in row) for row in self.rows)

    def _with(self, other: Exact, join: Callable[[Fraction, Fraction], Fraction]) -> Exact:
        check_alike(self, other)
        rows = tuple(
            tuple(join(a, b) for a, b in zip(r, s, strict=True)) for r, s in zip(self.rows, other.rows, strict=True)
        )
        return Exact(rows=rows, on=self.on, unit=self.unit)


def check_alike(a: Exact, b: Exact) -> None:
    """Refuse to combine vectors over different intervals or in different units."""
    if a.unit != b.unit:
        raise ValueError(f"units differ: {a.unit} and {b.unit}")
    if a.on != b.on:
        raise ValueError(f"intervals differ: {a.on.labels} and {b.on.labels}; resample one")


Quantities = Mapping[Measure, Sequence[Sequence[Number]]]
"""Exact numbers of each measure, [path][period], in file units (USD, chip-hours, MW)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleAlgebra(Algebra[Exact]):
    """Read clauses as exact numbers.

    Parameters
    ----------
    grid : Intervals
        Periods of the measures.
    measures : mapping
        Measure to numbers [path][period], in file units.  Floats are taken as their shortest decimal spelling.
    rights : mapping
        What the plan chose: dotted name of the right (``contract.draw.take-up``) to 0/1 [path][interval].
    signed : Sequence[bool]
        By path; where it is false nothing is owed.
    rights_on : mapping
        Intervals of the rights' choices, where a clause may ask for others: terms of another version of the contract.
    """

    grid: Intervals
    measures: Quantities
    rights: Mapping[str, Sequence[Sequence[Number]]] = field(default_factory=dict)
    paths: tuple[str, ...] = ("base",)
    signed: Sequence[bool] | None = None
    scope: str = ""
    rights_on: Mapping[str, Intervals] = field(default_factory=dict)

    def within(self, scope: str) -> Self:
        """Return the same algebra for another clause."""
        return type(self)(
            grid=self.grid,
            measures=self.measures,
            rights=self.rights,
            paths=self.paths,
            signed=self.signed,
            scope=scope,
            rights_on=self.rights_on,
        )

    def const(self, values: Numbers | ByPath, *, on: Intervals, unit: str) -> Exact:
        """Return a term of the contract on every path where it is signed."""
        given = per_path(values, on, len(self.paths))
        nothing = (ZERO,) * len(on)
        rows = tuple(tuple(exactly(v) for v in row) if self._signed(p) else nothing for p, row in enumerate(given))
        return Exact(rows=rows, on=on, unit=unit)

    def read(self, measure: Measure, *, on: Intervals) -> Exact:
        """Read a quantity on the given intervals; days outside the grid count as zero."""
        if measure not in self.measures:
            raise KeyError(f"no values given for {measure}")
        given = self.measures[measure]
        if len(given) != len(self.paths) or any(len(row) != len(self.grid) for row in given):
            raise ValueError(f"{measure}: expected {len(self.paths)} paths of {len(self.grid)} periods")
        rows = tuple(tuple(exactly(v) if self._signed(p) else ZERO for v in row) for p, row in enumerate(given))
        whole = Exact(rows=rows, on=self.grid, unit=measure.unit)
        if measure.sort == "flow":
            return self.resample(whole, on=on)
        return self.mix(whole, (mean_shares if measure.sort == "level" else last_known)(on, self.grid), on=on)

    def scale(self, x: Exact, factors: Numbers | ByPath, *, unit: str | None = None) -> Exact:
        """Multiply by dated numbers."""
        by = per_path(factors, x.on, len(self.paths))
        rows = tuple(
            tuple(a * exactly(f) for a, f in zip(row, line, strict=True)) for row, line in zip(x.rows, by, strict=True)
        )
        return Exact(rows=rows, on=x.on, unit=unit or x.unit)

    def mix(self, x: Exact, weights: Matrix, *, on: Intervals) -> Exact:
        """Combine intervals linearly."""
        lines = [[(n, exactly(w)) for n, w in enumerate(line) if w] for line in weights]
        rows = tuple(tuple(sum((w * row[n] for n, w in line), ZERO) for line in lines) for row in x.rows)
        return Exact(rows=rows, on=on, unit=x.unit)

    def join(self, parts: Sequence[Exact], *, on: Intervals) -> Exact:
        """Put vectors over successive intervals into one."""
        rows = tuple(tuple(a for part in parts for a in part.rows[p]) for p in range(len(self.paths)))
        return Exact(rows=rows, on=on, unit=parts[0].unit)

    def pos(self, x: Exact, name: str) -> Exact:  # noqa: ARG002  (names label the plan's rows only)
        """Return max(0, x)."""
        return x.map(lambda a: max(a, ZERO))

    def above(self, x: Exact, steps: Sequence[Numbers | Exact], name: str) -> list[Exact]:
        """Return max(0, x - step) for each step."""
        return [self.pos(x - (self._plain(step, x) if is_numbers(step) else vector(step)), name) for step in steps]

    def reached(self, x: Exact, threshold: Numbers, name: str) -> Exact:  # noqa: ARG002
        """Return 1 where x >= threshold."""
        over = x - self._plain(threshold, x)
        return Exact(rows=over.map(lambda a: Fraction(a >= 0)).rows, on=x.on, unit=ONE)

    def ever(self, facts: Exact, name: str) -> Exact:  # noqa: ARG002
        """Return 1 from the first interval in which a fact is 1."""
        rows = tuple(tuple(max(row[: k + 1]) for k in range(len(row))) for row in facts.rows)
        return Exact(rows=rows, on=facts.on, unit=ONE)

    def when(self, fact: Exact, x: Exact, name: str) -> Exact:  # noqa: ARG002
        """Return x where a fact is 1."""
        if fact.on != x.on:
            raise ValueError(f"intervals differ: {fact.on.labels} and {x.on.labels}")
        rows = tuple(
            tuple(a if f else ZERO for f, a in zip(r, s, strict=True)) for r, s in zip(fact.rows, x.rows, strict=True)
        )
        return Exact(rows=rows, on=x.on, unit=x.unit)

    def right(self, name: str, *, on: Intervals) -> Exact:
        """Return the choice that the plan made; a right that was not exercised may be left out."""
        full = f"{self.scope}.{name}" if self.scope else name
        if full not in self.rights:
            return self.const(0, on=on, unit=ONE)
        given = self._chosen(full, on)
        if len(given) != len(self.paths) or any(len(row) != len(on) for row in given):
            raise ValueError(f"right {full}: expected {len(self.paths)} paths of {len(on)} intervals")
        rows = tuple(tuple(Fraction(round(float(v))) for v in row) for row in given)
        return Exact(rows=rows, on=on, unit=ONE)

    def _chosen(self, name: str, on: Intervals) -> Sequence[Sequence[Number]]:
        """Return a right's choices on the asked intervals: those of other first days were not made."""
        given, made = self.rights[name], self.rights_on.get(name)
        if made is None or made == on:
            return given
        place = {day: k for k, day in enumerate(made.starts)}
        return [[row[place[day]] if day in place else 0 for day in on.starts] for row in given]

    def _plain(self, values: Numbers, like: Exact) -> Exact:
        """Numbers that do not depend on signing."""
        row = tuple(exactly(v) for v in per_interval(values, like.on))
        return Exact(rows=(row,) * len(self.paths), on=like.on, unit=like.unit)

    def _signed(self, path: int) -> bool:
        return self.signed is None or bool(self.signed[path])


def flows_of(dues: Iterable[Due[Exact]], *, path: int = 0, currency: str = "USD") -> list[Flow]:
    """Turn dues into flows of whole cents, in order of date.

    Each due's row of intervals is rounded by largest remainder, so that its cents add up to its rounded total; a negative amount
    flows the other way; nothing is written for zero.
    """
    flows: list[Flow] = []
    for due in dues:
        amounts = money.to_cents([money.ratio(a) for a in due.amount.rows[path]])
        for k, amount in enumerate(amounts):
            if not amount:
                continue
            payer, payee = (due.payer, due.payee) if amount > 0 else (due.payee, due.payer)
            flows.append(
                Flow(
                    date=due.when[k],
                    payer=payer,
                    payee=payee,
                    amount=abs(amount),
                    currency=currency,
                    account=due.account,
                    layer=due.layer,
                    firmness=due.firmness_of(k),
                    cause=due.cause,
                    interval=(due.on.starts[k], due.on.ends[k]),
                    asset=due.assets[k] if due.assets else None,
                    in_kind=due.in_kind,
                    tranche=due.tranche,
                    use=due.use,
                )
            )
    return sorted(flows, key=lambda f: (f.date, f.cause, f.account, f.payer))
