"""Rule 1, floors and transfers: the problem's money is the settled money, under every objective."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_toys import EXACT, busy, chip, contract, demand, inputs, problem, site, stand, toy

from offtake.api.accounts import keep_books
from offtake.ledger.accounts import MIRRORS
from offtake.plan.build import build
from offtake.plan.findings import findings
from offtake.plan.result import read
from offtake.plan.run import plan_inputs
from offtake.plan.settings import Settings
from offtake.plan.solve import solve

CENT = 0.01
QUICK = Settings(gap=0.005)

OBJECTIVES = {
    "joint": {},
    "offtaker": {},
    "provider": {},
    "weighted": {"weights": {"offtaker": 0.35, "provider": 0.65}},
}

RENT = {
    "kind": "chip_price",
    "id": "rent",
    "interval": "half_year",
    "prices": {"c": "1.1 USD/chip-h", "n": "2.1 USD/chip-h"},
    "escalator": "3 %/y",
}
CLAUSES = {
    "chip_price": [
        {**RENT, "tiers": [{"above": "60 M chip-h", "discount": "12 %"}, {"above": "110 M chip-h", "discount": "25 %"}]}
    ],
    "take_or_pay": [
        RENT,
        {
            "kind": "take_or_pay",
            "id": "top",
            "interval": "half_year",
            "tranches": [
                {"id": "small", "chip": "c", "count": "6 k chip", "minimum": "80 %"},
                {"id": "power", "it_power": {"2026-07-01": "6 MW", "2027-03-15": "14 MW"}, "rate": "8 M USD/MW-year"},
            ],
        },
    ],
    "spend_commitment": [
        RENT,
        {
            "kind": "spend_commitment",
            "id": "commit",
            "total": "420 M USD",
            "floors": ["150 M USD", "230 M USD"],
            "counts": {"rent": "90 %"},
            "carry_forward": {"cap": "30 M USD", "lasts": 1},
        },
    ],
    "equity_tranche": [
        RENT,
        {"kind": "equity_tranche", "id": "now", "amount": "50 M USD", "date": "2026-09-15"},
        {
            "kind": "equity_tranche",
            "id": "later",
            "amount": "70 M USD",
            "trigger": {"cumulative_spend": "90 M USD"},
            "latest": "2028-03-31",
        },
        {
            "kind": "equity_tranche",
            "id": "power",
            "amount": "40 M USD",
            "trigger": {"accepted": "11 MW"},
            "draw": "optional",
        },
    ],
    "revenue_share": [
        RENT,
        {
            "kind": "revenue_share",
            "id": "share",
            "base": "gross_profit",
            "rates": {"cloud": "40 %", "direct": {"2026-07-01": "5 %", "2027-08-01": "11 %"}},
            "cap": "70 M USD",
            "floor": "4 M USD/y",
        },
    ],
    "term_loan": [
        RENT,
        {
            "kind": "term_loan",
            "id": "loan",
            "lender": "provider",
            "borrower": "offtaker",
            "draws": [{"date": "2026-07-01", "amount": "60 M USD"}],
            "maturity": "2028-01-15",
            "rate": "9 %/y",
            "amortisation": "annuity",
        },
    ],
}


EDGES = ["2026-07-01", "2027-01-01", "2027-07-01", "2028-07-01"]


def deal(clauses, **fields):
    """Scenario of three periods with a contract whose dates fall on none of them."""
    terms = contract(*clauses, start="2026-05-20", end="2028-05-20", **fields)
    return busy(contract=terms, grid={"dates": EDGES})


def aimed(scenario, goal):
    scenario["objective"] = {**scenario["objective"], "maximise": goal, **OBJECTIVES[goal]}
    return scenario


def assert_rule_one(found):
    """Assert that each due in the problem equals what is settled, within a cent or 1e-6 of its clause's total."""
    inside = found.built.dues
    totals: dict[str, float] = {}
    for exact in found.dues:
        totals[exact.cause] = totals.get(exact.cause, 0.0) + sum(abs(float(v)) for v in exact.amount.rows[0])
    for row, exact in zip(inside, found.dues, strict=True):
        planned = row.amount.value(found.solved.x)[0] * 1e6
        settled = np.array([float(v) for v in exact.amount.rows[0]])
        assert np.abs(planned - settled).max(initial=0.0) <= max(CENT, 1e-6 * totals[exact.cause]), exact.cause
    assert found.money_difference_usd[0] <= max(CENT, 1e-6 * max(totals.values(), default=0.0))


