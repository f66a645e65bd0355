"""Clauses about money: published prepaid agreements, liabilities that end at zero, cover of debt, worth of stakes, refusals."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from offtake.dates import Grid, Intervals
from offtake.deal.contract import Contract, DealFacts, owed, summary
from offtake.deal.flows import Account, Firmness, Layer
from offtake.deal.quantities import Measure
from offtake.deal.settle import SettleAlgebra, flows_of
from offtake.deal.stakes import path_of, worth
from offtake.errors import OfftakeError
from offtake.registry import component

FOCUS = Path("deal", "focus")


def terms(kind, **fields):
    return component("clause", kind).model_validate({"kind": kind, "id": fields.pop("id", kind), **fields})


def contract(*clauses, start=date(2027, 1, 1), end=date(2029, 1, 1)):
    return Contract(id="c", start=start, end=end, clauses=clauses)


def settle(deal, measures=None, edges=None, rights=None, **facts):
    grid = Grid.from_edges(edges or [deal.start, deal.end])
    known = DealFacts(valuation_date=grid.start, horizon=grid.end, chips=("a",), it_w_per_chip={"a": 1e6}, **facts)
    found = {Measure(*name): (tuple(values),) for name, values in (measures or {}).items()}
    return owed(deal, SettleAlgebra(grid=grid, measures=found, rights=rights or {}), known).dues


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


# Money paid ahead --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("letter", "least"), [("b1", "0 USD"), ("b2", "60 USD")])
def test_published_prepaid_agreements(shared_data, letter, least):
    """FOCUS v1.2 spend agreements B1 and B2: usage as published in, charges as published out; billed = effective = 1,200."""
    folder = shared_data / FOCUS / "spec_v1.2_data" / "saas_examples" / "spend_agreements"
    published = rows(folder / f"saas_spend_agreements_{letter}.csv")
    bought = [r for r in published if r["ChargeCategory"] == "Purchase"]
    used = [r for r in published if r["ChargeDescription"] == "Monthly usage charge"]
    unused = [r for r in published if r["ChargeDescription"].endswith("unused fee")]
    deal = contract(
        terms("chip_price", id="usage", interval="month", due="0 days", prices={"server": "12 USD/chip-h"}),
        terms(
            "prepayment",
            interval="month",
            due="0 days",
            payments=[{"date": "2025-04-01", "amount": f"{bought[0]['BilledCost']} USD"}],
            counts={"usage": "100 %"},
            least_used=least,
        ),
        start=date(2025, 4, 1),
        end=date(2026, 4, 1),
    )
    edges = [date(2025, 4, 1), date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1), date(2026, 4, 1)]
    hours = (*(Decimal(r["ConsumedQuantity"]) for r in used), Decimal(0))
    flows = flows_of(settle(deal, {("offtake_chip_h", "server"): hours}, edges))

    def of(account, *, in_kind=False):
        return [f.amount for f in flows if f.account is account and f.in_kind == in_kind]

    assert of(Account.PREPAYMENT) == [Decimal(r["BilledCost"]) for r in bought]
    assert of(Account.CREDIT) == of(Account.RENT) == [Decimal(r["EffectiveCost"]) for r in used]
    lost = of(Account.BREAKAGE, in_kind=True)
    # The last month's 60 and what is left at the end are one published charge.
    assert [*lost[: len(unused) - 1], sum(lost[len(unused) - 1 :])] == [Decimal(r["EffectiveCost"]) for r in unused]
    cash = sum(f.amount if f.payer == "offtaker" else -f.amount for f in flows if not f.in_kind)
    effective = sum(of(Account.CREDIT)) + sum(lost)
    assert cash == effective == sum(Decimal(r["BilledCost"]) for r in published) == 1200
    assert effective == sum(Decimal(r["EffectiveCost"]) for r in published)


def test_published_draw_down_of_a_token_commitment(shared_data):
    """FOCUS example of AI billing: 500,000 bought; tokens at list price less the commitment's discount draw it down."""
    published = rows(shared_data / FOCUS / "ai_billing" / "drawdown_via_prepayment_ai_model_api.csv")
    bought, *used = published
    names = {"input": used[0], "output": used[1]}
    prices = {
        name: f"{Decimal(r['EffectiveCost']) / Decimal(r['PricingQuantity'])} USD/chip-h" for name, r in names.items()
    }
    assert [Decimal(r["EffectiveCost"]) / Decimal(r["ListCost"]) for r in used] == [Decimal("0.8")] * 2
    deal = contract(
        terms("chip_price", id="tokens", interval="month", due="0 days", prices=prices),
        terms(
            "prepayment",
            interval="month",
            due="0 days",
            payments=[{"date": "2025-05-01", "amount": f"{bought['BilledCost']} USD"}],
            counts={"tokens": "100 %"},
        ),
        start=date(2025, 5, 1),
        end=date(2026, 5, 1),
    )
    volumes = {("offtake_chip_h", n): (Decimal(r["PricingQuantity"]), 0) for n, r in names.items()}
    flows = flows_of(settle(deal, volumes, [date(2025, 5, 1), date(2025, 6, 1), date(2026, 5, 1)]))
    drawn = [f.amount for f in flows if f.account is Account.CREDIT and not f.in_kind]
    assert drawn == [sum(Decimal(r["CommitmentDiscountQuantity"]) for r in used)] == [Decimal(50)]
    assert [f.amount for f in flows if f.account is Account.RENT] == [Decimal(r["EffectiveCost"]) for r in used]
    june = sum(f.amount if f.payer == "offtaker" else -f.amount for f in flows if f.date == date(2025, 6, 1))
    assert june == sum(Decimal(r["BilledCost"]) for r in used) == 0
    assert sum(f.amount for f in flows if f.account is Account.BREAKAGE) == Decimal(500_000) - 50


