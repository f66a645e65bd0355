"""A linear or mixed-integer program written as named blocks over labelled axes.

    maximise c x   subject to   lower <= expr(x) <= upper   for every row block,   col_lower <= x <= col_upper

Blocks may be added at any time; :meth:`Model.build` gives the arrays that a solver reads, and every column and row can be
named back: ``interconnection[new-carlisle, 2027-Q3]``. Rows are kept even where they have no entry or no finite side (a
limit may be given to them later), so a block's rows are exactly the positions that its mask leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.affine import Affine, as_affine
from offtake.lp.blocks import Block, ColumnBlock, Registry, RowBlock, as_axes
from offtake.lp.build import LpArrays, RowArrays, compress
from offtake.lp.sparse import totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from offtake.axes import Axis
    from offtake.lp.solution import Conflict
    from offtake.lp.sparse import Floats, Ints

    AxesLike = Iterable[Axis | tuple[str, Sequence[str]]]

_TERMS_SHOWN = 12


class Model:
    """Collect column blocks, row blocks and one objective.

    Examples
    --------
    One site with 50 MW and two chips that use 1 and 2 MW a lot and earn 3 and 5; only 20 lots of the first exist, so
    15 lots of the second fit: 20 x 3 + 15 x 5 = 135.

    >>> m = Model()
    >>> lots = m.columns("lots", axes=(("chip", ("a", "b")),), upper=[20.0, 40.0], unit="lot")
    >>> limit = m.rows("power", (lots * [1.0, 2.0]).sum(), upper=50.0, unit="MW")
    >>> m.set_objective((lots * [3.0, 5.0]).sum(), maximise=True)
    >>> m.build()
    LpArrays(1 rows, 2 columns (0 whole), 2 nonzeros)
    >>> m.row_text(0)
    'power: 1 lots[a] + 2 lots[b] <= 50 MW'
    """

    def __init__(self) -> None:
        """Start empty."""
        self.column_blocks: Registry[ColumnBlock] = Registry("column")
        self.row_blocks: Registry[RowBlock] = Registry("row")
        self._objective: Affine = Affine.zeros()
        self._maximise = True

    # -- adding -------------------------------------------------------------------------------------------------

    def columns(
        self,
        name: str,
        *,
        axes: AxesLike = (),
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        integer: ArrayLike = False,
        unit: str = "",
        describe: str = "",
        mask: ArrayLike | None = None,
    ) -> Affine:
        """Add a block of columns and return the expression that stands for them.

        Parameters
        ----------
        name : str                           unique among column blocks
        axes : Axis or (name, labels) each   empty for one column
        lower, upper : float64[axes]         bounds in `unit`; broadcast
        integer : bool[axes]                 whole numbers only; broadcast, may be partly true
        mask : bool[axes], optional          where False there is no column and the expression is 0
        """
        self.column_blocks.check_new(name)
        named = as_axes(axes)
        shape = tuple(len(axis) for axis in named)
        index, positions = _numbering(name, mask, shape, self.column_blocks.count)
        block = ColumnBlock(
            name=name,
            axes=named,
            index=index,
            first=self.column_blocks.count,
            unit=unit,
            describe=describe,
            positions=positions,
            lower=_limit(name, "lower", lower, shape),
            upper=_limit(name, "upper", upper, shape),
            integer=_fitted(name, "integer", np.asarray(integer, dtype=np.bool_), shape),
            expr=Affine.of_columns(index),
        )
        self.column_blocks.add(block)
        return block.expr

    def rows(
        self,
        name: str,
        expr: Affine | ArrayLike,
        *,
        lower: ArrayLike = -np.inf,
        upper: ArrayLike = np.inf,
        axes: AxesLike = (),
        unit: str = "",
        describe: str = "",
        mask: ArrayLike | None = None,
    ) -> RowBlock:
        """Add ``lower <= expr <= upper``, one row for each position that the mask leaves.

        Parameters
        ----------
        name : str                           unique among row blocks
        expr : Affine[axes]                  broadcast to the axes; its constant is moved to the bounds
        lower, upper : float64[axes]         limits in `unit`; equal for an equation; broadcast
        axes : Axis or (name, labels) each   empty for one row
        mask : bool[axes], optional          where False there is no row
        """
        self.row_blocks.check_new(name)
        named = as_axes(axes)
        shape = tuple(len(axis) for axis in named)
        whole = as_affine(expr)
        if whole.shape != shape:
            try:
                whole = whole.broadcast_to(shape)
            except ValueError:
                msg = f"row block {name!r}: the expression has shape {whole.shape}, its axes {_sizes(named)}"
                raise ValueError(msg) from None
        if not (np.isfinite(whole.val).all() and np.isfinite(whole.const).all()):
            msg = f"row block {name!r}: a coefficient or constant is not a finite number"
            raise ValueError(msg)
        index, positions = _numbering(name, mask, shape, self.row_blocks.count)
        block = RowBlock(
            name=name,
            axes=named,
            index=index,
            first=self.row_blocks.count,
            unit=unit,
            describe=describe,
            positions=positions,
            lower=_limit(name, "lower", lower, shape),
            upper=_limit(name, "upper", upper, shape),
            expr=whole,
        )
        self.row_blocks.add(block)
        return block

    def set_objective(self, expr: Affine | ArrayLike, *, maximise: bool = True) -> None:
        """Set the scalar objective; the last call counts."""
        self._objective = _scalar(expr)
        self._maximise = maximise

    @property
    def objective(self) -> Affine:
        """The scalar objective."""
        return self._objective

    # -- finding ------------------------------------------------------------------------------------------------

    def column_block(self, name: str) -> ColumnBlock:
        """Return a column block by name."""
        return self.column_blocks.named(name)

    def row_block(self, name: str) -> RowBlock:
        """Return a row block by name."""
        return self.row_blocks.named(name)

    def locate_column(self, number: int) -> tuple[ColumnBlock, tuple[str, ...]]:
        """Return the block and labels of a column number."""
        block = self.column_blocks.at(number)
        return block, block.labels(number)

    def locate_row(self, number: int) -> tuple[RowBlock, tuple[str, ...]]:
        """Return the block and labels of a row number."""
        block = self.row_blocks.at(number)
        return block, block.labels(number)

    def column_name(self, number: int) -> str:
        """Return such as ``lots[indiana, trn2, 2027-Q3]``."""
        return self.column_blocks.at(number).entry_name(number)

    def row_name(self, number: int) -> str:
        """Return such as ``interconnection[indiana, 2027-Q3]``."""
        return self.row_blocks.at(number).entry_name(number)

    def row_text(self, number: int) -> str:
        """Return one row as people write it, with names instead of numbers."""
        block, _ = self.locate_row(number)
        flat = int(block.positions[number - block.first])
        terms = block.expr.ravel()[flat].canonical()
        shown = [
            f"{'-' if v < 0 else '+'} {abs(v):.6g} {self.column_name(c)}"
            for c, v in zip(terms.col[:_TERMS_SHOWN].tolist(), terms.val[:_TERMS_SHOWN].tolist(), strict=True)
        ]
        more = [f"+ … {terms.nonzeros - _TERMS_SHOWN} more"] if terms.nonzeros > _TERMS_SHOWN else []
        const = float(terms.const)
        tail = [f"{'-' if const < 0 else '+'} {abs(const):.6g}"] if const or not shown else []
        body = " ".join(shown + more + tail).removeprefix("+ ")
        low, high = float(block.lower.reshape(-1)[flat]), float(block.upper.reshape(-1)[flat])
        unit = f" {block.unit}" if block.unit else ""
        if low == high:
            sides = f"{body} = {low:.6g}{unit}"
        else:
            left = f"{low:.6g}{unit} <= " if np.isfinite(low) else ""
            right = f" <= {high:.6g}{unit}" if np.isfinite(high) else ""
            sides = f"{left}{body}{right}"
        return f"{self.row_name(number)}: {sides}"

    def conflict_text(self, conflict: Conflict) -> tuple[str, ...]:
        """Return the limits and bounds of a conflict as people write them, one line each."""
        lines = [self.row_text(i) for i in conflict.rows.tolist()]
        for j, side in zip(conflict.columns.tolist(), conflict.column_sides, strict=True):
            block, _ = self.locate_column(j)
            flat = int(block.positions[j - block.first])
            low, high = float(block.lower.reshape(-1)[flat]), float(block.upper.reshape(-1)[flat])
            unit = f" {block.unit}" if block.unit else ""
            lines += [f"{self.column_name(j)} >= {low:.6g}{unit}"] if side != "upper" else []
            lines += [f"{self.column_name(j)} <= {high:.6g}{unit}"] if side != "lower" else []
        return tuple(lines)

    # -- building -----------------------------------------------------------------------------------------------

    def build(self) -> LpArrays:
        """Return the whole program as compressed columns."""
        count = self.column_blocks.count
        row, col, val, row_lower, row_upper = self._entries(0)
        start, index, value = compress(row, col, val, count)
        cost, offset = self.costs(self._objective)
        return LpArrays(
            maximise=self._maximise,
            offset=offset,
            cost=cost,
            col_lower=_joined([b.spread(b.lower) for b in self.column_blocks]),
            col_upper=_joined([b.spread(b.upper) for b in self.column_blocks]),
            integer=_joined([b.spread(b.integer) for b in self.column_blocks]) != 0.0,
            row_lower=row_lower,
            row_upper=row_upper,
            start=start,
            index=index,
            value=value,
        )

    def rows_since(self, first: int) -> RowArrays:
        """Return the rows numbered from `first` on, for appending to a live solver; their columns must exist there."""
        row, col, val, lower, upper = self._entries(first)
        start, index, value = compress(col, row - first, val, len(lower))
        return RowArrays(lower=lower, upper=upper, start=start, index=index, value=value)

    def costs(self, expr: Affine | ArrayLike) -> tuple[Floats, float]:
        """Return a scalar expression as ``(float64[column], constant)``: another objective for a live solver."""
        scalar = _scalar(expr)
        return totals(scalar.col, scalar.val, self.column_blocks.count), float(scalar.const)

    def _entries(self, first: int) -> tuple[Ints, Ints, Floats, Floats, Floats]:
        """Coordinates and bounds of the row blocks from row `first` on, in program numbers."""
        blocks = [block for block in self.row_blocks if block.first >= first]
        if sum(block.count for block in blocks) != self.row_blocks.count - first:
            msg = f"row {first} is not the first row of a block"
            raise ValueError(msg)
        rows, cols, vals = [], [], []
        for block in blocks:
            row = block.index.reshape(-1)[block.expr.row]
            col, val = block.expr.col, block.expr.val
            if block.count < block.index.size:
                keep = row >= 0
                row, col, val = row[keep], col[keep], val[keep]
            rows.append(row)
            cols.append(col)
            vals.append(val)
        lower = _joined([block.side(block.lower) for block in blocks])
        upper = _joined([block.side(block.upper) for block in blocks])
        whole = np.zeros(0, dtype=np.int64)
        return np.concatenate([whole, *rows]), np.concatenate([whole, *cols]), _joined(vals), lower, upper

    def __repr__(self) -> str:
        """Show the blocks."""
        lines = [f"Model: {self.row_blocks.count} rows, {self.column_blocks.count} columns"]
        lines += [f"  {block!r}" for block in (*self.column_blocks, *self.row_blocks)]
        return "\n".join(lines)


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)


def _scalar(expr: Affine | ArrayLike) -> Affine:
    scalar = as_affine(expr)
    if scalar.shape:
        msg = f"the objective must be a scalar expression, not one of shape {scalar.shape}; take its sum"
        raise ValueError(msg)
    if not (np.isfinite(scalar.val).all() and np.isfinite(scalar.const)):
        msg = "the objective has a coefficient that is not a finite number"
        raise ValueError(msg)
    return scalar


def _sizes(axes: tuple[Axis, ...]) -> str:
    return "(" + ", ".join(f"{axis.name}: {len(axis)}" for axis in axes) + ")"


def _numbering(name: str, mask: ArrayLike | None, shape: tuple[int, ...], first: int) -> tuple[Ints, Ints]:
    """Program numbers by position (-1 where masked) and the flat positions that have one."""
    keep = np.ones(shape, dtype=np.bool_)
    if mask is not None:
        keep = _fitted(name, "mask", np.asarray(mask, dtype=np.bool_), shape)
    positions = np.flatnonzero(keep)
    index = np.full(shape, -1, dtype=np.int64)
    index.reshape(-1)[positions] = np.arange(first, first + len(positions))
    index.setflags(write=False)
    return index, positions


def _fitted(name: str, what: str, array: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Broadcast flags to the block's shape, or say which argument does not fit."""
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        msg = f"block {name!r}: {what} has shape {array.shape}, the axes {shape}"
        raise ValueError(msg) from None


def _limit(name: str, what: str, values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Broadcast limits to the block's shape; refuse NaN and shapes that do not fit."""
    array = np.asarray(values, dtype=np.float64)
    if np.isnan(array).any():
        msg = f"block {name!r}: {what} holds a value that is not a number"
        raise ValueError(msg)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        msg = f"block {name!r}: {what} has shape {array.shape}, the axes {shape}"
        raise ValueError(msg) from None


__all__ = ["Block", "ColumnBlock", "Model", "RowBlock"]
