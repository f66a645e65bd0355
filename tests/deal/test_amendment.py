"""Amendments: terms before the date settle under the old version, after it under the new one; what was counted goes on."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from offtake.dates import Grid
from offtake.deal.amendment import concessions
from offtake.deal.contract import Amended, Contract, DealFacts, measures_of, owed
from offtake.deal.quantities import Measure
from offtake.deal.settle import SettleAlgebra, flows_of
from offtake.deal.trial import try_contract
from offtake.errors import OfftakeError
from offtake.registry import component

GRID = Grid.from_edges([date(2027, 1, 1), date(2027, 7, 1), date(2028, 1, 1), date(2028, 7, 1), date(2029, 1, 1)])
FACTS = DealFacts(valuation_date=GRID.start, horizon=GRID.end, chips=("a",), it_w_per_chip={"a": 1000.0})
TAKEN, SOLD = Measure("offtake_chip_h", "a"), Measure("channel_revenue_usd", "cloud")


def terms(kind, **fields):
    return component("clause", kind).model_validate({"kind": kind, "id": fields.pop("id", kind), **fields})


def contract(*clauses, amendments=()):
    return Contract(id="c", start=GRID.start, end=GRID.end, clauses=clauses, amendments=tuple(amendments))


def settled(deal, **quantities):
    known = {"taken": TAKEN, "sold": SOLD}
    measures = dict.fromkeys(measures_of(deal, FACTS), ((0,) * 4,))
    measures |= {known[name]: (tuple(row),) for name, row in quantities.items()}
    return flows_of(owed(deal, SettleAlgebra(grid=GRID, measures=measures), FACTS).dues)


def paid(flows, clause=None):
    return [(f.date, float(f.amount)) for f in flows if clause is None or f.cause == f"c.{clause}"]


RENT = terms("chip_price", id="rent", interval="half_year", due="0 days", prices={"a": "1 USD/chip-h"})
CHEAPER = terms("chip_price", id="rent", interval="half_year", due="0 days", prices={"a": "0.8 USD/chip-h"})


def test_a_new_price_holds_from_the_date_inside_an_interval():
    deal = contract(RENT, amendments=[Amended(since=date(2027, 10, 1), changes={"rent": CHEAPER})])
    # 184 chip-hours in the half-year from 1 July, 92 days of which lie before the amendment
    flows = settled(deal, taken=[0, 184, 100, 0])
    assert paid(flows) == [(date(2027, 10, 1), 92.0), (date(2028, 1, 1), 73.6), (date(2028, 7, 1), 80.0)]


def test_a_clause_that_is_left_alone_is_not_cut():
    minimum = terms(
        "take_or_pay",
        interval="half_year",
        due="0 days",
        tranches=[{"id": "one", "chip": "a", "count": "1 chip", "minimum": "100 %"}],
        price_from="rent",
    )
    deal = contract(RENT, minimum, amendments=[Amended(since=date(2027, 10, 1), changes={"rent": CHEAPER})])
    available = {Measure("delivery_chip_h", "a"): ((0, 184 * 24, 0, 0),), TAKEN: ((0, 0, 0, 0),)}
    flows = flows_of(owed(deal, SettleAlgebra(grid=GRID, measures=available), FACTS).dues)
    # one interval, at the mean price of its days: 92 at 1 and 92 at 0.8
    assert paid(flows) == [(date(2028, 1, 1), 184 * 24 * 0.9)]


def share(cap, rate="50 %"):
    return terms("revenue_share", id="share", due="0 days", interval="half_year", rates={"cloud": rate}, cap=cap)


def test_what_was_paid_counts_towards_the_new_cap():
    change = Amended(since=date(2028, 1, 1), changes={"share": share("120 USD", "20 %")})
    deal = contract(share("100 USD"), amendments=[change])
    # 50, then 40 of 60 up to 100 in all; then 20 % of 100 at most 120 in all: 20, and no more
    flows = settled(deal, sold=[100, 120, 100, 100])
    assert paid(flows) == [(date(2027, 7, 1), 50.0), (date(2028, 1, 1), 50.0), (date(2028, 7, 1), 20.0)]


def test_a_cap_lowered_below_what_was_paid_takes_nothing_back():
    deal = contract(share("100 USD"), amendments=[Amended(since=date(2028, 1, 1), changes={"share": share("30 USD")})])
    assert paid(settled(deal, sold=[100, 120, 100, 100])) == [(date(2027, 7, 1), 50.0), (date(2028, 1, 1), 50.0)]


def commitment(**fields):
    return terms("spend_commitment", id="floor", due="0 days", counts={"rent": "100 %"}, **fields)


def test_a_total_is_asked_for_once_by_the_last_version():
    change = Amended(since=date(2028, 7, 1), changes={"floor": commitment(total="500 USD")})
    deal = contract(RENT, commitment(total="1000 USD"), amendments=[change])
    flows = settled(deal, taken=[100, 100, 100, 100])
    assert paid(flows, "floor") == [(date(2029, 1, 1), 100.0)]


def test_an_excess_is_carried_into_the_next_version():
    old = commitment(floors=["100 USD", "100 USD"], interval="year", carry_forward={})
    new = commitment(floors=["100 USD", "150 USD"], interval="year", carry_forward={})
    deal = contract(RENT, old, amendments=[Amended(since=date(2028, 1, 1), changes={"floor": new})])
    # 140 against 100 leaves 40; then 150 - 60 = 90, of which 40 are met from before
    assert paid(settled(deal, taken=[70, 70, 30, 30]), "floor") == [(date(2029, 1, 1), 50.0)]


def test_a_commitment_that_is_ended_asks_for_its_total_in_proportion():
    deal = contract(RENT, commitment(total="731 USD"), amendments=[Amended(since=date(2028, 1, 1), end=("floor",))])
    # 365 of 731 days: 365, of which 200 are spent
    assert paid(settled(deal, taken=[100, 100, 0, 0]), "floor") == [(date(2028, 1, 1), 165.0)]


def test_volume_tiers_go_on_with_the_year_in_which_they_were_amended():
    def tiered(price):
        tiers = [{"above": "100 chip-h", "discount": "50 %"}]
        return terms("chip_price", id="rent", interval="half_year", due="0 days", prices={"a": price}, tiers=tiers)

    change = Amended(since=date(2027, 7, 1), changes={"rent": tiered("2 USD/chip-h")})
    deal = contract(tiered("1 USD/chip-h"), amendments=[change])
    # 80 at 1; then 20 at 2 and 60 at half of it; a new year from 2028: 100 at 2 and 20 at 1
    flows = settled(deal, taken=[80, 80, 60, 60])
    assert paid(flows) == [
        (date(2027, 7, 1), 80.0),
        (date(2028, 1, 1), 100.0),
        (date(2028, 7, 1), 120.0),
        (date(2029, 1, 1), 80.0 + 20.0),
    ]


def test_a_stake_that_was_paid_for_is_not_paid_for_again():
    def stake(amount, spend):
        trigger = {"cumulative_spend": spend}
        return terms("equity_tranche", id="stake", amount=amount, trigger=trigger, tested="half_year")

    for since, expected in (
        (date(2027, 7, 1), [(date(2028, 1, 1), 20.0)]),
        (date(2028, 7, 1), [(date(2028, 1, 1), 10.0)]),
    ):
        change = Amended(since=since, changes={"stake": stake("20 USD", "150 USD")})
        deal = contract(RENT, stake("10 USD", "200 USD"), amendments=[change])
        assert paid(settled(deal, taken=[100, 100, 100, 100]), "stake") == expected


def test_a_fee_is_paid_on_the_day():
    deal = contract(RENT, amendments=[Amended(since=date(2027, 10, 1), fee_usd=7.0, payer="provider")])
    (flow,) = settled(deal)
    assert (flow.payer, flow.payee, flow.amount, flow.account) == ("provider", "offtaker", Decimal(7), "option_fee")


def test_clauses_are_added_and_the_term_is_made_longer():
    extra = terms("revenue_share", id="extra", due="0 days", rates={"cloud": "0 %"}, floor="365 USD/y")
    deal = Contract(
        id="c",
        start=GRID.start,
        end=date(2028, 1, 1),
        clauses=(RENT,),
        amendments=(Amended(since=date(2027, 10, 1), add=(extra,), term_end=date(2028, 4, 1)),),
    )
    flows = settled(deal, taken=[0, 0, 182, 0])
    assert paid(flows, "rent") == [(date(2028, 4, 1), 91.0)]
    # by days: 92 of 2027 and 91 of 2028
    assert paid(flows, "extra") == [(date(2028, 1, 1), 92.0), (date(2028, 4, 1), 91.0)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"changes": {"other": CHEAPER}}, "no clause 'other'"),
        ({"end": ("other",)}, "no clause 'other'"),
        ({"add": (CHEAPER,)}, "there is a clause 'rent' already"),
        ({"changes": {"rent": CHEAPER}, "end": ("rent",)}, "both changed and ended"),
        ({"changes": {"rent": share("1 USD")}}, "keeps its `kind`"),
        ({"since": date(2027, 1, 1)}, "must lie after"),
        ({"term_end": date(2028, 1, 1)}, "`term_end` 2028-01-01 does not lie after it"),
        ({"term_end": date(2026, 6, 1)}, "`term_end` 2026-06-01 does not lie after it"),
        ({"since": date(2029, 1, 1), "changes": {"rent": CHEAPER}}, "the contract ends 2029-01-01, so it would never"),
        ({"since": date(2029, 3, 1), "term_end": date(2030, 1, 1)}, "the contract ends 2029-01-01, so it would never"),
    ],
)
def test_an_amendment_that_cannot_be_is_refused(changes, message):
    with pytest.raises(OfftakeError, match=message):
        owed(contract(RENT, amendments=[Amended(**{"since": date(2028, 1, 1), **changes})]), None, FACTS)


def test_an_amendment_may_begin_where_it_renews_the_contract_or_an_option_lengthens_it():
    renewed = Amended(since=GRID.end, term_end=date(2030, 1, 1))
    assert contract(RENT, amendments=[renewed]).versions[1].end == date(2030, 1, 1)
    option = terms("extension_option", id="more", first="2028-01-01", last="2028-06-01", length="12 months")
    later = Amended(since=date(2029, 6, 1), changes={"rent": CHEAPER})
    assert len(contract(RENT, option, amendments=[later]).versions) == 2


@pytest.mark.parametrize("sense", ["pay", "be-paid", "mixed"])
@pytest.mark.parametrize("signed", ["yes", "decide"])
def test_an_amended_contract_is_exact_under_every_objective(sense, signed):
    tiers = [{"above": "300 M chip-h", "discount": "20 %"}]
    rents = [
        terms("chip_price", id="rent", interval="half_year", prices={"a": p}, tiers=tiers)
        for p in ("1 USD/chip-h", "0.7 USD/chip-h")
    ]
    shares = [share(c, r) for c, r in (("200 M USD", "40 %"), ("260 M USD", "20 %"))]
    floors = [
        commitment(floors=f, total=t, carry_forward={"cap": "100 M USD"})
        for f, t in ((["200 M USD", "300 M USD"], "700 M USD"), (["200 M USD", "500 M USD"], "800 M USD"))
    ]
    stakes = [
        terms("equity_tranche", id="stake", amount=a, trigger={"cumulative_spend": "350 M USD"}, tested="half_year")
        for a in ("100 M USD", "60 M USD")
    ]
    pairs = (rents, shares, floors, stakes)
    leave = terms("exit_right", id="leave", party="offtaker", notice="40 days", interval="half_year")
    change = Amended(since=date(2027, 11, 15), changes={b.id: b for _, b in pairs}, add=(leave,))
    deal = Contract(
        id="c", start=GRID.start, end=GRID.end, clauses=tuple(a for a, _ in pairs), amendments=(change,), signed=signed
    )
    most = {m: (3e6 if m.unit == "usd" else 4e6) * GRID.days for m in measures_of(deal, FACTS)}
    outcome = try_contract(deal, FACTS, GRID, most, rng=np.random.default_rng(1), sense=sense)
    assert outcome.holds, outcome.agreements


def test_concessions_mirror_and_add_up():
    change = Amended(
        since=date(2028, 1, 1), changes={"rent": CHEAPER, "share": share("999 USD", "70 %")}, fee_usd=5.0, why="more"
    )
    later = Amended(since=date(2028, 7, 1), end=("share",))
    deal = contract(RENT, share("999 USD"), amendments=[change, later])
    measures = {TAKEN: ((100, 100, 100, 100),), SOLD: ((10, 10, 10, 10),)}
    algebra = SettleAlgebra(grid=GRID, measures=measures)
    first, second = concessions(deal, algebra, FACTS, rate_frac_per_y=0.1)
    lines = {(c.clause, c.party): c.usd for c in first.lines}
    assert lines == {
        ("rent", "offtaker"): Decimal("40.00"),
        ("rent", "provider"): Decimal("-40.00"),
        ("share", "offtaker"): Decimal("-4.00"),
        ("share", "provider"): Decimal("4.00"),
        ("amendments", "offtaker"): Decimal("-5.00"),
        ("amendments", "provider"): Decimal("5.00"),
    }
    assert first.of("offtaker") == Decimal("31.00")
    assert {c.clause: c.usd for c in second.lines if c.party == "offtaker"} == {"share": Decimal("7.00")}
    for found in (first, second):
        assert found.of("offtaker") + found.of("provider") == 0
        assert found.of("offtaker", discounted=True) + found.of("provider", discounted=True) == 0
        assert 0 < abs(found.of("offtaker", discounted=True)) < abs(found.of("offtaker"))
    # both amendments together: what the contract as it stands pays beside the first version
    now, then = (
        settled(deal, taken=[100] * 4, sold=[10] * 4),
        settled(contract(RENT, share("999 USD")), taken=[100] * 4, sold=[10] * 4),
    )
    gain = sum(f.amount for f in then) - sum(f.amount for f in now)
    assert first.of("offtaker") + second.of("offtaker") == gain
