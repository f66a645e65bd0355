"""Which innovations go together: a Gaussian copula.

A correlation between two quantities holds between their innovations of the same slot: of those drawn once the first with the first, the
second with the second, and of those of a period likewise. Each slot then has the correlations of the quantities that have it, a
principal part of the matrix of all, and is positive definite where that is.

In each slot Z = L E, with independent E and L the Cholesky factor of the correlations, quantities in the order of their ids: a
quantity that none is correlated with changes no other, nor does the order of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.outlook.processes.parts import mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offtake.spec.outlook import Outlook

    Float = NDArray[np.float64]
    Int = NDArray[np.int64]

__all__ = ["between", "correlated", "filled_in", "matrix"]


def matrix(outlook: Outlook) -> Float:
    """Correlations of the quantities in the order of the file : float64[quantity, quantity]."""
    place = {u.id: k for k, u in enumerate(outlook.uncertain)}
    both = np.eye(len(place))
    for c in outlook.correlations:
        a, b = (place[name] for name in c.between)
        both[a, b] = both[b, a] = c.value
    return both


def between(outlook: Outlook, owner: Int, slots: Sequence[str]) -> list[tuple[Int, Float]]:
    """Return the groups of innovations that are correlated, each with its correlations.

    Parameters
    ----------
    outlook : Outlook
    owner : int64[dimension]     number of the quantity of each innovation
    slots : Sequence[str]        slot of each innovation

    Returns
    -------
    list of (int64[member], float64[member, member])    groups of two and more; members in the order of the ids of their quantities
    """
    if not outlook.correlations:
        return []
    whole = matrix(outlook)
    ids = [u.id for u in outlook.uncertain]
    by_slot: dict[str, list[int]] = {}
    for dimension, slot in enumerate(slots):
        by_slot.setdefault(slot, []).append(dimension)
    found = []
    for members in by_slot.values():
        joined = [d for d in members if any(whole[owner[d], owner[e]] for e in members if e != d)]
        if joined:
            group = np.array(sorted(joined, key=lambda d: ids[owner[d]]), dtype=np.int64)
            found.append((group, whole[np.ix_(owner[group], owner[group])]))
    return found


def correlated(independent: Float, groups: Sequence[tuple[Int, Float]]) -> Float:
    """Return correlated standard normal numbers of independent ones : float64[path, dimension]."""
    joint = independent.copy()
    for members, correlations in groups:
        factor = np.linalg.cholesky(correlations)
        joint[:, members] = mixed(independent[:, members], factor)
    return joint


def filled_in(innovations: Float, known: NDArray[np.bool_], groups: Sequence[tuple[Int, Float]]) -> Float:
    """Return the innovations with those not known replaced by their median, given the known ones they are correlated with.

    Parameters
    ----------
    innovations : float64[path, dimension]
    known : bool[dimension]
    groups : of `between`
    """
    expected = np.where(known, innovations, 0.0)
    for members, correlations in groups:
        seen = known[members]
        if seen.any() and not seen.all():
            weights = np.linalg.solve(correlations[np.ix_(seen, seen)], correlations[np.ix_(seen, ~seen)])
            expected[:, members[~seen]] = mixed(innovations[:, members[seen]], weights.T)
    return expected
