"""Steps that make a program smaller where a limit is used in several ways: two uses, and filled in order (offtake.lp.reduced)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from offtake.lp.sparse import expand, sum_duplicates, totals

if TYPE_CHECKING:
    from offtake.lp.reducing import Flags, Program, Undo
    from offtake.lp.sparse import Floats, Ints

_ALIKE = 1e-12  # relative: what the rounding of a few products leaves


def two_uses(p: Program, path: Ints | None = None) -> Undo | None:
    """Write two uses of one limit as their sum and the first of them, and add up the firsts that do the same.

    Of each pair the second column becomes the sum r, in units of the limit.  Of all pairs that are alike the first one's first column
    becomes the total t, held to at most the sum of r by a row of its own; the others' go.

    The prices of all other rows stay what they are.  Let z >= 0 be the price of the new row, s the share of a pair in it, and e and f <= 0
    what t and r are worth beyond the prices (of a maximum).  Then a is worth ``f + s e`` and b ``f - s z``: never more than 0, and 0 where
    they are used, as t, r > 0 have e, f = 0, and b > 0 leaves the new row slack.

    Parameters
    ----------
    path : int64[column], optional     only pairs within one path are written so, and only those of one path are added up
    """
    from_zero = (p.col_lower == 0.0) & (p.col_upper == np.inf)
    limit = (p.row_lower <= 0.0) & np.isfinite(p.row_upper)
    a, b = p.twos(from_zero[p.col] & (p.val > 0.0) & limit[p.row])
    path = np.zeros(len(p.columns), dtype=np.int64) if path is None else path
    apart = p.apart(a, b) & (path[p.col[a]] == path[p.col[b]])
    a, b = a[apart], b[apart]
    pair, place, value = _exchanges(p, a, b)
    leader, ratio = _alike(pair, place, value, path[p.col[a]])
    some = np.bincount(leader[ratio > 0.0], minlength=len(a))[leader] > 1
    chosen = np.flatnonzero(some & (ratio > 0.0))
    if not len(chosen):
        return None
    a, b, leader, ratio = a[chosen], b[chosen], leader[chosen], ratio[chosen]
    lead = np.flatnonzero(leader == chosen)
    head = lead[np.searchsorted(chosen[lead], leader)]  # the leader's place among the chosen
    first, second, per_a, per_b = p.col[a], p.col[b], p.val[a], p.val[b]

    column = np.full(int(pair.max()) + 1, -1, dtype=np.int64)  # of each leader, -1 for other pairs
    column[leader] = first[head]
    of_total = column[pair] >= 0
    entry, cost = of_total & (place < len(p.rows)), of_total & (place == len(p.rows))
    most = len(p.rows) + np.arange(len(lead))
    p.add_rows(np.full(len(lead), -np.inf), np.zeros(len(lead)))
    weight, gone = np.ones(len(p.columns)), np.zeros(len(p.columns), dtype=np.bool_)
    weight[second], gone[first] = per_b, True
    p.val = p.val / weight[p.col]
    p.keep(~gone[p.col])
    p.row = np.concatenate((p.row, place[entry], most, most[np.searchsorted(lead, head)]))
    p.col = np.concatenate((p.col, column[pair[entry]], first[lead], second))
    p.val = np.concatenate((p.val, value[entry], np.ones(len(lead)), -ratio))
    p.sort()
    p.cost[second] /= per_b
    p.cost[first] = 0.0
    p.cost[column[pair[cost]]] = value[cost]
    gone[first[lead]] = False
    p.columns &= ~gone

    def undo(x: Floats) -> None:
        """Give each pair the same share of its sum."""
        both = x[second]
        total = totals(head, ratio * both, len(head))[head]
        share = np.clip(x[first[head]] / np.where(total > 0.0, total, 1.0), 0.0, 1.0)
        x[first], x[second] = share * both / per_a, (1.0 - share) * both / per_b

    return undo


def _exchanges(p: Program, a: Ints, b: Ints) -> tuple[Ints, Ints, Floats]:
    """Return what exchanging b for a does: entries (pair, row, change a unit of the pair's limit), the objective as one row more."""
    pair, factor = np.full(len(p.columns), -1), np.zeros(len(p.columns))
    for entry, sign in ((a, 1.0), (b, -1.0)):
        pair[p.col[entry]] = np.arange(len(entry))
        factor[p.col[entry]] = sign / p.val[entry]
    ours = np.flatnonzero(pair[p.col] >= 0)
    column = np.concatenate((p.col[ours], p.col[a], p.col[b]))
    place = np.concatenate((p.row[ours], np.full(2 * len(a), len(p.rows), dtype=np.int64)))
    value = np.concatenate((p.val[ours], p.cost[p.col[a]], p.cost[p.col[b]]))
    return sum_duplicates(pair[column], place, value * factor[column])


def _alike(pair: Ints, place: Ints, value: Floats, path: Ints) -> tuple[Ints, Floats]:
    """Return for each pair the first of its path that changes the same first and last row, and how many times as much; 0 = not alike."""
    count = len(path)
    size = np.bincount(pair, minlength=count)
    start = np.cumsum(size) - size
    leader, ratio = np.arange(count), np.zeros(count)
    some = np.flatnonzero(size)
    if not len(some):
        return leader, ratio
    ends = place[start[some]] * (int(place.max()) + 1) + place[start[some] + size[some] - 1]
    by_path = ends * (int(path.max()) + 2) + path[some] + 1
    _, first, group = np.unique(by_path, return_index=True, return_inverse=True)
    leader[some] = some[first[group]]
    same = some[size[some] == size[leader[some]]]
    own, at = expand(start[same], size[same])
    theirs = at - start[same][own] + start[leader[same]][own]
    times = value[start[same]] / value[start[leader[same]]]
    apart = (place[at] != place[theirs]) | (np.abs(value[at] - times[own] * value[theirs]) > _ALIKE * np.abs(value[at]))
    fits = (np.bincount(own[apart], minlength=len(same)) == 0) & (times > 0.0)
    ratio[same[fits]] = times[fits]
    return leader, ratio


def filled(p: Program) -> None:
    """Fill limits in order of their columns where there is one best order."""
    counts = p.count_rows()
    limit = p.rows_all((p.col_lower[p.col] == 0.0) & (p.val > 0.0))
    limit &= (counts > 0) & (p.row_lower <= 0.0) & (p.row_upper > 0.0) & np.isfinite(p.row_upper)
    uses = np.bincount(p.col[limit[p.row]], minlength=len(p.columns))
    limit &= p.rows_all(uses[p.col] <= 1)
    entry = np.flatnonzero(limit[p.row])
    column, row, per = p.col[entry], p.row[entry], p.val[entry]
    if not len(entry):
        return
    order, ordered = _order(p, limit, column, row, per)
    order = order[ordered[row[order]]]
    column, row, per = column[order], row[order], per[order]
    most = p.col_upper[column] * per / p.row_upper[row]
    share = np.minimum(most, 1.0)  # of the limit that each column can fill
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = row[1:] != row[:-1]
    used = np.cumsum(share) - share
    before = used - used[new][np.cumsum(new) - 1]
    left = np.minimum(1.0 - before, share)
    short = left < most
    p.col_upper[column[short]] = np.maximum(left[short], 0.0) * p.row_upper[row[short]] / per[short]
    shut = np.zeros(len(p.columns), dtype=np.bool_)
    shut[column[left <= _ALIKE]] = True
    p.drop_rows(ordered)
    p.drop_columns(shut)


def _order(p: Program, limit: Flags, column: Ints, row: Ints, per: Floats) -> tuple[Ints, Flags]:
    """Return the columns of some limits by limit, best first, and the limits where each is as good as the next in every respect.

    Parameters
    ----------
    limit : bool[row]
    column, row, per : of each of their entries, in order of columns
    """
    objective = len(p.rows)
    limit_of, weight = np.full(len(p.columns), -1), np.ones(len(p.columns))
    limit_of[column], weight[column] = row, per
    rest = np.flatnonzero((limit_of[p.col] >= 0) & ~limit[p.row])
    col = np.concatenate((p.col[rest], column))
    place = np.concatenate((p.row[rest], np.full(len(column), objective)))
    # What a unit of the limit does to each row, times the side on which more of it hurts; 0 where either may hurt.
    up, down = np.isfinite(p.row_upper), np.isfinite(p.row_lower)
    side = np.append(up.astype(np.float64) - down, -1.0 if p.maximise else 1.0)[place]
    harm = np.concatenate((p.val[rest], p.cost[column])) / weight[col] * np.where(side == 0.0, 1.0, side)
    total = np.bincount(col, weights=np.where(side == 0.0, 0.0, harm), minlength=len(p.columns))
    order = np.lexsort((total[column], row))
    rank = np.zeros(len(p.columns), dtype=np.int64)
    rank[column[order]] = np.arange(len(order))

    by = np.lexsort((rank[col], place, limit_of[col]))
    owner, place, harm, side = limit_of[col[by]], place[by], harm[by], side[by]
    new = np.ones(len(by), dtype=np.bool_)
    new[1:] = (owner[1:] != owner[:-1]) | (place[1:] != place[:-1])
    change = np.diff(harm, prepend=0.0)
    slack = _ALIKE * np.abs(harm)
    wrong = ~new & np.where(side == 0.0, np.abs(change) > slack, change < -slack)
    group = np.cumsum(new) - 1
    wrong |= np.bincount(group)[group] != p.count_rows()[owner]  # a row that only some of the columns stand in
    bad = np.bincount(owner[wrong], minlength=len(p.rows)) > 0
    return order, limit & ~bad
