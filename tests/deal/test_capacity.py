"""Clauses about capacity: edge cases, contradictory terms, promises, and the identities that hold whatever is delivered and taken."""

from __future__ import annotations

import itertools
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from offtake.dates import Grid
from offtake.deal.contract import Contract, DealFacts, owed, summary
from offtake.deal.flows import Account, Firmness, Use
from offtake.deal.quantities import Measure
from offtake.deal.settle import SettleAlgebra, flows_of
from offtake.errors import OfftakeError
from offtake.registry import component

GRID = Grid.from_edges([date(2027, 1, 1), date(2027, 4, 1), date(2027, 7, 1), date(2027, 10, 1), date(2028, 1, 1)])
FACTS = DealFacts(valuation_date=GRID.start, horizon=GRID.end, chips=("a",), it_w_per_chip={"a": 1000})
VOLUMES = (216_000, 218_400, 220_800, 220_800)  # of 100 chips in the quarters of 2027


def terms(kind, **fields):
    return component("clause", kind).model_validate({"id": kind, **fields})


def tranche(**more):
    return {"id": "one", "chip": "a", "count": "100 chip", "price": "1 USD/chip-h", **more}


def contract(*clauses, end=GRID.end):
    return Contract(id="c", start=GRID.start, end=end, clauses=clauses)


def settled(deal, *, delivered=VOLUMES, taken=(0, 0, 0, 0), unsold=(0, 0, 0, 0), rights=None, facts=FACTS):
    quantities = {
        Measure("delivery_chip_h", "a"): [delivered],
        Measure("offtake_chip_h", "a"): [taken],
        Measure("unsold_chip_h", "a"): [unsold],
    }
    return owed(deal, SettleAlgebra(grid=GRID, measures=quantities, rights=rights or {}), facts)


def paid(found, account):
    """Money of an account by interval; the true-up of a whole term left out."""
    dues = [d for d in found.dues if d.account is account and d.facts.get("scope") != "term"]
    return [sum((d.amount.rows[0][k] for d in dues), Fraction(0)) for k in range(len(dues[0].on))] if dues else []


# ---------------------------------------------------------------- take-or-pay

hours = st.lists(st.integers(0, 300_000), min_size=4, max_size=4).map(tuple)


@pytest.mark.parametrize(("share", "owes"), [("0 %", 0), ("100 %", 876_000)])
def test_a_minimum_of_nothing_or_of_all(share, owes):
    deal = contract(terms("take_or_pay", tranches=[tranche(minimum=share)]))
    assert sum(paid(settled(deal), Account.TAKE_OR_PAY)) == owes


def test_a_tranche_without_volume_owes_nothing():
    deal = contract(terms("take_or_pay", make_up={"lasts": 1}, tranches=[tranche(count="0 chip")]))
    found = settled(deal, taken=(5, 5, 5, 5))
    assert not flows_of(found.dues)


def test_a_tranche_that_begins_inside_an_interval_counts_its_days():
    deal = contract(terms("take_or_pay", tranches=[tranche(start="2027-02-15")]))  # 45 of the first quarter's days
    assert paid(settled(deal), Account.TAKE_OR_PAY)[0] == 45 * 24 * 100


def test_an_interval_cut_by_the_horizon_counts_its_days_inside():
    deal = contract(terms("take_or_pay", interval="year", tranches=[tranche()]), end=date(2029, 1, 1))
    facts = DealFacts(valuation_date=GRID.start, horizon=date(2027, 7, 1), chips=("a",), it_w_per_chip={"a": 1000})
    assert paid(settled(deal, facts=facts), Account.TAKE_OR_PAY) == [181 * 24 * 100]


def test_a_contract_year_across_the_grid_and_a_leap_day():
    grid = Grid.from_edges([date(2027, 7, 1), date(2028, 7, 1)])
    deal = Contract(
        id="c",
        start=date(2027, 3, 1),
        end=date(2029, 3, 1),
        clauses=(terms("take_or_pay", interval="year", tranches=[tranche()]),),
    )
    facts = DealFacts(valuation_date=grid.start, horizon=grid.end)
    quantities = {Measure("delivery_chip_h", "a"): [[366 * 2400]], Measure("offtake_chip_h", "a"): [[0]]}
    found = owed(deal, SettleAlgebra(grid=grid, measures=quantities), facts)
    # 2027-07-01 to 2028-03-01 holds the 29th of February: 244 days; then 122 days to the horizon
    assert paid(found, Account.TAKE_OR_PAY) == [244 * 2400, 122 * 2400]


def test_a_tranche_says_how_the_books_class_it():
    deal = contract(terms("take_or_pay", tranches=[tranche(use="finance_lease")]))
    assert {(f.tranche, f.use) for f in flows_of(settled(deal).dues)} == {("one", Use.FINANCE_LEASE)}


