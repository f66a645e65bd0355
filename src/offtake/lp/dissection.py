"""Choose an order of elimination for a sparse symmetric matrix, and the dense fronts in which it is carried out.

Nested dissection cuts the graph of the matrix by as few rows as it can, each half again, and eliminates the cuts last: what is far apart
then never meets.  In a plan over time the cuts are a few neighbouring periods, whatever the number of paths.  See A. George, Nested
dissection of a regular finite element mesh, SIAM Journal on Numerical Analysis 10 (1973) 345–363, and G. Karypis and V. Kumar, A fast and
high quality multilevel scheme for partitioning irregular graphs, SIAM Journal on Scientific Computing 20 (1998) 359–392 (METIS).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import reverse_cuthill_mckee

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.lp.elimination import Places
    from offtake.lp.sparse import Ints

__all__ = ["Front", "fronts_of", "turns_of"]

_Members = tuple[list[int], "Ints", list[int]]  # pivots, border and children of a front

_EACH = 5e5  # operations that take as long as handling one more front,
_PLACED = 90.0  # and as placing one number of a front's in another


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Front:
    """Rows that are eliminated together.

    Parameters
    ----------
    pivots : int64[…]     rows that go, those of sign -1 last
    border : int64[…]     rows that stay and that these touch
    children : tuple of int     numbers of the fronts whose border begins here; each is smaller than this front's
    """

    pivots: Ints
    border: Ints
    children: tuple[int, ...]


def fronts_of(places: Places, last: NDArray[np.bool_]) -> tuple[Front, ...]:
    """Return the fronts, children before parents.

    Parameters
    ----------
    last : bool[row]     rows that are eliminated at the end
    """
    if not places.rows:
        return ()
    order = _order(places, last)
    position = np.empty(places.rows, dtype=np.int64)
    position[order] = np.arange(places.rows)
    fronts = _tree(_below(places, position))
    _join_siblings(fronts)
    number = {first: k for k, first in enumerate(sorted(fronts))}
    found = []
    for first in sorted(fronts):
        pivots, border, children = fronts[first]
        rows = order[np.array(pivots)]
        by_sign = np.concatenate((rows[places.sign[rows] > 0], rows[places.sign[rows] < 0]))
        found.append(Front(pivots=by_sign, border=order[border], children=tuple(sorted(number[c] for c in children))))
    return tuple(found)


def turns_of(fronts: Sequence[Front]) -> list[int]:
    """Return the numbers of the fronts, those first from which the way to the end is longest: what all wait for is begun early."""
    way = np.zeros(len(fronts))
    for k in reversed(range(len(fronts))):
        front = fronts[k]
        way[k] += _work(len(front.pivots), len(front.border)) + _PLACED * len(front.border) ** 2 + 1.0
        way[list(front.children)] = way[k]
    return [int(k) for k in np.argsort(-way, kind="stable")]


def _order(places: Places, last: NDArray[np.bool_]) -> Ints:
    """Return the rows in the order of their elimination."""
    early, late = np.flatnonzero(~last), np.flatnonzero(last)
    number = np.cumsum(~last) - 1
    apart = (places.row != places.column) & ~last[places.row] & ~last[places.column]
    one, other = number[places.row[apart]], number[places.column[apart]]
    ends = np.concatenate((one, other)), np.concatenate((other, one))
    graph = sp.csr_array((np.ones(len(ends[0])), ends), shape=(len(early), len(early)))
    return np.concatenate((early[_dissected(graph)], late))


def _dissected(graph: sp.csr_array) -> Ints:
    """Return an order that fills little; where METIS has not been built, one that keeps what meets close together."""
    if not graph.nnz:
        return np.arange(graph.shape[0])
    # Imported here since most plans never need it.
    try:
        import pymetis
    except ImportError:
        return np.asarray(reverse_cuthill_mckee(graph, symmetric_mode=True), dtype=np.int64)
    adjacent = pymetis.CSRAdjacency(graph.indptr, graph.indices)
    found, _ = pymetis.nested_dissection(adjacent, options=pymetis.Options(seed=1))
    return np.asarray(found, dtype=np.int64)


def _below(places: Places, position: Ints) -> list[Ints]:
    """Return, for each row in the order of elimination, the later rows that it meets."""
    one, other = position[places.row], position[places.column]
    apart = one != other
    early, late = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
    late = late[np.lexsort((late, early))]
    return np.split(late, np.cumsum(np.bincount(early, minlength=places.rows))[:-1])


def _tree(below: Sequence[Ints]) -> dict[int, _Members]:
    """Return pivots, border and children of each front by its last pivot, all in the order of elimination."""
    fronts: dict[int, _Members] = {}
    waiting: list[list[int]] = [[] for _ in below]
    for row, met in enumerate(below):
        parts = [part for part in (met, *(fronts[child][1][1:] for child in waiting[row])) if len(part)]
        border = parts[0] if len(parts) == 1 else _merged(parts) if parts else met
        pivots, children = [row], []
        for child in waiting[row]:
            its_pivots, its_border, its_children = fronts[child]
            apart = _work(len(its_pivots), len(its_border)) + _work(len(pivots), len(border))
            together = _work(len(its_pivots) + len(pivots), len(border))
            if together <= apart + _EACH + _PLACED * len(its_border) ** 2:
                pivots += its_pivots
                children += its_children
                del fronts[child]
            else:
                children.append(child)
        fronts[row] = pivots, border, children
        if len(border):
            waiting[border[0]].append(row)
        waiting[row] = []
    return fronts


def _merged(parts: Sequence[Ints]) -> Ints:
    """Return each number of some lists once, sorted; quicker than numpy's for lists as short as borders."""
    every = np.concatenate(parts)
    every.sort()
    first = np.ones(len(every), dtype=np.bool_)
    np.not_equal(every[1:], every[:-1], out=first[1:])
    return every[first]


def _join_siblings(fronts: dict[int, _Members]) -> None:
    """Make one front of those that hand nearly the same rows to the same parent, such as one stretch of time on several paths."""
    for parent in sorted(fronts, reverse=True):
        if parent not in fronts:
            continue
        children = fronts[parent][2]
        children.sort(key=lambda child: fronts[child][1].tolist())
        joined: list[int] = []
        for child in children:
            if joined and (both := _joined(fronts[joined[-1]], fronts[child])) is not None:
                del fronts[joined.pop()], fronts[child]
                joined.append(max(both[0]))
                fronts[joined[-1]] = both
            else:
                joined.append(child)
        children[:] = joined


def _joined(one: _Members, other: _Members) -> _Members | None:
    """Return two fronts as one where that takes less time than both."""
    border = _merged((one[1], other[1]))
    apart = sum(_work(len(f[0]), len(f[1])) + _PLACED * len(f[1]) ** 2 for f in (one, other))
    together = _work(len(one[0]) + len(other[0]), len(border)) + _PLACED * len(border) ** 2
    if together > apart + _EACH:
        return None
    return one[0] + other[0], border, one[2] + other[2]


def _work(pivots: int, border: int) -> float:
    """Return the operations of a front."""
    return (float(pivots + border) ** 3 - float(border) ** 3) / 3.0
