"""Switching values that are known by hand, and what must not matter to them."""

from __future__ import annotations

import numpy as np
import plan_toys as toys
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.api.prepare import assumptions, load, prepare
from offtake.plan.build import build
from offtake.plan.compile import compile_problem
from offtake.plan.fixed import solve_at
from offtake.plan.run import plan_inputs
from offtake.plan.settings import Settings
from offtake.risk.assumption import Assumption
from offtake.risk.decision import Decision, decision_of, switching_value
from offtake.risk.tornado import base_decision, decision_ranks, swing, tornado

# A chip costs 1,000 USD. Ordered evenly over the first of three years it serves 2.5 years, at 8,760 Mtok a year: it pays from
# 1,000 / (2.5 x 8,760) = 0.0457 USD/Mtok on. Its maker supplies as many a year as the site has power for.
PAYS_FROM = 1000.0 / (2.5 * toys.MTOK_PER_CHIP_Y)
# The demand is worth 10,000 chips: 10 M USD of chips against 219 M USD/(USD/Mtok) of revenue.
CHIPS_MUSD, REVENUE_MUSD = 10.0, 10_000 * 2.5 * toys.MTOK_PER_CHIP_Y / 1e6
STEPS = 12


def of_price(low=0.0, high=1.2, **fields):
    """Vary the price of tokens in a toy."""

    def world(price):
        chips = [toys.chip(supply="10000 chip/y")]
        return toys.inputs(toys.toy(demand=[toys.demand(price=price)], **{"chips": chips, **fields}))

    return Assumption(path="demand.d.price", low=low, high=high, world=world)


def swung(assumption, value=1.0, steps=STEPS):
    base = plan_inputs(assumption.world(value), toys.EXACT)
    return swing(base, assumption, value, toys.EXACT, decision=base_decision(base, toys.EXACT), steps=steps)


def test_a_site_is_filled_from_the_price_on_at_which_a_chip_pays():
    found = swung(of_price())
    assert found.decision.ordered_mw.tolist() == pytest.approx([10.0])
    assert found.decision_low_mw == pytest.approx(10.0)
    assert found.decision_high_mw == pytest.approx(0.0, abs=1e-6)
    assert found.decision_switches_at is not None
    assert PAYS_FROM - 2.0**-STEPS <= found.decision_switches_at <= PAYS_FROM


def test_a_shell_that_must_be_built_makes_the_price_twice_as_high():
    """10 MW of shells cost as much as the chips in them, and are paid as evenly over the first year."""
    found = swung(of_price(sites=[toys.site(energised="0 MW", ramp="0.5 MW/month")]))
    assert found.decision.begun_mw.tolist() == pytest.approx([10.0])
    assert 2 * PAYS_FROM - 2.0**-STEPS <= found.decision_switches_at <= 2 * PAYS_FROM


def test_more_chips_than_power_are_ordered_while_the_first_half_year_pays():
    """Twice the chips fill the site from the first day on average; the second half of them serves half a year only."""
    found = swung(of_price(chips=[toys.chip()]))
    assert found.decision.ordered_mw.tolist() == pytest.approx([20.0])
    pays_from = 1000.0 / (0.5 * toys.MTOK_PER_CHIP_Y)
    assert pays_from - 2.0**-STEPS <= found.decision_switches_at <= pays_from


def test_below_the_price_at_which_it_pays_the_switch_lies_above_the_base():
    found = swung(of_price(), value=0.02)
    assert found.decision.size_mw == pytest.approx(0.0, abs=1e-6)
    assert PAYS_FROM <= found.decision_switches_at <= PAYS_FROM + 1.2 * 2.0**-STEPS


def test_the_decision_is_the_same_where_nothing_moves_it():
    found = swung(of_price(low=0.5, high=2.0))
    assert found.decision_switches_at is None
    assert found.decision_mw == pytest.approx(0.0, abs=1e-6)
    assert found.width_usd > 1e8


@pytest.mark.parametrize("signed", ["yes", "decide"])
def test_who_may_leave_the_contract_unsigned_does_so_where_it_is_worth_nothing(signed):
    """A site that costs 100 M USD to open: by a straight line from no revenue to the base's, worth nothing at 100/209."""
    opening = toys.site(energised="0 MW", shell_cost="0 USD/MW", open_cost="100 M USD", ramp="0.5 MW/month")
    found = swung(of_price(sites=[opening], contract=toys.contract(signed=signed)))
    gain = REVENUE_MUSD - CHIPS_MUSD - 100.0
    assert found.value_base_usd == pytest.approx(gain * 1e6)
    assert found.value_low_usd == pytest.approx(-100e6)
    assert found.switches_at == pytest.approx(100.0 / (gain + 100.0))
    expected = found.switches_at if signed == "decide" else PAYS_FROM
    assert found.decision_switches_at == pytest.approx(expected, abs=2.0**-STEPS)


