"""Straight line by day in exact cents, for what an asset loses and for what a service earns.

After ``d`` of ``L`` days the accumulated amount of cost ``c`` is ``c·d/L`` rounded half up to a cent, computed in integers.  Any cut
of the life into periods takes differences of this one curve: quarters add up to their year, years to the cost, and no period is
off its exact share by more than a cent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chunks", "accumulated_cents", "cut_by_day"]

Ints = NDArray[np.int64]


def accumulated_cents(cost_cents: Ints, elapsed_days: Ints, life_days: Ints) -> Ints:
    """Accumulate straight line by day.

    Parameters
    ----------
    cost_cents : int64[n] [cent]      may be negative (a refund)
    elapsed_days : int64[n] [day]     clipped to 0 … life
    life_days : int64[n] [day]        at least 1

    Returns
    -------
    int64[n] [cent]                   0 before the start and exactly the cost from the end of life

    Examples
    --------
    A dollar over three days:

    >>> accumulated_cents(np.array([100] * 4), np.arange(4), np.array([3] * 4)).tolist()
    [0, 33, 67, 100]
    """
    elapsed = np.clip(elapsed_days, 0, life_days)
    # c = q·L + r, so c·d/L = q·d + r·d/L: no product larger than c or L², hence no overflow for any real amount.
    whole, rest = np.divmod(np.abs(cost_cents), life_days)
    total = whole * elapsed + (2 * rest * elapsed + life_days) // (2 * life_days)
    signed: Ints = np.where(cost_cents < 0, -total, total)
    return signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """Amounts cut at period edges.

    Parameters
    ----------
    source : int64[chunk]               row of the input that a chunk belongs to
    first, last : int64[chunk] [day]    first and last day of a chunk
    cents : int64[chunk] [cent]
    """

    source: Ints
    first: Ints
    last: Ints
    cents: Ints


def cut_by_day(cents: Ints, starts: Ints, ends: Ints, edges: Ints) -> Chunks:
    """Spread amounts evenly by day over ``[start, end)`` and cut them at the edges.

    Parameters
    ----------
    cents : int64[n] [cent]
    starts, ends : int64[n] [day]       ``start < end``
    edges : int64[m] [day]              strictly rising; the time before the first and after the last edge is one period each

    Examples
    --------
    100 cents over 4 days, cut after the first:

    >>> chunks = cut_by_day(np.array([100]), np.array([10]), np.array([14]), np.array([11]))
    >>> chunks.cents.tolist(), chunks.first.tolist(), chunks.last.tolist()
    ([25, 75], [10, 11], [10, 13])
    """
    before = np.searchsorted(edges, starts, side="right")
    after = np.searchsorted(edges, ends - 1, side="right")
    counts = after - before + 1
    source = np.repeat(np.arange(cents.size, dtype=np.int64), counts)
    offset = np.arange(source.size, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    period = before[source] + offset
    far = np.iinfo(np.int64)
    bounds = np.concatenate([[far.min], edges, [far.max]])
    start, end = starts[source], ends[source]
    first = np.maximum(start, bounds[period])
    stop = np.minimum(end, bounds[period + 1])
    life = end - start
    amount = cents[source]
    share = accumulated_cents(amount, stop - start, life) - accumulated_cents(amount, first - start, life)
    return Chunks(source=source, first=first, last=stop - 1, cents=share)
