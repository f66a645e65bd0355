"""Nothing is lost: stocks on any grid, megawatts, chip-hours and tokens of a solved plan, and the certificate of its program."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_toys import EXACT, built, busy, chip, demand, problem, run, stand, toy

from offtake.api.prepare import load, prepare
from offtake.dates import Grid
from offtake.errors import InfeasibleError
from offtake.lp.certificate import certify, model_hash
from offtake.plan.build import build
from offtake.plan.compile import compile_problem
from offtake.plan.fixed import solve_at
from offtake.plan.result import read
from offtake.plan.run import plan_inputs
from offtake.plan.settings import Settings
from offtake.plan.solve import solve


@st.composite
def grids(draw):
    """Draw a grid of two to seven periods of one day to two years."""
    days = draw(st.lists(st.integers(1, 730), min_size=2, max_size=7))
    start = date(2026, draw(st.integers(1, 12)), draw(st.integers(1, 28)))
    edges = [start + timedelta(days=int(d)) for d in np.cumsum([0, *days])]
    return Grid(tuple(edges[:-1]), tuple(edges[1:]))


@given(grids(), st.floats(0, 900), st.data())
def test_the_mean_stock_is_that_of_a_simulation_in_small_steps(grid, lag, data):
    # Orders come in evenly through their period; each is in stock from `lag` days later on. Exact: the stock is a polygon, so the
    # trapezium rule over its corners gives its mean.
    orders = np.array(data.draw(st.lists(st.integers(0, 1000), min_size=len(grid), max_size=len(grid))), dtype=float)
    cumulative = np.cumsum(orders)
    edges = grid.edges_days

    def stock(day):
        return np.interp(day - lag, edges, np.concatenate([[0.0], cumulative]))

    found = grid.stock_mean(lag) @ cumulative
    for t in range(len(grid)):
        a, b = edges[t], edges[t + 1]
        corners = np.unique(np.clip(np.concatenate([[a, b], edges + lag]), a, b))
        level = stock(corners)
        mean = float(np.sum((level[1:] + level[:-1]) / 2 * np.diff(corners))) / (b - a)
        assert found[t] == pytest.approx(mean, rel=1e-9, abs=1e-6)


def test_the_mean_stock_is_that_of_counting_chips_day_by_day():
    # One chip at a time: 900 chips ordered evenly, each 40 days under way and 200 days in service; stock counted at every tenth of a day.
    grid = Grid.of(date(2026, 7, 1), quarters=3, half_years=1, years=1)
    arrivals = (
        np.concatenate(
            [
                np.linspace(a, b, 300, endpoint=False) + (b - a) / 600
                for a, b in zip(grid.edges_days[:3], grid.edges_days[1:4], strict=True)
            ]
        )
        + 40
    )
    weights = grid.stock_mean(40.0) - grid.stock_mean(240.0)
    found = weights @ np.array([300.0, 600.0, 900.0, 900.0, 900.0])
    for t in range(len(grid)):
        moments = np.arange(grid.edges_days[t] + 0.05, grid.edges_days[t + 1], 0.1)
        counted = ((moments[:, None] >= arrivals) & (moments[:, None] < arrivals + 200)).sum(axis=1).mean()
        assert found[t] == pytest.approx(counted, abs=0.3)


@pytest.fixture(scope="module")
def first_site(examples_folder):
    """Return the tutorial's plan and its inputs."""
    world = prepare(load(examples_folder / "first-site.yaml"))
    return world.inputs, plan_inputs(world.inputs, Settings()).alliance


@pytest.fixture(scope="module")
def examples_folder():
    """Return the folder of examples."""
    from pathlib import Path

    return Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def busy_plan():
    """Return the plan of the scenario with a little of everything."""
    return read(solve(built(busy()), EXACT))


@pytest.fixture(params=["tutorial", "busy"])
def plan(request, first_site, busy_plan):
    return first_site[1] if request.param == "tutorial" else busy_plan


def test_every_chip_hour_is_in_one_bucket(plan):
    p, d = plan.problem, plan.decisions
    hours = p.grid.days * 24
    for f in range(p.work.fleets):
        c = p.fleets.chip[f]
        mine = p.work.pool == f
        used = d.hours_chip_h[0][:, mine].sum(axis=1)
        taken = d.hours_chip_h[0][:, mine & ~p.work.by_kind("resale")].sum(axis=1)
        whole = d.accepted_chip[0, :, f] * hours
        # accepted hours = used + idle + unavailable, each of them not negative, and what is used = taken + resold
        unavailable = whole * (1 - p.chips.availability_frac[c])
        idle = whole - unavailable - used
        assert (idle >= -1e-6 * np.maximum(whole, 1)).all()
        assert d.taken_chip_h[0, :, f] == pytest.approx(taken)
        assert d.available_chip_h[0, :, f] == pytest.approx(whole - unavailable)
    for o in range(len(p.offers.ids)):
        used = d.hours_chip_h[0][:, p.work.pool == p.work.fleets + o].sum(axis=1)
        assert d.rented_chip_h[0][:, p.offers.step_offer == o].sum(axis=1) == pytest.approx(used, abs=1.0)


