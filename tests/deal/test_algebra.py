"""The algebra's functions against plain loops and hand-worked numbers, in both readings."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.axes import Axis
from offtake.dates import Grid, Intervals
from offtake.deal.algebra import CarryRule, Tiers, day_shares, last_known, mean_shares
from offtake.deal.quantities import CHIP_H, ONE, USD, Measure, Scales
from offtake.deal.rows import RowsAlgebra
from offtake.deal.settle import SettleAlgebra
from offtake.errors import OfftakeError
from offtake.lp.highs import Solver
from offtake.lp.model import Model

GRID = Grid.of(date(2027, 1, 1), quarters=4, half_years=0, years=0)
TAKEN = Measure("offtake_chip_h", "a")
SHOWN = Measure("delivery_chip_h", "a")


def settle(taken, shown=None):
    values = {TAKEN: (tuple(taken),)}
    if shown is not None:
        values[SHOWN] = (tuple(shown),)
    return SettleAlgebra(grid=GRID, measures=values)


def rows(upper=10.0, **more):
    """A reader whose measure is a free column of 0 to 10 in each quarter."""
    model = Model()
    axes = (Axis("path", ("base",)), Axis("period", GRID.labels))
    x = model.columns("x", axes=axes, upper=upper)
    return RowsAlgebra(model=model, grid=GRID, measures={TAKEN: x}, **more), x


def solved(reader, x, fixed, wish):
    """Fix the quantities and let the objective pull at an expression."""
    model = reader.model
    model.rows("fixed", x, lower=fixed, upper=fixed, axes=model.column_block("x").axes)
    model.set_objective(wish.expr.sum())
    return Solver(model.build()).solve(gap=0.0)


@given(st.lists(st.integers(0, 10), min_size=4, max_size=4), st.sampled_from([-1, 1]))
@settings(max_examples=15)
def test_marginal_tiers_equal_a_sum_over_units(units, sign):
    """4 units at 5, the next 3 at 3, the rest at 1, unit by unit."""

    def price(n):
        return 5 if n < 4 else 3 if n < 7 else 1

    truth = [sum(price(n) for n in range(u)) for u in units]
    table = Tiers(steps=(4, 7), prices=(5, 3, 1))
    exact = settle(units)
    assert list(exact.tiers(exact.read(TAKEN, on=GRID), table, "t", unit=USD).rows[0]) == truth
    reader, x = rows()
    owed = reader.tiers(reader.read(TAKEN, on=GRID), table, "t", unit=USD)
    solution = solved(reader, x, np.array([units], dtype=float), reader.scale(owed, sign))
    assert reader.values(owed, solution.x)[0] == pytest.approx(truth, abs=1e-6)


@given(st.lists(st.floats(0, 10).filter(lambda v: abs(v - 4) > 0.01), min_size=4, max_size=4), st.sampled_from([-1, 1]))
@settings(max_examples=15)
def test_all_units_tiers_price_the_whole_volume(units, sign):
    table = Tiers(steps=(4,), prices=(5, (3, 3, 2, 2)), how="all_units")
    truth = [u * (5 if u < 4 else p) for u, p in zip(units, (3, 3, 2, 2), strict=True)]
    exact = settle(units)
    found = exact.tiers(exact.read(TAKEN, on=GRID), table, "t", unit=USD).rows[0]
    assert [float(v) for v in found] == pytest.approx(truth)
    reader, x = rows()
    owed = reader.tiers(reader.read(TAKEN, on=GRID), table, "t", unit=USD)
    solution = solved(reader, x, np.array([units]), reader.scale(owed, sign))
    assert reader.values(owed, solution.x)[0] == pytest.approx(truth, abs=1e-4)


def carried_by_hand(net, cap, lasts, opening):
    """Lots of excess, the oldest used first: [age, amount] in a plain loop."""
    lots = [[0, opening]] if opening else []
    used, held = [], []
    for k, n in enumerate(net):
        need = max(-n, 0)
        take = 0
        for lot in lots:
            part = min(lot[1], need - take)
            lot[1] -= part
            take += part
            lot[0] += 1
        lots = [lot for lot in lots if lasts is None or lot[0] < lasts]
        new = max(n, 0)
        if cap is not None:
            new = min(new, max(0, cap[k] - sum(lot[1] for lot in lots)))
        lots.append([0, new])
        used.append(take)
        held.append(sum(lot[1] for lot in lots))
    return used, held


@given(
    net=st.lists(st.integers(-5, 5), min_size=4, max_size=4),
    cap=st.one_of(st.none(), st.lists(st.integers(0, 6), min_size=4, max_size=4)),
    lasts=st.one_of(st.none(), st.integers(1, 3)),
    opening=st.integers(0, 4),
    sign=st.sampled_from([-1, 1]),
)
@settings(max_examples=60)
def test_carry_forward_equals_a_plain_loop_over_lots(net, cap, lasts, opening, sign):
    used, held = carried_by_hand(net, cap, lasts, opening)
    rule = CarryRule(cap=None if cap is None else tuple(cap), lasts=lasts, opening=opening)

    def run(a):
        over = a.read(TAKEN, on=GRID) - a.const(5, on=GRID, unit=CHIP_H)
        short = a.pos(-over, "short")
        return a.carry(over + short, short, rule, "carried")

    volumes = [n + 5 for n in net]
    exact = run(settle(volumes))
    assert (list(exact.used.rows[0]), list(exact.held.rows[0])) == (used, held)
    reader, x = rows()
    found = run(reader)
    solution = solved(reader, x, np.array([volumes], dtype=float), reader.scale(found.used + found.held, sign))
    assert reader.values(found.used, solution.x)[0] == pytest.approx(used, abs=1e-6)
    assert reader.values(found.held, solution.x)[0] == pytest.approx(held, abs=1e-6)


def test_what_goes_in_a_year_is_spread_by_day():
    year = Intervals((date(2028, 1, 1),), (date(2029, 1, 1),))
    quarters = Grid.of(date(2028, 1, 1), quarters=4, half_years=0, years=0)
    assert [row[0] for row in day_shares(quarters, year)] == [Fraction(d, 366) for d in (91, 91, 92, 92)]
    assert mean_shares(year, quarters) == [[Fraction(d, 366) for d in (91, 91, 92, 92)]]
    assert last_known(year, quarters) == [[0, 0, 0, 1]]
    assert last_known(Intervals((date(2028, 1, 1),), (date(2028, 3, 31),)), quarters) == [[0, 0, 0, 0]]


def test_no_binary_where_the_bounds_prove_the_sign():
    reader, _ = rows()
    x = reader.read(TAKEN, on=GRID)
    before = reader.model.column_blocks.count
    surely = reader.pos(x + reader.const(1, on=GRID, unit=CHIP_H), "surely")
    never = reader.pos(x - reader.const(11, on=GRID, unit=CHIP_H), "never")
    assert reader.model.column_blocks.count == before
    assert surely.expr.nonzeros == 4
    assert never.expr.nonzeros == 0
    reader.pos(x - reader.const((3, 11, 3, 11), on=GRID, unit=CHIP_H), "maybe")
    assert [(b.name, b.interval) for b in reader.written.binaries] == [
        ("maybe.positive", "2027-Q1"),
        ("maybe.positive", "2027-Q3"),
    ]


def test_bounds_supplied_by_the_plan_spare_binaries():
    asked = []

    def tighten(exprs):
        asked.append(exprs.shape)
        return np.full(exprs.shape, -3.0), np.full(exprs.shape, -1.0)

    reader, _ = rows(tighten=tighten)
    x = reader.read(TAKEN, on=GRID)
    none = reader.pos(x - reader.const(3, on=GRID, unit=CHIP_H), "maybe")
    assert asked == [(4,)]
    assert none.expr.nonzeros == 0
    assert not reader.written.binaries


def test_an_unbounded_quantity_is_named():
    reader, _ = rows(upper=np.inf)
    x = reader.within("deal.floor").read(TAKEN, on=GRID)
    with pytest.raises(OfftakeError, match=r"deal\.floor\.short.*no finite bound"):
        reader.within("deal.floor").pos(reader.const(3, on=GRID, unit=CHIP_H) - x, "short")


def test_a_known_limit_of_a_measure_is_used():
    limits = {TAKEN: (np.zeros((1, 4)), np.full((1, 4), 2.0))}
    reader, _ = rows(upper=np.inf, limits=limits)
    x = reader.read(TAKEN, on=GRID)
    reader.pos(reader.const(3, on=GRID, unit=CHIP_H) - x, "short")
    assert not reader.written.binaries


def test_scales_are_out_of_the_author_s_sight():
    """10 M chip-h at 2 USD is 20 M USD: ten units at a factor of two in the rows, 2e7 in the file's unit."""
    reader, _ = rows(scales=Scales(usd=1e6, chip_h=1e6))
    owed = reader.scale(reader.read(TAKEN, on=GRID), 2, unit=USD)
    point = np.full(4, 10.0)
    assert owed.expr.value(point).tolist() == [[20.0] * 4]
    assert reader.values(owed, point).tolist() == [[2e7] * 4]
    assert reader.values(reader.const(5e6, on=GRID, unit=USD), point).tolist() == [[5e6] * 4]


