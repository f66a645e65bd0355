"""Named blocks of columns and rows: what an entry of the program means, in the caller's words.

A block is an array of columns or rows over named axes. Its `index` maps each position of that array to a column or row
number of the program, with -1 where the mask left none.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from offtake.axes import Axis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from offtake.lp.affine import Affine
    from offtake.lp.sparse import Floats, Ints

# An axis whose only label says nothing when it has one: a plan with one path does not repeat it in each name.
_SILENT_ALONE = frozenset({"path"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Columns or rows of one kind.

    Parameters
    ----------
    name : str               unique among the model's columns, or among its rows
    axes : tuple of Axis     empty for a single column or row
    index : int64[axes]      number in the program, -1 where masked out
    first : int              the block's entries are numbered ``first … first + count - 1``
    unit : str               unit of the values (columns) or of the limits (rows); "" if none
    describe : str           one sentence for people
    """

    name: str
    axes: tuple[Axis, ...]
    index: Ints
    first: int
    unit: str
    describe: str
    positions: Ints = field(repr=False)  # flat positions that are not masked out

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self.index.shape

    @property
    def count(self) -> int:
        """Number of entries in the program."""
        return len(self.positions)

    @property
    def numbers(self) -> Ints:
        """Numbers in the program, in order, without the masked positions."""
        return np.arange(self.first, self.first + self.count, dtype=np.int64)

    def labels(self, number: int) -> tuple[str, ...]:
        """Return the labels of the entry with a program number, one for each axis."""
        if not self.first <= number < self.first + self.count:
            msg = f"{number} is not in block {self.name!r} ({self.first} to {self.first + self.count - 1})"
            raise IndexError(msg)
        flat = int(self.positions[number - self.first])
        place = np.unravel_index(flat, self.shape) if self.axes else ()
        return tuple(axis.labels[int(k)] for axis, k in zip(self.axes, place, strict=True))

    def entry_name(self, number: int) -> str:
        """Return such as ``interconnection[new-carlisle, 2027-Q3]``; the label of a lone path is left out."""
        labels = self.labels(number)
        shown = [
            label
            for axis, label in zip(self.axes, labels, strict=True)
            if len(axis) > 1 or axis.name not in _SILENT_ALONE
        ]
        return f"{self.name}[{', '.join(shown)}]" if shown else self.name

    def number(self, **labels: str) -> int:
        """Return the program number at the labels given by axis name; axes of length 1 may be left out."""
        known = {axis.name for axis in self.axes}
        if unknown := sorted(set(labels) - known):
            msg = f"block {self.name!r} has no axis {unknown[0]!r}, only {sorted(known)}"
            raise KeyError(msg)
        place = []
        for axis in self.axes:
            if axis.name not in labels and len(axis) > 1:
                msg = f"block {self.name!r} needs a label of axis {axis.name!r}"
                raise KeyError(msg)
            place.append(axis.position(labels[axis.name]) if axis.name in labels else 0)
        return int(self.index[tuple(place)])

    def take(self, vector: Floats, fill: float = 0.0) -> Floats:
        """Arrange a program-long vector (values, prices) in the block's shape; masked positions get `fill`."""
        out = np.full(self.shape, fill)
        out.reshape(-1)[self.positions] = vector[self.first : self.first + self.count]
        return out

    def spread(self, values: ArrayLike) -> Floats:
        """Return an array in the block's shape as a vector along :attr:`numbers`; broadcasts."""
        flat = np.broadcast_to(np.asarray(values, dtype=np.float64), self.shape).reshape(-1)
        return flat[self.positions]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnBlock(Block):
    """Columns (decisions) of one kind, with their bounds and the expression that stands for them."""

    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]
    expr: Affine

    def __repr__(self) -> str:
        """Show name, axes, count and unit."""
        whole = f", {int(self.integer.sum())} whole" if self.integer.any() else ""
        return f"ColumnBlock({_title(self)}, {self.count} columns{whole}{_unit(self)})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowBlock(Block):
    """Rows (limits) of one kind: ``lower <= expr <= upper``.

    The program holds ``expr`` without its constant, so its row bounds are ``lower - const`` and ``upper - const``;
    :meth:`side` makes that step when a limit is changed on a live solver.
    """

    lower: Floats
    upper: Floats
    expr: Affine

    def __repr__(self) -> str:
        """Show name, axes, count and unit."""
        return f"RowBlock({_title(self)}, {self.count} rows{_unit(self)})"

    def side(self, limit: ArrayLike) -> Floats:
        """Return the program's row bounds that hold `expr` to `limit`; float64[count], along :attr:`numbers`."""
        return self.spread(np.asarray(limit, dtype=np.float64) - self.expr.const)


Kind = TypeVar("Kind", bound=Block)


class Registry(Generic[Kind]):
    """The blocks of one kind in the order of their numbers, found by name or by number."""

    def __init__(self, kind: str) -> None:
        """Start empty; `kind` ("column" or "row") is used in messages."""
        self.kind = kind
        self.count = 0
        self._blocks: list[Kind] = []
        self._first: list[int] = []
        self._by_name: dict[str, Kind] = {}

    def check_new(self, name: str) -> None:
        """Refuse a name that is taken."""
        if name in self._by_name:
            msg = f"there is already a {self.kind} block {name!r}"
            raise ValueError(msg)

    def add(self, block: Kind) -> None:
        """Append a block whose first number is the present count."""
        self._blocks.append(block)
        self._first.append(block.first)
        self._by_name[block.name] = block
        self.count += block.count

    def named(self, name: str) -> Kind:
        """Return the block of a name; KeyError lists what there is."""
        try:
            return self._by_name[name]
        except KeyError:
            msg = f"no {self.kind} block {name!r}; there are {', '.join(sorted(self._by_name)) or 'none'}"
            raise KeyError(msg) from None

    def at(self, number: int) -> Kind:
        """Return the block that holds a program number."""
        if not 0 <= number < self.count:
            msg = f"there is no {self.kind} {number}; the model has {self.count}"
            raise IndexError(msg)
        return self._blocks[bisect_right(self._first, number) - 1]

    def __iter__(self) -> Iterator[Kind]:
        """Iterate over the blocks."""
        return iter(self._blocks)

    def __contains__(self, name: object) -> bool:
        """Say whether there is a block of this name."""
        return name in self._by_name


def as_axes(axes: Iterable[Axis | tuple[str, Sequence[str]]]) -> tuple[Axis, ...]:
    """Accept axes as :class:`~offtake.axes.Axis` or as (name, labels) pairs; refuse one name twice."""
    out = tuple(a if isinstance(a, Axis) else Axis(a[0], tuple(str(label) for label in a[1])) for a in axes)
    names = [axis.name for axis in out]
    if len(set(names)) != len(names):
        msg = f"an axis stands twice in {names}"
        raise ValueError(msg)
    return out


def _title(block: Block) -> str:
    axes = ", ".join(f"{axis.name}: {len(axis)}" for axis in block.axes)
    return f"{block.name}[{axes}]" if axes else block.name


def _unit(block: Block) -> str:
    return f", in {block.unit}" if block.unit else ""
