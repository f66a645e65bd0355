"""Tax depreciation against the published tables, and deductions against a plain reckoning."""

from __future__ import annotations

import csv
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.dates import Grid
from offtake.errors import OfftakeError
from offtake.ledger.books import Policies, books
from offtake.ledger.journal import FlowColumns
from offtake.ledger.macrs import building_rates, deductions, rates
from offtake.ledger.opening import Opening
from offtake.ledger.tax import TaxTerms

FIRST_YEAR = {"half-year": Fraction(1, 2), **{f"mid-quarter Q{q}": Fraction(9 - 2 * q, 8) for q in (1, 2, 3, 4)}}


def test_rates_are_those_of_publication_946(shared_data):
    with (shared_data / "deal" / "macrs_pub946.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 100
    for row in rows:
        first = FIRST_YEAR[row["convention"]]
        got = rates(int(row["class_years"]), first_year_frac=first)[int(row["recovery_year"]) - 1]
        # The tables round to 0.01 % and carry the remainder on, so that a late year may be off by a little more.
        assert float(100 * got) == pytest.approx(float(row["percent"]), abs=0.016), row


@pytest.mark.parametrize("years", [3, 5, 7, 10, 15, 20])
@pytest.mark.parametrize("first", [Fraction(k, 8) for k in (1, 3, 4, 5, 7)])
def test_every_cost_is_deducted_once(years, first):
    got = rates(years, first_year_frac=first)
    assert sum(got) == 1
    assert len(got) == years + 1
    assert min(got) > 0


@pytest.mark.parametrize("month", range(1, 13))
def test_a_building_is_deducted_evenly_from_the_middle_of_its_month(month):
    got = building_rates(month)
    assert got[0] == Fraction(2 * (12 - month) + 1, 24) / 39
    assert sum(got) == 1
    # Table A-7a, rounded month by month: January 2.461 %, December 0.107 %, a full year 2.564 %.
    published = {1: 2.461, 12: 0.107}
    if month in published:
        assert float(100 * got[0]) == pytest.approx(published[month], abs=0.005)
    assert float(100 * got[1]) == pytest.approx(2.564, abs=0.0005)


def test_another_class_is_refused():
    with pytest.raises(OfftakeError, match="no class of 6 years; there are 3, 5, 7, 10, 15, 20"):
        rates(6)


def test_deductions_by_year_and_what_is_deferred(flow):
    # Chips of 1,000.00 in 2025 and 500.00 paid late, in 2026; a site of 3,900.00 in service in July 2025.
    rows = [
        flow("2025-03-01", "provider", "chip_vendor", "1000.00", "capex_chips", asset=("2025-04-01", 1825)),
        flow("2026-02-01", "provider", "chip_vendor", "500.00", "capex_chips", asset=("2025-04-01", 1825)),
        flow("2025-01-01", "provider", "site_vendor", "3900.00", "capex_site", asset=("2025-07-15", 7300)),
    ]
    columns = FlowColumns.of(rows, parties=("offtaker", "provider"))
    edges = np.array([date(y, 1, 1).toordinal() for y in (2025, 2026, 2027, 2028)])
    # Chips 200, 320 + 100, 192 + 160; site 100 a year from the middle of July: 45.83, 100, 100.
    assert deductions(columns, 1, edges).tolist() == [24583, 52000, 45200]
    assert deductions(columns, 0, edges).tolist() == [0, 0, 0]
    assert deductions(columns, 1, edges, bonus_frac=1.0).tolist() == [104583, 60000, 10000]
    years = Grid.of(date(2025, 1, 1), quarters=0, half_years=0, years=3)
    policies = Policies(tax={"provider": TaxTerms(rate_frac=0.21)}, reporting=years)
    kept = books(rows, opening=Opening(date=date(2025, 1, 1)), policies=policies)
    view = kept.tax("provider")
    worn = np.cumsum(view.timing.tax_depreciation - view.timing.book_depreciation)
    assert view.deferred_depreciation.tolist() == [round(0.21 * w) for w in worn.tolist()]
    assert view.timing.tax_depreciation.tolist() == [24583, 52000, 45200]


@given(st.integers(1, 10**12), st.integers(0, 1500), st.integers(1, 12))
def test_quarters_add_up_to_the_tax_year(cost, day, quarters):
    from datetime import timedelta
    from decimal import Decimal

    from offtake.deal.flows import Account, Asset, Firmness, Flow, Layer

    bought = date(2025, 1, 1) + timedelta(days=day)
    row = Flow(
        date=bought,
        payer="a",
        payee="b",
        amount=Decimal(cost).scaleb(-2),
        currency="USD",
        account=Account.CAPEX_CHIPS,
        layer=Layer.CHIP,
        firmness=Firmness.FIRM,
        cause="x",
        interval=(bought, bought + timedelta(days=1)),
        asset=Asset(kind="chips", name="x", in_service=bought, life_days=1000),
    )
    columns = FlowColumns.of([row], parties=("a",))
    years = np.array([date(y, 1, 1).toordinal() for y in range(2025, 2038)])
    fine = np.array([date(y, m, 1).toordinal() for y in range(2025, 2037) for m in (1, 4, 7, 10)] + [int(years[-1])])
    by_year, by_quarter = deductions(columns, 0, years), deductions(columns, 0, fine)
    assert np.array_equal(by_quarter.reshape(-1, 4).sum(axis=1), by_year)
    assert by_year.sum() == cost
    assert np.array_equal(by_quarter[:quarters], deductions(columns, 0, fine[: quarters + 1]))


def test_losses_shelter_at_most_their_share():
    from offtake.ledger.tax import tax_of

    view = tax_of(np.array([-10000, 10000, 10000]), TaxTerms(rate_frac=0.2, loss_limit_frac=0.8))
    assert view.losses_used.tolist() == [0, 8000, 2000]
    assert view.tax.tolist() == [0, 400, 1600]
    assert (view.tax + view.deferred).tolist() == [-2000, 2000, 2000]  # every year bears its own tax
