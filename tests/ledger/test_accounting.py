"""Each accounting rule on a case worked by hand; dates are chosen so that years have 365 days unless said."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.dates import Grid, Intervals
from offtake.deal.flows import Account, Firmness, Flow, Layer, Use
from offtake.errors import OfftakeError
from offtake.ledger.books import Policies, books
from offtake.ledger.circularity import circularity
from offtake.ledger.earned import revenue_identity
from offtake.ledger.opening import Opening
from offtake.ledger.policies import ComputeUse, Resale
from offtake.ledger.profit import check_complete
from offtake.ledger.stakes import Holding, Lot

D = Decimal
START = date(2025, 1, 1)
YEARS = Grid.of(START, quarters=0, half_years=0, years=3)  # 2025, 2026 and 2027: 365 days each
LEAN = Policies(reporting=YEARS, financing_component=False)


def lines(kept, party, kind):
    return {d.name: [c / 100 for c in d.cents.tolist()] for d in kept.lines(party, kind)}


def keep(rows, policies=LEAN, **more):
    return books(rows, opening=Opening(date=START, cash={"offtaker": D(10_000)}), policies=policies, **more)


def test_every_account_has_its_place_in_the_profit_and_loss():
    assert check_complete() == ()


# ------------------------------------------------------------------ receivables, contract assets and liabilities


def test_a_true_up_is_a_contract_asset_until_its_year_has_ended_short(flow):
    # 365.00 for the contract year from 2025-07-02 (183 days in 2025, 182 in 2026), invoiced for 2026-07-31.
    row = flow("2026-07-31", "offtaker", "provider", "365.00", "true_up", interval=("2025-07-02", "2026-07-02"))
    kept = keep([row])
    assert kept.balance("provider", "contract_asset", date(2025, 12, 31)) == D("183.00")
    assert kept.balance("offtaker", "accrued_cost", date(2025, 12, 31)) == D("-183.00")
    assert kept.balance("provider", "receivable", date(2025, 12, 31)) == 0
    # On the last day of the interval all of it is owed, with time alone.
    assert kept.balance("provider", "contract_asset", date(2026, 7, 1)) == 0
    assert kept.balance("provider", "receivable", date(2026, 7, 1)) == D("365.00")
    assert kept.balance("provider", "receivable", date(2026, 7, 31)) == 0
    got = {d.name: (d.cents / 100).tolist() for d in revenue_identity(kept, "provider")}
    assert got["billed"] == [0.0, 365.0, 0.0]
    assert got["earned_first"] == [183.0, -183.0, 0.0]
    assert got["revenue"] == [183.0, 182.0, 0.0]


def test_a_shortfall_may_wait_in_the_payers_books_until_it_is_owed(flow):
    row = flow("2026-07-31", "offtaker", "provider", "365.00", "true_up", interval=("2025-07-02", "2026-07-02"))
    kept = keep([row], dataclasses.replace(LEAN, shortfall_cost="when_owed"))
    profit = lines(kept, "offtaker", "profit_and_loss")
    assert profit["profit_before_tax"] == [0.0, -365.0, 0.0]
    told = kept.reconciliation()
    assert (told.by_cause()["contract assets"] / 100).tolist() == [0.0, 183.0, 0.0, 0.0]
    assert (told.difference / 100).tolist() == [0.0, 183.0, 0.0, 0.0]


def test_fixed_fees_of_a_tranche_may_be_levelled(flow):
    # A ramp: 100.00, 200.00, 300.00 for three equal years. Levelled: 200.00 a year.
    rows = [
        dataclasses.replace(
            flow(f"{y}-12-31", "offtaker", "provider", f"{k}00.00", "rent", interval=(f"{y}-01-01", f"{y + 1}-01-01")),
            tranche="a",
        )
        for k, y in enumerate((2025, 2026, 2027), start=1)
    ]
    kept = keep(rows, dataclasses.replace(LEAN, level_fees=True))
    profit, sheet = (lines(kept, "provider", k) for k in ("profit_and_loss", "balance_sheet"))
    assert profit["revenue"] == [200.0, 200.0, 200.0]
    assert sheet["levelled_asset"] == [0.0, 100.0, 100.0, 0.0]
    falling = [dataclasses.replace(r, amount=D(4 - k) * 100) for k, r in enumerate(rows, start=1)]
    sheet = lines(keep(falling, dataclasses.replace(LEAN, level_fees=True)), "provider", "balance_sheet")
    assert sheet["levelled_liability"] == [0.0, 100.0, 100.0, 0.0]
    assert lines(keep(rows), "provider", "profit_and_loss")["revenue"] == [100.0, 200.0, 300.0]


dates = st.integers(0, 1000).map(lambda n: START + timedelta(days=n))


@st.composite
def sales(draw):
    account = draw(
        st.sampled_from(
            ("rent", "take_or_pay", "true_up", "prepayment", "credit", "delay_credit", "reservation", "breakage")
        )
    )
    ends = ("provider", "offtaker") if account in ("credit", "delay_credit") else ("offtaker", "provider")
    begin = draw(dates)
    return Flow(
        date=draw(dates),
        payer=ends[0],
        payee=ends[1],
        amount=D(draw(st.integers(1, 10**9))).scaleb(-2),
        currency="USD",
        account=Account(account),
        layer=Layer.CLOUD,
        firmness=Firmness.FIRM,
        cause="random",
        interval=(begin, begin + timedelta(days=draw(st.integers(1, 900)))),
        tranche="a",
        use=draw(st.sampled_from((Use.SERVICE, Use.SERVICE, Use.OPERATING_LEASE))),
    )


@given(st.lists(sales(), min_size=1, max_size=8), st.booleans(), st.booleans())
def test_revenue_is_billed_less_paid_ahead_plus_earned_first(rows, levelled, interest):
    policies = Policies(level_fees=levelled, financing_component=interest, prepayment_rate_frac_per_y=0.07)
    kept = books(rows, opening=Opening(date=START), policies=policies)
    got = {d.name: d.cents for d in revenue_identity(kept, "provider")}
    assert np.array_equal(got["of_contracts"] + got["equity_given"] + got["for_others"], got["revenue"])
    sheet = {d.name: d.cents for d in kept.lines("provider", "balance_sheet")}
    none = 0 * got["billed"]
    owed = sum((np.diff(sheet[n]) for n in AHEAD if n in sheet), none)
    assert np.array_equal(got["paid_ahead"], -owed)
    asset = sum((np.diff(sheet[n]) for n in ("contract_asset", "levelled_asset", "accrued_rent") if n in sheet), none)
    assert np.array_equal(got["earned_first"], asset)
    assert got["billed"].sum() == sum(billed(r) for r in rows)


AHEAD = ("contract_liability", "contract_liability_interest", "levelled_liability")


def billed(row):
    """All that is ever billed, apart from the books."""
    return int(row.amount * 100) * (-1 if row.payer == "provider" else 1)


# ------------------------------------------------------------------ interest on prepayments


def test_a_prepayment_of_two_years_bears_interest_in_both_books(flow):
    # 1,000.00 for 730 days at 6 %: 60.00 in the first year, 63.60 in the second; the service counts 1,123.60.
    rows = [
        flow("2025-01-01", "offtaker", "provider", "1000.00", "prepayment"),
        flow("2027-01-01", "offtaker", "provider", "1000.00", "rent"),
        flow("2027-01-01", "provider", "offtaker", "1000.00", "credit"),
    ]
    with_interest = dataclasses.replace(LEAN, financing_component=True, prepayment_rate_frac_per_y=0.06)
    kept = keep(rows, with_interest)
    provider, offtaker = (lines(kept, p, "profit_and_loss") for p in ("provider", "offtaker"))
    assert provider["expense.prepaid_interest"] == [-60.0, -63.6, 0.0]
    assert provider["income.time_value"] == [0.0, 0.0, 123.6]
    assert provider["revenue"] == [0.0, 0.0, 1123.6]
    assert offtaker["income.prepaid_interest"] == [60.0, 63.6, 0.0]
    assert offtaker["cost_of_revenue"] == [0.0, 0.0, -1123.6]
    sheet = lines(kept, "provider", "balance_sheet")
    assert sheet["contract_liability_interest"] == [0.0, 60.0, 123.6, 0.0]
    assert "income.time_value" not in lines(keep(rows), "provider", "profit_and_loss")


def test_a_prepayment_used_within_a_year_bears_nothing(flow):
    rows = [
        flow("2025-01-01", "offtaker", "provider", "1000.00", "prepayment"),
        flow("2026-01-01", "provider", "offtaker", "1000.00", "credit"),  # 365 days
    ]
    kept = keep(rows, Policies(reporting=YEARS))
    assert "expense.prepaid_interest" not in lines(kept, "provider", "profit_and_loss")
    late = [rows[0], dataclasses.replace(rows[1], date=date(2026, 1, 2))]  # 366 days
    assert "expense.prepaid_interest" in lines(keep(late, Policies(reporting=YEARS)), "provider", "profit_and_loss")


def test_credits_use_prepayments_up_first_in_first_out(flow):
    rows = [
        flow("2025-01-01", "offtaker", "provider", "100.00", "prepayment"),
        flow("2026-01-01", "offtaker", "provider", "100.00", "prepayment"),
        flow("2027-01-01", "provider", "offtaker", "150.00", "credit"),
    ]
    kept = keep(rows, dataclasses.replace(LEAN, financing_component=True, prepayment_rate_frac_per_y=0.10))
    got = lines(kept, "provider", "profit_and_loss")
    # 100.00 grow to 121.00; 50.00 of the second lot are used on day 365 and bear nothing; the last 50.00 grow to the end: 10.50.
    assert got["income.time_value"] == [0.0, 0.0, 21.0]
    assert got["expense.prepaid_interest"] == [-10.0, -16.0, -5.5]


def test_three_years_of_service_paid_on_the_first_day(flow):
    row = flow("2025-01-01", "offtaker", "provider", "3285.00", "rent", interval=("2025-01-01", "2028-01-01"))
    kept = keep([row], dataclasses.replace(LEAN, financing_component=True, prepayment_rate_frac_per_y=0.06))
    got = lines(kept, "provider", "profit_and_loss")
    # 3.00 a day; only days after the first year bear interest, from payment to the day: sum in fractions of a day's growth.
    daily = 1.06 ** (1 / 365)
    counted = [sum(3.0 * (daily**s - 1) for s in range(366, 730)), sum(3.0 * (daily**s - 1) for s in range(730, 1095))]
    assert got["income.time_value"] == pytest.approx([0.0, *counted], abs=0.011)
    assert sum(got["income.time_value"]) == pytest.approx(-sum(got["expense.prepaid_interest"]), abs=1e-9)


# ------------------------------------------------------------------ equity


def in_kind(flow, day, value, until=None):
    span = (day, until) if until else None
    given = flow(day, "provider", "offtaker", value, "customer_equity", interval=span)
    shares = flow(day, "offtaker", "provider", value, "equity")
    return [dataclasses.replace(f, in_kind=True) for f in (given, shares)]


def test_equity_given_to_a_customer_reduces_revenue_as_service_is_delivered(flow):
    # Service of 100.00, 200.00 and 300.00 follows a grant of 60.00: 10.00, 20.00 and 30.00.
    rents = [
        flow(f"{y}-12-31", "offtaker", "provider", f"{k}00.00", "rent", interval=(f"{y}-01-01", f"{y + 1}-01-01"))
        for k, y in enumerate((2025, 2026, 2027), start=1)
    ]
    early = Opening(date=date(2024, 12, 31), cash={"offtaker": D(1000)})
    edges = Grid((date(2024, 12, 31), *YEARS.starts), (YEARS.start, *YEARS.ends))
    kept = books([*rents, *in_kind(flow, "2024-12-31", "60.00")], opening=early, policies=Policies(reporting=edges))
    got = lines(kept, "provider", "profit_and_loss")
    assert got["income.equity_to_customers"] == [0.0, -10.0, -20.0, -30.0]
    assert got["revenue"] == [0.0, 90.0, 180.0, 270.0]
    assert lines(kept, "offtaker", "profit_and_loss")["expense.equity_from_suppliers"] == [0.0, 10.0, 20.0, 30.0]
    sheet = lines(kept, "provider", "balance_sheet")
    assert sheet["deferred_customer_equity"] == [0.0, 60.0, 50.0, 30.0, 0.0]
    assert sheet["paid_in_capital"] == [0.0] + [60.0] * 4
    # No cash moves; the statement says so below its last line.
    assert kept.balance("provider", "cash", date(2024, 12, 31)) == 0
    cash = lines(kept, "provider", "cash_flow")
    assert "received.equity" not in cash
    assert cash["in_kind.given.customer_equity"] == [-60.0, 0.0, 0.0, 0.0]
    assert cash["in_kind.received.equity"] == [60.0, 0.0, 0.0, 0.0]
    assert kept.flows.cash("provider").cents.sum() == 60_000
    assert circularity(kept).at_end("firm")[0] in (None, 0.0)  # shares are no money put in
    told = kept.reconciliation()
    assert (told.by_cause()["deferred customer equity"] == 0).all()
    assert {d.account for d in told.lines} == {"deferred_customer_equity", "deferred_supplier_equity"}


def test_a_grant_is_spread_over_its_own_interval_where_it_states_one(flow):
    rows = [
        flow("2025-12-31", "offtaker", "provider", "365.00", "rent", interval=("2025-01-01", "2026-01-01")),
        flow("2026-12-31", "offtaker", "provider", "730.00", "rent", interval=("2026-01-01", "2027-01-01")),
        *in_kind(flow, "2025-12-31", "60.00", until="2026-07-01"),
    ]
    kept = keep(rows, dataclasses.replace(LEAN, reporting=Grid.of(START, quarters=12, half_years=0, years=0)))
    got = lines(kept, "provider", "profit_and_loss")["income.equity_to_customers"]
    assert got[:7] == [0.0, 0.0, 0.0, 0.0, -29.83, -30.17, 0.0]  # 90 and 91 of 181 days of service


def test_a_grant_that_no_service_follows_reduces_revenue_at_once(flow):
    kept = keep(in_kind(flow, "2025-06-01", "60.00"))
    assert lines(kept, "provider", "profit_and_loss")["revenue"] == [-60.0, 0.0, 0.0]


def test_values_in_kind_that_do_not_cancel_are_refused(flow):
    given, shares = in_kind(flow, "2025-06-01", "60.00")
    with pytest.raises(
        OfftakeError, match=r"between offtaker and provider do not cancel on 2025-06-01: 60.00 is given"
    ):
        keep([given])
    with pytest.raises(OfftakeError, match=r"do not cancel on 2025-06-01"):
        keep([given, dataclasses.replace(shares, date=date(2025, 6, 2))])


def stake(*, held_as="fair_value", **facts):
    own = (Lot(date=date(2025, 1, 1), amount=D(100)),)
    facts = {"held_as": held_as, **facts}
    return Holding(holder="provider", issuer="offtaker", cause="alliance.equity", lots=own, facts=facts)


def test_what_is_paid_above_fair_value_to_a_customer_reduces_revenue(flow):
    # 100.00 for shares worth 80.00: 20.00 are a discount on 365.00 and 365.00 of service; the mark starts from 80.00.
    rows = [
        flow("2025-01-01", "provider", "offtaker", "100.00", "equity"),
        flow("2027-01-01", "offtaker", "provider", "730.00", "rent", interval=("2025-01-02", "2027-01-02")),
    ]
    held = stake(values={date(2025, 1, 1): 0.8, date(2025, 12, 31): 0.9})
    kept = keep(rows, marks=[held])
    sheet, profit = (lines(kept, "provider", k) for k in ("balance_sheet", "profit_and_loss"))
    assert sheet["investment"] == [0.0, 80.0, 80.0, 80.0]
    assert sheet["stake_marks"] == [0.0, 10.0, 10.0, 10.0]
    assert profit["income.equity_to_customers"] == [-9.97, -10.0, -0.03]  # 364, 365 and 1 of 730 days
    assert lines(kept, "offtaker", "balance_sheet")["paid_in_capital"] == [0.0, 80.0, 80.0, 80.0]
    assert (kept.reconciliation().difference / 100).tolist() == [0.0, 10.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("held_as", "marks"),
    [("fair_value", [10.0, 11.0, 12.1]), ("cost", [0.0, 0.0, 0.0]), ("equity_method", [30.0, 0.0, -60.0])],
)
def test_each_stake_is_held_as_it_says(flow, held_as, marks):
    # 100.00 at 10 % a year; or 30 % of profits of 100.00, 0.00 and −200.00.
    rows = [
        flow("2025-01-01", "provider", "offtaker", "100.00", "equity"),
        flow("2025-07-01", "customers", "offtaker", "100.00", "token_revenue"),
        flow("2027-07-01", "offtaker", "world", "200.00", "other_cost"),
    ]
    kept = keep(rows, marks=[stake(held_as=held_as, growth_frac_per_y=0.10, share_frac=0.3)])
    got = lines(kept, "provider", "profit_and_loss")
    # By the day of the period's end, a day short of the anniversary.
    assert got["profit_before_tax"] == pytest.approx(marks, abs=0.05)
    assert got["operating_profit"] == [0.0, 0.0, 0.0]
    assert lines(kept, "provider", "cash_flow")["closing_cash"] == [-100.0] * 3  # marks are never cash


def test_the_equity_method_stops_at_nothing(flow):
    rows = [
        flow("2025-01-01", "provider", "offtaker", "100.00", "equity"),
        flow("2026-07-01", "offtaker", "world", "900.00", "other_cost"),
        flow("2027-07-01", "customers", "offtaker", "100.00", "token_revenue"),
    ]
    kept = keep(rows, marks=[stake(held_as="equity_method", share_frac=0.3)])
    assert lines(kept, "provider", "profit_and_loss")["profit_before_tax"] == [0.0, -100.0, 30.0]


def test_a_way_of_holding_that_is_unknown_is_refused():
    with pytest.raises(
        OfftakeError, match=r"alliance\.equity: a stake is held at fair_value, equity_method or cost, not 'hope'"
    ):
        stake(held_as="hope")
    with pytest.raises(OfftakeError, match="needs the share of the issuer's profit"):
        stake(held_as="equity_method")


# ------------------------------------------------------------------ leases


def lease(flow, use, amounts=("1000.00", "1000.00", "1000.00"), firmness="firm"):
    rows = []
    for y, amount in zip((2025, 2026, 2027), amounts, strict=True):
        span = (f"{y}-01-01", f"{y + 1}-01-01")
        row = flow(f"{y}-12-31", "offtaker", "provider", amount, "rent", interval=span, firmness=firmness)
        rows.append(dataclasses.replace(row, tranche="hall", use=use))
    return rows


IBR = dataclasses.replace(LEAN, lease_rate_frac_per_y=0.10)


def test_a_finance_lease_is_amortised_and_bears_interest(flow):
    kept = keep(lease(flow, Use.FINANCE_LEASE), IBR)
    # 1,000.00 after 364, 729 and 1,094 days at 10 %.
    first = round(sum(100_000 * 1.1 ** (-d / 365) for d in (364, 729, 1094)))
    sheet, profit = (lines(kept, "offtaker", k) for k in ("balance_sheet", "profit_and_loss"))
    assert first == 248_750  # 909.33 + 826.66 + 751.51
    assert kept.balance("offtaker", "finance_lease_right", date(2025, 1, 1)) == D(first).scaleb(-2)
    assert sheet["finance_lease_liability"] == [0.0, 1735.54, 909.09, 0.0]  # 1,000/1.1 + 1,000/1.21, then 1,000/1.1
    assert profit["expense.lease_interest"] == [-248.04, -173.55, -90.91]
    assert profit["expense.lease_amortisation"] == [-829.17, -829.16, -829.17]
    assert sum(profit["profit_before_tax"]) == pytest.approx(-3000.0)
    lessor = lines(kept, "provider", "profit_and_loss")
    assert lessor["income.lease_interest"] == [248.04, 173.55, 90.91]
    assert lessor["expense.depreciation_leased_out"] == [829.17, 829.16, 829.17]
    assert "income.rent" not in lessor
    cash = lines(kept, "offtaker", "cash_flow")
    assert cash["paid.lease_interest"] == [-248.04, -173.55, -90.91]
    assert cash["paid.lease_principal"] == [-751.96, -826.45, -909.09]
    assert cash["cash_from_operating"] == cash["paid.lease_interest"]
    told = kept.reconciliation()
    assert not told.difference.any()
    assert {d.account for d in told.lines if d.cause == "finance leases"} == {
        *("net_investment", "leased_out", "finance_lease_right", "finance_lease_liability")
    }


def test_an_operating_lease_costs_and_earns_evenly(flow):
    kept = keep(lease(flow, Use.OPERATING_LEASE, ("500.00", "1000.00", "1500.00")), IBR)
    profit, sheet = (lines(kept, "offtaker", k) for k in ("profit_and_loss", "balance_sheet"))
    assert profit["expense.lease"] == [-1000.0, -1000.0, -1000.0]
    assert sheet["operating_lease_liability"][1:] == [2148.76, 1363.64, 0.0]  # 1,000/1.1 + 1,500/1.21, then 1,500/1.1
    # The right of use is the liability less the rent accrued: 500.00 after the first year and after the second.
    assert sheet["operating_lease_right"][1:] == [1648.76, 863.64, 0.0]
    assert lines(kept, "provider", "balance_sheet")["accrued_rent"] == [0.0, 500.0, 500.0, 0.0]
    assert lines(kept, "provider", "profit_and_loss")["income.lease"] == [1000.0, 1000.0, 1000.0]
    assert not kept.reconciliation().difference.any()
    combined = {r["line"] for r in kept.combined("balance_sheet").rows()}
    assert not combined & {"accrued_rent", "operating_lease_right", "operating_lease_liability"}


def test_payments_of_a_lease_that_are_not_firm_are_cost_of_their_period(flow):
    kept = keep(lease(flow, Use.FINANCE_LEASE, firmness="contingent"), IBR)
    assert lines(kept, "offtaker", "profit_and_loss")["expense.rent"] == [-1000.0] * 3
    assert "finance_lease_liability" not in lines(kept, "offtaker", "balance_sheet")


# ------------------------------------------------------------------ presentation


def test_inference_is_cost_of_revenue_and_the_rest_research_and_development(flow):
    row = flow("2025-12-31", "offtaker", "provider", "100.01", "rent", interval=("2025-01-01", "2026-01-01"))
    use = ComputeUse(on=Intervals.years(START, date(2028, 1, 1)), chip_h=((1.0, 0, 0), (1.0, 0, 0), (1.0, 0, 0)))
    kept = keep([row], dataclasses.replace(LEAN, compute_use={"offtaker": use}))
    got = lines(kept, "offtaker", "profit_and_loss")
    assert got["compute.inference"][0] + got["compute.training"][0] + got["compute.research"][0] == pytest.approx(
        -100.01
    )
    assert got["compute.training"][0] == -33.34
    assert got["gross_profit"][0] == -33.33
    assert got["research_and_development"][0] == -66.68
    assert got["expense.rent"][0] == -100.01  # told below the statement


def test_a_reseller_that_is_principal_shows_sales_gross(flow):
    sale = dataclasses.replace(
        flow("2025-06-30", "customers", "offtaker", "100.00", "token_revenue"), cause="demand.x.price"
    )
    share = dataclasses.replace(
        flow("2025-06-30", "offtaker", "provider", "30.00", "revenue_share"), cause="deal.share"
    )
    kind = Resale(
        channel="cloud",
        maker="offtaker",
        reseller="provider",
        sales=frozenset({"demand.x.price"}),
        shares=frozenset({"deal.share"}),
    )
    for resold, revenue in (((), ([100.0, 30.0])), ((kind,), ([70.0, 100.0]))):
        kept = keep([sale, share], dataclasses.replace(LEAN, resold=resold))
        for party, wanted, profit in zip(("offtaker", "provider"), revenue, (70.0, 30.0), strict=True):
            got = lines(kept, party, "profit_and_loss")
            assert (got["revenue"][0], got["profit_before_tax"][0]) == (wanted, profit)
    with pytest.raises(OfftakeError, match=r"channel direct: deal.share pays the share of another channel"):
        keep([sale, share], dataclasses.replace(LEAN, resold=(kind, dataclasses.replace(kind, channel="direct"))))


def test_credits_for_late_delivery_reduce_revenue_and_cost(flow):
    kept = keep([flow("2025-06-30", "provider", "offtaker", "5.00", "delay_credit")])
    assert lines(kept, "provider", "profit_and_loss")["revenue"] == [-5.0, 0.0, 0.0]
    got = lines(kept, "offtaker", "profit_and_loss")
    assert (got["revenue"], got["cost_of_revenue"]) == ([0.0] * 3, [5.0, 0.0, 0.0])


def test_an_allowance_stands_in_one_of_the_books(flow):
    row = flow("2026-03-31", "offtaker", "provider", "365.00", "rent", interval=("2025-01-01", "2026-01-01"))
    kept = keep([row], dataclasses.replace(LEAN, credit_loss_frac=0.02))
    assert lines(kept, "provider", "balance_sheet")["allowance"] == [0.0, -7.3, 0.0, 0.0]
    assert lines(kept, "provider", "profit_and_loss")["expense.credit_loss"] == [-7.3, 7.3, 0.0]
    assert (kept.reconciliation().by_cause()["allowances"] / 100).tolist() == [0.0, -7.3, 0.0, 0.0]


def test_a_converted_note_becomes_a_stake_without_cash(flow):
    repaid = flow("2026-01-01", "offtaker", "provider", "50.00", "loan_repay")
    shares = flow("2026-01-01", "provider", "offtaker", "50.00", "equity")
    drawn = flow("2025-01-01", "provider", "offtaker", "50.00", "loan_draw")
    kept = keep([drawn, *(dataclasses.replace(f, in_kind=True) for f in (repaid, shares))])
    sheet = lines(kept, "offtaker", "balance_sheet")
    assert sheet["debt"] == [0.0, 50.0, 0.0, 0.0]
    assert sheet["paid_in_capital"] == [0.0, 0.0, 50.0, 50.0]
    assert sheet["cash"] == [10_000.0, 10_050.0, 10_050.0, 10_050.0]


def test_an_expired_prepayment_is_revenue_without_cash(flow):
    paid = flow("2025-01-01", "offtaker", "provider", "100.00", "prepayment")
    drawn = flow("2026-01-01", "provider", "offtaker", "100.00", "credit")
    broken = flow("2026-01-01", "offtaker", "provider", "100.00", "breakage")
    kept = keep([paid, *(dataclasses.replace(f, in_kind=True) for f in (drawn, broken))])
    assert lines(kept, "provider", "profit_and_loss")["revenue"] == [0.0, 100.0, 0.0]
    assert lines(kept, "provider", "balance_sheet")["contract_liability"] == [0.0, 100.0, 0.0, 0.0]
    assert lines(kept, "provider", "balance_sheet")["cash"] == [0.0, 100.0, 100.0, 100.0]


def test_the_rules_are_printed_with_their_standards(flow):
    rules = keep([], dataclasses.replace(LEAN, credit_loss_frac=0.02)).rules()
    assert "not an accounting opinion" in rules.note
    assert all(r["standard"] for r in rules.rows())
    assert rules.where(rule="Credit losses")["chosen"].tolist() == ["2.00%"]
    assert len(set(itertools.chain(rules["rule"].tolist()))) == len(rules)