def liability(flows):
    """Contract liability at the end: paid ahead less credited, in money and in kind."""
    ahead = sum(f.amount for f in flows if f.account is Account.PREPAYMENT)
    return ahead - sum(f.amount for f in flows if f.account is Account.CREDIT)


@pytest.mark.parametrize("unused", ["expires", "refunded"])
@pytest.mark.parametrize("taken", [0, 333.335, 700.004, 5000])
def test_a_prepayment_ends_at_zero_and_never_pays_more_than_the_bill(unused, taken):
    rent = terms("chip_price", id="rent", due="0 days", prices={"a": "1 USD/chip-h"})
    ahead = terms(
        "prepayment",
        due="0 days",
        payments=[
            {"date": "2027-01-01", "share": "20 %", "of": "5000 USD", "credit_from": "2027-07-01", "over": 3},
            {"date": "2027-02-01", "amount": "777.77 USD"},
        ],
        unused=unused,
    )
    deal = contract(rent, ahead)
    flows = flows_of(settle(deal, {("offtake_chip_h", "a"): [taken, taken]}, [deal.start, date(2028, 1, 1), deal.end]))
    assert liability(flows) == 0
    bills = {f.date: f.amount for f in flows if f.account is Account.RENT}
    for flow in flows:
        if flow.account is Account.CREDIT and not flow.in_kind and flow.date < deal.end:
            assert flow.amount <= bills[flow.date]
    paid = sum(f.amount if f.payer == "offtaker" else -f.amount for f in flows if not f.in_kind)
    billed = Decimal(str(2 * taken)).quantize(Decimal("0.01"))
    most = Decimal("1777.77")
    assert paid == (max(billed, most) if unused == "expires" else billed)


def test_a_pool_that_the_horizon_cuts_is_worth_what_is_left():
    rent = terms("chip_price", id="rent", due="0 days", prices={"a": "1 USD/chip-h"})
    ahead = terms("prepayment", due="0 days", payments=[{"date": "2027-01-01", "amount": "1000 USD"}])
    dues = settle(contract(rent, ahead), {("offtake_chip_h", "a"): [365]}, [date(2027, 1, 1), date(2028, 1, 1)])
    (credit,) = (d for d in dues if d.account is Account.CREDIT and "left" in d.facts)
    assert credit.facts["left"].rows == ((Fraction(635),),)
    assert not [d for d in dues if d.account is Account.BREAKAGE and any(d.amount.rows[0])]


