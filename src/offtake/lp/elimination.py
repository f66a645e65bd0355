"""Eliminate in rounds the rows of a sparse symmetric matrix that meet few others and not each other, each by a division.

In a plan such a row is the use of one chip in one period; once these are gone, the power of one site in one period.  A round takes rows of
which no two meet, so all of them go at once; what they leave behind falls on the few rows that each meets.  Where everything falls is found
out once; the numbers are then filled in at every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from offtake.lp.patterns import pairs_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offtake.lp.sparse import Floats, Ints

__all__ = ["NotDefiniteError", "Places", "Round", "rounds_of"]

_FEW = 14  # neighbours up to which a row is eliminated by a division
_MOST_ROUNDS = 6
_WORTHWHILE = 0.02  # share of the rows that must go for a round


class NotDefiniteError(Exception):
    """A matrix lost the signs of its pivots to rounding: more must be added to its diagonal."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Where the numbers of a symmetric matrix stand, by its lower half.

    Parameters
    ----------
    sign : int8[row]                of each row's pivot, in whatever order rows are eliminated: 1 or -1
    row, column : int64[entry]      row >= column; every diagonal entry is there
    """

    sign: NDArray[np.int8]
    row: Ints
    column: Ints

    @property
    def rows(self) -> int:
        """Count the rows."""
        return len(self.sign)


class Round:
    """One round: :meth:`down` once for every filling, then :meth:`forward` and :meth:`back` for every right side.

    Parameters
    ----------
    places : Places
    light : bool[row]     the rows that go; no two of them meet

    Attributes
    ----------
    light, kernel : int64[…]       rows that go and rows that stay
    left : Places                  what stands where afterwards, in the numbers of the rows that stay
    """

    def __init__(self, places: Places, light: NDArray[np.bool_]) -> None:
        """Find out where everything falls."""
        self.light, self.kernel = np.flatnonzero(light), np.flatnonzero(~light)
        self._sign = places.sign[self.light]
        number = np.where(light, np.cumsum(light), np.cumsum(~light)) - 1
        row, column = places.row, places.column
        goes_row, goes_column = light[row], light[column]
        diagonal = np.flatnonzero(goes_row & (row == column))
        self._diagonal = diagonal[np.argsort(row[diagonal], kind="stable")]
        between = np.flatnonzero(goes_row != goes_column)
        owner = np.where(goes_row[between], number[row[between]], number[column[between]])
        order = np.argsort(owner, kind="stable")
        self._between, owner = between[order], owner[order]
        kernel = np.where(goes_row[between], number[column[between]], number[row[between]])[order]
        self._stays = np.flatnonzero(~goes_row & ~goes_column)
        pointer = np.zeros(len(self.light) + 1, dtype=np.int64)
        np.cumsum(np.bincount(owner, minlength=len(self.light)), out=pointer[1:])
        wide = np.int64(max(1, len(self.kernel)))
        first, second = pairs_within(pointer)
        lower = kernel[first] >= kernel[second]
        first, second = first[lower], second[lower]
        falls = kernel[first] * wide + kernel[second]
        order = np.argsort(falls, kind="stable")
        self._pair, falls = first[order], falls[order]
        starts = np.flatnonzero(np.concatenate((falls[:1] == falls[:1], falls[1:] != falls[:-1])))
        pointer_of_falls = np.append(starts, len(falls)).astype(np.int32)
        parts = np.zeros(len(falls)), second[order].astype(np.int32), pointer_of_falls
        self._falls = sp.csr_array(parts, shape=(len(starts), len(kernel)))
        falls = falls[starts]
        stays = number[row[self._stays]] * wide + number[column[self._stays]]
        keys = np.concatenate((stays, falls))
        keys.sort()  # numpy's union takes twice as long
        keys = keys[np.flatnonzero(np.append(keys[:-1] != keys[1:], keys[-1:] == keys[-1:]))]
        self._stay_at, self._fall_at = np.searchsorted(keys, stays), np.searchsorted(keys, falls)
        self.left = Places(sign=places.sign[self.kernel], row=keys // wide, column=keys % wide)
        self._owner = owner
        shape = (len(self.kernel), len(self.light))
        places_of = kernel.astype(np.int32), pointer.astype(np.int32)
        self._u = sp.csc_array((np.zeros(len(kernel)), *places_of), shape=shape)
        self._ut = sp.csr_array((self._u.data, *places_of), shape=shape[::-1])

    def down(self, s: Floats) -> Floats:
        """Return the numbers of what is left once the light rows are gone.

        Parameters
        ----------
        s : float64[entry]     numbers in the places of this round

        Raises
        ------
        NotDefiniteError     rounding left a pivot of the wrong sign
        """
        pivot = s[self._diagonal]
        if not (pivot * self._sign > 0.0).all():
            raise NotDefiniteError
        self._over = 1.0 / pivot
        u = self._u.data = self._ut.data = s.take(self._between)
        left = np.zeros(len(self.left.row))
        left[self._stay_at] = s.take(self._stays)
        self._falls.data = (u * self._over.take(self._owner)).take(self._pair)
        left[self._fall_at] -= self._falls @ u
        return left

    def forward(self, h: Floats) -> tuple[Floats, Floats]:
        """Return the right sides of the rows that go and of those that stay."""
        light = self._over * h[self.light]
        return light, h[self.kernel] - self._u @ light

    def back(self, light: Floats, kernel: Floats) -> Floats:
        """Return the solution from what :meth:`forward` said of the rows that went and the solution of those that stayed."""
        out = np.empty(len(self.light) + len(self.kernel))
        out[self.kernel] = kernel
        out[self.light] = light - self._over * (self._ut @ kernel)
        return out


def rounds_of(places: Places, kept: NDArray[np.bool_]) -> tuple[Round, ...]:
    """Choose rounds as long as they take away enough.

    Parameters
    ----------
    kept : bool[row]     rows that are in no round
    """
    found: list[Round] = []
    while len(found) < _MOST_ROUNDS:
        light = _independent(places, kept)
        if light.sum() <= _WORTHWHILE * places.rows:
            break
        found.append(Round(places, light))
        places, kept = found[-1].left, kept[found[-1].kernel]
    return tuple(found)


def _independent(places: Places, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return rows of which no two meet, those with few neighbours first."""
    apart = places.row != places.column
    one, other = places.row[apart], places.column[apart]
    owner, neighbour = np.concatenate((one, other)), np.concatenate((other, one))
    index, count = neighbour[np.argsort(owner, kind="stable")], np.bincount(owner, minlength=places.rows)
    end = np.cumsum(count).tolist()
    free, chosen = ~kept, np.zeros(places.rows, dtype=np.bool_)
    few = np.flatnonzero((count <= _FEW) & free)
    for row in few[np.argsort(count[few], kind="stable")].tolist():
        if free[row]:
            free[index[end[row] - count[row] : end[row]]] = False
            chosen[row] = True
    return chosen
