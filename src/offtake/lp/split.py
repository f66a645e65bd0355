"""Split an extensive program into its paths: what all paths share, and each path's own program with its links to it.

Every column and row of the program carries the number of its path, or −1 where it is shared.  Rows of a path may read its own columns and
shared ones; shared rows read shared columns only.  With the shared columns held, the paths fall apart: :func:`evaluate` then solves one
small program for each, and :func:`tree_of` poses the whole as a tree of two stages.

Examples
--------
Build x now at 10 each; a demand of 3 or 5 is served at 25 per unit, each path counting half:

>>> from offtake.lp.model import Model
>>> m = Model()
>>> x = m.columns("built")
>>> path = ("path", ("low", "high"))
>>> served = m.columns("served", axes=(path,), upper=[3.0, 5.0])
>>> _ = m.rows("capacity", served - x, upper=0.0, axes=(path,))
>>> m.set_objective((served * 12.5).sum() - 10.0 * x)
>>> parts = split(m.build(), *paths_of(m))
>>> [found.objective for found in evaluate(parts, np.array([4.0]))]    # 3 and 4 served
[37.5, 50.0]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.executors import side_by_side
from offtake.lp.build import LpArrays, compress
from offtake.lp.reduced import solved
from offtake.lp.sparse import Coordinates
from offtake.lp.stagewise import StageTree

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from offtake.lp.model import Model
    from offtake.lp.solution import Solution
    from offtake.lp.sparse import Floats, Ints

__all__ = ["Part", "Split", "evaluate", "paths_of", "split", "tree_of"]

SHARED = -1
"""Path number of what belongs to all paths."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One path's own program: ``row_lower <= link x_shared + A x <= row_upper``.

    Parameters
    ----------
    path : int
    columns, rows : int64[…]     their numbers in the whole program
    arrays : LpArrays            own columns and rows; its objective is the path's part of the whole one, without constant
    link : Coordinates           of (own row, shared column), numbered within each
    """

    path: int
    columns: Ints
    rows: Ints
    arrays: LpArrays
    link: Coordinates

    def at(self, x: Floats) -> LpArrays:
        """Return the program with the shared columns held at x; float64[shared column]."""
        shift = self.link @ x
        return replace(self.arrays, row_lower=self.arrays.row_lower - shift, row_upper=self.arrays.row_upper - shift)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """A program taken apart.

    Parameters
    ----------
    columns, rows : int64[…]     numbers of the shared columns and rows in the whole program
    arrays : LpArrays            the shared program on its own, with the whole's constant
    parts : tuple of Part        by path
    """

    columns: Ints
    rows: Ints
    arrays: LpArrays
    parts: tuple[Part, ...]

    def alone(self, path: int, probability: float) -> LpArrays:
        """Return the program of one path as if it were sure: shared columns and rows first, then its own.

        Parameters
        ----------
        path : int
        probability : float     of the path, by which the whole program weighs its costs
        """
        part, first = self.parts[path], self.arrays
        links, wide = part.link, first.columns
        row = np.concatenate((first.index, links.row + first.rows, part.arrays.index + first.rows))
        col = np.concatenate((first.entry_columns(), links.col, part.arrays.entry_columns() + wide))
        val = np.concatenate((first.value, links.val, part.arrays.value))
        start, index, value = compress(row, col, val, wide + part.arrays.columns)
        pairs = {
            name: np.concatenate((getattr(first, name), getattr(part.arrays, name)))
            for name in ("col_lower", "col_upper", "integer", "row_lower", "row_upper")
        }
        cost = np.concatenate((first.cost, part.arrays.cost / probability))
        return LpArrays(
            maximise=first.maximise, offset=first.offset, cost=cost, start=start, index=index, value=value, **pairs
        )

    def joined(self, shared: Floats, own: tuple[Floats, ...]) -> Floats:
        """Return the whole program's columns from the shared ones and those of each path."""
        x = np.zeros(len(self.columns) + sum(len(part.columns) for part in self.parts))
        x[self.columns] = shared
        for part, values in zip(self.parts, own, strict=True):
            x[part.columns] = values
        return x


def paths_of(model: Model) -> tuple[Ints, Ints]:
    """Return the path of each column and of each row of a model, by the axis ``path`` of its blocks; −1 without one."""
    found = []
    for blocks in (model.column_blocks, model.row_blocks):
        path = np.full(blocks.count, SHARED, dtype=np.int64)
        for block in blocks:
            names = [axis.name for axis in block.axes]
            if "path" in names and block.count:
                place = np.unravel_index(block.positions, block.shape)[names.index("path")]
                path[block.first : block.first + block.count] = place
        found.append(path)
    return found[0], found[1]