def test_a_share_of_what_another_clause_promises_is_paid_ahead():
    minimum = terms(
        "take_or_pay",
        tranches=[
            {"id": "one", "it_power": "1 MW", "rate": "8760 USD/MW-y", "end": "2028-01-01"},
            {"id": "two", "it_power": "2 MW", "rate": "8760 USD/MW-y", "start": "2028-01-01"},
        ],
    )
    ahead = terms(
        "prepayment", payments=[{"date": "2027-01-01", "share": "20 %", "clause": "take_or_pay", "tranche": "two"}]
    )
    deal = contract(minimum, ahead)
    # 2 MW x 24 USD/day x 366 days = 17,568; a fifth of it is 3,513.60
    assert [p.usd for p in ahead.promises(deal)] == [Fraction("3513.6")]
    assert ahead.promises(deal)[0].within == "take_or_pay"
    wrong = terms(
        "prepayment", payments=[{"date": "2027-01-01", "share": "20 %", "clause": "take_or_pay", "tranche": "six"}]
    )
    with pytest.raises(OfftakeError, match=r"clause prepayment: .* tranche 'six', states no firm amount"):
        wrong.promises(contract(minimum, wrong))


def test_what_is_paid_later_must_not_expire_earlier():
    ahead = terms(
        "prepayment",
        payments=[
            {"date": "2027-01-01", "amount": "10 USD"},
            {"date": "2027-04-01", "amount": "10 USD", "expires": "2027-08-01"},
        ],
    )
    with pytest.raises(OfftakeError, match="must not expire earlier"):
        settle(contract(terms("chip_price", prices={"a": "1 USD/chip-h"}), ahead), {("offtake_chip_h", "a"): [0]})


# Debt ---------------------------------------------------------------------------------------------------------------


def sized(**cover):
    return terms(
        "term_loan",
        lender="bank",
        borrower="provider",
        interval="half_year",
        sized_by={"dscr": "1.3", **cover},
        draw_shares=[{"date": "2027-01-01", "share": "60 %"}, {"date": "2027-05-01", "share": "40 %"}],
        interest_only_until="2028-01-01",
        maturity="2033-01-01",
        rate="8 %/y",
    )


def test_the_cover_is_the_same_on_every_date_and_the_size_is_the_worth_of_the_service():
    minimum = terms(
        "take_or_pay",
        interval="quarter",
        minimum={"2027-01-01": "5 MW", "2030-01-01": "9 MW"},
        rate={"2027-01-01": "9 M USD/MW-y", "2033-01-01": "7 M USD/MW-y"},
    )
    loan = sized(clauses=["take_or_pay"], costs="4 M USD/y")
    deal = contract(minimum, loan, end=date(2033, 1, 1))
    plan = loan.schedule(deal)
    paying = [k for k, repaid in enumerate(plan.repayment) if repaid]
    assert [plan.on.ends[k] for k in paying] == [end for end in plan.on.ends if end > date(2028, 1, 1)]
    for k in paying:
        assert plan.cash[k] / (plan.interest[k] + plan.repayment[k]) == Fraction("1.3")
    assert plan.closing[-1] == 0
    assert sum(plan.repayment) == sum(plan.drawn)
    # Independently, in floats: discount each date's service back by simple interest of each half-year.
    service = [float(c) / 1.3 for c in plan.cash]
    worth_usd, factor = 0.0, 1.0
    for k in paying:
        factor *= 1 + 0.08 * (plan.on.ends[k] - plan.on.starts[k]).days / 365
        worth_usd += service[k] / factor
    assert float(sum(plan.drawn)) == pytest.approx(worth_usd, rel=1e-12)
    assert float(plan.drawn[0]) == pytest.approx(0.6 * worth_usd)
    # What is actually used changes nothing: lenders count what is owed without use.
    dues = settle(deal, {("offtake_chip_h", "a"): [0], ("delivery_chip_h", "a"): [0]})
    lent = sum(sum(d.amount.rows[0]) for d in dues if d.account is Account.LOAN_DRAW)
    assert lent == sum(plan.drawn)