@pytest.mark.parametrize("a", [settle([1, 2, 3, 4]), rows()[0]], ids=["settle", "rows"])
def test_units_and_intervals_must_match(a):
    x = a.read(TAKEN, on=GRID)
    with pytest.raises(ValueError, match="units differ"):
        _ = x + a.const(1, on=GRID, unit=USD)
    with pytest.raises(ValueError, match="intervals differ"):
        _ = x + a.const(1, on=Intervals.every(12, GRID.start, GRID.end), unit=CHIP_H)


def test_a_fact_happens_once():
    a = settle([0, 5, 3, 6])
    high = a.reached(a.read(TAKEN, on=GRID), 5, "high")
    assert high.rows == ((0, 1, 0, 1),)
    assert a.first(high, "first").rows == ((0, 1, 0, 0),)
    assert a.either(high, a.const((1, 0, 0, 0), on=GRID, unit=ONE), "or").rows == ((1, 1, 0, 1),)


def test_the_cap_of_a_total_cuts_the_running_sum():
    a = settle([4, 4, 4, 4])
    assert a.capped(a.read(TAKEN, on=GRID), 10, "cap").rows == ((4, 4, 2, 0),)


def test_a_right_not_exercised_is_no():
    a = settle([0, 0, 0, 0])
    assert a.right("draw", on=GRID).rows == ((0, 0, 0, 0),)


def test_measures_are_a_closed_table():
    with pytest.raises(ValueError, match="no measure called"):
        Measure("offtake")
    with pytest.raises(ValueError, match="needs labels"):
        Measure("offtake_chip_h")
    with pytest.raises(KeyError, match="no values given for channel_revenue_usd"):
        settle([0] * 4).read(Measure("channel_revenue_usd", "cloud"), on=GRID)
