"""What stakes, notes and prepayments do to each party's value: one gains what the other loses."""

from __future__ import annotations

import pytest
from plan_toys import chip as chip_of
from plan_toys import contract, plan, stand, toy

PARTIES = ("offtaker", "provider")
RENT = {"kind": "chip_price", "id": "rent", "interval": "year", "due": "0 days", "prices": {"c": "0.5 USD/chip-h"}}
PATH = {"points": {"2025-01-01": "10 USD", "2028-01-01": "40 USD"}, "interpolation": "linear"}


def values(*clauses):
    """Value of each party under rent and further clauses [USD]; no discounting, 10,000 chips stand."""
    world = toy(
        chips=[chip_of(supply="0 chip/y", opening=stand(10_000.0))],
        contract=contract(RENT, *clauses),
    )
    found = plan(world)
    return {p: found.npv_usd(p) for p in PARTIES}


@pytest.fixture(scope="module")
def bare():
    return values()


def changes(bare, *clauses):
    with_them = values(*clauses)
    return tuple(with_them[p] - bare[p] for p in PARTIES)


def test_a_warrant_moves_the_worth_of_its_shares(bare):
    warrant = {
        "kind": "warrant",
        "id": "warrant",
        "tranches": [{"id": "all", "shares": "1 M", "trigger": {"accepted": "5 MW"}, "share_price": "20 USD"}],
        "exercise_price": "3 USD",
        "granted": "2025-01-01",
        "expires": "2030-01-01",
        "share_price": PATH,
        "tested": "year",
    }
    # Undiscounted: a million shares at 40 on the last day, less 3 paid for each
    assert changes(bare, warrant) == pytest.approx((37e6, -37e6), abs=1.0)
    for_a_third = warrant | {"holder": "backer", "given_for": "guarantee"}
    assert changes(bare, for_a_third) == pytest.approx((0.0, -37e6), abs=1.0)
    out_of_reach = warrant | {"tranches": [{"id": "all", "shares": "1 M", "share_price": "41 USD"}]}
    assert changes(bare, out_of_reach) == pytest.approx((0.0, 0.0), abs=1.0)


def test_a_note_moves_what_its_cap_and_discount_are_worth(bare):
    note = {
        "kind": "convertible",
        "id": "note",
        "holder": "provider",
        "issuer": "offtaker",
        "draws": [{"date": "2025-01-01", "amount": "15 M USD"}],
        "maturity": "2027-12-31",
        "rounds": [{"date": "2026-01-01", "price": "20 USD"}],
        "discount": "25 %",
        "worth": PATH,
    }
    # 15 M at 15 USD: a million shares, 40 USD each at the end, for 15 M lent
    assert changes(bare, note) == pytest.approx((-25e6, 25e6), abs=1.0)
    repaid = note | {"rounds": [{"date": "2028-06-01", "price": "20 USD"}]}
    assert changes(bare, repaid) == pytest.approx((0.0, 0.0), abs=1.0)


def test_shares_for_the_customer_move_their_worth(bare):
    given = {"kind": "customer_equity", "id": "given", "date": "2025-06-01", "shares": "1 M", "share_price": PATH}
    assert changes(bare, given) == pytest.approx((40e6, -40e6), abs=1.0)
    level = {"kind": "customer_equity", "id": "given", "date": "2025-06-01", "amount": "12 M USD"}
    assert changes(bare, level) == pytest.approx((12e6, -12e6), abs=1.0)


def test_a_stake_bought_above_its_fair_value_moves_the_excess(bare):
    tranche = {"kind": "equity_tranche", "id": "t", "amount": "10 M USD", "date": "2025-06-01", "fair_value": "7 M USD"}
    assert changes(bare, tranche) == pytest.approx((3e6, -3e6), abs=1.0)


def test_a_prepayment_moves_no_value_without_discounting_even_where_the_horizon_cuts_it(bare):
    ahead = {
        "kind": "prepayment",
        "id": "ahead",
        "interval": "year",
        "due": "0 days",
        "payments": [{"date": "2025-02-01", "amount": "30 M USD", "credit_from": "2027-01-01", "over": 3}],
    }
    ten_years = contract(RENT, ahead, end="2035-01-01")
    world = toy(chips=[chip_of(supply="0 chip/y", opening=stand(10_000.0))], contract=ten_years)
    found = plan(world)
    assert [found.npv_usd(p) - bare[p] for p in PARTIES] == pytest.approx([0.0, 0.0], abs=1.0)
    # A third is credited in the plan; two thirds are still to come.
    assert found.terminal_usd["offtaker"]["paid ahead"] == pytest.approx(20e6, abs=1.0)


def test_a_guarantee_costs_its_fee_and_a_call_is_paid_by_the_guarantor(bare):
    backing = {"kind": "guarantee", "id": "backing", "guarantor": "parent", "of": ["rent"], "interval": "year"}
    fee = backing | {"cap": "10 M USD", "fee": "2 %/y"}
    assert changes(bare, fee) == pytest.approx((0.0, -0.6e6), abs=1.0)
    called = backing | {"cap": "10 M USD", "called_from": "2025-01-01", "due": "0 days"}
    assert changes(bare, called) == pytest.approx((10e6, 0.0), abs=1.0)
