"""Remaining performance obligations and purchase obligations, by hand and as sums that must close."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from offtake.ledger.backlog import Obligation, backlog, purchase_obligations
from offtake.ledger.journal import FlowColumns

D = Decimal


def owed(start, end, amount, clause="deal.floor", counts=("deal.rent", "deal.floor")):
    return Obligation(
        clause=clause,
        start=date.fromisoformat(start),
        end=date.fromisoformat(end),
        amount=D(amount),
        counts=frozenset(counts),
    )


def columns(flow, *rows):
    made = [dataclasses.replace(flow(*row[:5], interval=row[5]), cause=row[6]) for row in rows]
    return FlowColumns.of(made, parties=("offtaker", "provider"))


def test_service_meets_a_floor_and_what_is_left_has_its_bands(flow):
    # Floors of 365.00 (2026) and 731.00 (2027 and 2028, 731 days); rent of 2.00 a day in the first half of 2026 (181 days).
    flows = columns(
        flow,
        ("2026-07-01", "offtaker", "provider", "362.00", "rent", ("2026-01-01", "2026-07-01"), "deal.rent"),
        ("2026-07-01", "offtaker", "provider", "999.00", "rent", ("2026-01-01", "2026-07-01"), "other.rent"),
    )
    each = [owed("2026-01-01", "2027-01-01", "365.00"), owed("2027-01-01", "2029-01-01", "731.00")]
    found = backlog(flows, each, [date(2026, 1, 1), date(2026, 4, 1), date(2026, 10, 1), date(2027, 1, 1)])
    assert found.firm_cents == 109_600
    assert found.met_cents.tolist() == [0, 18_000, 36_200, 36_500]  # 90 days at 2.00; 362.00; the year is over
    # On 2026-01-01: 365.00 within a year; 365 days of 2027; 366 of 2028.
    assert found.bands_cents[0].tolist() == [36_500, 36_500, 36_600, 0]
    # On 2026-04-01: 185.00 and 90 days of 2027; then 366 days, a 29 February among them; then the last 275 days.
    assert found.bands_cents[1].tolist() == [18_500 + 9_000, 36_600, 27_500, 0]
    assert (found.remaining_cents + found.met_cents == found.firm_cents).all()
    assert found.table()["remaining_usd"].tolist() == [1096.0, 916.0, 734.0, 731.0]


def test_service_above_a_floor_is_no_backlog(flow):
    row = ("2026-02-01", "offtaker", "provider", "900.00", "rent", ("2026-01-01", "2026-02-01"), "deal.rent")
    found = backlog(columns(flow, row), [owed("2026-01-01", "2027-01-01", "365.00")], [date(2026, 3, 1)])
    assert (found.met_cents.tolist(), found.remaining_cents.tolist()) == ([36_500], [0])


def test_purchase_obligations_count_from_today():
    each = [
        owed("2026-01-01", "2027-01-01", "365.00"),
        owed("2027-07-01", "2028-07-01", "366.00", clause="deal.campus"),
    ]
    rows = [(r["clause"], r["year"], r["amount_usd"]) for r in purchase_obligations(each, date(2026, 12, 2)).rows()]
    assert rows == [("deal.campus", 2027, 184.0), ("deal.campus", 2028, 182.0), ("deal.floor", 2026, 30.0)]


days = st.integers(0, 3000).map(lambda n: date(2026, 1, 1) + timedelta(days=n))


@given(
    st.lists(st.tuples(days, st.integers(1, 1500), st.integers(1, 10**12)), min_size=1, max_size=4),
    st.lists(days, min_size=1, max_size=4),
)
def test_remaining_and_met_close_to_the_firm_total(terms, on):
    each = [
        Obligation(
            clause=f"c{k}", start=s, end=s + timedelta(days=n), amount=D(a).scaleb(-2), counts=frozenset({f"c{k}"})
        )
        for k, (s, n, a) in enumerate(terms)
    ]
    found = backlog(FlowColumns.of([]), each, on)
    assert np.array_equal(found.remaining_cents + found.met_cents, np.full(len(on), found.firm_cents))
    assert (found.bands_cents >= 0).all()
