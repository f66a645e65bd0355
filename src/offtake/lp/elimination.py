"""Eliminate in rounds the rows of a sparse symmetric matrix that no longer share anything, each by a division.

In a plan such a row is the use of one chip in one period; once these are gone, the power of one site in one period.  A round takes rows of
which no two meet, so all of them go at once; what they leave behind falls on the few rows and links that each meets.  Where everything
falls is found out once; the numbers are then filled in at every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from offtake.lp.cholesky import NotDefiniteError
from offtake.lp.patterns import pairs_within
from offtake.lp.sparse import expand, totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from offtake.lp.sparse import Floats, Ints

__all__ = ["Places", "Round", "rounds_of"]

_FEW = 14  # neighbours up to which a row is eliminated by a division,
_FEW_LINKS = 16  # and links
_MOST_ROUNDS = 4
_WORTHWHILE = 0.02  # share of the rows that must go for a round


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Where numbers stand: a symmetric matrix by its lower half, and links of its rows to something else.

    Parameters
    ----------
    rows, links : int                    how many
    row, column : int64[entry]           row >= column; every diagonal entry is there
    linked_row, link : int64[link entry]
    """

    rows: int
    links: int
    row: Ints
    column: Ints
    linked_row: Ints
    link: Ints


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
    met, met_by : int64[…]         pairs of links that the rows that go tie together, the larger number first
    """

    def __init__(self, places: Places, light: NDArray[np.bool_]) -> None:
        """Find out where everything falls."""
        self.light, self.kernel = np.flatnonzero(light), np.flatnonzero(~light)
        number = np.where(light, np.cumsum(light), np.cumsum(~light)) - 1
        row, column = places.row, places.column
        goes_row, goes_column = light[row], light[column]
        self._diagonal = _by(number[row], np.flatnonzero(goes_row & (row == column)))
        between = np.flatnonzero(goes_row != goes_column)
        of_light = np.where(goes_row[between], number[row[between]], number[column[between]])
        order = np.argsort(of_light, kind="stable")
        self._between, owner = between[order], of_light[order]
        kernel = np.where(goes_row[between], number[column[between]], number[row[between]])[order]
        self._stays = np.flatnonzero(~goes_row & ~goes_column)
        linked = np.flatnonzero(light[places.linked_row])
        order = np.argsort(number[places.linked_row[linked]], kind="stable")
        self._ties = linked[order]
        tied, link = number[places.linked_row[self._ties]], places.link[self._ties]
        self._keeps = np.flatnonzero(~light[places.linked_row])
        counts = [_pointer(of, len(self.light)) for of in (owner, tied)]
        self._pairs, self._pair_owner, at = _lower_pairs(counts[0], kernel, owner)
        self._links, self._link_owner, met = _lower_pairs(counts[1], link, tied)
        across, other = expand(counts[1][owner], np.diff(counts[1])[owner])
        self._across = across, other, owner[across]
        wide, far = np.int64(max(1, len(self.kernel))), np.int64(max(1, places.links))
        stays = number[row[self._stays]] * wide + number[column[self._stays]]
        keys, (self._stay_at, self._pair_at) = _merged(stays, at[0] * wide + at[1])
        keeps = number[places.linked_row[self._keeps]] * far + places.link[self._keeps]
        link_keys, (self._keep_at, self._across_at) = _merged(keeps, kernel[across] * far + link[other])
        met_keys, (self._met_at,) = _merged(met[0] * far + met[1])
        self.met, self.met_by = met_keys // far, met_keys % far
        self.left = Places(
            rows=len(self.kernel),
            links=places.links,
            row=keys // wide,
            column=keys % wide,
            linked_row=link_keys // far,
            link=link_keys % far,
        )
        shape = (len(self.kernel), len(self.light))
        places_of = kernel.astype(np.int32), counts[0].astype(np.int32)
        self._u = sp.csc_array((np.zeros(len(kernel)), *places_of), shape=shape)
        self._ut = sp.csr_array((self._u.data, *places_of), shape=shape[::-1])

    def down(self, s: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the matrix, the links and what the pairs :attr:`met` gain, once the light rows are gone.

        Parameters
        ----------
        s, v : float64[entry], float64[link entry]     numbers in the places of this round

        Raises
        ------
        offtake.lp.cholesky.NotDefiniteError     rounding left nothing to divide by
        """
        pivot = s[self._diagonal]
        if not (pivot > 0.0).all():
            raise NotDefiniteError
        self._over = over = 1.0 / pivot
        u, ties = s[self._between], v[self._ties]
        self._u.data = self._ut.data = u
        first, second = self._pairs
        left = totals(self._stay_at, s[self._stays], len(self.left.row))
        left -= totals(self._pair_at, u[first] * u[second] * over[self._pair_owner], len(self.left.row))
        across, other, owner = self._across
        links = totals(self._keep_at, v[self._keeps], len(self.left.link))
        links -= totals(self._across_at, u[across] * ties[other] * over[owner], len(self.left.link))
        first, second = self._links
        gains = totals(self._met_at, ties[first] * ties[second] * over[self._link_owner], len(self.met))
        return left, links, gains

    def forward(self, h: Floats) -> tuple[Floats, Floats]:
        """Return the right sides of the rows that go and of those that stay."""
        light = h[self.light]
        return light, h[self.kernel] - self._u @ (self._over * light)

    def back(self, light: Floats, kernel: Floats) -> Floats:
        """Return the solution from the right sides of the rows that went and the solution of those that stayed."""
        out = np.empty(len(self.light) + len(self.kernel))
        out[self.kernel] = kernel
        out[self.light] = self._over * (light - self._ut @ kernel)
        return out


