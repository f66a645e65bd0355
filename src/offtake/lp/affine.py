"""Affine expressions of a model's columns, with the shape and the indexing of a numpy array.

Element i of an expression is ``const[i] + sum_k val[k] x[col[k]]`` over the entries k with ``row[k] == i``, where i is
the flat (C order) element number. Every operation is vectorised over entries and returns a new expression; equal
(row, column) entries may repeat and are summed when the model is built, or by :meth:`Affine.canonical`.

Axes are the caller's: in planning ``[path, period, site, chip, …]`` or a subset in that order.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from offtake.lp.sparse import expand, frozen, gather, sum_duplicates, totals

if TYPE_CHECKING:
    from types import EllipsisType

    from numpy.typing import ArrayLike, NDArray

    from offtake.lp.sparse import Floats, Ints

    Step = int | np.integer[Any] | slice | EllipsisType | NDArray[Any] | list[int] | None
    Index = Step | tuple[Step, ...]

_NO_INTS: Ints = np.zeros(0, dtype=np.int64)
_NO_FLOATS: Floats = np.zeros(0)
_NO_INTS.setflags(write=False)
_NO_FLOATS.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Affine:
    """An array of affine expressions ``A x + b`` of the columns x of one model. Immutable.

    Parameters
    ----------
    shape : tuple of int         as numpy's; ``()`` is a scalar expression
    row : int64[nonzeros]        flat element number of each entry
    col : int64[nonzeros]        column number of each entry
    val : float64[nonzeros]      coefficient of each entry
    const : float64[shape]       the constant b

    Examples
    --------
    >>> x = Affine.of_columns(np.arange(6).reshape(2, 3))
    >>> e = 2.0 * x.sum(axis=0) + np.array([1.0, 0.0, 0.0])
    >>> e.value(np.arange(6.0)).tolist()        # 2 (0 + 3) + 1, 2 (1 + 4), 2 (2 + 5)
    [7.0, 10.0, 14.0]
    """

    shape: tuple[int, ...]
    row: Ints
    col: Ints
    val: Floats
    const: Floats

    # numpy must hand `array * affine` to Affine.__rmul__ instead of looping over elements.
    __array_ufunc__ = None

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        object.__setattr__(self, "const", np.asarray(self.const))  # arithmetic of 0-d arrays yields numpy scalars
        for array in (self.row, self.col, self.val, self.const):
            frozen(array)

    # -- making -------------------------------------------------------------------------------------------------

    @classmethod
    def constant(cls, values: ArrayLike) -> Affine:
        """Return the expression without columns that equals `values`."""
        const = np.array(values, dtype=np.float64)
        return cls(const.shape, _NO_INTS, _NO_INTS, _NO_FLOATS, const)

    @classmethod
    def zeros(cls, shape: int | tuple[int, ...] = ()) -> Affine:
        """Return the expression that is 0 everywhere."""
        return cls.constant(np.zeros(shape))

    @classmethod
    def of_columns(cls, index: ArrayLike) -> Affine:
        """Return the expression whose elements are the columns `index`; a negative number stands for no column (0).

        Examples
        --------
        >>> Affine.of_columns([3, -1]).value(np.array([0.0, 0.0, 0.0, 9.0])).tolist()
        [9.0, 0.0]
        """
        columns = np.asarray(index, dtype=np.int64)
        flat = columns.ravel()
        row = np.flatnonzero(flat >= 0)
        return cls(columns.shape, row, flat[row], np.ones(len(row)), np.zeros(columns.shape))

    @classmethod
    def stack(cls, parts: Sequence[Affine | ArrayLike], axis: int = 0) -> Affine:
        """Join expressions of equal shape along a new axis, as :func:`numpy.stack`."""
        items = [as_affine(part) for part in parts]
        index = np.stack(_element_numbers(items), axis=axis)
        return _pool(items).take(index)

    @classmethod
    def concatenate(cls, parts: Sequence[Affine | ArrayLike], axis: int = 0) -> Affine:
        """Join expressions along an existing axis, as :func:`numpy.concatenate`."""
        items = [as_affine(part) for part in parts]
        index = np.concatenate(_element_numbers(items), axis=axis)
        return _pool(items).take(index)

    # -- looking ------------------------------------------------------------------------------------------------

    @classmethod
    def total(cls, parts: Sequence[Affine], shape: tuple[int, ...] = ()) -> Affine:
        """Add many expressions of one shape at once; nothing to add is zero of `shape`.

        Examples
        --------
        >>> x = Affine.of_columns([0, 1])
        >>> Affine.total([x, 2.0 * x, x]).value(np.array([1.0, 10.0])).tolist()
        [4.0, 40.0]
        """
        if not parts:
            return cls.zeros(shape)
        if any(p.shape != parts[0].shape for p in parts):
            msg = f"expressions of different shapes cannot be added up: {sorted({p.shape for p in parts})}"
            raise ValueError(msg)
        row, col, val = (np.concatenate([getattr(p, name) for p in parts]) for name in ("row", "col", "val"))
        return cls(parts[0].shape, row, col, val, np.sum([p.const for p in parts], axis=0))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.const.size)

    @property
    def nonzeros(self) -> int:
        """Number of entries, repeats counted."""
        return len(self.row)

    def __len__(self) -> int:
        """Return the length of the first axis."""
        if not self.shape:
            msg = "a scalar expression has no length"
            raise TypeError(msg)
        return self.shape[0]

    def __repr__(self) -> str:
        """Show the shape, the entry count and the first element in full where it is short."""
        head = f"Affine(shape={self.shape}, nonzeros={self.nonzeros}"
        if not self.size:
            return head + ")"
        first = self.ravel()[0].canonical()
        terms = [f"{v:+g} x{c}" for c, v in zip(first.col[:4].tolist(), first.val[:4].tolist(), strict=True)]
        if first.nonzeros > len(terms):
            terms.append(f"… {first.nonzeros - len(terms)} more")
        return f"{head}, first: {float(first.const):g} {' '.join(terms)}".rstrip() + ")"

    def __bool__(self) -> bool:
        """Refuse: an expression is neither true nor false before it is solved."""
        msg = "an expression has no truth value before the model is solved; use .value(x)"
        raise TypeError(msg)

    def value(self, x: Floats) -> Floats:
        """Evaluate at the column values `x`; float64[shape]."""
        total = totals(self.row, self.val * x[self.col], self.size)
        return self.const + total.reshape(self.shape)

    def bounds(self, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
        """Return the interval of each element when column j lies in ``[lower[j], upper[j]]``.

        Interval arithmetic: exact for one element on its own, as its columns vary independently; infinite where a
        column is unbounded.

        Examples
        --------
        >>> x = Affine.of_columns([0, 1])
        >>> lo, hi = (x[0] - 2.0 * x[1] + 1.0).bounds(np.zeros(2), np.array([3.0, 4.0]))
        >>> float(lo), float(hi)                 # 0 - 8 + 1, 3 - 0 + 1
        (-7.0, 4.0)
        """
        each = self.canonical()
        up = each.val > 0.0
        small = each.val * np.where(up, lower[each.col], upper[each.col])
        large = each.val * np.where(up, upper[each.col], lower[each.col])
        lo = totals(each.row, small, self.size).reshape(self.shape)
        hi = totals(each.row, large, self.size).reshape(self.shape)
        return self.const + lo, self.const + hi

    def canonical(self) -> Affine:
        """Sum equal entries, drop those that cancel, sort by element and column."""
        row, col, val = sum_duplicates(self.row, self.col, self.val)
        return Affine(self.shape, row, col, val, self.const)

    # -- arithmetic ---------------------------------------------------------------------------------------------

    def __neg__(self) -> Affine:
        """Return the negative."""
        return Affine(self.shape, self.row, self.col, -self.val, -self.const)

    def __pos__(self) -> Affine:
        """Return itself."""
        return self

    def __add__(self, other: Affine | ArrayLike) -> Affine:
        """Add an expression, array or number, broadcasting as numpy does."""
        right = as_affine(other)
        shape = np.broadcast_shapes(self.shape, right.shape)
        a, b = self.broadcast_to(shape), right.broadcast_to(shape)
        if not b.nonzeros:
            return Affine(shape, a.row, a.col, a.val, a.const + b.const)
        if not a.nonzeros:
            return Affine(shape, b.row, b.col, b.val, a.const + b.const)
        row, col, val = (np.concatenate((getattr(a, f), getattr(b, f))) for f in ("row", "col", "val"))
        return Affine(shape, row, col, val, a.const + b.const)

    __radd__ = __add__

    def __sub__(self, other: Affine | ArrayLike) -> Affine:
        """Subtract an expression, array or number."""
        return self + (-as_affine(other))

    def __rsub__(self, other: ArrayLike) -> Affine:
        """Subtract from an array or number."""
        return (-self) + other

    def __mul__(self, other: Affine | ArrayLike) -> Affine:
        """Multiply by a number or elementwise by an array, broadcasting; entries multiplied by 0 disappear."""
        if isinstance(other, Affine):
            msg = "the product of two expressions is not affine"
            raise TypeError(msg)
        factor = _finite(other)
        shape = np.broadcast_shapes(self.shape, factor.shape)
        a = self.broadcast_to(shape)
        if factor.ndim == 0:
            scale = float(factor)
            if scale == 0.0:
                return Affine.constant(a.const * scale)
            return Affine(shape, a.row, a.col, a.val * scale, a.const * scale)
        flat = np.broadcast_to(factor, shape).ravel()
        val = a.val * flat[a.row]
        keep = val != 0.0
        if keep.all():
            return Affine(shape, a.row, a.col, val, a.const * factor)
        return Affine(shape, a.row[keep], a.col[keep], val[keep], a.const * factor)

    __rmul__ = __mul__

    def __truediv__(self, other: Affine | ArrayLike) -> Affine:
        """Divide by a number or elementwise by an array."""
        if isinstance(other, Affine):
            msg = "the quotient of two expressions is not affine"
            raise TypeError(msg)
        divisor = np.asarray(other, dtype=np.float64)
        if not divisor.all():
            msg = "division of an expression by zero"
            raise ZeroDivisionError(msg)
        return self * (1.0 / divisor)

    def sum(self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> Affine:
        """Sum over the axes given, or over all.

        Examples
        --------
        >>> Affine.of_columns([[0, 1], [2, 3]]).sum(axis=1).value(np.arange(4.0)).tolist()
        [1.0, 5.0]
        """
        const = np.asarray(self.const.sum(axis=axis, keepdims=True))
        target = np.broadcast_to(np.arange(const.size).reshape(const.shape), self.shape).ravel()
        shape = self.const.sum(axis=axis, keepdims=keepdims).shape
        return Affine(shape, target[self.row], self.col, self.val, const.reshape(shape))

    def cumsum(self, axis: int) -> Affine:
        """Return running sums along an axis; the entries grow with the square of its length."""
        return self.apply(np.tri(self.shape[axis]), axis)

    def apply(self, weights: ArrayLike, axis: int, *, over: int | tuple[int, ...] = ()) -> Affine:
        """Contract a dense matrix with one axis: ``out[…, m, …] = sum_n weights[m, n] self[…, n, …]``.

        Zeros of `weights` make no entries. This is how a stock is read on another grid.

        Parameters
        ----------
        weights : float64[*over, m, n]    n must equal the length of `axis`; leading axes only with `over`
        axis : int                        the axis that is contracted and replaced by one of length m
        over : int or tuple of int        axes along which the matrix differs, in the order of its leading axes

        Examples
        --------
        >>> x = Affine.of_columns([[0, 1, 2]])
        >>> x.apply([[1.0, 1.0, 0.0], [0.0, 0.5, 0.5]], axis=1).value(np.array([1.0, 2.0, 4.0])).tolist()
        [[3.0, 3.0]]
        """
        matrix = _finite(weights)
        axis = operator.index(axis) % max(self.ndim, 1)
        along = tuple(a % self.ndim for a in ((over,) if isinstance(over, int) else over))
        needed = tuple(self.shape[a] for a in along)
        if axis in along or matrix.shape[:-2] != needed or matrix.ndim != len(along) + 2:
            msg = f"weights of shape {matrix.shape} need leading axes {needed} (axes {along} of {self.shape})"
            raise ValueError(msg)
        if matrix.shape[-1] != self.shape[axis]:
            msg = f"weights contract {matrix.shape[-1]} elements but axis {axis} of {self.shape} has {self.shape[axis]}"
            raise ValueError(msg)
        rows = matrix.shape[-2]
        shape = (*self.shape[:axis], rows, *self.shape[axis + 1 :])

        # One sparse line per (leading axes, n): the targets m and weights of each source position.
        lines = np.ascontiguousarray(np.swapaxes(matrix, -1, -2)).reshape(
            math.prod(matrix.shape[:-2]) * matrix.shape[-1], rows
        )
        line, target = np.nonzero(lines)
        weight = lines[line, target]
        pointer = np.zeros(len(lines) + 1, dtype=np.int64)
        np.cumsum(np.bincount(line, minlength=len(lines)), out=pointer[1:])

        place = np.unravel_index(self.row, self.shape)
        key = np.ravel_multi_index(tuple(place[a] for a in (*along, axis)), (*needed, self.shape[axis]))
        entry, position = expand(pointer[key], pointer[key + 1] - pointer[key])
        new_place = tuple(target[position] if a == axis else p[entry] for a, p in enumerate(place))
        row = np.ravel_multi_index(new_place, shape) if len(entry) else _NO_INTS
        const = _contract(self.const, matrix, axis, along)
        return Affine(shape, row, self.col[entry], self.val[entry] * weight[position], const)

    # -- shape --------------------------------------------------------------------------------------------------

    def __getitem__(self, key: Index) -> Affine:
        """Select elements with any numpy index: slices, integers, ``None``, ``...``, integer and boolean arrays."""
        return self.take(np.asarray(self.element_numbers()[key]))

    def reshape(self, shape: int | tuple[int, ...]) -> Affine:
        """Return the same elements in another shape; one length may be -1."""
        const = self.const.reshape(shape)
        return Affine(const.shape, self.row, self.col, self.val, const)

    def ravel(self) -> Affine:
        """Return the elements as one axis."""
        return self.reshape(-1)

    def transpose(self, *axes: int) -> Affine:
        """Permute the axes; reverse them if none are given."""
        return self.take(self.element_numbers().transpose(*axes))

    @property
    def T(self) -> Affine:  # noqa: N802 - numpy's name
        """The expression with its axes reversed."""
        return self.transpose()

    def moveaxis(self, source: int, destination: int) -> Affine:
        """Move one axis to another place, as :func:`numpy.moveaxis`."""
        return self.take(np.moveaxis(self.element_numbers(), source, destination))

    def expand_dims(self, axis: int | tuple[int, ...]) -> Affine:
        """Insert axes of length 1, as :func:`numpy.expand_dims`."""
        return self.reshape(np.expand_dims(self.const, axis).shape)

    def squeeze(self, axis: int | tuple[int, ...] | None = None) -> Affine:
        """Drop axes of length 1, as :func:`numpy.squeeze`."""
        return self.reshape(np.squeeze(self.const, axis).shape)

    def broadcast_to(self, shape: int | tuple[int, ...]) -> Affine:
        """Repeat elements to a larger shape by numpy's rules."""
        wanted = (shape,) if isinstance(shape, int) else tuple(shape)
        if wanted == self.shape:
            return self
        return self.take(np.broadcast_to(self.element_numbers(), wanted))

    def element_numbers(self) -> Ints:
        """Return flat element numbers in this expression's shape, for use with :meth:`take`."""
        return np.arange(self.size, dtype=np.int64).reshape(self.shape)

    def take(self, index: Ints) -> Affine:
        """Return elements by flat number, in the shape of `index`; repeats allowed."""
        row, entry = gather(self.row, self.size, index.ravel())
        const = self.const.ravel()[index.ravel()].reshape(index.shape)
        return Affine(index.shape, row, self.col[entry], self.val[entry], const)


