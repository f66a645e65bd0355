"""Contracts: order of clauses, headline by firmness, rounding to cents, bad terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from pydantic import ValidationError

from offtake.dates import Grid, Intervals
from offtake.deal.contract import Contract, DealFacts, measures_of, owed, summary
from offtake.deal.flows import Account, Due, Firmness, Layer
from offtake.deal.quantities import USD
from offtake.deal.settle import Exact, SettleAlgebra, flows_of
from offtake.deal.terms import escalated, exact_mean
from offtake.errors import OfftakeError
from offtake.registry import component
from offtake.spec.series import Series

GRID = Grid.of(date(2027, 1, 1), quarters=4, half_years=0, years=0)
FACTS = DealFacts(valuation_date=GRID.start, horizon=GRID.end, chips=("a",), it_w_per_chip={"a": 1000})


def terms(kind, **fields):
    return component("clause", kind).model_validate({"id": kind.replace("_", "-"), **fields})


def contract(*clauses, **more):
    return Contract(id="deal", start=GRID.start, end=date(2029, 1, 1), clauses=clauses, **more)


RENT = terms("chip_price", prices={"a": "2 USD/chip-h"})
FLOOR = terms("spend_commitment", total="5000 USD", floors=["1000 USD", "3000 USD"])
MINIMUM = terms("take_or_pay", tranches=[{"id": "one", "chip": "a", "count": "10 chip", "price": "1 USD/chip-h"}])
NOW = terms("equity_tranche", id="now", amount="700 USD", date="2027-02-15")
LATER = terms("equity_tranche", id="later", amount="900 USD", trigger={"cumulative_spend": "100 USD"})


def test_clauses_run_after_those_whose_payments_they_read():
    deal = contract(LATER, FLOOR, RENT, NOW)
    assert [c.id for c in deal.in_order()] == ["chip-price", "spend-commitment", "later", "now"]
    found = owed(deal, SettleAlgebra(grid=GRID, measures=dict.fromkeys(measures_of(deal, FACTS), ((0,) * 4,))), FACTS)
    assert list(found.by_clause) == ["later", "spend-commitment", "chip-price", "now"]


def test_a_circle_of_clauses_is_named():
    one = terms("spend_commitment", id="one", total="1 USD", counts={"two": "100 %"})
    two = terms("spend_commitment", id="two", total="1 USD", counts={"one": "100 %"})
    with pytest.raises(OfftakeError, match="circle: one → two → one"):
        contract(one, two).in_order()


def test_two_clauses_with_one_id_are_refused():
    with pytest.raises(OfftakeError, match="same id"):
        contract(RENT, RENT).in_order()


def test_an_unsigned_contract_owes_nothing_and_reads_nothing():
    assert owed(contract(RENT, signed="no"), SettleAlgebra(grid=GRID, measures={}), FACTS).dues == ()


def test_measures_are_those_that_the_clauses_read():
    assert [str(m) for m in measures_of(contract(RENT, MINIMUM), FACTS)] == ["delivery_chip_h[a]", "offtake_chip_h[a]"]


def test_the_headline_keeps_firmness_and_layers_apart():
    """The minimum (2 years, 17,544 h of 10 chips at 1 USD: 2028 is a leap year) counts towards the total: it is not added to it."""
    found = summary(contract(RENT, FLOOR, MINIMUM, NOW, LATER))
    assert found.totals == {
        (Layer.CLOUD, Firmness.FIRM, "offtaker"): Fraction(5000),
        (Layer.EQUITY, Firmness.FIRM, "provider"): Fraction(700),
        (Layer.EQUITY, Firmness.CONTINGENT, "provider"): Fraction(900),
    }
    minimum = next(p for p in found.promises if p.clause == "take-or-pay")
    assert (minimum.usd, minimum.within) == (175_440, "spend-commitment")
    assert found.firm_until == date(2029, 1, 31)


def test_cents_add_up_to_the_rounded_total():
    on = Intervals.every(4, date(2027, 1, 1), date(2028, 1, 1))
    due = Due(
        payer="offtaker",
        payee="provider",
        amount=Exact(rows=((Fraction(100, 3),) * 3,), on=on, unit=USD),
        on=on,
        when=on.ends,
        account=Account.RENT,
        layer=Layer.CLOUD,
        firmness=Firmness.FIRM,
        cause="deal.rent",
    )
    assert [f.amount for f in flows_of([due])] == [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]
    back = replace(due, amount=-due.amount)
    flows = flows_of([back])
    assert sum(f.amount for f in flows) == 100
    assert {(f.payer, f.payee) for f in flows} == {("provider", "offtaker")}


def test_terms_are_read_exactly():
    """1.05 is 21/20, not its nearest float; a line's mean is exact; escalation steps at the anniversary."""
    assert exact_mean(Series.constant(1.05), date(2027, 1, 1), date(2027, 4, 1)) == Fraction(21, 20)
    line = Series((date(2027, 1, 1), date(2027, 1, 11)), (0.0, 1.0))
    assert exact_mean(line, date(2027, 1, 1), date(2027, 1, 21)) == Fraction(3, 4)
    half = Intervals((date(2027, 7, 1),), (date(2028, 7, 1),))
    assert escalated(0.1, date(2027, 1, 1), half) == (Fraction(3842, 3660),)  # 184 days at 1, 182 at 1.1


