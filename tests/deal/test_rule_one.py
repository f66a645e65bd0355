"""Rule 1: what the plan pays equals what is owed for its quantities, for every clause, whatever the objective."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.dates import Grid
from offtake.deal.contract import Contract, DealFacts, measures_of
from offtake.deal.rows import RowsAlgebra
from offtake.deal.trial import try_contract, with_clauses
from offtake.registry import component

GRID = Grid.of(date(2026, 7, 1), quarters=4, half_years=2, years=2)
FACTS = DealFacts(
    valuation_date=GRID.start,
    horizon=GRID.end,
    chips=("a", "b"),
    it_w_per_chip={"a": 873.0, "b": 1300.0},
    channels={"cloud": "provider"},
)
PER_DAY = {"chip_h": 4e6, "usd": 3e6, "mw": 0.0}


def terms(kind, **fields):
    return component("clause", kind).model_validate({"kind": kind, "id": fields.pop("id", kind), **fields})


RENT = terms(
    "chip_price",
    id="rent",
    prices={"a": "1.05 USD/chip-h", "b": {"2026-07-01": "2 USD/chip-h", "2029-01-01": "1.5 USD/chip-h"}},
    escalator="2 %/y",
    tiers=[{"above": "400 M chip-h", "discount": "10 %"}, {"above": "900 M chip-h", "discount": "25 %"}],
    interval="half_year",
)
CLAUSES = {
    "chip_price": (RENT,),
    "take_or_pay": (
        terms(
            "take_or_pay",
            interval="half_year",
            price_from="rent",
            tranches=[
                {
                    "id": "one",
                    "chip": "a",
                    "count": {"2026-07-01": "40 k chip", "2027-10-01": "90 k chip"},
                    "minimum": "80 %",
                },
                {"id": "two", "chip": "a", "count": "30 k chip", "price": "1.3 USD/chip-h", "start": "2027-03-01"},
                {"id": "power", "it_power": "90 MW", "rate": "9 M USD/MW-y"},
            ],
        ),
        RENT,
    ),
    "spend_commitment": (
        RENT,
        terms(
            "spend_commitment",
            total="5 bn USD",
            floors=["500 M USD", "900 M USD", "1200 M USD", "1500 M USD"],
            counts={"rent": "90 %"},
            counts_at_most={"rent": "1.4 bn USD"},
            carry_forward={"cap": "300 M USD", "lasts": 2},
            counted="100 M USD",
        ),
    ),
    "equity_tranche": (
        RENT,
        terms("equity_tranche", id="firm", amount="1 bn USD", date="2027-02-15"),
        terms(
            "equity_tranche",
            id="on-spend",
            amount="2 bn USD",
            trigger={"cumulative_spend": "1.5 bn USD"},
            latest="2029-12-31",
            tested="half_year",
        ),
        terms("equity_tranche", id="on-power", amount="3 bn USD", trigger={"accepted": "300 MW"}, tested="half_year"),
        terms(
            "equity_tranche",
            id="mixed",
            amount="1 bn USD",
            trigger={"accepted": "250 MW", "training": "next", "cumulative_spend": "2 bn USD", "need": "any"},
            tested="year",
            draw="optional",
        ),
    ),
    "revenue_share": (
        terms(
            "revenue_share",
            base="gross_profit",
            rates={"cloud": {"2026-07-01": "50 %", "2029-01-01": "30 %"}},
            cap="1.5 bn USD",
            floor="40 M USD/y",
        ),
        terms("revenue_share", id="back", payer="provider", payee="offtaker", rates={"direct": "10 %"}),
    ),
    "term_loan": (
        terms(
            "term_loan",
            lender="bank",
            borrower="provider",
            draws=[{"date": "2026-07-01", "amount": "2 bn USD"}, {"date": "2027-01-15", "amount": "1 bn USD"}],
            maturity="2031-01-15",
            rate="7.5 %/y",
            amortisation="annuity",
            fee="1 %",
        ),
    ),
}


def contract(clauses, *, signed="yes", start=date(2026, 4, 20), end=date(2030, 4, 20)):
    return Contract(id="deal", start=start, end=end, clauses=tuple(clauses), signed=signed)


def limits(deal):
    """Largest value of each measure by period."""
    return {m: _most(m) for m in measures_of(deal, FACTS)}


def _most(measure):
    if measure.sort == "state":
        return 1.0
    return 400.0 if measure.sort == "level" else PER_DAY[measure.unit] * GRID.days


@pytest.mark.parametrize("sense", ["pay", "be-paid", "mixed"])
@pytest.mark.parametrize("kind", sorted(CLAUSES))
def test_each_clause_is_exact_under_every_objective(kind, sense):
    deal = contract(CLAUSES[kind])
    seed = ["pay", "be-paid", "mixed"].index(sense)
    outcome = try_contract(deal, FACTS, GRID, limits(deal), rng=np.random.default_rng(seed), sense=sense)
    assert outcome.holds, outcome.agreements


def test_all_clauses_together_are_exact():
    every = {c.id: c for clauses in CLAUSES.values() for c in clauses}
    deal = contract(every.values())
    outcome = try_contract(deal, FACTS, GRID, limits(deal), rng=np.random.default_rng(0))
    assert outcome.holds, outcome.agreements


@pytest.mark.parametrize(("sense", "row"), [("pay", ".least"), ("be-paid", ".most")])
def test_the_trial_would_catch_a_payment_that_is_only_bounded(monkeypatch, sense, row):
    """Without one side of max(0, x), the objective that gains by it pays another amount than is owed."""
    whole = RowsAlgebra._rows
    monkeypatch.setattr(
        RowsAlgebra,
        "_rows",
        lambda self, name, *args, **kw: None if name.endswith(row) else whole(self, name, *args, **kw),
    )
    deal = contract(CLAUSES["spend_commitment"])
    outcome = try_contract(deal, FACTS, GRID, limits(deal), rng=np.random.default_rng(0), sense=sense)
    assert not outcome.holds


@pytest.mark.parametrize("sense", ["pay", "be-paid"])
@pytest.mark.parametrize("kind", sorted(CLAUSES))
def test_a_contract_that_the_plan_may_sign_is_exact_either_way(kind, sense):
    deal = contract(CLAUSES[kind], signed="decide")
    outcome = try_contract(deal, FACTS, GRID, limits(deal), rng=np.random.default_rng(1), sense=sense)
    assert outcome.holds, outcome.agreements
    if not outcome.signed:
        assert all(not any(row) for due in outcome.settled.dues for row in due.amount.rows)


def test_clause_columns_computed_from_the_decisions_equal_the_solver_s():
    deal = contract(CLAUSES["spend_commitment"])
    outcome = try_contract(deal, FACTS, GRID, limits(deal), rng=np.random.default_rng(3), polish=True)
    assert outcome.holds
    assert all(a.worst_usd < 1e-4 for a in outcome.agreements)


# ---------------------------------------------------------------- random contracts

shares = st.sampled_from(["0 %", "25 %", "50 %", "80 %", "100 %"])
money = st.integers(1, 30).map(lambda n: f"{n * 100} M USD")
days = st.integers(0, 900).map(lambda d: GRID.start + timedelta(days=d))
intervals = st.sampled_from(["half_year", "year"])
prices = st.integers(50, 300).map(lambda c: f"{c / 100} USD/chip-h")


@st.composite
def rents(draw):
    tiers = draw(st.lists(st.integers(1, 20), unique=True, max_size=2).map(sorted))
    return terms(
        "chip_price",
        id="rent",
        prices={"a": draw(prices), "b": draw(prices)},
        interval=draw(intervals),
        escalator=draw(st.sampled_from(["0 %/y", "3 %/y"])),
        tiers=[{"above": f"{n * 100} M chip-h", "discount": draw(shares)} for n in tiers],
    )


@st.composite
def minimums(draw):
    start = draw(days)
    return terms(
        "take_or_pay",
        interval=draw(intervals),
        tranches=[
            {"id": "one", "chip": "a", "count": f"{draw(st.integers(0, 150))} k chip", "minimum": draw(shares)},
            {
                "id": "two",
                "chip": "a",
                "count": f"{draw(st.integers(0, 80))} k chip",
                "start": str(start),
                "price": draw(prices),
            },
        ],
    )


@st.composite
def commitments(draw):
    carry = draw(
        st.one_of(
            st.none(),
            st.fixed_dictionaries({}, optional={"cap": money, "lasts": st.integers(1, 2), "opening": money}),
        )
    )
    return terms(
        "spend_commitment",
        floors=draw(st.lists(money, min_size=1, max_size=3)),
        total=draw(money),
        counts={"rent": draw(shares), "take_or_pay": draw(shares)},
        carry_forward=carry,
    )


@st.composite
def tranches(draw):
    return terms(
        "equity_tranche",
        amount=draw(money),
        tested="year",
        trigger={"cumulative_spend": draw(money), "spent_before": draw(st.sampled_from(["0 USD", "100 M USD"]))},
        latest=str(draw(days)),
        notice=f"{draw(st.integers(0, 60))} days",
    )


@st.composite
def splits(draw):
    return terms(
        "revenue_share",
        base=draw(st.sampled_from(["revenue", "gross_profit"])),
        rates={"cloud": draw(shares)},
        cap=draw(money),
        floor=draw(st.sampled_from(["0 USD/y", "50 M USD/y"])),
    )


@settings(max_examples=25)
@given(
    clauses=st.tuples(rents(), minimums(), commitments(), tranches(), splits()),
    term=st.tuples(days, st.integers(200, 1500)),
    seed=st.integers(0, 10_000),
    sense=st.sampled_from(["pay", "be-paid", "mixed"]),
    kind=st.tuples(st.sampled_from(["yes", "decide"]), st.integers(0, 15)),
)
def test_random_contracts_are_exact(clauses, term, seed, sense, kind):
    (start, length), (signed, drop) = term, kind
    floors = max(1, -(-length // 366))
    kept = [
        c.model_copy(update={"floors_usd": c.floors_usd[:floors]}) if c.kind == "spend_commitment" else c
        for c in clauses
    ]
    deal = contract(kept, signed=signed, start=start, end=start + timedelta(days=length))
    others = [c.id for k, c in enumerate(kept[1:]) if not drop >> k & 1]
    deal = with_clauses(deal, "rent", *others)
    outcome = try_contract(deal, FACTS, GRID, limits(deal), rng=np.random.default_rng(seed), sense=sense)
    assert outcome.holds, outcome.agreements