def test_cash_counts_by_the_day_on_which_it_is_paid():
    """A quarter's minimum that is paid 30 days late serves the next half-year's date."""
    late = terms("take_or_pay", id="late", interval="quarter", minimum="1 MW", rate="8760 USD/MW-y")
    loan = sized(clauses=["late"])
    plan = loan.schedule(contract(late, loan, end=date(2033, 1, 1)))
    first = next(k for k, repaid in enumerate(plan.repayment) if repaid)
    # January to June 2028: paid are October to December 2027 (92 days) and January to March 2028 (91 days)
    assert plan.cash[first] == 24 * (92 + 91)


def test_a_loan_without_contracted_cash_or_interest_cover_is_refused():
    loan = sized(clauses=["chip_price"])
    with pytest.raises(OfftakeError, match="clause term_loan: there is no contracted cash"):
        loan.schedule(contract(terms("chip_price", prices={"a": "1 USD/chip-h"}), loan))
    gap = sized(cash={"points": {"2027-01-01": "0 USD/y", "2029-01-01": "9 M USD/y"}, "interpolation": "step"})
    with pytest.raises(OfftakeError, match="the period to 2028-07-01 does not pay the interest"):
        gap.schedule(contract(gap))


# Stakes -------------------------------------------------------------------------------------------------------------

PATH = {"points": {"2027-01-01": "100 USD", "2029-01-01": "300 USD"}, "interpolation": "linear"}


def worth_at_horizon(dues, holder):
    """Worth of all stakes of a holder at the horizon, and the money paid for them."""
    total = cash = 0.0
    for due in dues:
        sign = (due.payer == holder) - (due.payee == holder)
        if due.account is Account.EQUITY and sign:
            amounts = [float(x) for x in due.amount.rows[0]]
            total += sign * sum(x * worth(due, k, date(2029, 1, 1)) for k, x in enumerate(amounts))
            cash += 0 if due.in_kind else sign * sum(amounts)
    return total, cash


@pytest.mark.parametrize(
    ("exercise", "settled", "rights", "worth_usd", "paid"),
    [
        ("automatic", "cash", None, 10 * 300, 10 * 150),  # ten shares
        ("automatic", "net", None, 10 * (1 - 150 / 200) * 300, 0),  # exercised at 200 on 2028-01-01: a quarter is left
        ("at_expiry", "cash", None, 10 * 300, 10 * 150),
        ("right", "cash", [0, 1], 10 * 300, 10 * 150),
        ("right", "cash", [0, 0], 10 * (300 - 150), 0),  # still a right at the horizon
    ],
)
def test_a_warrant_is_worth_its_shares_however_it_is_exercised(exercise, settled, rights, worth_usd, paid):
    warrant = terms(
        "warrant",
        tranches=[{"id": "all", "shares": "10", "trigger": {"not_before": "2027-06-01"}}],
        exercise_price="150 USD",
        grant_value="20 USD",
        granted="2027-01-01",
        expires="2028-12-31" if exercise == "at_expiry" else "2031-01-01",
        share_price={"points": {"2027-01-01": "100 USD", "2028-01-01": "200 USD", "2029-01-01": "300 USD"}},
        tested="year",
        exercise=exercise,
        settled=settled,
    )
    chosen = None if rights is None else {"c.warrant.exercise": [rights]}
    dues = settle(contract(warrant), rights=chosen)
    assert worth_at_horizon(dues, "offtaker") == pytest.approx((worth_usd, paid), rel=5e-3)
    assert worth_at_horizon(dues, "provider") == pytest.approx((-worth_usd, -paid), rel=5e-3)
    assert {f.amount for f in flows_of(dues) if f.account is Account.CUSTOMER_EQUITY} == {Decimal(200)}


def test_a_right_that_lapses_is_worth_nothing():
    warrant = terms(
        "warrant",
        tranches=[{"id": "all", "shares": "10"}],
        exercise_price="50 USD",
        granted="2027-01-01",
        expires="2028-06-30",
        share_price=PATH,
        tested="half_year",
        exercise="right",
    )
    dues = settle(contract(warrant))
    assert worth_at_horizon(dues, "offtaker") == (0.0, 0.0)
    kept = settle(contract(warrant), rights={"c.warrant.exercise": [[0, 0, 1]]})
    assert worth_at_horizon(kept, "offtaker") == pytest.approx((3000, 500))