@settings(max_examples=60)
@given(taken=hours, delivered=hours, lasts=st.sampled_from([None, 1, 2]), cap=st.sampled_from([None, "0 %", "10 %"]))
def test_what_is_paid_ahead_is_credited_lapses_or_is_held(taken, delivered, lasts, cap):
    make_up = {k: v for k, v in (("lasts", lasts), ("cap", cap)) if v is not None}
    with_it = terms("take_or_pay", make_up=make_up, tranches=[tranche(minimum="80 %")])
    found = settled(contract(with_it, end=date(2029, 1, 1)), delivered=delivered, taken=taken)
    balance = next(d.facts["make_up"] for d in found.dues if "make_up" in d.facts)
    drawn, lapsed = sum(balance.drawn_usd.rows[0]), sum(balance.lapsed_usd.rows[0])
    assert sum(paid(found, Account.PREPAYMENT)) == drawn + lapsed + balance.held_usd.rows[0][-1]
    assert all(v >= 0 for row in (balance.drawn, balance.held, balance.lapsed_usd) for v in row.rows[0])
    plain = settled(
        contract(terms("take_or_pay", tranches=[tranche(minimum="80 %")])), delivered=delivered, taken=taken
    )
    now = [a + b for a, b in zip(paid(found, Account.TAKE_OR_PAY), paid(found, Account.PREPAYMENT), strict=True)]
    assert now == paid(plain, Account.TAKE_OR_PAY)
    above = [max(0, t - Fraction(4, 5) * min(d, v)) for t, d, v in zip(taken, delivered, VOLUMES, strict=True)]
    assert all(u <= v for u, v in zip(balance.drawn.rows[0], above, strict=True))


def test_what_is_held_at_the_term_s_end_lapses():
    deal = contract(terms("take_or_pay", make_up={}, tranches=[tranche(minimum="50 %")]))
    found = settled(deal)
    balance = next(d.facts["make_up"] for d in found.dues if "make_up" in d.facts)
    assert balance.held.rows[0][-1] == 0
    assert sum(balance.lapsed_usd.rows[0]) == sum(paid(found, Account.PREPAYMENT)) == 438_000


# ---------------------------------------------------------------- delay


def late(**remedy):
    fields = {k: remedy.pop(k) for k in ("relief", "extends", "each") if k in remedy}
    return terms("delivery_delay", of="take_or_pay", remedy=remedy, **fields)


MINIMUM = terms("take_or_pay", tranches=[tranche()])


@settings(max_examples=60)
@given(days=st.integers(0, 300), grace=st.integers(0, 120))
def test_chips_that_come_some_days_late_are_credited_for_the_days_after_grace(days, grace):
    """Delivered evenly within each quarter, as a plan with quarters knows it; the lateness within a quarter is then its mean."""
    edges = [(s - GRID.start).days for s in GRID.starts] + [365]
    missing = [max(0, min(days, b) - a) for a, b in itertools.pairwise(edges)]
    delivered = [2400 * (b - a - m) for a, b, m in zip(edges, edges[1:], missing, strict=False)]
    found = settled(contract(MINIMUM, late(grace=f"{grace} days", credit="100 %")), delivered=tuple(delivered))
    assert sum(paid(found, Account.DELAY_CREDIT)) == 2400 * max(0, days - grace)


def test_an_end_right_needs_grace_and_cure_to_have_passed():
    deal = contract(MINIMUM, late(grace="30 days", cure="60 days", ends="tranche"))
    used = {"c.delivery_delay.one.end": [[1, 1, 0, 0]]}
    # Nothing in the first quarter, all from the second: never later than 90 days, so the right is not there.
    found = settled(deal, delivered=(0, *VOLUMES[1:]), rights=used)
    assert paid(found, Account.TAKE_OR_PAY) == [0, *VOLUMES[1:]]
    # Nothing in the second quarter either: ended with it.
    found = settled(deal, delivered=(0, 0, *VOLUMES[2:]), rights=used)
    assert paid(found, Account.TAKE_OR_PAY) == [0, 0, 0, 0]


def test_ending_the_contract_ends_its_other_clauses():
    floor = terms("spend_commitment", interval="quarter", floor="365 k USD/y", counts={"take_or_pay": "100 %"})
    deal = contract(MINIMUM, late(grace="30 days", cure="60 days", ends="contract", relief="off"), floor)
    used = {"c.delivery_delay.end": [[0, 1, 0, 0]]}
    found = settled(deal, delivered=(0, 0, 0, 0), rights=used)
    assert paid(found, Account.TRUE_UP) == [90_000, 91_000, 0, 0]
    assert paid(settled(deal, delivered=(0, 0, 0, 0)), Account.TRUE_UP) == [90_000, 91_000, 92_000, 92_000]


def test_relief_takes_off_what_is_missing_and_never_more_than_the_floor():
    floor = terms("spend_commitment", interval="quarter", floor="730 k USD/y", total="730 k USD")
    rent = terms("chip_price", prices={"a": "1 USD/chip-h"})
    for relief, due in (("on", [0, 0, 0, 0]), ("off", [180_000, 0, 0, 0])):
        deal = contract(MINIMUM, rent, late(relief=relief, credit="1 %"), floor)
        delivered = (0, *VOLUMES[1:])
        found = settled(deal, delivered=delivered, taken=delivered)
        assert paid(found, Account.TRUE_UP) == due


