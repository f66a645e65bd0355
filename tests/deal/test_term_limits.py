"""Limits of the clauses about the term, and of all clauses: nothing taken, no term, the last day, leap years, years across the grid."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from offtake.dates import Grid
from offtake.deal.contract import Contract, DealFacts, measures_of, owed, summary
from offtake.deal.flows import Firmness, Layer
from offtake.deal.quantities import Measure
from offtake.deal.settle import SettleAlgebra, flows_of
from offtake.deal.trial import try_contract
from offtake.registry import component

# Calendar quarters over the leap day of 2028; the contract year begins on 29 February.
GRID = Grid.from_edges([date(2028, 1, 1), date(2028, 4, 1), date(2028, 7, 1), date(2029, 1, 1), date(2029, 7, 1)])
FACTS = DealFacts(valuation_date=GRID.start, horizon=GRID.end, chips=("a",), it_w_per_chip={"a": 1000.0})
START, END = date(2028, 2, 29), date(2029, 2, 28)
TAKEN = Measure("offtake_chip_h", "a")


def terms(kind, **fields):
    return component("clause", kind).model_validate({"kind": kind, "id": fields.pop("id", kind), **fields})


def contract(*clauses, start=START, end=END, signed="yes"):
    return Contract(id="c", start=start, end=end, clauses=clauses, signed=signed)


def settled(deal, rights=None, **quantities):
    measures = dict.fromkeys(measures_of(deal, FACTS), ((0,) * 4,))
    measures |= {TAKEN: (tuple(quantities.get("taken", (0, 0, 0, 0))),)}
    return flows_of(owed(deal, SettleAlgebra(grid=GRID, measures=measures, rights=rights or {}), FACTS).dues)


FLOOR = terms("revenue_share", id="floor", due="0 days", rates={"cloud": "0 %"}, floor="365 USD/y")
"""A dollar for every day in force."""
EXIT = terms("exit_right", id="leave", party="offtaker", notice="30 days", interval="month")
MORE = terms("extension_option", id="more", first="2028-06-01", last="2029-02-28", length="2 months", fee="9 USD")


def test_what_holds_while_the_contract_is_in_force_is_counted_by_the_day():
    assert sum(f.amount for f in settled(contract(FLOOR))) == Decimal(
        365
    )  # from 29 February to 27 February, a leap day in it
    # notice on 29 March, the first day of the second month: 29 + 30 days
    notice = [[0, 1, *[0] * 9]]
    flows = settled(contract(FLOOR, EXIT), rights={"c.leave.notice": notice})
    assert sum(f.amount for f in flows) == (date(2028, 4, 28) - START).days


def test_notice_on_the_first_and_on_the_last_day_there_is():
    days = EXIT.ends(contract(FLOOR, EXIT), today=GRID.start, horizon=GRID.end)
    assert (days[0], days[-1], len(days)) == (date(2028, 3, 30), date(2029, 1, 28), 11)
    for k, day in ((0, days[0]), (10, days[-1])):
        flows = settled(contract(FLOOR, EXIT), rights={"c.leave.notice": [[int(n == k) for n in range(11)]]})
        assert sum(f.amount for f in flows) == (day - START).days


def test_an_option_is_exercised_on_the_last_day_of_its_window():
    deal = contract(FLOOR, MORE)
    count = len(MORE.days(GRID.start))
    assert MORE.days(GRID.start)[-1] == date(2029, 2, 28)
    flows = settled(deal, rights={"c.more.exercise": [[*[0] * (count - 1), 1]]})
    fee = next(f for f in flows if f.account == "option_fee")
    assert (fee.date, fee.amount) == (date(2029, 2, 28), Decimal(9))
    # from 28 February to 27 April 2029: 59 days more
    assert sum(f.amount for f in flows if f.account == "revenue_share") == 365 + 59
    assert sum(f.amount for f in settled(deal)) == 365


def test_the_horizon_cuts_the_time_that_an_option_adds():
    long = MORE.model_copy(update={"length_months": 24.0, "fee_usd": 0.0})
    flows = settled(contract(FLOOR, long), rights={"c.more.exercise": [[1]]})
    assert sum(f.amount for f in flows) == (GRID.end - START).days


def test_a_contract_can_be_ended_in_the_time_that_an_option_has_added():
    late = terms("exit_right", id="leave", notice="0 days", not_before="2029-03-10", interval="year")
    deal = contract(FLOOR, MORE, late)
    count = len(MORE.days(GRID.start))
    exercised = {"c.more.exercise": [[*[0] * (count - 1), 1]]}
    flows = settled(deal, rights={**exercised, "c.leave.notice": [[1]]})
    assert sum(f.amount for f in flows if f.account == "revenue_share") == (date(2029, 3, 10) - START).days
    # without the extension there is nothing left to end
    flows = settled(deal, rights={"c.leave.notice": [[1]]})
    assert sum(f.amount for f in flows) == 365


def test_more_time_after_more_time_needs_the_first():
    second = terms(
        "extension_option", id="again", first="2029-01-01", last="2029-04-28", length="1 months", follows="more"
    )
    deal = contract(FLOOR, MORE, second)
    count = len(MORE.days(GRID.start))
    both = {"c.more.exercise": [[*[0] * (count - 1), 1]], "c.again.exercise": [[1]]}
    assert sum(f.amount for f in settled(deal, rights=both) if f.account == "revenue_share") == 365 + 59 + 30
    assert sum(f.amount for f in settled(deal, rights={"c.again.exercise": [[1]]})) == 365


def test_two_parties_may_each_end_the_contract():
    other = terms("exit_right", id="quit", party="provider", notice="200 days", interval="year", payment="5 USD")
    deal = contract(FLOOR, EXIT, other)
    mine = {"c.leave.notice": [[0] * 5 + [1] + [0] * 5]}  # notice on 29 July: 28 August
    theirs = {"c.quit.notice": [[1]]}  # notice on the first day: 16 September
    flows = settled(deal, rights={**mine, **theirs})
    assert sum(f.amount for f in flows if f.account == "revenue_share") == (date(2028, 8, 28) - START).days
    flows = settled(deal, rights=theirs)
    assert sum(f.amount for f in flows if f.account == "revenue_share") == (date(2028, 9, 16) - START).days


@pytest.mark.parametrize("rule", [{}, {"price_change": "-20 %"}, {"prices": {"a": "3 USD/chip-h"}}])
def test_prices_in_the_added_time(rule):
    more = MORE.model_validate({**MORE.model_dump(by_alias=False, exclude={"kind"}), "fee_usd": "0 USD"} | _named(rule))
    rent = terms("chip_price", id="rent", due="0 days", interval="year", prices={"a": "2 USD/chip-h"})
    flows = settled(contract(rent, more), rights={"c.more.exercise": [[1]]}, taken=(0, 0, 0, 181))
    price = {"price_change": Decimal("1.6"), "prices": Decimal(3)}.get(next(iter(rule), ""), Decimal(2))
    # a chip-hour a day: 58 days until 27 February at 2, 59 at the rule's price
    assert [f.amount for f in flows] == [Decimal(58 * 2), 59 * price]


def _named(rule):
    return {"price_change_frac" if k == "price_change" else "prices_usd_per_chip_h": v for k, v in rule.items()}


def test_the_firm_part_of_a_contract_on_short_notice_is_notice_times_fee():
    # 1.25 bn a month from May 2026 to May 2029, either side may leave on 90 days' notice
    fee = terms(
        "take_or_pay",
        id="fee",
        due="0 days",
        interval="month",
        tranches=[{"id": "all", "it_power": "300 MW", "rate": "50 M USD/MW-year"}],
    )
    leave = terms("exit_right", id="leave", notice="90 days", interval="month")
    deal = contract(fee, leave, start=date(2026, 5, 1), end=date(2029, 5, 1))
    headline = summary(deal)
    firm = headline.totals[Layer.CLOUD, Firmness.FIRM, "offtaker"]
    rest = headline.totals[Layer.CLOUD, Firmness.CANCELLABLE, "offtaker"]
    whole = summary(contract(fee, start=deal.start, end=deal.end)).totals[Layer.CLOUD, Firmness.FIRM, "offtaker"]
    assert firm + rest == whole == Fraction(1096 * 24 * 300 * 50_000_000, 8760)
    assert firm == Fraction(90, 1096) * whole
    assert float(firm) == pytest.approx(3.7e9, rel=0.01)
    assert headline.firm_until == date(2026, 7, 30)
    # who may not leave is bound to the end
    bound = contract(fee, leave.model_copy(update={"party": "provider"}), start=deal.start, end=deal.end)
    assert summary(bound).totals == {(Layer.CLOUD, Firmness.FIRM, "offtaker"): whole}


def test_flows_behind_the_notice_are_cancellable():
    least = terms(
        "spend_commitment", id="least", due="0 days", interval="quarter", floor="365 USD/y", counts={"rent": "100 %"}
    )
    rent = terms("chip_price", id="rent", prices={"a": "1 USD/chip-h"})
    assert {f.firmness for f in settled(contract(rent, least))} == {Firmness.FIRM}
    flows = settled(contract(rent, least, EXIT))
    # notice today runs out on 30 March: the quarter begun on 29 February is firm, those begun later are not
    assert [f.firmness for f in flows] == [Firmness.FIRM, *[Firmness.CANCELLABLE] * (len(flows) - 1)]


KINDS = {
    "cap = floor": [
        terms("revenue_share", rates={"cloud": "50 %"}, cap="365 USD", floor="365 USD/y"),
    ],
    "the same step twice": [
        terms("chip_price", prices={"a": "1 USD/chip-h"}, tiers=[{"above": "1 chip-h", "discount": "0 %"}]),
        terms("spend_commitment", floors=["0 USD"], total="0 USD", carry_forward={"cap": "0 USD"}),
    ],
    "a minimum of nothing": [
        terms("take_or_pay", tranches=[{"id": "t", "chip": "a", "count": "0 chip", "price": "1 USD/chip-h"}]),
    ],
}


@pytest.mark.parametrize("sense", ["pay", "be-paid"])
@pytest.mark.parametrize("most", [0.0, 1.0, 1e9])
@pytest.mark.parametrize("name", KINDS)
def test_limits_are_exact(name, most, sense):
    deal = contract(*KINDS[name], EXIT, MORE, signed="decide")
    limits = dict.fromkeys(measures_of(deal, FACTS), most)
    outcome = try_contract(deal, FACTS, GRID, limits, rng=np.random.default_rng(3), sense=sense, gap=0.5)
    assert outcome.holds, outcome.agreements
    if most == 0.0 and name != "cap = floor":
        paid = [f for f in flows_of(outcome.settled.dues) if f.account != "option_fee"]
        assert not paid


@pytest.mark.parametrize(
    ("start", "end"), [("2020-01-01", "2028-01-01"), ("2029-07-01", "2031-01-01"), ("2028-01-01", "2028-01-02")]
)
def test_a_term_outside_the_plan_or_of_a_day(start, end):
    deal = contract(FLOOR, EXIT, start=date.fromisoformat(start), end=date.fromisoformat(end))
    assert sum(f.amount for f in settled(deal)) == (1 if end == "2028-01-02" else 0)
    limits = dict.fromkeys(measures_of(deal, FACTS), 5.0)
    assert try_contract(deal, FACTS, GRID, limits, rng=np.random.default_rng(0)).holds