def test_a_converted_note_is_worth_its_units_on_the_path():
    note = terms(
        "convertible",
        draws=[{"date": "2027-01-01", "amount": "1000 USD"}],
        maturity="2028-12-31",
        rounds=[{"date": "2028-01-01", "price": "200 USD"}],
        cap="160 USD",
        discount="10 %",
        worth=PATH,
    )
    dues = settle(contract(note))
    # min(160, 180) = 160: 6.25 shares at 300; the money lent stands in the loan, not in the stake
    assert worth_at_horizon(dues, "provider") == pytest.approx((1875, 0))
    (stake,) = (d for d in dues if d.account is Account.EQUITY)
    follows = path_of(stake, 0, date(2029, 1, 1))
    assert follows[date(2028, 1, 1)] == pytest.approx(200 / 160, rel=2e-3)
    assert follows[date(2029, 1, 1)] == pytest.approx(300 / 160)


def test_a_tranche_bought_above_its_fair_value_keeps_the_excess_out_of_the_stake():
    tranche = terms("equity_tranche", amount="1000 USD", date="2027-01-01", fair_value="800 USD", growth="0 %/y")
    (due,) = settle(contract(tranche))
    assert worth(due, 0, date(2028, 1, 1)) == 0.8
    assert due.facts["stake"]["fair_frac"] == 0.8


def test_dues_in_kind_cancel_for_both_parties_on_every_date():
    pieces = [
        terms("customer_equity", date="2027-05-05", amount="333.33 USD"),
        terms(
            "warrant",
            tranches=[{"id": "all", "shares": "3", "share_price": "150 USD"}],
            exercise_price="1 USD",
            granted="2027-01-01",
            expires="2031-01-01",
            share_price=PATH,
            settled="net",
        ),
        terms(
            "convertible",
            draws=[{"date": "2027-01-01", "amount": "777.77 USD"}],
            maturity="2028-12-31",
            coupon="added",
            coupon_rate="6.1 %/y",
            cap="90 USD",
            unconverted="convert",
        ),
    ]
    flows = [f for f in flows_of(settle(contract(*pieces))) if f.in_kind]
    assert len(flows) >= 10
    for day in {f.date for f in flows}:
        net = sum((1 if f.payer == "offtaker" else -1) * f.amount for f in flows if f.date == day)
        assert net == 0, day


# Headline and refusals ----------------------------------------------------------------------------------------------


def test_the_headline_keeps_firmness_and_layers_apart():
    deal = contract(
        terms("guarantee", of=["rent"], cap="300 USD", fee="10 %/y", guarantor="parent"),
        terms("chip_price", id="rent", prices={"a": "1 USD/chip-h"}),
        terms("customer_equity", date="2027-05-05", amount="35 USD"),
        terms("residual_value_guarantee", guaranteed="70 USD", cap="50 USD", residual_value="30 USD"),
        terms("prepayment", payments=[{"date": "2027-01-01", "amount": "120 USD"}]),
    )
    totals = summary(deal).totals
    assert totals[Layer.CLOUD, Firmness.CONTINGENT, "parent"] == 300
    assert totals[Layer.CLOUD, Firmness.FIRM, "provider"] == Fraction(300) / 10 * 731 / 365
    assert totals[Layer.EQUITY, Firmness.FIRM, "provider"] == 35
    assert totals[Layer.CLOUD, Firmness.CONTINGENT, "offtaker"] == 50
    assert totals[Layer.CLOUD, Firmness.FIRM, "offtaker"] == 120


