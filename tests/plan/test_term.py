"""The term of the contract in the plan: what is taken follows the choice to end it or to let it go on."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from plan_toys import EXACT, chip, contract, demand, plan, stand, toy

from offtake.deal.quantities import Measure
from offtake.plan.contracts import concessions_of

TEN = stand(10_000.0)
NO_ORDERS = {"supply": "0 chip/y"}
YEAR = 87.6
"""What 10,000 chips earn in a year at 1 USD/Mtok [M USD]."""


def planned(goal, *clauses, **fields):
    scenario = toy(
        objective={"maximise": goal, "discount_rate": "0 %/y"},
        chips=[chip(opening=TEN, **NO_ORDERS)],
        contract=contract(*clauses, **fields),
    )
    return plan(scenario, EXACT)


def taken_years(found):
    """Chip-hours taken by period, in years of the 10,000 chips."""
    return (found.quantities[Measure("offtake_chip_h", "c")][0] / 1e6 / YEAR).tolist()


EXIT = {
    "kind": "exit_right",
    "id": "exit",
    "party": "provider",
    "notice": "10 days",
    "not_before": "2026-07-02",
    "interval": "year",
    "payment": {"2025-01-01": "200 M USD", "2026-12-01": "0 USD"},
}
"""The provider may end the contract on the 183rd day of the second year and pays for it."""


def test_nothing_is_taken_once_the_contract_has_been_ended():
    found = planned("offtaker", EXIT)
    assert taken_years(found) == pytest.approx([1, 182 / 365, 0])
    assert found.npv_usd("offtaker") / 1e6 == pytest.approx(200 + YEAR * (1 + 182 / 365))
    paid = [(f.date, f.account.value, f.payer, float(f.amount)) for f in found.flows if "exit" in f.cause]
    assert paid == [(date(2026, 7, 2), "termination", "provider", 200e6)]


def test_a_contract_that_pays_is_not_ended():
    assert taken_years(planned("joint", EXIT)) == pytest.approx([1, 1, 1])


def test_a_floor_ends_with_the_contract_by_the_day():
    # A floor of 43.8 M USD a year for what brings 8.76: notice on day one, and it is paid for 90 of 365 days.
    floor = {"kind": "revenue_share", "id": "least", "rates": {"direct": "0 %"}, "floor": "43.8 M USD/y"}
    exit_right = {"kind": "exit_right", "id": "exit", "party": "offtaker", "notice": "90 days", "interval": "year"}
    scenario = toy(
        objective={"maximise": "weighted", "weights": {"offtaker": 1.0, "provider": 0.0}, "discount_rate": "0 %/y"},
        chips=[chip(opening=TEN, **NO_ORDERS)],
        demand=[demand(mtok_per_d=24_000.0)],
        contract=contract(floor, exit_right),
    )
    found = plan(scenario, EXACT)
    assert taken_years(found) == pytest.approx([0.1, 0, 0])  # 1,000 chips all year are as much as 4,056 in the 90 days
    assert [f.amount for f in found.flows if f.cause == "deal.least"] == [Decimal("10800000.00")]


OPTION = {
    "kind": "extension_option",
    "id": "more",
    "first": "2025-06-01",
    "last": "2026-07-02",
    "length": "12 months",
    "fee": "80 M USD",
}


@pytest.mark.parametrize(("fee", "more"), [("80 M USD", 1.0), ("90 M USD", 0.0)])
def test_the_term_goes_on_where_the_option_is_worth_its_fee(fee, more):
    found = planned("offtaker", {**OPTION, "fee": fee}, end="2026-07-02")
    # added: 183 days of 2026 and 182 of 2027
    assert taken_years(found) == pytest.approx([1, (182 + 183 * more) / 365, 182 / 365 * more])
    paid = [(f.date, float(f.amount)) for f in found.flows if f.account.value == "option_fee"]
    assert [amount for _, amount in paid] == ([80e6] if more else [])
    assert all(date(2025, 6, 1) <= day <= date(2026, 7, 2) for day, _ in paid)


def test_an_option_without_a_fee_can_only_be_worth_something():
    found = planned("joint", {**OPTION, "fee": "0 USD"}, end="2026-07-02")
    assert taken_years(found) == pytest.approx([1, 1, 182 / 365])
    ((name, chosen),) = found.built.written.rights.items()
    assert name == "deal.more.exercise"
    assert np.round(chosen.value(found.solved.x)).tolist() == [[1.0]]


def test_an_option_counts_for_nothing_behind_the_horizon():
    found = planned("joint", {**OPTION, "last": "2028-01-01"})
    assert taken_years(found) == pytest.approx([1, 1, 1])
    assert not found.built.written.binaries


def test_an_amendment_is_planned_settled_and_told_as_what_each_side_gave():
    rent = {"kind": "chip_price", "id": "rent", "prices": {"c": "0.5 USD/chip-h"}, "interval": "year", "due": "0 days"}
    change = {"from": "2026-07-02", "why": "more volume", "changes": {"rent": {"prices": {"c": "0.4 USD/chip-h"}}}}
    found = planned("joint", rent, amendments=[change])
    assert taken_years(found) == pytest.approx([1, 1, 1])
    paid = [round(float(f.amount) / 1e6, 4) for f in found.flows if f.cause == "deal.rent"]
    half = YEAR * 182 / 365
    expected = [YEAR * 0.5, half * 0.5, (YEAR - half) * 0.4, YEAR * 0.4]
    assert paid == pytest.approx(expected, abs=1e-3)
    (given,) = concessions_of(found)
    assert (given.number, given.since, given.why) == (2, date(2026, 7, 2), "more volume")
    assert float(given.of("offtaker")) / 1e6 == pytest.approx(0.1 * (2 * YEAR - half), abs=1e-6)
    assert given.of("offtaker") + given.of("provider") == 0
    assert concessions_of(planned("joint", rent)) == ()