def test_chips_are_bought_before_they_serve(plan):
    p, d = plan.problem, plan.decisions
    for f in range(p.work.fleets):
        assert (d.accepted_chip[0, :, f] <= d.in_service_chip[0, :, f] + 1e-3).all()
        owned = p.fleets.opening_chip[:, f].max(initial=0.0) + np.cumsum(d.delivered_chip[0, :, f])
        assert (d.in_service_chip[0, :, f] <= owned + 1e-3).all()
    for c in range(len(p.chips.ids)):
        came = d.delivered_chip[0][:, p.fleets.chip == c].sum(axis=1)
        assert (came <= p.chips.supply_chip[0, :, c] + 1e-3).all()


def test_power_is_energised_before_it_is_used_and_connected_before_it_is_energised(plan):
    p, d = plan.problem, plan.decisions
    for s in range(len(p.sites.ids)):
        mine = p.fleets.site == s
        it_mw = (d.accepted_chip[0][:, mine] * p.chips.it_w_per_chip[p.fleets.chip[mine]]).sum(axis=1) / 1e6
        assert (it_mw * p.sites.peak_ratio[s] <= d.energised_mw[0, :, s] + 1e-6).all()
        assert (d.energised_mw[0, :, s] <= p.sites.interconnected_mw[0, :, s] + 1e-6).all()


def test_tokens_are_made_by_hours_and_sold_once(plan):
    p, d = plan.problem, plan.decisions
    made: dict[tuple[str, str], np.ndarray] = {}
    for a, (pool, u) in enumerate(zip(p.work.pool, p.work.use, strict=True)):
        use = p.work.uses[u]
        if use.kind == "serve":
            k = p.classes.index(use.class_id)
            rate = p.tok_per_chip_h[0, :, k, p.work.pool_chip[pool]]
            key = (use.class_id, use.channel)
            made[key] = made.get(key, 0.0) + d.hours_chip_h[0, :, a] * rate
    for key, tokens in made.items():
        mine = [i for i in range(len(p.demand.ids)) if (p.demand.classes[i], p.demand.channels[i]) == key]
        assert d.tokens[0][:, mine].sum(axis=1) == pytest.approx(tokens, rel=1e-6, abs=1e6)
    assert (d.tokens[0] <= p.demand.volume_tok[0] * (1 + 1e-9) + 1e6).all()


def test_money_in_is_money_out_plus_cash(plan):
    # Receipts less payments of a party by the end of each period, from its settled flows, are its change of cash.
    for party in ("offtaker", "provider"):
        cash = plan.problem.finance[party].cash_usd
        for t, end in enumerate(plan.problem.grid.ends):
            by = date.max if end == plan.problem.grid.end else end  # what falls due later must be found by the horizon
            moved = sum(float(f.amount) * ((f.payee == party) - (f.payer == party)) for f in plan.flows if f.date < by)
            assert plan.decisions.cash_usd[party][0, t] == pytest.approx(cash + moved, abs=1.0)


def test_an_answer_is_recomputed_outside_the_solver(plan):
    solved = plan.solved
    for arrays, solution in ((solved.priced_arrays, solved.priced),):
        certificate = certify(arrays, solution)
        assert certificate.ok, certificate.failures
        # by hand, from the arrays
        assert float(arrays.cost @ solution.x) + arrays.offset == pytest.approx(solution.objective, rel=1e-9)
    assert len(model_hash(solved.arrays)) == 64
    x, arrays = solved.x, solved.arrays
    activity = np.zeros(arrays.rows)
    for j in range(arrays.columns):
        for k in range(arrays.start[j], arrays.start[j + 1]):
            activity[arrays.index[k]] += arrays.value[k] * x[j]
    assert (activity <= arrays.row_upper + 1e-5).all()
    assert (activity >= arrays.row_lower - 1e-5).all()
    whole = x[arrays.integer]
    assert whole == pytest.approx(np.round(whole), abs=1e-5)


def test_a_changed_program_has_another_hash():
    first, second = built(busy()).model.build(), built(busy()).model.build()
    assert model_hash(first) == model_hash(second)
    dearer = busy()
    dearer["demand"][1]["price"] = "2.9000001 USD/Mtok"
    assert model_hash(built(dearer).model.build()) != model_hash(first)


def test_an_interrupt_leaves_the_best_plan_so_far(examples_folder):
    # The alliance to a gap of nothing takes minutes; it is stopped as soon as it has a plan.
    world = prepare(load(examples_folder / "alliance-5gw.yaml"))
    made = build(compile_problem(world.inputs))
    stop = threading.Event()
    asked: list[float] = []

    def watch(event):
        if event.incumbent is not None and np.isfinite(event.incumbent) and not asked:
            asked.append(time.monotonic())
            stop.set()

    found = solve(made, Settings(gap=0.0, interrupt=stop), progress=watch)
    assert asked
    assert not found.first.status.solved
    assert found.first.status.value == "interrupted"
    plan = read(found)
    assert plan.objective_usd / 1e6 == pytest.approx(found.exact.objective, rel=1e-6)
    assert found.first.bound >= found.exact.objective