def test_a_commitment_is_longer_by_what_was_not_delivered():
    """Nothing in Q1, one tranche to 2027-07-01: 216,000 of the 220,800 chip-hours of Q3 are made good, and must be spent."""
    minimum = terms("take_or_pay", tranches=[tranche(end="2027-07-01", minimum="0 %")])
    floor = terms(
        "spend_commitment", interval="quarter", end="2027-07-01", floor="876 k USD/y", counts={"rent": "100 %"}
    )
    rent = terms("chip_price", prices={"a": "1 USD/chip-h"})
    rent = rent.model_copy(update={"id": "rent"})
    deal = contract(minimum, rent, late(extends="on"), floor)
    found = settled(deal, delivered=(0, *VOLUMES[1:]), taken=(0, VOLUMES[1], 100_000, 0))
    longer = next(d for d in found.dues if d.facts.get("scope") == "extension")
    assert [float(v) for v in longer.amount.rows[0]] == [116_000.0, 0.0]
    assert longer.on.starts[0] == date(2027, 7, 1)


# ---------------------------------------------------------------- contradictory terms


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("take_or_pay", {"tranches": [tranche(end="2027-01-01", start="2027-01-01")]}, "not after its start"),
        ("take_or_pay", {"make_up": {}, "tranches": [tranche(), tranche(id="two")]}, "could never be taken"),
        ("reservation", {"tranches": [{"id": "one", "chip": "a", "count": "1 chip"}]}, "needs a fee"),
        ("reservation", {"tranches": [tranche()], "paid": "up_front", "charged": "unused"}, "not known then"),
        ("reservation", {"tranches": [tranche()], "paid": "up_front", "cancel": {}}, "paid up front"),
        ("delivery_delay", {"of": "x", "relief": "off"}, "nothing follows"),
        ("delivery_delay", {"of": "x", "start": "2027-01-01"}, "leave `start` and `end` out"),
        ("backstop", {"payer": "provider", "prices": {"a": "1 USD/chip-h"}}, "another party"),
        ("backstop", {"payer": "vendor", "chips": ["a"]}, "either `prices`"),
        ("backstop", {"payer": "vendor", "prices": {"a": "1 USD/chip-h"}, "total": "1 USD", "paid": "2 USD"}, "more has been"),
        ("chip_price", {"prices": {"a": "1 USD/chip-h"}, "taken_before": {"a": "5 chip-h"}}, "without `tiers`"),
        (
            "chip_price",
            {
                "prices": {"a": "1 USD/chip-h"},
                "how": "all_units",
                "tiers": [{"above": "1 chip-h", "discount": "9 %"}, {"above": "2 chip-h", "discount": "5 %"}],
            },
            "lower discount",
        ),
    ],
)  # fmt: skip
def test_contradictory_terms_are_refused(kind, fields, words):
    with pytest.raises(ValidationError, match=words):
        terms(kind, **fields)


CANCEL = terms("reservation", tranches=[tranche()], cancel={})
UP_FRONT = terms("reservation", tranches=[tranche()], paid="up_front")


@pytest.mark.parametrize(
    ("clauses", "words"),
    [
        ((late(credit="1 %"),), "no clause with tranches"),
        ((MINIMUM, late(each={"nine": {"credit": "1 %"}})), "does not have"),
        ((MINIMUM, late(credit="1 %"), late(credit="2 %").model_copy(update={"id": "again"})), "under `each`"),
        ((MINIMUM, late(ends="tranche", grace="200 days", cure="200 days")), "can never be used"),
        ((CANCEL, late(credit="1 %").model_copy(update={"of": "reservation"})), "can be cancelled"),
        ((UP_FRONT, late(extends="on").model_copy(update={"of": "reservation"})), "leave `extends` out"),
        ((terms("take_or_pay", tranches=[{"id": "one", "chip": "a", "count": "1 chip"}]),), "price"),
        ((terms("backstop", payer="vendor", chips=["a"], share="50 %"),), "price"),
    ],
)
def test_clauses_that_contradict_each_other_are_refused(clauses, words):
    with pytest.raises(OfftakeError, match=words):
        summary(contract(*clauses))


# ---------------------------------------------------------------- promises


def test_promises_keep_firm_contingent_and_cancellable_apart():
    reserved = terms("reservation", tranches=[tranche()], cancel={"charge": "25 %"})
    backstop = terms("backstop", payer="vendor", prices={"a": "1 USD/chip-h"}, cap="10 USD")
    deal = contract(MINIMUM, late(credit="10 %", cap="500 USD"), reserved, backstop)
    totals = {(firm, payer): usd for (_, firm, payer), usd in summary(deal).totals.items()}
    assert totals == {
        (Firmness.FIRM, "offtaker"): 876_000 + 219_000,
        (Firmness.CANCELLABLE, "offtaker"): 657_000,
        (Firmness.CONTINGENT, "provider"): 500,
        (Firmness.CONTINGENT, "vendor"): 40,
    }
