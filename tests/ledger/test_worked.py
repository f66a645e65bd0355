"""Two years of a small alliance, worked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from offtake.ledger.books import Policies, books
from offtake.ledger.opening import Claim, Opening, OpeningAsset
from offtake.ledger.tax import TaxTerms

D = Decimal


@pytest.fixture
def kept(flow):
    # Opening: the site has 150.00 left over 1,500 days = 0.10 a day.
    opening = Opening(
        date=date(2027, 1, 1),
        cash={"offtaker": D("100.00"), "provider": D("1100.00")},
        assets={
            "provider": (
                OpeningAsset(
                    kind="sites",
                    name="site",
                    cost=D("200.00"),
                    accumulated=D("50.00"),
                    in_service=date(2025, 1, 1),
                    remaining_days=1500,
                ),
            )
        },
        claims=(
            Claim(account="loans_given", holder="lender", owed_by="provider", amount=D("120.00")),
            Claim(account="investment", holder="provider", owed_by="offtaker", amount=D("40.00")),
        ),
    )
    flows = [
        # 730 days of life from 1 July 2027: 1.00 a day, 184 days in 2027, 366 in 2028.
        flow("2027-01-31", "provider", "chip_vendor", "730.00", "capex_chips", asset=("2027-07-01", 730)),
        flow("2027-03-01", "provider", "offtaker", "300.00", "equity"),
        # 366 days of service at 1.00: 184.00 in 2027, 182.00 in 2028, paid at the end of July 2028.
        flow("2028-07-31", "offtaker", "provider", "366.00", "rent", interval=("2027-07-01", "2028-07-01")),
        flow("2027-07-02", "customers", "offtaker", "500.00", "token_revenue", interval=("2027-01-01", "2028-01-01")),
        flow("2027-12-31", "provider", "lender", "12.00", "interest", interval=("2027-01-01", "2028-01-01")),
        # Paid ahead of the whole of 2028.
        flow("2027-12-15", "offtaker", "provider", "36.60", "take_or_pay", interval=("2028-01-01", "2029-01-01")),
        flow("2028-12-31", "provider", "lender", "120.00", "loan_repay"),
    ]
    tax = {"offtaker": TaxTerms(rate_frac=0.21, losses_forward=D("100.00")), "provider": TaxTerms(rate_frac=0.21)}
    return books(flows, opening=opening, policies=Policies(tax=tax))


def lines(kept, party, kind):
    return {d.name: [c / 100 for c in d.cents.tolist()] for d in kept.lines(party, kind)}


def test_the_years_are_calendar_years(kept):
    assert kept.periods.labels == ("2027", "2028")


def test_profit_and_loss_of_the_provider(kept):
    got = lines(kept, "provider", "profit_and_loss")
    assert got["income.rent"] == [184.00, 182.00]
    assert got["income.take_or_pay"] == [0.0, 36.60]
    assert got["expense.depreciation_sites"] == [-36.50, -36.60]  # 365 and 366 days at 0.10
    assert got["expense.depreciation_chips"] == [-184.00, -366.00]
    assert got["operating_profit"] == [-36.50, -184.00]
    assert got["expense.interest"] == [-12.00, 0.0]
    assert got["profit_before_tax"] == [-48.50, -184.00]


def test_balance_sheet_of_the_provider(kept):
    got = lines(kept, "provider", "balance_sheet")
    assert got["cash"] == [1100.00, 94.60, 340.60]
    assert got["receivable"] == [0.0, 184.00, 0.0]
    assert got["investment"] == [40.00, 340.00, 340.00]
    assert got["sites_depreciation"] == [-50.00, -86.50, -123.10]
    assert got["chips_depreciation"] == [0.0, -184.00, -550.00]
    assert got["contract_liability"] == [0.0, 36.60, 0.0]
    assert got["debt"] == [120.00, 120.00, 0.0]
    assert got["opening_equity"] == [1170.00] * 3  # 1,100 + 150 + 40 − 120
    assert got["assets"] == got["liabilities_and_equity"] == [1290.00, 1278.10, 937.50]


def test_balance_sheet_of_the_offtaker(kept):
    got = lines(kept, "offtaker", "balance_sheet")
    assert got["cash"] == [100.00, 863.40, 497.40]
    assert got["prepaid"] == [0.0, 36.60, 0.0]
    assert got["payable"] == [0.0, 184.00, 0.0]
    assert got["paid_in_capital"] == [40.00, 340.00, 340.00]
    assert got["retained_profit"] == [0.0, 316.00, 97.40]
    assert got["assets"] == got["liabilities_and_equity"] == [100.00, 900.00, 497.40]


def test_cash_flow_of_the_provider(kept):
    got = lines(kept, "provider", "cash_flow")
    assert got["cash_from_operating"] == [36.60, 366.00]
    assert got["cash_from_investing"] == [-730.00, 0.0]
    assert got["cash_before_financing"] == [-693.40, 366.00]
    assert got["cash_from_financing"] == [-312.00, -120.00]
    assert got["opening_cash"] == [1100.00, 94.60]
    assert got["closing_cash"] == [94.60, 340.60]


def test_a_vendor_sells_in_operations(kept):
    got = lines(kept, "chip_vendor", "cash_flow")
    assert got["received.capex_chips"] == [730.00, 0.0]
    assert got["cash_from_operating"] == [730.00, 0.0]


def test_the_lender_mirrors_the_debt(kept):
    got = lines(kept, "lender", "balance_sheet")
    assert got["loans_given"] == [120.00, 120.00, 0.0]
    assert got["cash"] == [0.0, 12.00, 132.00]


def test_the_combination_eliminates_what_is_between_them(kept):
    sheet = kept.combined("balance_sheet").rows()
    got = {row["line"]: row["2027_usd"] for row in sheet}
    assert got["cash"] == 958.00
    assert not {"receivable", "payable", "prepaid", "contract_liability", "investment", "paid_in_capital"} & set(got)
    assert got["assets"] == got["liabilities_and_equity"] == 1617.50
    assert got["equity"] == 1497.50
    profit = {row["line"]: row["2027_usd"] for row in kept.combined("profit_and_loss").rows()}
    assert "income.rent" not in profit
    assert profit["profit_before_tax"] == 316.00 - 48.50
    cash = {row["line"]: row for row in kept.combined("cash_flow").rows()}
    assert "paid.rent" not in cash
    assert "received.equity" not in cash
    assert cash["closing_cash"]["2028_usd"] == 340.60 + 497.40


def test_the_worksheet_adds_across(kept):
    table = kept.worksheet()
    parts = table["offtaker_usd"] + table["provider_usd"] + table["eliminations_usd"]
    assert parts.tolist() == pytest.approx(table["combined_usd"].tolist(), abs=1e-9)
    investment = table.where(line="investment").rows()[0]
    assert investment["eliminations_usd"] == -340.00


def test_tax_is_a_view_with_losses_carried_forward(kept):
    offtaker = lines(kept, "offtaker", "tax")
    assert offtaker["tax"] == [-45.36, 0.0]  # 21 % of 316 − 100
    assert offtaker["losses_after"] == [0.0, 218.60]
    provider = lines(kept, "provider", "tax")
    # Chips of 730.00 are 5-year property: 20 % and 32 %, against 184.00 and 366.00 in the books.
    assert provider["tax_depreciation"] == [-146.00, -233.60]
    assert provider["book_depreciation"] == [184.00, 366.00]
    assert provider["losses_after"] == [10.50, 62.10]  # 48.50 − 38.00, then 184.00 − 132.40
    assert provider["deferred_depreciation"] == [7.98, 35.78]  # an asset: 21 % of 38.00, then of 170.40
    assert "deferred_losses" not in provider  # no later period uses them
    assert provider["deferred_tax"] == [7.98, 27.80]
    assert provider["profit_after_tax"] == [-40.52, -156.20]  # −48.50 + 7.98, −184.00 + 27.80
    assert kept.balance("offtaker", "cash", date(2028, 12, 31)) == D("497.40")  # no tax was paid


def test_a_balance_can_be_read_on_any_day(kept):
    assert kept.balance("provider", "chips_under_construction", date(2027, 6, 30)) == D("730.00")
    assert kept.balance("provider", "chips_under_construction", date(2027, 7, 1)) == 0
    assert kept.balance("offtaker", "prepaid", date(2027, 12, 14)) == 0
    assert kept.balance("offtaker", "prepaid", date(2027, 12, 15)) == D("36.60")
    assert kept.balance("provider", "receivable", date(2028, 7, 30)) == D("366.00")
    assert kept.balance("provider", "receivable", date(2028, 7, 31)) == 0


def test_the_long_table_holds_every_statement(kept):
    table = kept.table()
    row = table.where(party="provider", statement="balance_sheet", line="cash", period="2027").rows()[0]
    assert (row["amount_usd"], row["period_end"]) == (94.60, date(2028, 1, 1))


def test_a_prepayment_drawn_down_by_credits_ends_at_nothing(flow):
    flows = [
        flow("2027-01-01", "offtaker", "provider", "200.00", "prepayment"),
        flow("2027-07-01", "offtaker", "provider", "150.00", "rent"),
        flow("2027-07-01", "provider", "offtaker", "150.00", "credit"),
        flow("2027-12-31", "provider", "offtaker", "50.00", "credit"),
    ]
    kept = books(flows, opening=Opening(date=date(2027, 1, 1), cash={"offtaker": D("400.00")}))
    assert kept.balance("provider", "contract_liability", date(2027, 6, 30)) == D("-200.00")
    assert kept.balance("offtaker", "prepaid", date(2027, 7, 1)) == D("50.00")
    assert kept.balance("provider", "contract_liability", date(2027, 12, 31)) == 0
