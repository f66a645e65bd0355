"""The first-order change of the optimum: against its formula on the program's arrays, and against the optimum itself."""

from __future__ import annotations

import numpy as np
import plan_toys as toys
import pytest

from offtake.api.prepare import assumptions, load, prepare
from offtake.plan.build import build
from offtake.plan.compile import compile_problem
from offtake.plan.run import plan_inputs
from offtake.plan.settings import Settings
from offtake.plan.solve import solve
from offtake.risk.assumption import Assumption
from offtake.risk.screening import _same_but_by_path, changes, screen, stacked


@pytest.fixture(scope="module")
def loaded(root):
    return load(root / "examples" / "first-site.yaml")


@pytest.fixture(scope="module")
def base(loaded):
    return plan_inputs(prepare(loaded).inputs, Settings(relax=True))


@pytest.fixture(scope="module")
def varied(loaded):
    return assumptions(loaded)


def worlds(varied, *, alliance):
    """Compile every assumption at its high end."""
    return {k: compile_problem(a.world(a.high), alliance=alliance) for k, a in enumerate(varied[0])}


def on_the_arrays(solved, problem):
    """Evaluate c x + y (b - A x) + z (u - x) - optimum on the whole program, column for column and row for row."""
    model, old, priced = build(problem).model, solved.built.model, solved.priced
    here = model.build()

    def carried(values, new, there, count):
        out = np.zeros(count)
        for block in new:
            if block.name in there and there.named(block.name).shape == block.shape:
                out[block.numbers] = block.spread(there.named(block.name).take(values))
        return out

    x = carried(priced.x, model.column_blocks, old.column_blocks, here.columns)
    y = carried(priced.row_price, model.row_blocks, old.row_blocks, here.rows)
    z = carried(priced.column_price, model.column_blocks, old.column_blocks, here.columns)

    def limits(price, lower, upper):
        side = np.where(price > 0, upper, lower)
        return float(price @ np.where(np.isfinite(side), side, 0.0))

    value = float(here.cost @ x) + here.offset - float(y @ here.activity(x)) - float(z @ x)
    value += limits(y, here.row_lower, here.row_upper) + limits(z, here.col_lower, here.col_upper)
    return value - priced.objective


@pytest.mark.parametrize("alliance", [True, False])
def test_many_worlds_at_once_change_what_each_changes_alone(base, varied, alliance):
    solved = (base.alliance if alliance else base.without).solved
    problems = worlds(varied, alliance=alliance)
    together = changes(solved, problems)
    assert list(together) == list(problems)
    alone = {k: on_the_arrays(solved, p) for k, p in problems.items()}
    assert together == pytest.approx(alone, rel=1e-9, abs=1e-7)
    assert max(abs(v) for v in together.values()) > 1.0  # million USD: they do move it


def test_most_worlds_share_a_build_and_none_that_may_not(base, varied):
    of = base.alliance.solved.built.problem
    shares = {
        a.path: _same_but_by_path(of, p) for a, p in zip(varied[0], worlds(varied, alliance=True).values(), strict=True)
    }
    assert shares["demand.*.volume"]
    assert shares["chips.trainium2.availability"]
    assert not shares["chips.trainium2.life"]
    assert sum(shares.values()) > len(shares) / 2


def test_a_world_is_a_path_of_what_is_stacked(varied):
    problems = list(worlds(varied, alliance=True).values())[:3]
    whole = stacked(problems)
    assert len(whole.paths) == 3
    assert whole.probability.tolist() == [pytest.approx(1 / 3)] * 3
    for k, problem in enumerate(problems):
        assert np.array_equal(whole.demand.volume_tok[k], problem.demand.volume_tok[0])
        assert np.array_equal(whole.sites.starts_cap[k], problem.sites.starts_cap)


@pytest.mark.parametrize(
    ("field", "scenario"),
    [
        ("price", lambda by: {"demand": [toys.demand(price=1.0 + by)]}),
        ("volume", lambda by: {"demand": [toys.demand(mtok_per_d=100_000.0 * (1 + by))]}),
        ("supply", lambda by: {"chips": [few(supply=f"{3000 * (1 + by)!r} chip/y")]}),
        ("capex", lambda by: {"chips": [few(price=f"{1000 * (1 + by)!r} USD/chip")]}),
        ("lead time", lambda by: {"sites": [waiting(by)]}),
    ],
)
def test_a_small_change_is_that_of_the_optimum(field, scenario):
    """The Lagrangian at the optimum's point and prices has the optimum's derivative (the envelope theorem)."""
    solved = solve(toys.built(toys.toy(**scenario(0.0))), toys.RELAXED, tie_break=False)
    step = 1e-5
    moved = [solve(toys.built(toys.toy(**scenario(by))), toys.RELAXED, tie_break=False) for by in (-step, step)]
    slope = (moved[1].first.objective - moved[0].first.objective) / (2 * step)
    found = changes(solved, {0: toys.problem(toys.toy(**scenario(step)))})[0] / step
    assert found == pytest.approx(slope, rel=1e-3, abs=1e-3), field
    assert abs(slope) > 1.0 or field == "lead time"


def few(**fields):
    """Fewer chips than there is demand for."""
    return toys.chip(**{"supply": "3000 chip/y", **fields})


def waiting(by):
    """Describe a site of which half must be built, over half a year and a little."""
    return toys.site(energised="5 MW", phase="5 MW", lead_time=f"{6 + by!r} months")


def test_the_choice_does_not_depend_on_the_order(base, varied):
    found, values = varied
    forth = screen(base, found, values, most=5)
    back = screen(base, found[::-1], values, most=5)
    assert [a.path for a in forth] == [a.path for a in back]
    assert len(forth) == 5
    assert [a.path for a in screen(base, found, values, most=3)] == [a.path for a in forth][:3]


def test_the_largest_effects_on_the_gain_are_chosen(base, varied):
    found, values = varied
    gain = {
        a.path: on_the_arrays(base.alliance.solved, compile_problem(a.world(end), alliance=True))
        - on_the_arrays(base.without.solved, compile_problem(a.world(end), alliance=False))
        for a in found
        for end in [max((a.low, a.high), key=lambda e, a=a: abs(e - values[a.path]))]
    }
    widest = sorted(gain, key=lambda path: -abs(gain[path]))[:5]
    assert [a.path for a in screen(base, found, values, most=5)] == widest


def test_nothing_is_built_once_told_to_stop(base, varied, monkeypatch):
    found, values = varied
    monkeypatch.setattr("offtake.risk.screening.build", lambda _: pytest.fail("built"))
    assert screen(base, found, values, most=5, stopped=lambda: True) == []


def test_a_world_that_cannot_be_is_left_out(base, varied):
    found, values = varied

    def none(_):
        return toys.inputs(toys.toy(demand=[toys.demand(**{"class": "nothing"})]))

    odd = Assumption(path="odd", low=0.0, high=1.0, world=none)
    assert "odd" not in [a.path for a in screen(base, [odd, *found], {**values, "odd": 0.5}, most=5)]