@pytest.mark.parametrize("goal", OBJECTIVES)
@pytest.mark.parametrize("kind", CLAUSES)
def test_planned_money_is_settled_money(kind, goal):
    outcome = plan_inputs(inputs(aimed(deal(CLAUSES[kind]), goal)), QUICK)
    assert_rule_one(outcome.alliance)
    assert_rule_one(outcome.without)
    # and what the objective says of the whole plan is what its settled flows are worth
    exact = outcome.alliance.solved
    assert outcome.alliance.objective_usd / 1e6 == pytest.approx(exact.exact.objective, rel=1e-7)


@st.composite
def contracts(draw):
    """Draw one to four clauses with random terms, signed or for the plan to decide."""
    rent = {**RENT, "interval": draw(st.sampled_from(["month", "quarter", "half_year", "year"]))}
    if draw(st.booleans()):
        rent["tiers"] = [
            {"above": f"{draw(st.integers(20, 150))} M chip-h", "discount": f"{draw(st.integers(1, 40))} %"}
        ]
    others = {
        "take_or_pay": {
            "kind": "take_or_pay",
            "id": "top",
            "interval": draw(st.sampled_from(["quarter", "year"])),
            "minimum": f"{draw(st.integers(1, 25))} MW",
            "rate": f"{draw(st.integers(5, 14))} M USD/MW-year",
        },
        "spend_commitment": {
            "kind": "spend_commitment",
            "id": "commit",
            "total": f"{draw(st.integers(50, 600))} M USD",
            "floors": [f"{draw(st.integers(0, 250))} M USD" for _ in range(2)],
        },
        "equity_tranche": {
            "kind": "equity_tranche",
            "id": "stake",
            "amount": f"{draw(st.integers(10, 90))} M USD",
            "trigger": {"cumulative_spend": f"{draw(st.integers(20, 300))} M USD"},
            "notice": f"{draw(st.integers(0, 90))} days",
        },
        "revenue_share": {
            "kind": "revenue_share",
            "id": "share",
            "base": draw(st.sampled_from(["revenue", "gross_profit"])),
            "rates": {"cloud": f"{draw(st.integers(1, 60))} %"},
        },
    }
    chosen = draw(st.lists(st.sampled_from(sorted(others)), max_size=2, unique=True))
    return [rent, *(others[k] for k in chosen)], draw(st.sampled_from(["yes", "decide"]))


@settings(max_examples=6)
@given(contracts(), st.sampled_from(sorted(OBJECTIVES)))
def test_planned_money_is_settled_money_for_any_contract(terms, goal):
    clauses, signed = terms
    outcome = plan_inputs(inputs(aimed(deal(clauses, signed=signed), goal)), QUICK)
    assert_rule_one(outcome.alliance)


@pytest.mark.parametrize("kind", ["take_or_pay", "spend_commitment", "revenue_share"])
@pytest.mark.parametrize("goal", ["offtaker", "provider"])
def test_a_one_party_objective_leaves_the_other_on_its_floor(goal, kind):
    other = {"offtaker": "provider", "provider": "offtaker"}[goal]
    scenario = aimed(deal(CLAUSES[kind], signed="decide"), goal)
    scenario["objective"]["others_at_least"] = "3 M USD"
    outcome = plan_inputs(inputs(scenario), EXACT)
    floor = outcome.without.npv_usd(other) + 3e6
    missed = sum(float(s.value(outcome.alliance.solved.x)) * 1e6 for s in outcome.alliance.built.short.values())
    assert missed == pytest.approx(0.0, abs=1.0) or any(f.short for f in findings(outcome.alliance))
    assert outcome.alliance.npv_usd(other) >= floor - missed - 1.0
    # and the favoured party never does worse than alone
    assert outcome.alliance.npv_usd(goal) >= outcome.without.npv_usd(goal) - missed - 1.0


