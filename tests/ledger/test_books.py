"""Conservation, and the books against an independent reckoning in fractions."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.dates import Grid
from offtake.deal.flows import Account, Asset, Firmness, Flow, Layer, Use
from offtake.errors import LedgerImbalance, OfftakeError
from offtake.ledger.accounts import CAPITAL, MIRRORS, OPERATING_LEASE, PROFIT_PAIRS, RULES
from offtake.ledger.books import Policies, books
from offtake.ledger.journal import FlowColumns
from offtake.ledger.opening import Claim, Opening, OpeningAsset
from offtake.ledger.policies import ComputeUse
from offtake.ledger.stakes import Holding, Lot
from offtake.ledger.statements import Statement
from offtake.ledger.tax import TaxTerms

START = date(2027, 1, 1)
YEAR = timedelta(days=365)
HORIZON = 1600
PARTIES = ("offtaker", "provider", "lender", "chip_vendor", "world")
D = Decimal

days = st.integers(0, HORIZON - 1).map(lambda n: START + timedelta(days=n))
cents = st.integers(-(10**6), 10**15).map(lambda n: D(n).scaleb(-2))


@st.composite
def flows(draw, *, classed=False):
    payer, payee = draw(st.permutations(PARTIES))[:2]
    account = draw(st.sampled_from(Account))
    begin = draw(days) - timedelta(days=draw(st.integers(0, 200)))
    asset = None
    if account in CAPITAL and draw(st.booleans()):
        asset = Asset(kind="any", name="any", in_service=draw(days), life_days=draw(st.integers(1, 3000)))
    return Flow(
        date=draw(days),
        payer=payer,
        payee=payee,
        amount=draw(cents),
        currency="USD",
        account=account,
        layer=Layer.CLOUD,
        firmness=draw(st.sampled_from(Firmness)),
        cause="random",
        interval=(begin, begin + timedelta(days=draw(st.integers(1, 500)))),
        asset=asset,
        tranche=draw(st.sampled_from(("", "a"))) if classed else "",
        use=draw(st.sampled_from(Use)) if classed else Use.SERVICE,
    )


@st.composite
def openings(draw):
    names = st.sampled_from(PARTIES)
    claims = [
        Claim(account=a, holder=p, owed_by=q, amount=draw(cents))
        for a in ("receivable", "prepaid", "loans_given", "investment")
        for p, q in [draw(st.permutations(PARTIES))[:2]]
        if draw(st.booleans())
    ]
    assets = {
        draw(names): (
            OpeningAsset(
                kind=draw(st.sampled_from(("sites", "chips"))),
                name="old",
                cost=draw(cents),
                accumulated=D("1.00"),
                in_service=START,
                remaining_days=draw(st.integers(1, 3000)),
            ),
        )
    }
    return Opening(date=START, cash={p: draw(cents) for p in PARTIES[:2]}, assets=assets, claims=tuple(claims))


@st.composite
def pairs_in_kind(draw):
    """Shares of an issuer for a value that it gives, and their mirror."""
    row = draw(flows())
    given = dataclasses.replace(row, asset=None, in_kind=True, account=draw(st.sampled_from(IN_KIND)))
    shares = dataclasses.replace(given, payer=row.payee, payee=row.payer, account=Account.EQUITY)
    return [given, shares]


IN_KIND = (Account.CUSTOMER_EQUITY, Account.LOAN_REPAY, Account.CREDIT, Account.BREAKAGE)


@st.composite
def holdings(draw):
    holder, issuer = draw(st.permutations(PARTIES))[:2]
    return Holding(
        holder=holder,
        issuer=issuer,
        cause="random",
        lots=tuple(Lot(date=draw(days), amount=draw(cents), interval=k) for k in range(draw(st.integers(0, 2)))),
        in_kind=draw(st.booleans()),
        facts={
            "held_as": draw(st.sampled_from(("fair_value", "equity_method", "cost"))),
            "share_frac": 0.3,
            **draw(st.sampled_from(({"growth_frac_per_y": 0.1}, {"values": {START: 0.8, START + YEAR: 1.5}}))),
        },
    )


@st.composite
def ways(draw):
    """Ways to keep the books."""
    return Policies(
        financing_component=draw(st.booleans()),
        level_fees=draw(st.booleans()),
        shortfall_cost=draw(st.sampled_from(("as_earned", "when_owed"))),
        credit_loss_frac=draw(st.sampled_from((0.0, 0.01))),
        tax={p: TaxTerms(rate_frac=0.21, loss_limit_frac=0.8) for p in PARTIES[:2]},
        compute_use={"offtaker": ComputeUse(on=Grid.of(START), chip_h=((2.0,) * 19, (1.0,) * 19, (0.5,) * 19))},
    )


@given(
    st.lists(flows(classed=True), max_size=10),
    st.lists(pairs_in_kind(), max_size=2),
    openings(),
    ways(),
    st.lists(holdings(), max_size=2),
)
def test_nothing_is_lost(rows, pairs, opening, policies, marks):
    rows = [*rows, *itertools.chain.from_iterable(pairs)]
    kept = books(rows, opening=opening, parties=PARTIES, policies=policies, marks=marks)
    kept.check()
    for party in PARTIES:
        sheet = {d.name: d.cents for d in kept.lines(party, "profit_and_loss")}
        value = sum(sheet.get(n, 0) for n in ("income.stake_marks", "income.equity_method"))
        assert np.array_equal(sheet["profit_before_marks"] + value, sheet["profit_before_tax"])
        told = kept.reconciliation((party, PARTIES[PARTIES.index(party) - 1]))
        assert np.array_equal(told.difference, sum((d.cents for d in told.lines), 0 * told.difference))
    everybody = kept.reconciliation(PARTIES)
    assert np.array_equal(everybody.difference, sum((d.cents for d in everybody.lines), 0 * everybody.difference))
    everyone = sum(cube.book for cube in kept.cubes)
    assert not everyone.sum(axis=0).any()  # all books net to zero
    cash = {d.name: d.cents for d in kept.lines("offtaker", "cash_flow")}
    assert np.array_equal(cash["opening_cash"][1:], cash["closing_cash"][:-1])
    assert sum(c.balance("cash") for c in kept.cubes).tolist() == [int(sum(opening.cash.values()) * 100)] * (
        len(kept.periods) + 1
    )  # cash only changes hands
    for group in itertools.combinations(PARTIES, 2):
        combined = kept.combined_cube(group)
        assert not combined.book.sum(axis=0).any()
        assert not kept.elimination(group).book.sum(axis=0).any()
    # Combined claims of everyone are nothing.
    whole = kept.combined_cube(PARTIES)
    for pair in (*MIRRORS, *PROFIT_PAIRS, OPERATING_LEASE):
        assert not any(whole.balance(name).any() for name in pair)


@given(st.lists(flows(), min_size=1, max_size=6))
def test_balances_at_year_ends_equal_an_independent_reckoning(rows):
    kept = books(rows, opening=Opening(date=START), parties=PARTIES)
    for k, end in enumerate(kept.periods.ends, start=1):
        for party in PARTIES:
            wanted = reckon(rows, party, end)
            cube = kept.cube(party)
            got = {n: int(cube.balance(n)[k]) for n in wanted}
            assert got == wanted
        combined = [kept.cube(p).balance("receivable")[k] + kept.cube(p).balance("payable")[k] for p in PARTIES]
        assert sum(combined) == 0


def reckon(rows, party, end):
    """Balances of a party at the start of the day `end`, flow by flow in fractions."""
    out = dict.fromkeys(RECKONED, 0)
    for row in rows:
        amount = int(row.amount * 100)
        paid = amount if row.date < end else 0
        gets, gives = row.payee == party, row.payer == party
        out["cash"] += paid * (gets - gives)
        if row.account in PLAIN:
            payers, payees = PLAIN[row.account]
            out[payers] += paid * gives
            out[payees] -= paid * gets
        elif row.account in CAPITAL:
            if gives:
                reckon_asset(out, row, paid, end)
        elif row.account is not Account.CUSTOMER_EQUITY:  # spread over service: tests of its own
            due, ahead = reckon_service(row, amount, end)
            if row.account is Account.TRUE_UP and end < row.interval[1] and row.interval[1] > START:
                # Not owed before its interval has ended.
                out["contract_asset"] += due * gets
                out["accrued_cost"] -= due * gives
                due = 0
            out["receivable"] += due * gets
            out["payable"] -= due * gives
            out["prepaid"] += ahead * gives
            out["contract_liability"] -= ahead * gets
    return out


PLAIN = {
    Account.PREPAYMENT: ("prepaid", "contract_liability"),
    Account.CREDIT: ("contract_liability", "prepaid"),
    Account.EQUITY: ("investment", "paid_in_capital"),
    Account.LOAN_DRAW: ("loans_given", "debt"),
    Account.LOAN_REPAY: ("debt", "loans_given"),
    Account.EMERGENCY_DRAW: ("emergency_loans_given", "emergency_debt"),
    Account.EMERGENCY_REPAY: ("emergency_debt", "emergency_loans_given"),
}
"""Debited by the payer, credited by the payee, when paid."""
RECKONED = (
    *("cash", "receivable", "payable", "contract_asset", "accrued_cost"),
    *sorted({n for pair in PLAIN.values() for n in pair}),
    *(f"{s}_{n}" for s in ("sites", "chips") for n in ("under_construction", "in_service", "depreciation")),
)


def reckon_service(row, amount, end):
    """What is billed and what is paid ahead."""
    begin, stop = max(row.interval[0], START), row.interval[1]
    if begin >= stop:  # served before the books: recognised when paid
        return 0, 0
    elapsed = min(max((end - begin).days, 0), (stop - begin).days)
    earned = half_up(Fraction(amount * elapsed, (stop - begin).days))
    return (0, amount - earned) if row.date < end else (earned, 0)


def reckon_asset(out, row, paid, end):
    """Cost by where it stands, and what is worn of it."""
    stem = CAPITAL[row.account]
    begun = row.asset is not None and row.asset.in_service < end
    out[f"{stem}_{'in_service' if begun else 'under_construction'}"] += paid
    if begun and paid:
        start = max(row.asset.in_service, row.date)
        stop = max(row.asset.in_service + timedelta(days=row.asset.life_days), start + timedelta(days=1))
        elapsed = min((end - start).days, (stop - start).days)
        out[f"{stem}_depreciation"] -= half_up(Fraction(paid * elapsed, (stop - start).days))


def half_up(value):
    whole = (abs(value) + Fraction(1, 2)) // 1
    return int(whole) if value >= 0 else -int(whole)


@given(st.lists(flows(), min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_flows_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, two = (books(r, opening=Opening(date=START), parties=PARTIES) for r in (rows, shuffled))
    for party in one.parties:
        assert np.array_equal(one.cube(party).book, two.cube(party).book)


@given(st.lists(flows(), min_size=1, max_size=8))
def test_quarters_add_up_to_years(rows):
    end = date(2032, 1, 1)
    years = Grid.of(START, quarters=0, half_years=0, years=5)
    quarters = Grid.of(START, quarters=20, half_years=0, years=0)
    assert years.end == quarters.end == end
    by_year, by_quarter = (
        books(rows, opening=Opening(date=START), parties=PARTIES, policies=Policies(reporting=g))
        for g in (years, quarters)
    )
    for party in PARTIES:
        fine = by_quarter.cube(party).book[:, 1:]
        assert np.array_equal(fine.reshape(len(fine), 5, 4).sum(axis=2), by_year.cube(party).book[:, 1:])


def test_a_tampered_journal_is_found(flow):
    row = flow("2027-05-01", "offtaker", "provider", "10.00", "rent", interval=("2027-01-01", "2027-04-01"))
    kept = books([row], opening=Opening(date=START))
    kept.check()
    for change, words in (
        ({"cents": kept.journal.cents + np.eye(1, len(kept.journal), dtype=np.int64)[0]}, "out of balance by 0.01"),
        ({"day": kept.journal.day + np.eye(1, len(kept.journal), dtype=np.int32)[0]}, "out of balance by"),
    ):
        broken = dataclasses.replace(kept, journal=dataclasses.replace(kept.journal, **change))
        with pytest.raises(LedgerImbalance, match=words):
            broken.check()


def test_a_claim_in_one_of_the_books_only_is_found(flow):
    row = flow("2027-05-01", "offtaker", "provider", "10.00", "rent", interval=("2027-01-01", "2027-04-01"))
    kept = books([row], opening=Opening(date=START))
    journal = kept.journal
    mine = journal.party == 0
    half = dataclasses.replace(journal, **{f.name: getattr(journal, f.name)[mine] for f in dataclasses.fields(journal)})
    with pytest.raises(LedgerImbalance, match=r"receivable between offtaker and provider .* 2027-03-31: -10.00"):
        dataclasses.replace(kept, journal=half, cubes=(kept.cubes[0],) * 2).check()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("2026-12-31", "offtaker", "provider", "1.00", "rent"), "1 days before the opening date"),
        (("2027-02-01", "offtaker", "offtaker", "1.00", "rent"), "cannot pay itself"),
        (("2027-02-01", "offtaker", "provider", "1.005", "rent"), "1.005 is not in whole cents"),
        (("2027-02-01", "offtaker", "provider", "NaN", "rent"), "not a number of cents"),
    ],
)
def test_a_flow_that_cannot_be_posted_is_refused(flow, row, words):
    with pytest.raises(OfftakeError, match=words):
        books([flow(*row)], opening=Opening(date=START))


def test_a_second_currency_is_refused(flow):
    row = flow("2027-02-01", "offtaker", "provider", "1.00", "rent", currency="EUR")
    with pytest.raises(OfftakeError, match=r"\['EUR'\], but the books are kept in USD"):
        books([row], opening=Opening(date=START))


def test_errors_in_cents_that_cancel_are_still_found(flow):
    rows = [flow("2027-02-01", "offtaker", "provider", a, "rent") for a in ("1.005", "-1.005")]
    with pytest.raises(OfftakeError, match="whole cents"):
        books(rows, opening=Opening(date=START))


def test_books_without_flows_are_the_opening(flow):
    kept = books([], opening=Opening(date=START, cash={"offtaker": D("5.00")}))
    assert kept.balance("offtaker", "cash", START) == D("5.00")
    assert repr(kept) == ("Books of offtaker, provider from 2027-01-01 to 2027-01-02: 0 flows, 2 postings, in USD")
    assert [kept.lines(p, k) != () for p in kept.parties for k in Statement] == [True] * 8


def test_columns_of_flows_are_accepted(flow):
    row = flow("2027-05-01", "offtaker", "provider", "10.00", "rent")
    columns = FlowColumns.of([row], parties=("offtaker", "provider"))
    assert books(columns, opening=Opening(date=START)).balance("provider", "cash", START) == 0


def test_unknown_names_are_refused(flow):
    kept = books([], opening=Opening(date=START))
    with pytest.raises(OfftakeError, match="no books of 'nobody'"):
        kept.statement("nobody", "cash_flow")
    with pytest.raises(OfftakeError, match="no account 'gold'"):
        kept.balance("offtaker", "gold", START)
    with pytest.raises(OfftakeError, match="tax is a view per party"):
        kept.combined("tax")
    with pytest.raises(OfftakeError, match="not one of"):
        Claim(account="cash", holder="a", owed_by="b", amount=D(1))
    with pytest.raises(OfftakeError, match="cannot owe itself"):
        Claim(account="receivable", holder="a", owed_by="a", amount=D(1))
    with pytest.raises(OfftakeError, match="reporting begins"):
        books([], opening=Opening(date=START), policies=Policies(reporting=Grid.of(date(2028, 1, 1))))


def test_every_flow_account_has_a_rule():
    assert set(RULES) == set(Account)