def test_a_world_without_a_plan_calls_for_another_decision():
    def world(cash):
        poor = toys.party("Cloud", cash=f"{cash!r} USD", min_cash="0 USD")
        return toys.inputs(toys.toy(parties={"offtaker": toys.party("Lab"), "provider": poor}, sites=[toys.site()]))

    found = swung(Assumption(path="cash", low=0.0, high=2e9, world=world), value=1e9)
    assert found.decision_high_mw == pytest.approx(0.0, abs=1e-6)
    assert found.decision_low_mw is None or found.decision_low_mw >= 0.0


@given(
    edge=st.floats(0.01, 0.99),
    base=st.floats(-2.0, 2.0),
    way=st.floats(0.1, 10.0),
    steps=st.integers(1, 20),
)
def test_the_switch_is_found_to_the_tolerance_and_on_the_far_side(edge, base, way, steps):
    for sign in (-1.0, 1.0):
        true = base + sign * edge * way
        end = base + sign * way
        other = base - sign * way
        ends, at_ends = ((other, end), (False, True)) if sign > 0 else ((end, other), (True, False))
        found = switching_value(
            lambda v, true=true, sign=sign: sign * (v - true) >= 0, base=base, ends=ends, at_ends=at_ends, steps=steps
        )
        assert found is not None
        assert -1e-9 <= sign * (found - true) <= way * 2.0**-steps + 1e-9


@given(down=st.floats(0.05, 0.95), up=st.floats(0.05, 0.95))
def test_the_nearer_of_two_switches_is_told(down, up):
    found = switching_value(lambda v: v <= -down or v >= up, base=0.0, ends=(-1.0, 1.0), at_ends=(True, True), steps=16)
    assert abs(found) == pytest.approx(min(down, up), abs=2.0**-15)


def test_no_solve_is_spent_where_neither_end_is_another_decision():
    def never(_):
        pytest.fail("solved")

    assert switching_value(never, base=1.0, ends=(0.0, 2.0), at_ends=(False, False)) is None


def test_distance_is_one():
    """Zero from itself, the same both ways, and no longer than a detour."""
    rng = np.random.default_rng(3)
    a, b, c = (Decision(signed=True, begun_mw=rng.uniform(0, 9, 4), ordered_mw=rng.uniform(0, 9, 3)) for _ in range(3))
    assert a.apart_mw(a) == 0.0
    assert a.apart_mw(b) == b.apart_mw(a) > 0.0
    assert a.apart_mw(c) <= a.apart_mw(b) + b.apart_mw(c)


def test_signing_is_another_decision_at_no_distance():
    one = Decision(signed=True, begun_mw=np.zeros(1), ordered_mw=np.zeros(1))
    other = Decision(signed=False, begun_mw=np.zeros(1), ordered_mw=np.zeros(1))
    assert one.apart_mw(other) == 0.0
    assert one.is_other(other)
    assert not one.is_other(one)


@pytest.fixture(scope="module")
def small(root):
    loaded = load(root / "examples" / "first-site.yaml")
    found, values = assumptions(loaded)
    kept = [a for a in found if a.path in ("demand.*.volume", "chips.trainium2.life", "sites.indiana.shell_cost")]
    return plan_inputs(prepare(loaded).inputs, Settings()), kept, values


def test_the_tornado_does_not_depend_on_the_order(small):
    base, found, values = small
    forth, back = (tornado(base, some, values, Settings(), most=3) for some in (found, found[::-1]))
    assert len(forth) == 3
    for one, other in zip(forth, back, strict=True):
        assert one.assumption.path == other.assumption.path
        assert (one.value_low_usd, one.value_high_usd, one.decision_switches_at, one.decision_mw) == (
            other.value_low_usd,
            other.value_high_usd,
            other.decision_switches_at,
            other.decision_mw,
        )
    assert [s.width_usd for s in forth] == sorted((s.width_usd for s in forth), reverse=True)
    ranks = decision_ranks(forth)
    assert sorted(ranks.values()) == [1, 2, 3]
    moved = [s.decision_mw for s in sorted(forth, key=lambda s: ranks[s.assumption.path])]
    assert moved == sorted(moved, reverse=True)


def test_a_warm_solve_finds_what_a_cold_one_finds(small):
    base, found, _ = small
    solved = base.alliance.solved
    for assumption in found:
        built = build(compile_problem(assumption.world(assumption.low)))
        warm = solve_at(built, solved, Settings(), basis=solved.priced.basis)
        cold = solve_at(built, solved, Settings())
        assert warm.solved.exact.objective == pytest.approx(cold.solved.exact.objective, rel=1e-9)
        assert decision_of(warm.solved).apart_mw(decision_of(cold.solved)) < decision_of(warm.solved).changed_by_mw


def test_no_tornado_is_asked_for(small):
    base, found, values = small
    assert tornado(base, found, values, Settings(), most=0) == []
