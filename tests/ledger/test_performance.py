"""Returns of each party, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from offtake.ledger.books import Policies, books
from offtake.ledger.opening import Claim, Opening
from offtake.ledger.performance import debt_cover, infrastructure, offtaker_returns, stake
from offtake.ledger.returns import Lump
from offtake.ledger.tax import TaxTerms

D = Decimal
START = date(2027, 1, 1)


@pytest.fixture
def kept(flow):
    flows = [
        # A chip of 730.00 on the first day, 1.00 a day over 2027 and 2028 (365 + 366 days, so 1 day in 2028 is left over).
        flow("2027-01-01", "provider", "chip_vendor", "730.00", "capex_chips", asset=("2027-01-01", 730)),
        flow("2027-12-31", "offtaker", "provider", "565.00", "rent", interval=("2027-01-01", "2028-01-01")),
        flow("2028-12-31", "offtaker", "provider", "465.00", "rent", interval=("2028-01-01", "2029-01-01")),
        flow("2027-12-31", "provider", "utility", "100.00", "energy", interval=("2027-01-01", "2028-01-01")),
        flow("2027-01-01", "lender", "provider", "300.00", "loan_draw"),
        flow("2028-12-31", "provider", "lender", "300.00", "loan_repay"),
        flow("2027-12-31", "provider", "lender", "30.00", "interest", interval=("2027-01-01", "2028-01-01")),
        flow("2027-06-01", "provider", "offtaker", "200.00", "equity"),
        flow("2028-12-31", "customers", "offtaker", "1500.00", "token_revenue", interval=("2028-01-01", "2029-01-01")),
    ]
    opening = Opening(
        date=START,
        cash={"offtaker": D("400.00"), "provider": D("1000.00")},
        claims=(Claim(account="investment", holder="provider", owed_by="offtaker", amount=D("80.00")),),
    )
    return books(flows, opening=opening, policies=Policies(tax={"provider": TaxTerms(rate_frac=0.2)}))


def test_infrastructure_is_unlevered_and_after_tax(kept):
    got = infrastructure(kept, rate_frac_per_y=0.10)
    # Operating profit 565 − 100 − 365 = 100 and 465 − 365 = 100: tax 20 each, with no interest in it.
    assert got.tax_usd == (20.0, 20.0)
    # Cash −730, then 465 − 20 after 364 days, then 465 − 20 after 730 days.
    wanted = -730 + 445 * 1.1 ** (-364 / 365) + 445 * 1.1 ** (-730 / 365)
    assert got.npv_usd == got.npv_without_terminal_usd == pytest.approx(wanted)
    assert got.npv_before_tax_usd == pytest.approx(-730 + 465 * 1.1 ** (-364 / 365) + 465 * 1.1**-2)
    rate = got.irr.value
    assert -730 + 445 * (1 + rate) ** (-364 / 365) + 445 * (1 + rate) ** -2 == pytest.approx(0, abs=1e-9)
    assert got.payback.value == date(2028, 12, 31)


def test_a_terminal_value_is_added_as_it_is(kept):
    end = Lump(name="chips", date=date(2028, 12, 31), amount=D("50.00"))
    with_end, without = (infrastructure(kept, rate_frac_per_y=0.10, terminal=t) for t in ([end], []))
    assert with_end.npv_usd - without.npv_usd == pytest.approx(50 * 1.1**-2)
    assert with_end.npv_without_terminal_usd == without.npv_usd
    assert with_end.payback == without.payback


def test_a_stake_stays_at_entry_price_and_has_no_return_without_an_exit(kept):
    got = stake(kept, rate_frac_per_y=0.10)
    assert (got.invested_usd, got.opening_usd, got.value_usd) == (D("200.00"), D("80.00"), D("280.00"))
    assert got.basis == "entry price"
    assert got.npv_usd.value is got.irr.value is None
    assert "exit assumption" in got.irr.reason


def test_a_stake_with_an_exit(kept):
    leave = Lump(name="exit", date=date(2028, 5, 31), amount=D("230.00"))
    got = stake(kept, rate_frac_per_y=0.10, exit_value=leave)
    assert (got.value_usd, got.basis) == (D("230.00"), "exit assumption")
    assert got.irr.value == pytest.approx(0.15)  # 365 days after 1 June 2027
    assert got.npv_usd.value == pytest.approx(-200 * 1.1 ** (-151 / 365) + 230 * 1.1 ** (-516 / 365))


def test_the_offtaker_before_financing(kept):
    got = offtaker_returns(kept, rate_frac_per_y=0.10)
    assert got.npv_usd == pytest.approx(-565 * 1.1 ** (-364 / 365) + 1035 * 1.1**-2)
    assert got.funding.peak_need_usd == 565.0
    assert got.funding.peak_need_after_opening_cash_usd == 165.0
    assert got.funding.gap_usd == (565.0, 0.0)
    assert got.funding.breakeven.value == date(2028, 12, 31)


def test_debt_cover_by_hand(kept):
    got = debt_cover(kept, "provider")
    # 2027: (565 − 100) ÷ 30; 2028: 465 ÷ 300.
    assert [f.value for f in got.by_period] == [pytest.approx(15.5), pytest.approx(1.55)]
    assert got.lowest.value == pytest.approx(1.55)
    assert got.average.value == pytest.approx(930 / 330)


def test_debt_cover_without_debt_is_none_with_a_reason(kept):
    got = debt_cover(kept, "offtaker")
    assert got.lowest.value is None
    assert got.lowest.reason == "offtaker has no debt service"
    assert got.by_period[0].reason == "nothing is due on debt in 2027"


def test_a_revolver_is_repaid_at_will_and_a_term_loan_beside_it_is_not(flow):
    year = ("2027-01-01", "2028-01-01")
    flows = [
        flow("2027-12-31", "offtaker", "provider", "600.00", "rent", interval=year),
        flow("2027-12-31", "provider", "lender", "200.00", "loan_repay"),
        replace(flow("2027-12-31", "provider", "lender", "500.00", "loan_repay"), cause="parties.provider.facility"),
        flow("2027-12-31", "provider", "lender", "40.00", "interest", interval=year),
    ]
    opening = Opening(
        date=START,
        cash={"provider": D("1000.00")},
        claims=(Claim(account="loans_given", holder="lender", owed_by="provider", amount=D("700.00")),),
    )
    got = debt_cover(books(flows, opening=opening), "provider", at_will={"parties.provider.facility"})
    assert got.average.value == pytest.approx(600 / 240)  # not 600 / 40: the term loan falls due
    assert debt_cover(books(flows, opening=opening), "provider").average.value == pytest.approx(600 / 740)