def test_a_horizon_inside_the_term_asks_for_its_part_of_the_total():
    """Floors 1,000 and 3,000 of a total of 5,000: a quarter of it, 1,250, is asked for by the end of the first year."""
    deal = contract(RENT, FLOOR)
    a = SettleAlgebra(grid=GRID, measures=dict.fromkeys(measures_of(deal, FACTS), ((0,) * 4,)))
    floor, term = owed(deal, a, FACTS).by_clause["spend-commitment"]
    assert floor.amount.rows == ((1000,),)
    assert term.amount.rows == ((250,),)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("chip_price", {"prices": {"a": "2 USD"}}, "USD"),
        ("chip_price", {"prices": {"a": 2}, "interval": "week"}, "interval"),
        ("chip_price", {"prices": {"a": "2 USD/chip-h"}, "tiers": [{"above": "0 chip-h", "discount": "5 %"}]}, "rise"),
        ("take_or_pay", {}, "give either"),
        ("take_or_pay", {"minimum": "2 MW"}, "belong together"),
        ("take_or_pay", {"tranches": [{"id": "x", "count": "3 chip"}]}, "needs `chip`"),
        ("spend_commitment", {}, "nothing is committed"),
        ("spend_commitment", {"total": "1 USD", "counts_at_most": {"x": "1 USD"}}, "counts_at_most"),
        ("equity_tranche", {"amount": "1 USD"}, "either `date`"),
        ("equity_tranche", {"amount": "1 USD", "trigger": {}}, "needs a condition"),
        ("revenue_share", {"rates": {"cloud": "50 %"}, "payee": "offtaker"}, "must differ"),
        (
            "term_loan",
            {"draws": [{"date": "2027-01-01", "amount": "1 USD"}], "maturity": "2026-01-01", "rate": "5 %/y"},
            "maturity",
        ),
    ],
)
def test_bad_terms_are_refused(kind, fields, message):
    with pytest.raises(ValidationError, match=message):
        terms(kind, **fields)


def test_more_floors_than_years_are_refused():
    deal = contract(RENT, terms("spend_commitment", floors=["1 USD"] * 3))
    with pytest.raises(OfftakeError, match="3 floors, but its term has 2 intervals"):
        summary(deal)


def test_an_annuity_is_worth_its_principal():
    """The payments discounted at the loan's own rate, period by period, equal what was drawn."""
    loan = terms(
        "term_loan",
        draws=[{"date": "2027-02-15", "amount": "1 M USD"}],
        maturity="2031-02-15",
        rate="7.5 %/y",
        interval="quarter",
        amortisation="annuity",
        interest_only_until="2028-02-15",
    )
    plan = loan.schedule()
    growth, worth = Fraction(1), Fraction(0)
    for days, interest, repaid in zip(plan.on.days, plan.interest, plan.repayment, strict=True):
        growth *= 1 + Fraction(75, 1000) * int(days) / 365
        worth += (interest + repaid) / growth
    assert worth == 10**6
    assert plan.closing[-1] == 0
    assert len({i + r for i, r in zip(plan.interest, plan.repayment, strict=True) if r}) == 1
    assert not any(plan.repayment[:4])