LOAN = {"draws": [{"date": "2027-01-01", "amount": "1 USD"}], "maturity": "2028-01-01"}
WARRANT = {
    "tranches": [{"id": "all", "shares": "1"}],
    "granted": "2027-01-01",
    "expires": "2029-01-01",
    "share_price": "10 USD",
    "exercise_price": "1 USD",
}


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("prepayment", {}, "nothing is paid ahead"),
        ("prepayment", {"payments": [{"date": "2027-01-01", "share": "20 %"}]}, "a `share` needs `of`"),
        (
            "prepayment",
            {"payments": [{"date": "2027-01-01", "amount": "1 USD", "credit_from": "2026-01-01"}]},
            "lies before the payment",
        ),
        (
            "prepayment",
            {"payments": [{"date": "2027-01-01", "amount": "1 USD", "expires": "2028-01-01"}], "unused": "refunded"},
            "cannot expire before",
        ),
        ("convertible", LOAN, "can never be converted"),
        ("convertible", LOAN | {"unconverted": "convert"}, "needs `convert_at` or `cap`"),
        ("convertible", LOAN | {"unconverted": "extend"}, "belong together"),
        ("convertible", LOAN | {"trigger": {"accepted": "1 MW"}}, "needs `worth`"),
        (
            "convertible",
            LOAN | {"rounds": [{"date": "2027-06-01", "price": "9 USD"}], "cap": "5 USD", "convert_at": "4 USD"},
            "give either `convert_at`",
        ),
        ("warrant", WARRANT | {"holder": "provider"}, "must differ"),
        ("warrant", WARRANT | {"exercise_price": "11 USD"}, "worth nothing on the day of the grant"),
        ("warrant", WARRANT | {"exercise_price": "0 USD", "exercise": "right"}, "exercised by itself"),
        (
            "warrant",
            WARRANT | {"tranches": [{"id": "x", "shares": "1", "trigger": {"event": {"what": "listing"}}}]},
            "can never fire",
        ),
        ("customer_equity", {"date": "2027-01-01"}, "give `amount`, or `shares`"),
        ("customer_equity", {"date": "2027-01-01", "amount": "1 USD", "held_as": "equity_method"}, "`holder_share`"),
        ("guarantee", {"cap": "1 USD", "guarantor": "offtaker"}, "must be a third party"),
        ("guarantee", {"cap": "1 USD", "called_before": "2 USD"}, "above the `cap`"),
        ("residual_value_guarantee", {"guaranteed": "1 USD"}, "give either `residual`"),
        ("residual_value_guarantee", {"guaranteed": "1 USD", "residual_value": "0 USD", "cap": "2 USD"}, "never bind"),
        ("revenue_share", {"rates": {"cloud": "20 %"}, "cap_of": "net"}, "needs a share `back`"),
        ("term_loan", {"maturity": "2028-01-01", "rate": "7 %/y"}, "give either `draws`"),
        (
            "term_loan",
            LOAN | {"rate": "7 %/y", "amortisation": "sculpted"},
            "only a loan with `sized_by`",
        ),
        ("equity_tranche", {"amount": "0 USD", "date": "2027-01-01", "fair_value": "1 USD"}, "above zero"),
    ],
)
def test_contradictory_terms_are_refused(kind, fields, message):
    with pytest.raises(ValidationError, match=message):
        terms(kind, **fields)


def test_amounts_of_nothing_are_no_flows():
    nothing = [
        terms("customer_equity", date="2027-05-05", amount="0 USD"),
        terms("guarantee", of=["rent"], cap="0 USD", fee="5 %/y", called_from="2027-01-01"),
        terms("chip_price", id="rent", prices={"a": "1 USD/chip-h"}),
        terms("residual_value_guarantee", guaranteed="0 USD", residual_value="0 USD"),
        terms("prepayment", payments=[{"date": "2027-01-01", "amount": "0 USD"}]),
    ]
    assert flows_of(settle(contract(*nothing), {("offtake_chip_h", "a"): [0]})) == []


def test_a_guarantee_is_cut_where_the_cap_is_reached_whatever_the_interval():
    minimum = terms("take_or_pay", due="0 days", minimum="1 MW", rate="8760 USD/MW-y")
    for interval in ("month", "year"):
        backing = terms("guarantee", of=["take_or_pay"], cap="1000 USD", called_from="2027-01-01", interval=interval)
        dues = settle(contract(minimum, backing), {("delivery_chip_h", "a"): [24 * 731], ("offtake_chip_h", "a"): [0]})
        called = [sum(d.amount.rows[0]) for d in dues if d.account is Account.GUARANTEE_CALL]
        assert called == [1000]