def rounds_of(places: Places) -> tuple[Round, ...]:
    """Choose rounds as long as they take away enough."""
    found: list[Round] = []
    while len(found) < _MOST_ROUNDS:
        light = _independent(places)
        if light.sum() <= _WORTHWHILE * places.rows:
            break
        found.append(Round(places, light))
        places = found[-1].left
    return tuple(found)


def _independent(places: Places) -> NDArray[np.bool_]:
    """Return rows of which no two meet, those with few neighbours first."""
    apart = places.row != places.column
    one, other = places.row[apart], places.column[apart]
    owner, neighbour = np.concatenate((one, other)), np.concatenate((other, one))
    order = np.argsort(owner, kind="stable")
    index, pointer = neighbour[order], _pointer(owner, places.rows).tolist()
    links = np.bincount(places.linked_row, minlength=places.rows)
    free, chosen = np.ones(places.rows, dtype=np.bool_), np.zeros(places.rows, dtype=np.bool_)
    for row in _from_fewest(np.diff(pointer), links):
        if free[row]:
            free[index[pointer[row] : pointer[row + 1]]] = False
            chosen[row] = True
    return chosen


def _from_fewest(neighbours: Ints, links: Ints) -> Iterator[int]:
    """Yield the rows with few neighbours and links, those with fewest neighbours first."""
    few = np.flatnonzero((neighbours <= _FEW) & (links <= _FEW_LINKS))
    yield from few[np.argsort(neighbours[few], kind="stable")].tolist()


def _pointer(of: Ints, size: int) -> Ints:
    """Return where each owner's entries start in a list sorted by owner."""
    out = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(of, minlength=size), out=out[1:])
    return out


def _by(number: Ints, entries: Ints) -> Ints:
    """Return the entries in the order of the numbers that they have."""
    return entries[np.argsort(number[entries], kind="stable")]


def _lower_pairs(pointer: Ints, what: Ints, owner: Ints) -> tuple[tuple[Ints, Ints], Ints, tuple[Ints, Ints]]:
    """Return pairs of entries of one owner whose `what` falls, their owner, and both `what`."""
    first, second = pairs_within(pointer)
    lower = what[first] >= what[second]
    first, second = first[lower], second[lower]
    return (first, second), owner[first], (what[first], what[second])


def _merged(*keys: Ints) -> tuple[Ints, list[Ints]]:
    """Return all keys once, sorted, and the place of each list's keys among them."""
    every = np.unique(np.concatenate(keys))
    return every, [np.searchsorted(every, those) for those in keys]
