"""Chips that a maker promised and does not make: shared orders are as large as the best future allows, and pay for what comes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plan_toys import RELAXED, chip, demand, toy
from tree_toys import answered, asked, drawn, forked, futures, tree_of

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


def test_delivered_and_withheld_are_what_was_ordered(busy_tree):
    built, x = busy_tree.solved.built, busy_tree.relaxed.x
    p, physics = built.problem, built.physics
    chips, of_fleet = p.chips, p.fleets.chip
    orders = physics.fleet.orders.value(x)
    lost = built.model.column_block("withheld").take(x)  # [path, cohort, fleet]
    assert lost.max() > 1e-3
    cumulative = np.cumsum(orders, axis=1)
    ever = np.einsum("pfsk,pkf->pf", chips.delivery_weights[:, of_fleet], cumulative)  # what comes by the horizon
    delivered = physics.fleet.delivered.value(x)
    on_time = ~(chips.late_days[:, of_fleet] > 0)
    missing = ever - delivered.sum(axis=1)
    assert missing[on_time] == pytest.approx(lost.sum(axis=1)[on_time], abs=1e-7)
    assert (missing <= lost.sum(axis=1) + 1e-7).all()  # of what is late a part would have come after the horizon
    assert (delivered >= -1e-7).all()
    assert (physics.fleet.in_service.value(x) >= -1e-7).all()


def test_no_more_is_withheld_than_was_promised_and_not_made(busy_tree):
    built, x = busy_tree.solved.built, busy_tree.relaxed.x
    p = built.problem
    block = built.model.column_block("withheld")
    lost = block.take(x)
    planned_for = [p.grid.labels.index(label.partition("planned for ")[2]) for label in block.axes[1].labels]
    for c in range(2):
        mine = p.fleets.chip == c
        for t in range(3):
            missed = lost[:, [k for k, s in enumerate(planned_for) if s == t]][:, :, mine].sum(axis=(1, 2)) * 1e3
            assert (missed <= p.chips.withheld_chip[:, t, c] + 1e-4).all()
    on_time = ~(p.chips.late_days > 0).any(axis=1)
    for c in range(2):
        came = built.physics.fleet.delivered.value(x)[:, :, p.fleets.chip == c].sum(axis=2) * 1e3
        assert (came[on_time] <= p.chips.supply_chip[on_time, :, c] + 1e-4).all()


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
    # nothing is withheld that need not be
    good = finish(with_futures(base, futures({"chips.c.supply": ("factor", [1.0])})), held, RELAXED)
    assert good.decisions.delivered_chip[0, :, 0] == pytest.approx([1000.0] * 3, rel=1e-3)


@pytest.mark.parametrize(("lead", "same"), [("0 months", True), ("5 months", False)])
def test_what_a_maker_may_withhold_is_worth_nothing_but_time_within_a_period(lead, same):
    # Whoever knows what is made orders no more. Only with a lead time that ends within a period does an order for two periods, of which
    # the first is withheld, bring the second's chips early in it, where others come evenly through it: as fine as the grid.
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