def split(arrays: LpArrays, path_of_column: ArrayLike, path_of_row: ArrayLike) -> Split:
    """Take a program apart.

    Parameters
    ----------
    path_of_column, path_of_row : int64[column], int64[row]    −1 = shared; paths are numbered 0, 1, …

    Raises
    ------
    ValueError      a row that reads another path's columns, or a shared row that reads any path's
    """
    of_column, of_row = np.asarray(path_of_column, dtype=np.int64), np.asarray(path_of_row, dtype=np.int64)
    column, row = arrays.entry_columns(), arrays.index
    theirs, ours = of_column[column], of_row[row]
    wrong = np.flatnonzero((theirs != SHARED) & (theirs != ours))
    if len(wrong):
        k = int(wrong[0])
        reader = "is shared" if ours[k] == SHARED else f"of path {ours[k]}"
        raise ValueError(f"row {row[k]} {reader} but reads column {column[k]} of path {theirs[k]}")
    count = int(max(of_column.max(initial=-1), of_row.max(initial=-1))) + 1
    columns, column_at, column_in = _grouped(of_column, count)
    rows, row_at, row_in = _grouped(of_row, count)
    linked = (theirs == SHARED) & (ours != SHARED)
    entries, entry_at, _ = _grouped(np.where(linked, count + ours, theirs), 2 * count)
    local = (row_in[row][entries], column_in[column][entries], arrays.value[entries])

    def taken(group: int) -> tuple[Ints, Ints, Floats]:
        where = slice(entry_at[group], entry_at[group + 1])
        return local[0][where], local[1][where], local[2][where]

    def program(path: int, entry: tuple[Ints, Ints, Floats]) -> tuple[Ints, Ints, LpArrays]:
        js = columns[column_at[path + 1] : column_at[path + 2]]
        own = rows[row_at[path + 1] : row_at[path + 2]]
        return js, own, _restricted(arrays, js, own, entry)

    # Group numbers: −1 is shared x shared, p < count a path's own entries, count + p its links.
    shared = program(SHARED, taken(0))
    parts = []
    for p in range(count):
        js, own, block = program(p, taken(p + 1))
        link = Coordinates((len(own), len(shared[0])), *taken(count + 1 + p))
        parts.append(Part(path=p, columns=js, rows=own, arrays=replace(block, offset=0.0), link=link))
    return Split(columns=shared[0], rows=shared[1], arrays=shared[2], parts=tuple(parts))


def _grouped(group: Ints, count: int) -> tuple[Ints, Ints, Ints]:
    """Return members by group from −1 on, where each group starts, and each member's place within its own."""
    few = count < np.iinfo(np.int16).max  # numbers of two bytes are sorted in one pass
    order = np.argsort(group.astype(np.int16) if few else group, kind="stable")
    at = np.zeros(count + 2, dtype=np.int64)
    np.cumsum(np.bincount(group + 1, minlength=count + 1), out=at[1:])
    place = np.empty(len(group), dtype=np.int64)
    place[order] = np.arange(len(group)) - np.repeat(at[:-1], np.diff(at))
    return order, at, place


def _restricted(arrays: LpArrays, columns: Ints, rows: Ints, entry: tuple[Ints, Ints, Floats]) -> LpArrays:
    """Return the program of some columns and rows, whose entries come sorted by column."""
    start = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum(np.bincount(entry[1], minlength=len(columns)), out=start[1:])
    return LpArrays(
        maximise=arrays.maximise,
        offset=arrays.offset,
        cost=arrays.cost[columns],
        col_lower=arrays.col_lower[columns],
        col_upper=arrays.col_upper[columns],
        integer=arrays.integer[columns],
        row_lower=arrays.row_lower[rows],
        row_upper=arrays.row_upper[rows],
        start=start,
        index=entry[0],
        value=entry[2],
    )


def evaluate(parts: Split, x: Floats, *, workers: int | None = None) -> tuple[Solution, ...]:
    """Solve every path with the shared columns held; by path, values without prices.

    Each path is made small first (offtake.lp.reduced), as far as these decisions allow, and then solved from nothing: that is faster than
    any basis of another path (docs/explanation/large-problems.md).  So the answers are the same, to the byte, whatever the number of
    workers.

    Parameters
    ----------
    parts : Split
    x : float64[shared column]     the decisions that all paths share
    workers : int or None          paths solved at once, by default as many as cores, at most four
    """
    return tuple(
        side_by_side(lambda part: solved(part.at(x), pricing="devex", presolve=False), parts.parts, workers=workers)
    )


def tree_of(parts: Split, probability: ArrayLike) -> StageTree:
    """Write a program that was taken apart as a tree of two stages, to be solved by decomposition; its objective leaves out the constant.

    Parameters
    ----------
    probability : float64[path]     of each path, > 0; the program's costs already carry it
    """
    now, tree = parts.arrays, StageTree(maximise=parts.arrays.maximise)
    tree.add(**_node(now), name="shared")
    for part, chance in zip(parts.parts, np.asarray(probability, dtype=np.float64).tolist(), strict=True):
        given = _node(part.arrays) | {"cost": part.arrays.cost / chance}
        tree.add(parent=0, probability=chance, link=part.link, **given, name=f"path {part.path}")
    return tree


def _node(arrays: LpArrays) -> dict[str, Any]:
    """Return a program as a node's arguments."""
    return {
        "cost": arrays.cost,
        "low": arrays.col_lower,
        "high": arrays.col_upper,
        "integer": arrays.integer,
        "own": Coordinates((arrays.rows, arrays.columns), arrays.index, arrays.entry_columns(), arrays.value),
        "lower": arrays.row_lower,
        "upper": arrays.row_upper,
    }
