"""Futures applied to a compiled problem: what a changed scenario compiles to, array by array, and where the two differ by design."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from plan_toys import busy, compile_problem, inputs, problem, stand, toy
from tree_toys import forked, futures

from offtake.dates import DAYS_PER_MONTH
from offtake.errors import OfftakeError
from offtake.plan.futures import one_path, picked, targets, with_futures
from offtake.spec.outlook import TARGETS, target_shape

PERIODS = 6
TWO = 61 / DAYS_PER_MONTH
"""Two months in whole days: delays count to the day."""


@pytest.fixture(scope="module")
def world():
    """Inputs of the scenario with a little of everything."""
    return inputs(busy())


@pytest.fixture(scope="module")
def base(world):
    return compile_problem(world)


def arrays_of(part, name=""):
    """List every array and plain value of a problem by its dotted name."""
    if is_dataclass(part) and not hasattr(part, "starts"):  # a grid is no part of it
        found = {}
        for f in fields(part):
            if f.name not in {"scenario", "tails"}:
                found |= arrays_of(getattr(part, f.name), f"{name}.{f.name}" if name else f.name)
        return found
    if isinstance(part, dict):
        return {k: v for key, item in part.items() for k, v in arrays_of(item, f"{name}.{key}").items()}
    return {name: part}


def unlike(one, other):
    """Names of the arrays in which two problems differ by more than rounding."""
    a, b = arrays_of(one), arrays_of(other)
    assert a.keys() == b.keys()
    different = set()
    for name, value in a.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            size = max(1.0, float(np.abs(value[np.isfinite(value)]).max(initial=0.0)))
            same = value.shape == b[name].shape and np.allclose(value, b[name], rtol=1e-12, atol=1e-12 * size)
        else:
            same = np.array_equal(np.asarray(value, dtype=object), np.asarray(b[name], dtype=object))
        if not same:
            different.add(name)
    return different


def moved(items, name, **update):
    """Return a list of parts of a scenario with one of them changed."""
    assert any(i.id == name for i in items)
    return tuple(i.model_copy(update=update) if i.id == name else i for i in items)


def scaled_chip(scenario, name, factor):
    chip = next(c for c in scenario.chips if c.id == name)
    series = ("price_usd_per_chip", "server_cost_usd_per_chip", "price_terminal_usd_per_chip")
    return {"chips": moved(scenario.chips, name, **{s: getattr(chip, s).scaled(factor) for s in series})}


def scaled(section, name, field, factor):
    def change(scenario):
        item = next(i for i in getattr(scenario, section) if i.id == name)
        return {section: moved(getattr(scenario, section), name, **{field: getattr(item, field).scaled(factor)})}

    return change


def more(section, name, field, by):
    def change(scenario):
        item = next(i for i in getattr(scenario, section) if i.id == name)
        return {section: moved(getattr(scenario, section), name, **{field: getattr(item, field) + by})}

    return change


def connected_later(scenario):
    site = next(s for s in scenario.sites if s.id == "ohio")
    return {"sites": moved(scenario.sites, "ohio", interconnected_mw=site.interconnected_mw.later(5.0))}


def lives_shorter(scenario):
    chip = next(c for c in scenario.chips if c.id == "c")
    return {"chips": moved(scenario.chips, "c", life_y=chip.life_y * 0.4)}


def stepped(field, factor):
    def change(scenario):
        offer = scenario.outside_supply[0]
        steps = tuple(s.model_copy(update={field: getattr(s, field).scaled(factor)}) for s in offer.steps)
        return {"outside_supply": moved(scenario.outside_supply, offer.id, steps=steps)}

    return change


def resold(scenario):
    steps = tuple(
        s.model_copy(update={"price_usd_per_chip_h": s.price_usd_per_chip_h.scaled(1.3)}) if s.chip == "n" else s
        for s in scenario.resale.steps
    )
    return {"resale": scenario.resale.model_copy(update={"steps": steps})}


def dearer_credit(scenario):
    party = scenario.parties.provider
    facility = party.facility.model_copy(update={"rate_frac_per_y": party.facility.rate_frac_per_y * 1.5})
    return {
        "parties": scenario.parties.model_copy(update={"provider": party.model_copy(update={"facility": facility})})
    }


def dearer_staff(scenario):
    party = scenario.parties.offtaker
    costs = party.other_costs_usd_per_y.scaled(1.2)
    changed = party.model_copy(update={"other_costs_usd_per_y": costs})
    return {"parties": scenario.parties.model_copy(update={"offtaker": changed})}


PLANNED_SITE = {"sites.starts_cap", "sites.in_service", "sites.left_frac"}
"""Of a late phase: begun as planned, and what is left of its shell counts as if it had come in time."""

# target -> effect, the scenario changed accordingly, the arrays that the effect moves, those in which it differs from the scenario's
CASES = {
    "demand.us-chat.volume": (1.7, scaled("demand", "us-chat", "volume_tok_per_d", 1.7), {"demand.volume_tok"}, set()),
    "demand.eu-chat.price": (
        0.8,
        scaled("demand", "eu-chat", "price_usd_per_mtok", 0.8),
        {"demand.price_usd_per_mtok"},
        set(),
    ),
    "classes.chat.algorithmic_gain": (
        1.4,
        scaled("classes", "chat", "algorithmic_gain", 1.4),
        {"tok_per_chip_h"},
        set(),
    ),
    # What stands already keeps the value that it has: the problem has one number for it.
    "chips.c.price": (
        1.25,
        lambda s: scaled_chip(s, "c", 1.25),
        {"chips.cost_usd_per_chip", "chips.left_usd_per_chip"},
        {"fleets.opening_left_usd"},
    ),
    "chips.n.supply": (0.5, scaled("chips", "n", "supply_chip_per_y", 0.5), {"chips.supply_chip"}, set()),
    # Orders are accepted for the dates of the maker's plan.
    "chips.n.delay": (
        2.0,
        more("chips", "n", "delay_months", TWO),
        {"chips.in_service_weights", "chips.arrived_weights", "chips.delivery_weights", "chips.late_days"},
        {"chips.planned_weights", "chips.late_days", "chips.order_open"},
    ),
    "sites.ohio.interconnected": (5.0, connected_later, {"sites.interconnected_mw"}, set()),
    "sites.lyon.lead_time": (
        2.0,
        more("sites", "lyon", "delay_months", TWO),
        {"sites.energised_weights"},
        PLANNED_SITE,
    ),
    "sites.lyon.power_price": (
        1.6,
        scaled("sites", "lyon", "power_price_usd_per_mwh", 1.6),
        {"sites.power_usd_per_mwh"},
        set(),
    ),
    "sites.ohio.shell_cost": (
        0.9,
        scaled("sites", "ohio", "shell_cost_usd_per_mw", 0.9),
        {"sites.shell_usd_per_mw"},
        set(),
    ),
    "outside_supply.o.price": (1.1, stepped("price_usd_per_chip_h", 1.1), {"offers.price_usd_per_chip_h"}, set()),
    "outside_supply.o.cap": (0.3, stepped("cap_chip", 0.3), {"offers.cap_chip"}, set()),
    "resale.n.price": (1.3, resold, {"resale.price_usd_per_chip_h"}, set()),
    "parties.provider.facility.rate": (1.5, dearer_credit, {"finance.provider.rate_frac_per_y"}, set()),
    "parties.offtaker.other_costs": (1.2, dearer_staff, {"finance.offtaker.other_costs_usd"}, set()),
}


def applied(base, moves, **more):
    return with_futures(base, futures(moves, periods=PERIODS, **more))


def measure_of(target):
    return TARGETS[target_shape(target)]


def test_every_kind_of_target_is_compared():
    assert {target_shape(t) for t in [*CASES, "chips.c.life"]} == set(TARGETS)


@pytest.mark.parametrize("target", CASES)
def test_an_effect_is_what_the_changed_scenario_compiles_to(world, base, target):
    amount, change, moves, apart = CASES[target]
    after = applied(base, {target: (measure_of(target), [amount])})
    changed = compile_problem(replace(world, paths={"base": world.base.model_copy(update=change(world.base))}))
    assert unlike(after, base) == moves
    assert unlike(after, changed) == apart
    assert len(unlike(changed, base) - apart) > 0


def test_a_phase_with_a_longer_lead_time_is_paid_as_planned(world, base):
    # A scenario with a longer lead time pays over it; in a future that is late the work is done, and waits.
    after = applied(base, {"sites.lyon.lead_time": ("months", [2.0])})
    update = more("sites", "lyon", "lead_time_months", TWO)(world.base)
    longer = compile_problem(replace(world, paths={"base": world.base.model_copy(update=update)}))
    assert unlike(after, longer) == PLANNED_SITE | {"sites.spend_weights"}


def test_a_shorter_life_is_what_the_changed_scenario_compiles_to(world, base):
    after = applied(base, {"chips.c.life": ("factor", [0.4])})
    changed = compile_problem(replace(world, paths={"base": world.base.model_copy(update=lives_shorter(world.base))}))
    for name in ("in_service_weights", "arrived_weights", "left_usd_per_chip"):
        assert getattr(after.chips, name) == pytest.approx(getattr(changed.chips, name), rel=1e-9, abs=1e-9)
    assert not np.allclose(after.chips.in_service_weights, base.chips.in_service_weights)
    # What stands already lives on as the scenario says; books depreciate over the planned life.
    assert "fleets.opening_chip" in unlike(after, changed)
    assert (after.chips.life_days == base.chips.life_days).all()


def test_a_longer_life_leaves_more_at_the_end(world, base):
    after = applied(base, {"chips.c.life": ("factor", [1.5])})
    life = base.chips.life_days[0]
    mids = np.array([(m - base.grid.start).days for m in base.grid.mids])
    left = base.grid.edges_days[-1] - mids
    terminal = base.chips.left_usd_per_chip[0, :, 0] / (1 - left / life)
    assert after.chips.left_usd_per_chip[0, :, 0] == pytest.approx(terminal * (1 - left / (1.5 * life)))


@pytest.mark.parametrize("scenario", [busy(), forked()], ids=["busy", "forked"])
def test_the_central_future_is_the_problem_itself(scenario):
    p = problem(scenario)
    names = [t.name for t in targets(p)]
    still = {name: (measure_of(name), [1.0 if measure_of(name) == "factor" else 0.0]) for name in names}
    found = with_futures(p, futures(still, periods=len(p.grid)))
    mine, its = arrays_of(found), arrays_of(p)
    for name, value in its.items():
        assert np.array_equal(np.asarray(mine[name], dtype=object), np.asarray(value, dtype=object)), name


def test_effects_of_a_period_act_in_that_period(base):
    factors = np.array([[1.0, 2.0, 3.0, 0.5, 0.0, 1.5]])
    after = applied(base, {"demand.eu-chat.volume": ("factor", factors), "chips.n.price": ("factor", factors)})
    eu = base.demand.entries.index("eu-chat")
    assert after.demand.volume_tok[0, :, eu] == pytest.approx(base.demand.volume_tok[0, :, eu] * factors[0])
    n = base.chips.ids.index("n")
    assert after.chips.cost_usd_per_chip[0, :, n] == pytest.approx(base.chips.cost_usd_per_chip[0, :, n] * factors[0])
    # what is left at the horizon is worth what its replacement costs then
    assert after.chips.left_usd_per_chip[0, :, n] == pytest.approx(base.chips.left_usd_per_chip[0, :, n] * 1.5)


def test_a_rate_of_interest_is_one_number_the_mean_over_time(base):
    factors = np.array([[1.0, 2.0, 3.0, 0.5, 0.0, 1.5]])
    after = applied(base, {"parties.provider.facility.rate": ("factor", factors)})
    mean = factors[0] @ base.grid.days / base.grid.days.sum()  # the last periods are half-years
    assert after.finance["provider"].rate_frac_per_y == pytest.approx(base.finance["provider"].rate_frac_per_y * mean)


def test_effects_on_one_target_multiply_and_months_add(base):
    twice = applied(
        base,
        {
            "demand.*.volume": ("factor", [1.5, 2.0]),
            "demand.eu-chat.volume": ("factor", [1.2, 0.5]),
            "chips.n.delay": ("months", [1.0, 3.0]),
            "chips.*.delay": ("months", [2.0, 0.0]),
        },
    )
    once = applied(
        base,
        {
            "demand.eu-chat.volume": ("factor", [1.8, 1.0]),
            "demand.us-*.volume": ("factor", [1.5, 2.0]),
            "demand.new.volume": ("factor", [1.5, 2.0]),
            "chips.n.delay": ("months", [3.0, 3.0]),
            "chips.c.delay": ("months", [2.0, 0.0]),
        },
    )
    assert unlike(twice, once) == set()


def test_patterns_of_one_quantity_move_a_target_once(base):
    world = futures({"demand.*.volume": ("factor", [2.0])}, periods=PERIODS)
    named_twice = replace(world, targets=(("demand.*.volume", "demand.eu-chat.volume"),))
    assert unlike(with_futures(base, named_twice), with_futures(base, world)) == set()


def test_months_count_to_the_day(base):
    near = applied(base, {"chips.n.delay": ("months", [2.0])})
    later = applied(base, {"chips.n.delay": ("months", [2.0 + 0.4 / DAYS_PER_MONTH])})
    assert unlike(near, later) == set()
    assert near.chips.late_days[0, 1] == 61


def test_a_path_of_many_is_the_path_alone(base):
    moves = {
        "demand.*.volume": ("factor", [0.5, 1.0, 2.0]),
        "chips.n.delay": ("months", [0.0, 4.0, 1.0]),
        "sites.ohio.interconnected": ("months", [3.0, 0.0, 6.0]),
        "chips.c.life": ("factor", [1.0, 0.5, 1.3]),
    }
    together = applied(base, moves, probability=[0.2, 0.3, 0.5])
    for p in range(3):
        alone = applied(base, {name: (measure, [values[p]]) for name, (measure, values) in moves.items()})
        assert unlike(one_path(together, p), alone) == set()


def test_picking_paths_keeps_their_order_and_scales_their_probability(base):
    many = applied(base, {"demand.*.volume": ("factor", [0.5, 1.0, 2.0, 4.0])}, probability=[0.1, 0.2, 0.3, 0.4])
    some = picked(many, np.array([3, 1]))
    assert some.probability == pytest.approx([2 / 3, 1 / 3])
    assert some.demand.volume_tok == pytest.approx(base.demand.volume_tok * np.array([4.0, 1.0])[:, None, None])
    assert some.ties.phases[:, 0].tolist() == [0, 1]


def test_withheld_is_what_the_best_future_has_more(base):
    many = applied(base, {"chips.n.supply": ("factor", [0.5, 1.25, 0.0])})
    n = base.chips.ids.index("n")
    supply = base.chips.supply_chip[0, :, n]
    assert many.chips.withheld_chip[:, :, n] == pytest.approx(np.outer([0.75, 0.0, 1.25], supply))
    assert not many.chips.withheld_chip[:, :, 1 - n].any()


@pytest.mark.parametrize("target", ["demand.nobody.volume", "chips.*.colour", "sites.ohio", "outside_supply.q.cap"])
def test_a_target_that_names_nothing_is_refused(base, target):
    world = futures({target: ("factor", [1.1])}, periods=PERIODS, ids=("odd",))
    with pytest.raises(OfftakeError, match=r"'odd'.*names nothing") as caught:
        with_futures(base, world)
    assert target in str(caught.value)


@pytest.mark.parametrize(("target", "wrong"), [("demand.*.volume", "months"), ("chips.n.delay", "factor")])
def test_an_effect_of_the_wrong_measure_is_refused(base, target, wrong):
    world = futures({target: (wrong, [1.0])}, periods=PERIODS, ids=("odd",))
    with pytest.raises(OfftakeError, match=f"'odd'.*moved by {measure_of(target)}.*{wrong}"):
        with_futures(base, world)


def test_targets_are_those_of_the_scenario():
    names = {t.name for t in targets(problem(toy(chips=[{**toy()["chips"][0], "opening": stand(10.0)}])))}
    assert names == {
        "demand.d.volume", "demand.d.price", "classes.chat.algorithmic_gain", "chips.c.price", "chips.c.supply",
        "chips.c.delay", "chips.c.life", "sites.s.power_price", "sites.s.shell_cost", "sites.s.interconnected",
        "sites.s.lead_time", "parties.offtaker.facility.rate", "parties.offtaker.other_costs",
        "parties.provider.facility.rate", "parties.provider.other_costs",
    }  # fmt: skip