def test_without_an_alliance_each_party_does_its_own_best():
    # The floor is the same whomever the objective favours.
    values = []
    for goal in OBJECTIVES:
        outcome = plan_inputs(inputs(aimed(deal([RENT]), goal)), QUICK)
        values.append([outcome.without.npv_usd(p) for p in ("offtaker", "provider")])
    assert np.ptp(np.array(values), axis=0) == pytest.approx(0.0, abs=1.0)


def test_a_floor_that_signed_terms_make_unreachable_is_missed_by_the_least():
    # The offtaker must pay 10 M USD a year whatever it does, and has nothing to sell: it ends 30 below its floor of nothing.
    fee = {
        "kind": "revenue_share",
        "id": "fee",
        "rates": {"direct": "0 %"},
        "floor": "10 M USD/y",
        "interval": "year",
        "due": "0 days",
    }
    scenario = toy(
        objective={"maximise": "provider", "discount_rate": "0 %/y"},
        chips=[chip(opening=stand(10_000.0), supply="0 chip/y")],
        demand=[demand(price=0.0)],
        contract=contract(fee),
    )
    outcome = plan_inputs(inputs(scenario), EXACT)
    assert outcome.without.npv_usd("offtaker") == pytest.approx(0.0, abs=1.0)
    assert outcome.alliance.npv_usd("offtaker") / 1e6 == pytest.approx(-30.0)
    short = [f for f in findings(outcome.alliance) if f.short]
    assert [f.code for f in short] == ["F101"]


def test_a_reachable_floor_is_kept_even_where_the_favoured_party_pays():
    # The offtaker alone would use chips at a rent of nothing; running them costs the provider 0.876 a year and chip: it must be paid,
    # and no term pays it, so that nothing is used.
    place = site(power_price="100 USD/MWh")
    scenario = toy(
        objective={"maximise": "offtaker", "discount_rate": "0 %/y"},
        sites=[place],
        chips=[chip(opening=stand(10_000.0), supply="0 chip/y")],
        contract=contract({"kind": "chip_price", "id": "rent", "prices": {"c": "0 USD/chip-h"}}),
    )
    outcome = plan_inputs(inputs(scenario), EXACT)
    assert outcome.alliance.npv_usd("offtaker") == pytest.approx(0.0, abs=1.0)
    assert outcome.alliance.npv_usd("provider") == pytest.approx(0.0, abs=1.0)
    # At a rent of 0.1 an hour the provider just breaks even and the offtaker keeps 0.9.
    scenario["contract"] = contract({"kind": "chip_price", "id": "rent", "prices": {"c": "0.1 USD/chip-h"}})
    outcome = plan_inputs(inputs(scenario), EXACT)
    assert outcome.alliance.npv_usd("offtaker") / 1e6 == pytest.approx(3 * 87.6 * 0.9)


LUMPS = {
    "fixed payment": {
        "kind": "revenue_share",
        "id": "lump",
        "rates": {"direct": "0 %"},
        "floor": "20 M USD/y",
        "interval": "year",
    },
    "the other way": {
        "kind": "revenue_share",
        "id": "lump",
        "rates": {"direct": "0 %"},
        "floor": "20 M USD/y",
        "interval": "year",
        "payer": "provider",
        "payee": "offtaker",
    },
    "equity": {"kind": "equity_tranche", "id": "lump", "amount": "80 M USD", "date": "2027-02-03"},
    "loan": {
        "kind": "term_loan",
        "id": "lump",
        "lender": "provider",
        "borrower": "offtaker",
        "draws": [{"date": "2026-08-01", "amount": "40 M USD"}],
        "maturity": "2028-02-01",
        "rate": "9 %/y",
    },
}


