"""Straight line by day against fractions, and its own sum."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from offtake.ledger.depreciation import accumulated_cents, cut_by_day


@given(st.integers(-(10**17), 10**17), st.integers(1, 20_000), st.integers(-10, 20_100))
def test_each_day_is_the_exact_share_rounded(cost, life, day):
    got = accumulated_cents(np.array([cost]), np.array([day]), np.array([life])).item()
    exact = Fraction(cost * min(max(day, 0), life), life)
    assert abs(got - exact) <= Fraction(1, 2)


@given(
    st.lists(st.tuples(st.integers(-(10**14), 10**14), st.integers(0, 4000), st.integers(1, 8000)), min_size=1),
    st.sets(st.integers(-100, 6000), min_size=1, max_size=12),
)
def test_any_cut_adds_up_to_the_cost(assets, cuts):
    cost, start, life = np.array(assets, dtype=np.int64).T
    edges = np.array(sorted(cuts), dtype=np.int64)
    chunks = cut_by_day(cost, start, start + life, edges)
    total = np.zeros(cost.size, dtype=np.int64)
    np.add.at(total, chunks.source, chunks.cents)
    assert np.array_equal(total, cost)
    # The chunks of an asset adjoin, and none straddles an edge.
    assert (chunks.first <= chunks.last).all()
    inside = np.searchsorted(edges, chunks.first, side="right") == np.searchsorted(edges, chunks.last, side="right")
    assert inside.all()
    same = chunks.source[1:] == chunks.source[:-1]
    assert (chunks.first[1:][same] == chunks.last[:-1][same] + 1).all()
    exact = [
        Fraction(int(cost[s]) * (int(b) - int(a) + 1), int(life[s]))
        for s, a, b in zip(chunks.source, chunks.first, chunks.last, strict=True)
    ]
    assert all(abs(int(c) - e) <= 1 for c, e in zip(chunks.cents, exact, strict=True))


def test_a_leap_year_counts_its_day():
    # 1,461 days at 1.00 from 1 January 2027: 365, 366, 365, 365.
    edges = np.array([365, 731, 1096])
    chunks = cut_by_day(np.array([146_100]), np.array([0]), np.array([1461]), edges)
    assert chunks.cents.tolist() == [36_500, 36_600, 36_500, 36_500]