def test_an_interrupt_before_any_plan_says_so_at_once(examples_folder):
    world = prepare(load(examples_folder / "alliance-5gw.yaml"))
    made = build(compile_problem(world.inputs))
    stop = threading.Event()
    stop.set()
    start = time.monotonic()
    with pytest.raises(InfeasibleError, match="before a first plan"):
        solve(made, Settings(interrupt=stop))
    assert time.monotonic() - start < 5.0


@pytest.mark.parametrize("name", ["first-site", "alliance"])
def test_the_first_two_years_hold_in_a_longer_horizon(examples_folder, name):
    """The first two years' builds and orders, fixed in the problem with two more years, cost at most 0.5 % of its optimum."""
    file = {"first-site": "first-site.yaml", "alliance": "alliance-5gw.yaml"}[name]
    base = prepare(load(examples_folder / file)).inputs
    scenario = base.base
    grid = _two_years_more(scenario)
    terms = scenario.contract.model_copy(update={"end": grid.dates[-1]})
    longer = replace(base, paths={"base": scenario.model_copy(update={"grid": grid, "contract": terms})})
    short, long = (build(compile_problem(i)) for i in (base, longer))
    plan, free = (_relaxed(b) for b in (short, long))
    kept = _kept(short, long, plan.x, until=date(scenario.valuation_date.year + 2, scenario.valuation_date.month, 1))
    held = _relaxed(long, fixed=kept)
    cost = free.objective - held.objective
    assert -1e-6 * abs(free.objective) <= cost <= 0.005 * abs(free.objective)


def _two_years_more(scenario):
    edges = [*scenario.edges, *(scenario.horizon_end.replace(year=scenario.horizon_end.year + k) for k in (1, 2))]
    return scenario.grid.model_copy(update={"quarters": 0, "half_years": 0, "years": 0, "dates": tuple(edges)})


def _relaxed(made, fixed=None):
    from offtake.lp.highs import Solver

    arrays = made.model.build()
    arrays = replace(arrays, integer=np.zeros(arrays.columns, dtype=bool))
    if fixed is not None:
        columns, values = fixed
        lower, upper = arrays.col_lower.copy(), arrays.col_upper.copy()
        lower[columns], upper[columns] = values - 1e-7, values + 1e-7
        arrays = replace(arrays, col_lower=lower, col_upper=upper)
    solution = Solver(arrays, threads=2).solve()
    assert solution.status.solved
    return solution


def _kept(short, long, x, *, until):
    """Columns and values of the phases and orders of the first years."""
    columns, values = [], []
    periods = [t for t, end in enumerate(short.problem.grid.ends) if end <= until]
    for block in ("phases", "orders"):
        here, there = short.model.column_block(block), long.model.column_block(block)
        for t in periods:
            for a, b in zip(here.index[:, t].ravel(), there.index[:, t].ravel(), strict=True):
                if b >= 0:
                    columns.append(b)
                    values.append(x[a] if a >= 0 else 0.0)
    return np.array(columns), np.array(values)


def test_a_plan_at_its_own_choices_is_itself(busy_plan):
    # Solving at the base plan's yes/no choices gives the prices' program again; counts are free, so it is not worse.
    again = solve_at(build(problem(busy())), busy_plan.solved, EXACT)
    assert again is not None
    assert again.freed == ()
    assert again.solved.exact.objective == pytest.approx(busy_plan.solved.priced.objective, rel=1e-9)
    assert again.solved.exact.objective >= busy_plan.solved.exact.objective - 1e-6


def test_a_built_problem_can_be_solved_again():
    found = built(busy())
    assert solve(found, EXACT).x.tolist() == solve(found, EXACT).x.tolist()


def test_a_relaxed_plan_is_found_again_at_its_own_choices():
    """They are fractions, here of a run that takes 1.6 years of all chips; rounding them in a re-solve falsified every relief."""
    relaxed = Settings(relax=True)
    scenario = toy(
        chips=[chip(opening=stand(10_000.0), supply="0 chip/y")],
        demand=[demand("plain", price=0.4), demand("new", price=1.0, needs="r")],
        training=[run(flop=1.6 * 10_000 * 8760 * 1e18)],
    )
    found = solve(built(scenario), relaxed)
    done = found.built.model.column_block("done").take(found.exact.x)
    assert ((done > 0.01) & (done < 0.99)).any()
    again = solve_at(build(problem(scenario)), found, relaxed)
    assert again.freed == ()
    assert again.solved.first.objective == pytest.approx(found.priced.objective, rel=1e-9)