def as_affine(item: Affine | ArrayLike) -> Affine:
    """Return an expression as it is, and numbers as a constant expression."""
    return item if isinstance(item, Affine) else Affine.constant(item)


def _finite(numbers: ArrayLike) -> Floats:
    """Numbers that may multiply an expression; infinities and NaN would only surface as nonsense in a solver."""
    array = np.asarray(numbers, dtype=np.float64)
    if not np.isfinite(array).all():
        msg = "a coefficient is not a finite number"
        raise ValueError(msg)
    return array


def _pool(items: Sequence[Affine]) -> Affine:
    """All elements of all items in one flat expression."""
    if not items:
        msg = "need at least one expression to join"
        raise ValueError(msg)
    start = np.cumsum([0, *(item.size for item in items)])
    row = np.concatenate([item.row + s for item, s in zip(items, start[:-1], strict=True)])
    col = np.concatenate([item.col for item in items])
    val = np.concatenate([item.val for item in items])
    const = np.concatenate([item.const.ravel() for item in items])
    return Affine(const.shape, row, col, val, const)


def _element_numbers(items: Sequence[Affine]) -> list[Ints]:
    """Numbers of each item's elements within their pool."""
    start = np.cumsum([0, *(item.size for item in items)])
    return [item.element_numbers() + s for item, s in zip(items, start[:-1], strict=True)]


def _contract(const: Floats, matrix: Floats, axis: int, along: tuple[int, ...]) -> Floats:
    """Apply the matrix to the constants: the dense counterpart of :meth:`Affine.apply`."""
    front = np.moveaxis(const, (*along, axis), tuple(range(len(along) + 1)))
    lead, rest = front.shape[: len(along)], front.shape[len(along) + 1 :]
    flat = front.reshape(*lead, const.shape[axis], math.prod(rest))  # no -1: an axis may be empty
    out = (matrix @ flat).reshape(*lead, matrix.shape[-2], *rest)
    return np.ascontiguousarray(np.moveaxis(out, tuple(range(len(along) + 1)), (*along, axis)))