def physical(found):
    """Stack every physical decision."""
    d = found.decisions
    parts = (
        d.starts,
        d.orders_chip / 1e3,
        d.accepted_chip / 1e3,
        d.hours_chip_h / 1e6,
        d.rented_chip_h / 1e6,
        d.tokens / 1e12,
        d.done,
    )
    return np.concatenate([p.ravel() for p in parts])


@pytest.mark.parametrize("lump", LUMPS)
def test_a_lump_between_the_parties_changes_no_physical_decision(lump):
    # No cash limit binds, the optimum is unique: all prices are odd numbers.
    def planned(*clauses):
        scenario = busy(contract=contract(RENT, *clauses, start="2026-07-01", end="2028-07-01"))
        for p in scenario["parties"].values():
            p["cash"] = "5 bn USD"
        return read(solve(build(problem(scenario)), Settings(gap=0.0, relax=True)))

    plain, moved = planned(), planned(LUMPS[lump])
    assert moved.solved.exact.objective == pytest.approx(plain.solved.exact.objective, rel=1e-9)
    assert physical(moved) == pytest.approx(physical(plain), rel=1e-5, abs=1e-4)
    given = plain.npv_usd("provider") - moved.npv_usd("provider")
    assert given == pytest.approx(moved.npv_usd("offtaker") - plain.npv_usd("offtaker"), rel=1e-6, abs=100.0)


@pytest.mark.parametrize("kind", CLAUSES)
def test_the_books_hold_the_plan(kind):
    found = plan_inputs(inputs(deal(CLAUSES[kind])), QUICK).alliance
    kept = keep_books(found)
    kept.check()
    for party in ("offtaker", "provider"):
        for t, end in enumerate(found.problem.grid.ends):
            by = (
                date.max if end == found.problem.grid.end else end - timedelta(days=1)
            )  # later dues are found by the horizon
            booked = float(kept.balance(party, "cash", by))
            assert booked == pytest.approx(found.decisions.cash_usd[party][0, t], abs=1.0)


def test_combined_claims_are_zero_on_every_date():
    found = plan_inputs(
        inputs(
            deal([c for k in ("take_or_pay", "equity_tranche", "term_loan") for c in CLAUSES[k][k != "take_or_pay" :]])
        ),
        QUICK,
    )
    kept = keep_books(found.alliance)
    days = sorted({f.date for f in found.alliance.flows})
    assert len(days) > 10
    for day in days:
        for claim, debt in MIRRORS:
            held = sum(kept.balance(p, claim, day) for p in kept.parties)
            owed = sum(kept.balance(p, debt, day) for p in kept.parties)
            assert held + owed == 0, (day, claim)


def test_a_plan_is_relaxed_or_whole_and_says_which():
    whole = solve(build(problem(busy())), EXACT)
    loose = solve(build(problem(busy())), Settings(gap=0.0, relax=True))
    assert whole.first.integer
    assert not loose.first.integer
    assert loose.exact.objective >= whole.exact.objective - 1e-6


def test_a_true_up_billed_on_the_last_day_must_be_found():
    """It falls due after the horizon; a party that cannot pay it is short all the same."""
    counts = {"rent": "100 %"}
    clause = {"kind": "spend_commitment", "id": "much", "total": "900 bn USD", "due": "30 days", "counts": counts}
    terms = contract(RENT, clause, start="2026-07-01", end="2028-07-01")
    found = plan_inputs(inputs(busy(contract=terms, grid={"dates": EDGES})), QUICK).alliance
    assert found.decisions.emergency_usd["offtaker"][0, -1] > 8e11
    assert "F102" in [f.code for f in findings(found)]
