"""Circularity, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.deal.flows import Account, Firmness, Flow, Layer
from offtake.ledger.books import books
from offtake.ledger.circularity import circularity
from offtake.ledger.opening import Opening

START = date(2027, 1, 1)
OPENING = Opening(date=START, cash={"offtaker": Decimal("100.00")})
FIRM, CONTINGENT = 0, 1


@pytest.fixture
def measured(flow):
    flows = [
        # 2027: 100 at hand, 100 firm equity, 200 from customers; 200 to the provider, 100 to others.
        flow("2027-01-10", "provider", "offtaker", "100.00", "equity"),
        flow("2027-02-01", "customers", "offtaker", "200.00", "token_revenue"),
        flow("2027-03-01", "offtaker", "provider", "200.00", "rent"),
        flow("2027-04-01", "offtaker", "world", "100.00", "other_cost"),
        # 2028: 100 left, 100 contingent equity, 100 from customers; 150 to the provider.
        flow("2028-01-10", "provider", "offtaker", "100.00", "equity", firmness="contingent"),
        flow("2028-02-01", "customers", "offtaker", "100.00", "token_revenue"),
        flow("2028-03-01", "offtaker", "provider", "150.00", "rent", firmness="optional"),
    ]
    return circularity(books(flows, opening=OPENING))


def test_returned_share(measured):
    # 200 paid by the end of 2027 against 100 firm; in 2028 the 250 beyond it cover the 100 contingent.
    assert measured.returned_share[FIRM].tolist() == [1.0, 1.0]
    assert measured.returned_share[CONTINGENT].tolist() == [0.0, 1.0]


def test_funded_share_pro_rata(measured):
    # 2027: a quarter of 400 is firm money: 50 of the 200. Of the 100 left, 25 are firm.
    # 2028: the pool is 300 with 25 firm and 100 contingent; of 150 paid, 12.50 and 50.
    assert measured.funded_share[FIRM].tolist() == pytest.approx([0.25, 62.5 / 350])
    assert measured.funded_share[CONTINGENT].tolist() == pytest.approx([0.0, 50 / 350])


def test_funded_share_first_in_first_out(measured):
    # 2027: opening 100, then all 100 firm. 2028: customers' 100 of 2027, then 50 contingent.
    assert measured.funded_share_fifo[FIRM].tolist() == pytest.approx([0.5, 100 / 350])
    assert measured.funded_share_fifo[CONTINGENT].tolist() == pytest.approx([0.0, 50 / 350])


def test_payments_back_are_shown_and_not_netted(measured):
    assert measured.paid_usd[:, -1].tolist() == [200.0, 0.0, 150.0, 0.0]
    assert measured.invested_usd[:, -1].tolist() == [100.0, 100.0, 0.0, 0.0]
    assert measured.at_end() == (1.0, pytest.approx(62.5 / 350))
    row = measured.table().rows()[0]
    assert (row["period"], row["invested_firm_usd"], row["funded_share_firm_frac"]) == ("2027", 100.0, 0.25)


def test_without_equity_both_are_nothing(flow):
    flows = [
        flow("2027-02-01", "customers", "offtaker", "50.00", "token_revenue"),
        flow("2027-03-01", "offtaker", "provider", "120.00", "rent"),
    ]
    got = circularity(books(flows, opening=OPENING))
    assert not got.returned_share.any()
    assert not got.funded_share.any()
    assert not got.funded_share_fifo.any()


def test_equity_without_payments_is_not_returned(flow):
    got = circularity(books([flow("2027-01-10", "provider", "offtaker", "100.00", "equity")], opening=OPENING))
    assert not got.returned_share.any()
    assert not got.funded_share.any()


def test_a_revenue_share_passed_on_is_not_the_providers_own_money(flow):
    flows = [
        flow("2027-01-10", "provider", "offtaker", "900.00", "revenue_share"),
        flow("2027-03-01", "offtaker", "provider", "500.00", "rent"),
    ]
    assert not circularity(books(flows, opening=OPENING)).funded_share.any()


def test_more_spent_than_there_is_counts_the_rest_as_nobodys(flow):
    flows = [
        flow("2027-01-10", "provider", "offtaker", "100.00", "equity"),
        flow("2027-03-01", "offtaker", "provider", "400.00", "rent"),
    ]
    got = circularity(books(flows, opening=OPENING))
    assert got.funded_share[FIRM].tolist() == got.funded_share_fifo[FIRM].tolist() == [0.25]


def make(draw):
    payer, payee, account = draw
    return lambda day, amount, firmness: Flow(
        date=date.fromordinal(START.toordinal() + day),
        payer=payer,
        payee=payee,
        amount=Decimal(amount),
        currency="USD",
        account=account,
        layer=Layer.CLOUD,
        firmness=firmness,
        cause="random",
        interval=(START, date(2027, 1, 2)),
    )


KINDS = st.sampled_from(
    [
        ("provider", "offtaker", Account.EQUITY),
        ("customers", "offtaker", Account.TOKEN_REVENUE),
        ("offtaker", "provider", Account.RENT),
        ("offtaker", "world", Account.OTHER_COST),
    ]
).map(make)


@given(
    st.lists(
        st.builds(
            lambda f, d, a, k: f(d, a, k), KINDS, st.integers(0, 900), st.integers(1, 500), st.sampled_from(Firmness)
        ),
        min_size=1,
        max_size=15,
    )
)
def test_shares_are_shares_and_met_money_is_never_more_than_invested(flows):
    got = circularity(books(flows, opening=OPENING))
    assert ((got.returned_share >= 0) & (got.returned_share <= 1)).all()
    paid = got.paid_usd.sum(axis=0)
    for shares in (got.funded_share, got.funded_share_fifo):
        assert (shares >= 0).all()
        assert (shares.sum(axis=0) <= 1 + 1e-9).all()
        assert (shares * paid <= got.invested_usd + 1e-6).all()
    assert (got.returned_share * got.invested_usd).sum(axis=0) == pytest.approx(
        [min(i, p) for i, p in zip(got.invested_usd.sum(axis=0), paid, strict=True)]
    )


def test_what_is_given_in_kind_is_no_money(flow):
    """A converted note counts neither as invested nor as paid back."""
    cash = [
        flow("2027-01-10", "provider", "offtaker", "100.00", "equity"),
        flow("2027-03-01", "offtaker", "provider", "40.00", "rent"),
        flow("2027-01-20", "provider", "offtaker", "70.00", "loan_draw"),
    ]
    kind = [
        replace(flow("2027-06-01", "offtaker", "provider", "70.00", "loan_repay"), in_kind=True),
        replace(flow("2027-06-01", "provider", "offtaker", "70.00", "equity"), in_kind=True),
    ]
    before, after = (circularity(books(flows, opening=OPENING)) for flows in (cash, cash + kind))
    assert before.invested_usd.sum() == after.invested_usd.sum() == 100.0
    assert before.paid_usd.sum() == after.paid_usd.sum() == 40.0
    assert before.funded_share.tolist() == after.funded_share.tolist()
    assert before.funded_share_fifo.tolist() == after.funded_share_fifo.tolist()
