"""Optima worked out by hand.

Money in millions of USD.  A chip that serves all year sells 8,760 Mtok: 10,000 chips sell for 87.6 at 1 USD/Mtok.  Orders and
phases of a period come in evenly, so that half of them stand on average in their own year.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plan_toys import EXACT, built, chip, contract, demand, offer, plan, problem, run, site, solved, stand, toy

from offtake.lp.highs import Solver
from offtake.plan.build import build
from offtake.plan.compile import with_floors
from offtake.plan.findings import findings
from offtake.plan.result import read
from offtake.plan.solve import solve
from offtake.plan.start import fix_columns

TEN = stand(10_000.0)
NO_ORDERS = {"supply": "0 chip/y"}


def value(scenario):
    """Objective of the optimum in M USD, equal inside the problem and from the settled flows."""
    found = plan(scenario)
    assert found.objective_usd / 1e6 == pytest.approx(found.solved.exact.objective, rel=1e-7, abs=1e-7)
    return found, found.objective_usd / 1e6


def test_more_chips_are_ordered_than_power_can_run_because_half_a_year_of_work_pays_for_one():
    # 20,000 ordered in year 1 stand as 10,000 on average: 3 years at 87.6 less 20,000 chips at 1,000 USD.
    # 10,000 ordered would lose 5,000 chip-years of 8,760 USD to save 10.
    found, joint = value(toy())
    assert joint == pytest.approx(3 * 87.6 - 20)
    assert found.decisions.orders_chip[0, :, 0].tolist() == pytest.approx([20_000, 0, 0])


@pytest.mark.parametrize(("shell", "opening", "phases"), [(20.0, 0, 1), (21.0, 0, 0), (20.0, 8, 1), (20.0, 10, 0)])
def test_a_site_is_built_if_it_pays(shell, opening, phases):
    # Energised 5, 10, 10 MW: 25,000 chip-years sell for 219; chips 10; shell 10 MW x 20 = 200: 9 are left. At 21 it loses 1,
    # and so it does at 20 if opening the site costs 10.
    place = site(energised="0 MW", shell_cost=f"{shell} M USD/MW", open_cost=f"{opening} M USD")
    found, joint = value(toy(sites=[place]))
    assert found.decisions.starts.sum() == pytest.approx(phases)
    assert joint == pytest.approx(phases * (219 - 10 - 10 * shell - opening), abs=1e-6)


def test_supply_of_chips_binds():
    # 4,000 a year: 2,000, 6,000 and 10,000 stand on average; even the last 4,000 earn 2,000 chip-years = 17.52 for 4.
    found, joint = value(toy(chips=[chip(supply="4000 chip/y")]))
    assert found.decisions.delivered_chip[0, :, 0].tolist() == pytest.approx([4_000] * 3)
    assert joint == pytest.approx(18_000 * 8760 / 1e6 - 12)


def test_a_lead_time_moves_chips_by_its_days_and_closes_orders_that_come_too_late():
    # L = three months in years. What is ordered evenly in year 1 stands from L on: the triangle (1 - L)^2 / 2 of year 1,
    # 1 - L^2 / 2 of year 2, all of year 3. Orders of year 3 would arrive after the horizon. Deliveries of a year are at most
    # 1,000: a (1 - L) of year 1's orders arrive in year 1, a L + b (1 - L) in year 2.
    lag = 3 * 365.25 / 12 / 365
    first, second = (1 - lag) ** 2 / 2, 1 - lag**2 / 2
    a = 1000 / (1 - lag)
    b = (1000 - a * lag) / (1 - lag)
    found, joint = value(toy(chips=[chip(lead_time="3 months", supply="1000 chip/y")]))
    years = a * (first + second + 1) + b * (first + second)
    assert found.decisions.orders_chip[0, :, 0].tolist() == pytest.approx([a, b, 0])
    assert joint == pytest.approx((years * 8760 - (a + b) * 1000) / 1e6, rel=1e-9)


def test_a_chip_retires_at_the_end_of_its_life():
    # 1,000 chips in service since two years and a half ago, life 3 years: half of the first year is left to them.
    old = [{"site": "s", "count": "1000 chip", "in_service": "2022-07-03", "book_value": "0 USD"}]
    _, joint = value(toy(chips=[chip(life="3 years", opening=old, **NO_ORDERS)]))
    # 2022-07-03 + 1,095 days = 2025-07-02, the 183rd day: 182 days of the first year.
    assert joint == pytest.approx(1000 * 182 * 24 / 1e6)


def test_a_step_of_the_interconnection_is_waited_for():
    # 10 MW more may be drawn in year 3 only. A phase begun in year 2 stands by then, and 20,000 chips work in year 3. Chips are free.
    place = site(interconnected={"2025-01-01": "10 MW", "2027-01-01": "20 MW"})
    free = chip(price="0 USD/chip", opening=TEN)
    found, joint = value(toy(sites=[place], chips=[free], demand=[demand(mtok_per_d=480_000.0)]))
    assert found.decisions.energised_mw[0, :, 0].tolist() == pytest.approx([10, 10, 20])
    assert found.decisions.starts.sum() == pytest.approx(1)
    assert joint == pytest.approx(40_000 * 8760 / 1e6 - 10)


def test_a_ramp_limits_the_phases_of_each_year():
    # 0.26 MW a month are 3.118 phases of 1 MW in 365 days: 3 and 3 in the two years of whole phases, 3.118 in the third. Chips are
    # free here, and follow.
    third = 0.26 * 365 / (365.25 / 12)
    place = site(energised="0 MW", phase="1 MW", ramp="0.26 MW/month")
    found, joint = value(toy(sites=[place], chips=[chip(price="0 USD/chip")]))
    assert found.decisions.starts[0, :, 0].tolist() == pytest.approx([3, 3, third])
    assert joint == pytest.approx((1.5 + 4.5 + 6 + third / 2) * 8.76 - (6 + third))


@pytest.mark.parametrize(("price", "ordered", "best"), [(0.05, 10_000, 262.8 - 10 - 2.19), (0.04, 0, 262.8 - 10.512)])
def test_outside_supply_is_taken_where_it_is_cheaper_than_own(price, ordered, best):
    # A chip of year 1 gives 2.5 years for 1,000 USD: 400 a year. Renting costs 438 a year at 0.05 (so it only fills the other half
    # of year 1: 5,000 x 438 = 2.19) and 350.4 at 0.04 (so nothing is ordered: 30,000 x 350.4 = 10.512).
    found, joint = value(toy(outside_supply=[offer(chips=10_000.0, price=price)]))
    assert found.decisions.orders_chip.sum() == pytest.approx(ordered, abs=1.0)
    assert joint == pytest.approx(best)


def test_demand_of_one_step_is_worth_more_than_that_of_the_next():
    # 6,000 chips' worth at 1.5 and 6,000 at 0.5 for 10,000 chips.
    steps = [{"share": "50 %", "price_factor": 1.5}, {"share": "50 %", "price_factor": 0.5}]
    asked = demand(mtok_per_d=288_000.0, steps=steps)
    _, joint = value(toy(chips=[chip(opening=TEN, **NO_ORDERS)], demand=[asked]))
    assert joint == pytest.approx(3 * 8760 * (6_000 * 1.5 + 4_000 * 0.5) / 1e6)


@pytest.mark.parametrize(("years", "done", "best"), [(0.5, [1, 1, 1], 17.52 + 2 * 87.6), (1.6, [0, 0, 0], 3 * 35.04)])
def test_a_training_run_opens_demand_the_period_after(years, done, best):
    # 10,000 chips, 35.04 a year from plain demand at 0.4, 87.6 from demand that needs the run. Half a year of training costs 17.52
    # of year 1 and wins two years; 1.6 years leave 14.016 of year 2 and 87.6 of year 3: less than 105.12.
    asked = [demand("plain", price=0.4), demand("new", price=1.0, needs="r")]
    trained = run(flop=years * 10_000 * 8760 * 1e18)
    found, joint = value(toy(chips=[chip(opening=TEN, **NO_ORDERS)], demand=asked, training=[trained]))
    assert found.decisions.done[0, :, 0].tolist() == pytest.approx(done)
    assert joint == pytest.approx(best)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "training run r is not done within the horizon"),
        (0.334, "training run r is done to 33 % only"),
        (0.7, "to 70 %"),
        (1.0, ""),
    ],
)
def test_a_run_that_is_done_in_part_is_told_as_such(share, words):
    # A plan for one path decides runs in whole; of several paths the later stages are relaxed, and so may be any share of a run.
    asked = [demand("plain", price=0.4), demand("new", price=1.0, needs="r")]
    trained = run(flop=0.5 * 10_000 * 8760 * 1e18)
    found, _ = value(toy(chips=[chip(opening=TEN, **NO_ORDERS)], demand=asked, training=[trained]))
    relaxed = replace(found, decisions=replace(found.decisions, done=share * found.decisions.done))
    told = [f.message for f in findings(relaxed) if f.code == "F103"]
    assert len(told) == (share < 1)
    assert words in "".join(told)


def test_relaxed_too_a_run_is_complete_only_as_far_as_the_run_that_it_needs():
    # r1 takes two years of all chips, r2 hardly anything; only r2 opens demand. Without the row the relaxation would do a part of r1, and
    # then all of r2 in several periods, each at that part of its pace.
    asked = [demand("plain", price=0.4), demand("new", price=1.0, needs="r2")]
    runs = [run("r1", flop=1.75e26, min_duration="3 months"), run("r2", flop=1e24, min_duration="3 months", needs="r1")]
    dates = ["2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01", "2026-01-01", "2027-01-01", "2028-01-01"]
    made = built(toy(grid={"dates": dates}, chips=[chip(opening=TEN, **NO_ORDERS)], demand=asked, training=runs))
    solver = Solver(replace(made.model.build(), integer=np.zeros(made.model.build().columns, dtype=bool)))
    held = solver.solve()
    done = made.model.column_block("done").take(held.x)[0]
    assert np.all(done[1:, 1] <= done[:-1, 0] + 1e-9)
    assert 0.0 < done[-1, 1] < 1.0
    order = made.model.row_block("completion_order")
    solver.set_row_bounds(order.numbers, upper=np.full(len(order.numbers), np.inf))
    assert solver.solve().objective > held.objective * 1.001


def test_a_try_after_one_without_a_plan_goes_on_from_the_last_good_basis():
    made = built(toy(chips=[chip(opening=TEN, **NO_ORDERS)]))
    solver = Solver(replace(made.model.build(), integer=np.zeros(made.model.build().columns, dtype=bool)))
    base = solver.solve()
    column = made.model.column_block("tokens").numbers[:1]
    assert fix_columns(solver, (column, np.array([1e9])), base) is None  # far above demand
    assert not solver.has_basis
    found = fix_columns(solver, (column, base.x[column]), base)
    assert found is not None
    assert found.warm
    assert found.objective == pytest.approx(base.objective)


def test_a_training_run_takes_its_shortest_duration():
    # Two years at the least: the demand that it opens is served in year 3 only.
    asked = [demand("new", price=1.0, needs="r")]
    trained = run(flop=1e24, min_duration="23 months")
    found, joint = value(toy(chips=[chip(opening=TEN, **NO_ORDERS)], demand=asked, training=[trained]))
    assert found.decisions.done[0, :, 0].tolist() == pytest.approx([0, 1, 1])
    assert joint == pytest.approx(87.6)


@pytest.mark.parametrize(("penalty", "best"), [(3.0, -2.0), (1.0, -1.0)])
def test_a_run_is_done_if_its_penalty_costs_more(penalty, best):
    # 1,000 chip-years in year 1 need 2,000 chips ordered evenly: 2.
    trained = run(flop=1000 * 8760 * 1e18, latest="2026-01-01", penalty=f"{penalty} M USD")
    found, joint = value(toy(demand=None, training=[trained]))
    assert joint == pytest.approx(best)
    assert sum(found.penalties_usd.values()) / 1e6 == pytest.approx(0.0 if best == -2.0 else penalty, abs=1e-9)


def test_a_run_is_trained_on_one_group_of_joined_sites():
    # A run of 8,000 chip-years by the end of year 1 fits on two joined sites of 5,000 chips, and not on one of two apart.
    sizes = stand(5_000.0, "a") + stand(5_000.0, "b")
    trained = run(flop=8_000 * 8760 * 1e18, latest="2026-01-01", penalty="7 M USD")
    for groups, missed in ((("j", "j"), 0.0), (("x", "y"), 7.0)):
        sites = [site(n, group=g) for n, g in zip("ab", groups, strict=True)]
        _, joint = value(toy(sites=sites, chips=[chip(opening=sizes, **NO_ORDERS)], demand=None, training=[trained]))
        assert joint == pytest.approx(-missed, abs=1e-9)


@pytest.mark.parametrize(("resident", "best"), [(True, 3 * (87.6 + 8.76)), (False, 3 * 175.2)])
def test_resident_demand_is_served_in_its_region(resident, best):
    # Home: 10,000 chips. Abroad: 2 USD/Mtok, and 1,000 chips for rent at 1 USD an hour that win 1 an hour. If the demand abroad
    # may be served from home, all of home's chips do.
    asked = [demand("home"), demand("abroad", price=2.0, region="eu", resident=resident)]
    scenario = toy(
        regions=["us", "eu"],
        chips=[chip(opening=TEN, **NO_ORDERS)],
        demand=asked,
        outside_supply=[offer(chips=1000.0, price=1.0, region="eu")],
    )
    _, joint = value(scenario)
    assert joint == pytest.approx(best)


@pytest.mark.parametrize(("penalty", "best"), [(2000, -525.6), (500, 0.0)])
def test_missing_research_is_priced(penalty, best):
    # 20,000 chips' worth wanted, 10,000 stand. A chip-hour is 1e-3 Zflop. At 2,000 USD/Zflop research beats serving (2 against 1 an
    # hour) and the other half is missed: 10,000 x 8,760 x 2 a year. At 500 all serve: 87.6 less 20,000 x 8,760 x 0.5.
    wanted = {"compute": f"{20_000 * 1e18 / 3600!r} FLOP/s", "penalty": f"{penalty} USD/ZFLOP"}
    _, joint = value(toy(chips=[chip(opening=TEN, **NO_ORDERS)], research=wanted))
    assert joint == pytest.approx(best, rel=1e-6, abs=1e-6)


def test_spare_capacity_is_sold_at_its_price_step():
    # 4,000 chips at 1.5, the rest serves at 1.
    resale = {"steps": [{"chip": "c", "price": "1.5 USD/chip-h", "cap": "4000 chip"}]}
    _, joint = value(toy(chips=[chip(opening=TEN, **NO_ORDERS)], resale=resale))
    assert joint == pytest.approx(3 * 8760 * (4_000 * 1.5 + 6_000) / 1e6)


def test_energy_of_idle_and_running_chips():
    # 10,000 chips that idle at 40 % beside demand for 5,000 of them: only 5,000 are accepted, and drawn at full power.
    # 5 MW x 8,760 h x pue 1.2 x 100 USD/MWh = 5.256 a year.
    place = site(power_price="100 USD/MWh", pue=1.2)
    found, joint = value(
        toy(
            sites=[place],
            chips=[chip(opening=TEN, idle_power="40 %", **NO_ORDERS)],
            demand=[demand(mtok_per_d=120_000.0)],
        )
    )
    assert joint == pytest.approx(3 * (43.8 - 5.256))
    assert found.decisions.accepted_chip[0, :, 0].tolist() == pytest.approx([5_000] * 3)


def test_availability_and_peak_ratio_and_utilisation_each_take_their_part():
    # 10 MW facility at a peak ratio of 1.25 power 8,000 chips; 90 % of their hours; served at half of peak speed.
    scenario = toy(
        sites=[site(peak_ratio=1.25)], chips=[chip(opening=TEN, availability="90 %", **NO_ORDERS)], demand=[demand()]
    )
    scenario["classes"][0]["utilisation"] = "50 %"
    found, joint = value(scenario)
    assert found.decisions.accepted_chip[0, :, 0].tolist() == pytest.approx([8_000] * 3)
    assert joint == pytest.approx(3 * 8_000 * 0.9 * 0.5 * 8760 / 1e6)


def test_the_contract_has_a_ceiling():
    # 4 MW of IT power under contract: 4,000 of 10,000 chips work.
    scenario = toy(chips=[chip(opening=TEN, **NO_ORDERS)], contract=contract(capacity_ceiling="4 MW"))
    assert value(scenario)[1] == pytest.approx(3 * 8760 * 4_000 / 1e6)


def test_the_contract_ends():
    # From 2026-07-02 (the 183rd day) on nobody may use the chips: 1 year and 182 days of 87.6.
    scenario = toy(chips=[chip(opening=TEN, **NO_ORDERS)], contract=contract(end="2026-07-02"))
    assert value(scenario)[1] == pytest.approx(87.6 * (1 + 182 / 365))


@pytest.mark.parametrize(("signed", "best"), [("yes", 242.8), ("decide", 242.8), ("no", 0.0)])
def test_without_a_contract_the_chips_serve_nobody(signed, best):
    found, joint = value(toy(contract=contract(signed=signed)))
    assert joint == pytest.approx(best, abs=1e-9)
    assert found.decisions.signed.tolist() == [float(best > 0)]


def test_a_contract_that_costs_more_than_it_brings_is_not_signed():
    # The offtaker alone decides: renting at 2 loses 1 an hour.
    rent = {"kind": "chip_price", "id": "rent", "prices": {"c": "2 USD/chip-h"}}
    least = {"kind": "revenue_share", "id": "least", "rates": {"direct": "0 %"}, "floor": "1 M USD/y"}
    scenario = toy(
        objective={"maximise": "offtaker", "discount_rate": "0 %/y"}, contract=contract(rent, least, signed="decide")
    )
    found, best = value(scenario)
    assert best == pytest.approx(0.0, abs=1e-6)
    assert found.decisions.signed.tolist() == [0.0]


def test_take_or_pay_is_paid_for_what_is_made_available_and_not_taken():
    # An hour of the provider's best plan: demand takes 4,000 chips at a rent of 0.8 and sells for 4,000. Of 6 MW reserved at 0.5 an
    # hour, what is made available beyond those 4,000 is paid unused, as far as the offtaker's floor of nothing allows:
    # 3,200 + 0.5 x (D - 4,000) <= 4,000 leaves D = 5,600.
    rent = {"kind": "chip_price", "id": "rent", "prices": {"c": "0.8 USD/chip-h"}, "interval": "year"}
    reserve = {
        "kind": "take_or_pay",
        "id": "top",
        "interval": "year",
        "minimum": "6 MW",
        "rate": f"{0.5 * 8760 * 1000!r} USD/MW-year",
    }
    scenario = toy(
        objective={"maximise": "provider", "discount_rate": "0 %/y"},
        chips=[chip(opening=TEN, **NO_ORDERS)],
        demand=[demand(mtok_per_d=96_000.0)],
        contract=contract(rent, reserve),
    )
    found = read(solve(build(with_floors(problem(scenario), {"offtaker": 0.0})), EXACT))
    assert found.npv_usd("provider") / 1e6 == pytest.approx(3 * 8760 * 4_000 / 1e6)
    assert found.npv_usd("offtaker") == pytest.approx(0.0, abs=10.0)
    paid = sum(float(v) for d in found.dues if d.account.value == "take_or_pay" for v in d.amount.rows[0])
    assert paid / 1e6 == pytest.approx(3 * 8760 * 800 / 1e6)


def test_discounting_counts_money_at_the_middle_of_each_quarter():
    # 10 % a year. Quarters of 90, 91, 92 and 92 days share a year's money by days; their middles are days 45, 135, 227 and 319.
    scenario = toy()
    scenario["objective"]["discount_rate"] = "10 %/y"
    quarters = np.array([45, 135, 227, 319]) + 365 * np.arange(3)[:, None]
    years = (1.1 ** -(quarters / 365)) @ (np.array([90, 91, 92, 92]) / 365)
    assert value(scenario)[1] == pytest.approx(87.6 * years.sum() - 20 * years[0])


def test_what_stands_at_the_end_counts_with_its_remaining_life():
    # Chips of a life of 10 years, replaced at 600 USD: delivered in the middle of year 1, 2.5 years (913 days) old at the end.
    # More chips than power: the 20,000 ordered in year 1 at 1,000, and each year more would lose money.
    terminal = {"site_value": "0 %", "chip_value": "100 %"}
    scenario = toy(chips=[chip(life="10 years", price_terminal="600 USD/chip")], terminal=terminal)
    left = 20_000 * 600 * (1 - 913 / 3650) / 1e6
    found, joint = value(scenario)
    assert joint == pytest.approx(262.8 - 20 + left)
    assert found.terminal_usd["provider"]["chips"] / 1e6 == pytest.approx(left)


def test_an_emergency_loan_is_what_keeps_a_poor_party_alive_and_it_costs():
    # The provider has nothing and no credit line, and no rent is paid to it: it borrows the price of its chips at 30 % for the
    # mean of year 1 (half) and for years 2 and 3, and its interest too. Ordering fewer chips would forgo far more.
    scenario = toy(chips=[chip(supply="1000 chip/y", last_order="2025-12-31")])
    scenario["parties"]["provider"]["cash"] = "0 USD"
    found = plan(scenario)
    owed = found.decisions.emergency_usd["provider"][0] / 1e6
    # B1 = 1 + 0.3 B1 / 2;  B2 = B1 + 0.3 (B1 + B2) / 2;  B3 likewise.
    first = 1 / 0.85
    assert owed.tolist() == pytest.approx([first, first * 1.15 / 0.85, first * (1.15 / 0.85) ** 2])


def test_a_plan_without_anything_is_nothing():
    bare = toy(sites=None, chips=None, demand=None, classes=None, contract=None)
    assert value(bare)[1] == pytest.approx(0.0, abs=1e-12)
    assert solved(bare).first.status.solved


def test_a_site_has_no_more_phases_than_stated():
    # The grid would allow 50 MW; the site has one phase of 10. Its 10,000 chips stand and serve 5, 10 and 10 thousand chip-years.
    place = site(energised="0 MW", interconnected="50 MW", max_phases=1)
    found, joint = value(toy(sites=[place], demand=[demand(mtok_per_d=1_200_000.0)]))
    assert found.decisions.starts[0, :, 0].tolist() == pytest.approx([1, 0, 0])
    assert joint == pytest.approx(25_000 * 8760 / 1e6 - 10 - 10)


def test_chips_may_wait_for_power():
    # 20,000 chips stand from the start; 10 MW run half of them until 10 MW more may be drawn in year 3.
    place = site(interconnected={"2025-01-01": "10 MW", "2027-01-01": "20 MW"})
    waiting = chip(opening=stand(20_000.0), **NO_ORDERS)
    _, joint = value(toy(sites=[place], chips=[waiting], demand=[demand(mtok_per_d=480_000.0)]))
    assert joint == pytest.approx(40_000 * 8760 / 1e6 - 10)


def test_chips_retired_early_do_not_come_back():
    # An idle chip draws all of its power: 8.76 MWh at 2,000 USD cost 17,520 a year. Served demand wins 24,000 - 17,520 = 6,480 in
    # years 1 and 3 and nothing in year 2: kept through it, a chip loses 17,520 for 6,480. So 10,000 chips work in year 1 and go.
    price = {
        "2025-01-01": "2.739726027397 USD/Mtok",
        "2026-01-01": "0 USD/Mtok",
        "2027-01-01": "2.739726027397 USD/Mtok",
    }
    asked = demand()
    asked["price"] = {"points": price, "interpolation": "step"}
    old = chip(opening=TEN, idle_power="100 %", **NO_ORDERS)
    found, joint = value(toy(sites=[site(power_price="2000 USD/MWh")], chips=[old], demand=[asked]))
    assert joint == pytest.approx(64.8)
    assert found.decisions.accepted_chip[0, :, 0].sum() == pytest.approx(10_000)


@pytest.mark.parametrize("goal", ["offtaker", "provider"])
def test_the_other_party_is_not_robbed_for_nothing(goal):
    """Whose value is the objective does not change what the other may earn at no cost to it: spare chips are sold outside."""
    rent = {"kind": "chip_price", "id": "rent", "interval": "year", "due": "0 days", "prices": {"c": "0.5 USD/chip-h"}}
    world = toy(
        chips=[chip(supply="0 chip/y", opening=stand(10_000.0))],
        resale={"steps": [{"chip": "c", "price": "0.3 USD/chip-h", "cap": "4000 chip"}]},
        objective={"maximise": goal, "discount_rate": "0 %/y"},
        demand=[],
        contract=contract(rent),
    )
    found = plan(world)
    # 4,000 chips x 8,760 h x 3 years x 0.3 USD
    assert found.npv_usd("provider") == pytest.approx(4_000 * 8_760 * 3 * 0.3, rel=1e-7)
    assert found.npv_usd("offtaker") == pytest.approx(0.0, abs=1.0)
