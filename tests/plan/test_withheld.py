"""Chips that a maker promised and does not make: each order gets its part of what is made, pays for that, and nobody chooses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plan_toys import RELAXED, chip, demand, toy
from tree_toys import NEUTRAL, answered, asked, drawn, forked, futures, tree_of

from offtake.plan.build import build
from offtake.plan.decided import decided, with_room
from offtake.plan.futures import one_path, with_futures
from offtake.plan.hedge import finish
from offtake.plan.solve import solve


def one_chip(**fields):
    """More demand than a thousand chips a year can serve, at 8.76 k USD a chip-year; a chip costs 1,000 USD."""
    return toy(chips=[chip(supply="1000 chip/y", **fields)])


def answer(scenario, moves, tree=None, **more):
    """Solve a tree of two paths that part after the last order, or another one."""
    return answered(asked(scenario, futures(moves, **more), tree or tree_of([0, 0])))


def fleet(tree):
    """Orders, deliveries and chips in service of the first fleet : [path, period] [chip] each."""
    found = tree.solved.built.physics.fleet
    return tuple(e.value(tree.relaxed.x)[:, :, 0] * 1e3 for e in (found.orders, found.delivered, found.in_service))


def worth_of(tree):
    return tree.solved.built.score.value(tree.relaxed.x)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_failure_in_one_future_does_not_limit_what_is_ordered_for_all(share):
    # Without lead time 1,000 chips a year come, and half a year of service with each in its first year.
    tree = answer(one_chip(), {"chips.c.supply": ("factor", [1.0, share])})
    orders, delivered, in_service = fleet(tree)
    assert orders == pytest.approx(np.full((2, 3), 1000.0))
    assert delivered == pytest.approx(np.outer([1.0, share], [1000.0] * 3), abs=1e-6)
    assert in_service == pytest.approx(np.outer([1.0, share], [500, 1500, 2500]), abs=1e-6)
    whole = 8.76 * 4.5 - 3 * 1.0  # paid for what comes only
    assert worth_of(tree) == pytest.approx(np.array([1.0, share]) * whole)


@pytest.mark.parametrize("lead", ["0 months", "5 months", "9 months", "16 months"])
@pytest.mark.parametrize("late", [0.0, 3.0, 8.0])
def test_a_path_on_which_nothing_is_made_is_a_path_without_chips(lead, late):
    # Orders come at any time of a period; what is withheld comes, retires and is paid for at the same time: nothing is left of it.
    moves = {"chips.c.supply": ("factor", [1.0, 0.0]), "chips.c.delay": ("months", [0.0, late])}
    scenario = one_chip(lead_time=lead, life="1 years")
    tree = answer(scenario, moves)
    orders, delivered, in_service = fleet(tree)
    assert orders.sum() > 0
    assert delivered[1] == pytest.approx(np.zeros(3), abs=1e-5)
    assert in_service[1] == pytest.approx(np.zeros(3), abs=1e-5)
    assert worth_of(tree)[1] == pytest.approx(0.0, abs=1e-6)
    # so that the orders are those of the only path on which they count
    alone = answer(scenario, {"chips.c.supply": ("factor", [1.0])}, tree_of([0]))
    assert worth_of(tree)[0] == pytest.approx(worth_of(alone)[0], rel=1e-9)


@pytest.mark.parametrize("life", [0.5, 2.0])
def test_what_is_withheld_retires_when_it_would_have_retired(life):
    moves = {"chips.c.supply": ("factor", [1.0, 0.0]), "chips.c.life": ("factor", [1.0, life])}
    tree = answer(one_chip(life="1 years"), moves)
    _, delivered, in_service = fleet(tree)
    assert delivered[1] == pytest.approx(np.zeros(3), abs=1e-6)
    assert in_service[1] == pytest.approx(np.zeros(3), abs=1e-6)


def test_nobody_is_paid_for_chips_that_were_not_ordered():
    # There is nothing to serve: whoever withheld chips that nobody ordered would win their price.
    tree = answer(
        {**one_chip(lead_time="9 months"), "demand": [demand(mtok_per_d=24.0)]},
        {"chips.c.supply": ("factor", [1.0, 0.0, 0.6]), "chips.c.delay": ("months", [0.0, 0.0, 5.0])},
        tree_of([0, 0, 0]),
    )
    assert worth_of(tree)[1] == pytest.approx(0.0, abs=1e-9)
    assert fleet(tree)[1].min() >= -1e-9


@pytest.fixture(scope="module")
def busy_tree():
    """Six paths with other supplies, delays and lives of two chips at two sites."""
    world = drawn(6, 4)
    moves = {
        "chips.*.supply": ("factor", np.array([1.0, 0.5, 0.0, 1.4, 0.8, 0.2])[:, None] * np.array([1.0, 1.2, 0.7])),
        "chips.*.life": ("factor", [1.0, 0.6, 1.0, 0.5, 1.5, 1.0]),
    }
    more = futures(moves)
    both = replace(
        world,
        quantities=(*world.quantities, "supply", "life"),
        targets=(*world.targets, *more.targets),
        measures=(*world.measures, *more.measures),
        effect=np.concatenate([world.effect, more.effect], axis=1),
    )
    return answered(asked(forked(), both, tree_of([0, 0, 0, 0, 0, 0], [0, 0, 0, 3, 3, 3])))


def test_each_order_gets_its_part_of_what_is_made(busy_tree):
    built, x = busy_tree.solved.built, busy_tree.relaxed.x
    p, physics = built.problem, built.physics
    chips, of_fleet = p.chips, p.fleets.chip
    assert "withheld" not in built.model.column_blocks  # nothing is left to choose
    cumulative = np.cumsum(physics.fleet.orders.value(x), axis=1)
    planned = np.einsum("fsk,pkf->psf", chips.planned_weights[of_fleet], cumulative)
    promised = (chips.supply_chip + chips.withheld_chip)[:, :, of_fleet]
    part = np.divide(chips.supply_chip[:, :, of_fleet], promised, out=np.ones_like(promised), where=promised > 0)
    assert np.ptp(promised, axis=0).max() < 1e-9  # one promise in all futures
    assert part.min() < 0.5
    delivered = physics.fleet.delivered.value(x)
    on_time = ~(chips.late_days > 0).any(axis=1)
    assert on_time.sum() >= 2
    assert delivered[on_time] == pytest.approx((planned * part)[on_time], abs=1e-9)
    # what is late comes later, and no more of it
    assert (delivered.cumsum(axis=1) <= (planned * part).cumsum(axis=1) + 1e-9).all()
    assert (delivered >= -1e-9).all()
    assert (physics.fleet.in_service.value(x) >= -1e-9).all()


def test_no_more_comes_than_is_made(busy_tree):
    built, x = busy_tree.solved.built, busy_tree.relaxed.x
    p = built.problem
    for c in range(2):
        came = built.physics.fleet.delivered.value(x)[:, :, p.fleets.chip == c].sum(axis=2) * 1e3
        assert (came.cumsum(axis=1) <= p.chips.supply_chip[:, :, c].cumsum(axis=1) + 1e-4).all()


def halved(world, likely, part):
    """The same futures, each with a twin in which, as likely as that, makers deliver a part of what they promise from the start."""
    paths, _, periods = world.effect.shape
    both = np.repeat(world.effect, 2, axis=0)
    supply = np.tile([1.0, part], paths)[:, None, None] * np.ones((1, 1, periods))
    return replace(
        world,
        quantities=(*world.quantities, "failure"),
        targets=(*world.targets, ("chips.*.supply",)),
        measures=(*world.measures, "factor"),
        effect=np.concatenate([both, supply], axis=1),
        probability=np.outer(world.probability, [1 - likely, likely]).ravel(),
        innovations=np.repeat(world.innovations, 2, axis=0),
    )


def without_supply(paths, seed):
    """Futures that move everything but what makers make."""
    world = drawn(paths, seed)
    kept = [k for k, targets in enumerate(world.targets) if targets != ("chips.n.supply",)]
    return replace(
        world,
        quantities=tuple(world.quantities[k] for k in kept),
        targets=tuple(world.targets[k] for k in kept),
        measures=tuple(world.measures[k] for k in kept),
        effect=world.effect[:, kept],
    )


@pytest.mark.parametrize("risk", [NEUTRAL, ((0.5, 0.0), (0.5, 0.7))], ids=["neutral", "tail"])
@pytest.mark.parametrize("part", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(3))
def test_a_supplier_that_may_fail_whatever_else_happens_never_raises_the_value(seed, part, risk):
    # A plan for failing makers is matched by ordering less of makers who do not fail: what they deliver on average.
    scenario, world = forked(), without_supply(4, seed)
    sure = answered(asked(scenario, world, tree_of([0] * 4), risk=risk)).relaxed.objective
    fails = halved(world, 0.3, part)
    told_apart = tree_of([0] * 8, [0, 1] * 4)  # whether they failed is seen by year 3
    values = [answered(asked(scenario, fails, t, risk=risk)).relaxed.objective for t in (tree_of([0] * 8), told_apart)]
    assert all(v <= sure * (1 + 1e-9) for v in values)
    assert values[0] < sure - 1e-3


def test_a_failure_is_no_option_to_cancel():
    # 600 chips' demand, or none as likely, known after the last order; a chip costs 6,000 USD. Of 1,000 promised 600 are made: who may
    # choose takes them if there is demand, and none if not. Who gets 60 % of what was ordered has 360 chips in any case.
    scenario = {**one_chip(price="6000 USD/chip"), "demand": [demand(mtok_per_d=14_400.0)]}
    volume = ("factor", [1.0, 0.0])
    sure = answer(scenario, {"demand.d.volume": volume})
    moves = {
        "demand.d.volume": ("factor", [1.0, 0.0, 1.0, 0.0]),
        "chips.c.supply": ("factor", [1.0, 1.0, 0.6, 0.6]),
    }
    fails = answer(scenario, moves, tree_of([0] * 4))
    orders, delivered, _ = fleet(fails)
    assert orders == pytest.approx(np.outer(np.ones(4), [600.0, 0.0, 0.0]), abs=1e-6)
    assert delivered[:, 0] == pytest.approx([600.0, 600.0, 360.0, 360.0])
    won = 0.6 * 2.5 * 8.76 - 3.6
    assert worth_of(fails) == pytest.approx([won, -3.6, 0.6 * won, -0.6 * 3.6])
    assert sure.relaxed.objective == pytest.approx((won - 3.6) / 2)
    assert fails.relaxed.objective == pytest.approx(0.8 * sure.relaxed.objective)


def test_a_late_future_moves_deliveries_and_not_what_is_accepted():
    # Ordered evenly over 2025 with three months of lead, the chips come from April on; six months late, from October on.
    late = answer(
        one_chip(lead_time="3 months"), {"chips.c.delay": ("months", [0.0, 6.0])}, tree_of([0, 1]), probability=[0.9, 0.1]
    )  # fmt: skip
    orders, delivered, _ = fleet(late)
    assert orders[0, 0] == pytest.approx(orders[1, 0])
    three, nine = 3 * 365.25 / 12, round(6 * 365.25 / 12) + 3 * 365.25 / 12
    first = orders[0, 0]
    assert first * (1 - three / 365) == pytest.approx(1000.0)  # as many as the maker plans to deliver in 2025
    assert delivered[0, 0] == pytest.approx(1000.0)
    assert delivered[1, 0] == pytest.approx(first * (1 - nine / 365))


def test_room_is_made_for_orders_that_were_made_for_better_futures():
    scenario = one_chip()
    tree = answer(scenario, {"chips.c.supply": ("factor", [1.0, 0.4])})
    held = decided(tree.solved.built, tree.relaxed.x, path=0)
    assert held.orders[:, 0] == pytest.approx([1.0, 1.0, 1.0])
    base = asked(scenario, futures({"chips.c.supply": ("factor", [1.0])}), tree_of([0])).base
    bad = with_futures(base, futures({"chips.c.supply": ("factor", [0.25])}))
    assert not bad.chips.withheld_chip.any()
    assert with_room(bad, held).chips.withheld_chip[0, :, 0] == pytest.approx([750.0] * 3, rel=1e-4)
    plan = finish(bad, held, RELAXED)
    assert plan.decisions.orders_chip[0, :, 0] == pytest.approx([1000.0] * 3)
    assert plan.decisions.delivered_chip[0, :, 0] == pytest.approx([250.0] * 3, rel=1e-3)
    # who ordered 400 of the 1,000 that were promised gets half of it where half is made, though more is made
    fewer = replace(held, orders=0.4 * held.orders)
    half = finish(with_futures(base, futures({"chips.c.supply": ("factor", [0.5])})), fewer, RELAXED)
    assert half.decisions.delivered_chip[0, :, 0] == pytest.approx([200.0] * 3, rel=1e-6)
    # what was ordered beyond the promise was promised too
    more = replace(held, orders=1.6 * held.orders)
    most = finish(with_futures(base, futures({"chips.c.supply": ("factor", [0.5])})), more, RELAXED)
    assert most.decisions.delivered_chip[0, :, 0] == pytest.approx([500.0] * 3, rel=1e-6)
    # nothing is withheld that is made
    good = finish(with_futures(base, futures({"chips.c.supply": ("factor", [1.0])})), held, RELAXED)
    assert good.decisions.delivered_chip[0, :, 0] == pytest.approx([1000.0] * 3, rel=1e-3)


@pytest.mark.parametrize(("lead", "same"), [("0 months", True), ("5 months", False)])
def test_what_a_maker_may_withhold_is_worth_nothing_but_time_within_a_period(lead, same):
    # Whoever knows what is made gets as much by ordering more. Only with a lead time that ends within a period does an order for two
    # periods, of which the first is withheld, bring the second's chips early in it, where others come evenly through it: as fine as
    # the grid.
    scenario = forked()
    for fields in scenario["chips"]:
        fields["lead_time"] = lead
    base = asked(scenario, drawn(6, 4), tree_of([0] * 6)).problem()
    problem = one_path(base, int(np.argmin(base.chips.supply_chip[:, 0, 1])))
    none = replace(problem, chips=replace(problem.chips, withheld_chip=np.zeros_like(problem.chips.withheld_chip)))
    one, two = (solve(build(a), RELAXED, tie_break=False).first.objective for a in (problem, none))
    assert problem.chips.withheld_chip.any()
    if same:
        assert one == pytest.approx(two, rel=1e-9)
    else:
        assert two < one < 1.2 * two