def test_intervals_of_one_day_do_not_overlap_when_two_payments_fall_on_one_day():
    ahead = terms(
        "prepayment",
        payments=[{"date": "2027-03-01", "amount": "10 USD"}, {"date": "2027-03-01", "amount": "15 USD"}],
    )
    rent = terms("chip_price", id="rent", prices={"a": "1 USD/chip-h"})
    (paid,) = (
        d for d in settle(contract(rent, ahead), {("offtake_chip_h", "a"): [0]}) if d.account is Account.PREPAYMENT
    )
    assert paid.on == Intervals((date(2027, 3, 1),), (date(2027, 3, 2),))
    assert paid.amount.rows == ((Fraction(25),),)


def _backing(name="one", **fields):
    return terms("guarantee", id=name, **{"cap": "1 bn USD", "guarantor": "parent", "of": ["rent"], **fields})


def _rent():
    return terms("chip_price", id="rent", prices={"a": "1 USD/chip-h"})


def test_guarantees_never_pay_more_than_the_whole_bill():
    with pytest.raises(OfftakeError, match="more than all of what falls due under `rent`"):
        summary(contract(_rent(), _backing(), _backing("two")), today=date(2027, 1, 1))
    halves = (_backing(share="50 %"), _backing("two", share="50 %"))
    summary(contract(_rent(), *halves), today=date(2027, 1, 1))
    dated = (_backing(end="2028-01-01"), _backing("two", start="2028-01-01"))
    summary(contract(_rent(), *dated), today=date(2027, 1, 1))
    with pytest.raises(OfftakeError, match="stand behind itself"):
        summary(contract(_rent(), _backing(of=["one"])), today=date(2027, 1, 1))


def test_backstops_never_buy_an_hour_twice():
    def backstop(name, **fields):
        return terms("backstop", id=name, **{"payer": "vendor", "prices": {"a": "1 USD/chip-h"}, **fields})

    with pytest.raises(OfftakeError, match="already buys unsold hours of `a`"):
        summary(contract(backstop("one"), backstop("two")), today=date(2027, 1, 1))
    summary(contract(backstop("one", end="2028-01-01"), backstop("two", start="2028-01-01")), today=date(2027, 1, 1))


def test_a_payment_is_named_once_and_a_residual_value_is_settled_in_the_term():
    once = {"id": "p", "date": "2027-03-01", "amount": "1 M USD"}
    with pytest.raises(ValidationError, match="the same `id`"):
        terms("prepayment", payments=[once, once])
    residual = terms(
        "residual_value_guarantee",
        guarantor="offtaker",
        beneficiary="provider",
        ends="2026-06-30",
        residual_value="1 M USD",
        guaranteed="2 M USD",
    )
    with pytest.raises(OfftakeError, match="before the contract's start"):
        summary(contract(residual), today=date(2027, 1, 1))


def test_a_loan_promises_both_ways_what_it_pays():
    deal = contract(
        terms(
            "term_loan",
            lender="bank",
            borrower="provider",
            draws=[{"date": "2027-01-01", "amount": "730 USD"}],
            maturity="2029-01-01",
            rate="10 %/y",
            interval="year",
            fee="1 %",
        )
    )
    promised = {(p.payer, p.what): p.usd for p in deal.clauses[0].promises(deal)}
    # 2028 is a leap year: 73 in the first year, 730 x 10 % x 366 / 365 = 73.2 in the second.
    assert promised == {
        ("bank", "principal of a loan"): 730,
        ("provider", "repayment of the loan"): 730,
        ("provider", "interest on the loan"): Fraction("146.2"),
        ("provider", "fee of the loan"): Fraction("7.3"),
    }
    owing = summary(deal).totals
    assert owing[Layer.DEBT, Firmness.FIRM, "provider"] == Fraction("883.5")
    assert summary(deal).firm_until == date(2029, 1, 1)
