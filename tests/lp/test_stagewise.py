"""Stage-wise programs: published optima both ways, and the two ways against each other on random trees."""

from __future__ import annotations

import csv
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.errors import SolverError
from offtake.lp.by_paths import solve_by_paths
from offtake.lp.decomposition import Progress, decompose
from offtake.lp.stagewise import StageTree

INF = math.inf


def farmer() -> StageTree:
    """Plant wheat, corn and beets on 500 acres before the weather is known (Birge and Louveaux, section 1.1)."""
    tree = StageTree(maximise=True)
    planted = tree.add(cost=[-150, -230, -260], own=[[1, 1, 1]], upper=500)
    for weather in (0.8, 1.0, 1.2):
        tree.add(
            parent=planted,
            probability=1 / 3,
            # wheat, corn, beets up to the quota, beets above it; wheat and corn bought
            cost=[170, 150, 36, 10, -238, -210],
            high=[INF, INF, 6000, INF, INF, INF],
            own=[[-1, 0, 0, 0, 1, 0], [0, -1, 0, 0, 0, 1], [0, 0, -1, -1, 0, 0]],
            link=np.diag(np.array([2.5, 3.0, 20.0]) * weather),
            lower=[200, 240, 0],
        )
    return tree


def capacity(stages: int, penalty: float) -> StageTree:
    """Invest in four technologies for three load modes, two outcomes a stage (SDDP.jl, StructDualDynProg problem 5.2)."""
    invest, fuel = [16, 5, 32, 2], [25, 80, 6.5, 160]
    hours = np.array([8760, 7000, 1500]) / 8760
    loads = [np.diff([0, 3919, 7329, 10315]), np.diff([0, 7086, 9004, 11169])]
    tree = StageTree()

    def add(parent: int | None, probability: float, load: np.ndarray, *, last: bool) -> int:
        """Columns: capacity held (4), bought (4), used by technology and mode (12), load not served."""
        own, link = np.zeros((11, 21)), np.zeros((11, 21))
        for i in range(4):
            own[i, i], own[i, 4 + i], link[i, i] = 1, -1, -1
            own[4 + i, 8 + 3 * i : 11 + 3 * i], link[4 + i, i] = 1, -1
        for j in range(3):
            own[8 + j, [8 + j, 11 + j, 14 + j, 17 + j, 20]] = 1
        return tree.add(
            parent=parent,
            probability=probability,
            cost=np.concatenate((np.zeros(4), invest, np.outer(fuel, hours).ravel(), [penalty])),
            high=np.concatenate((np.full(4, INF), np.full(4, 0 if last else INF), np.full(13, INF))),
            own=own,
            link=None if parent is None else link,
            lower=np.concatenate((np.zeros(4), np.full(4, -INF), load)),
            upper=np.concatenate((np.zeros(8), np.full(3, INF))),
        )

    def grow(parent: int, stage: int) -> None:
        for load, probability in zip(loads, (0.9, 0.1), strict=True):
            node = add(parent, probability, load, last=stage == stages)
            if stage < stages:
                grow(node, stage + 1)

    grow(add(None, 1.0, np.zeros(3), last=False), 2)
    return tree


def assets() -> StageTree:
    """Split 55 between stocks and bonds for 80 after three turns (Birge and Louveaux, section 1.2; SDDP.jl asset management)."""
    tree = StageTree()

    def grow(parent: int, stage: int) -> None:
        for returns in ([1.25, 1.14], [1.06, 1.12]):
            if stage < 4:
                grow(
                    tree.add(
                        parent=parent, probability=0.5, cost=[0, 0], own=[[-1, -1]], link=[returns], lower=0, upper=0
                    ),
                    stage + 1,
                )
            else:
                tree.add(
                    parent=parent, probability=0.5, cost=[-1, 4], own=[[-1, 1]], link=[returns], lower=80, upper=80
                )

    grow(tree.add(cost=[0, 0], own=[[1, 1]], lower=55, upper=55), 2)
    return tree


def valley(*, prices: bool, rain: bool) -> StageTree:
    """Run two reservoirs in a chain for three stages (SDDP.jl, hydro valleys), with uncertain prices, rain, or both."""
    knots, powers = [50, 60, 70], [55, 65, 70]
    tree = StageTree(maximise=True)
    by_state = [[1, 2], [2, 1], [3, 4]]
    turn = [[[1.0]], [[0.6, 0.4]], [[0.6, 0.4], [0.3, 0.7]]]
    inflows = [(0, 0), (20, 0), (50, 20)]

    def add(parent: int | None, probability: float, price: float, inflow: tuple[float, float]) -> int:
        """Columns: two levels, outflows, spills, inflows, then three dispatches for each."""
        own, link = np.zeros((6, 14)), np.zeros((6, 14))
        for r in range(2):
            own[r, [r, 2 + r, 4 + r, 6 + r]], link[r, r] = [1, 1, 1, -1], -1
            own[2 + r, 2 + r], own[2 + r, 8 + 3 * r : 11 + 3 * r] = 1, -np.array(knots)
            own[4 + r, 8 + 3 * r : 11 + 3 * r] = 1
        own[1, [2, 4]] = -1
        start = np.array([200.0, 200.0]) if parent is None else np.zeros(2)
        return tree.add(
            parent=parent,
            probability=probability,
            cost=np.concatenate((np.zeros(4), [-1000, -1000, 0, 0], np.tile(np.array(powers) * price, 2))),
            high=np.concatenate((np.full(2, 200), np.full(4, INF), inflow, np.ones(6))),
            own=own,
            link=None if parent is None else link,
            lower=np.concatenate((start, np.zeros(2), np.full(2, -INF))),
            upper=np.concatenate((start, np.zeros(2), np.ones(2))),
        )

    def grow(parent: int, stage: int, state: int) -> None:
        if stage == 3:
            return
        states = list(enumerate(turn[stage][state])) if prices else [(0, 1.0)]
        for (new, p), inflow in itertools.product(states, inflows if rain else inflows[:1]):
            node = add(parent, p / (3 if rain else 1), by_state[stage][new], inflow)
            grow(node, stage + 1, new)

    grow(add(None, 1.0, by_state[0][0], inflows[0]), 1, 0)
    return tree


PUBLISHED = [
    pytest.param(farmer(), 108390, 1e-6, id="farmer"),
    pytest.param(capacity(2, 1e6), 340315.52, 1e-6, id="problem 5.2, two stages"),
    pytest.param(capacity(3, 1e5), 406712.49, 1e-6, id="problem 5.2, three stages"),
    pytest.param(assets(), 1.514, 1e-4, id="asset management, four stages"),
    pytest.param(valley(prices=False, rain=False), 835.0, 1e-6, id="hydro valley"),
    pytest.param(valley(prices=False, rain=True), 838.33, 1e-5, id="hydro valley, rain"),
    pytest.param(valley(prices=True, rain=False), 851.8, 1e-5, id="hydro valley, prices"),
    pytest.param(valley(prices=True, rain=True), 855.0, 1e-3, id="hydro valley, both"),
]
"""Trees with the optimum that their source prints, and the digits that it prints."""


@pytest.mark.parametrize(("tree", "optimum", "digits"), PUBLISHED)
def test_published_optimum_every_way(tree: StageTree, optimum: float, digits: float) -> None:
    whole = tree.solve()
    assert whole.objective == pytest.approx(optimum, rel=digits)
    assert tree.solve(by_branches=True).objective == pytest.approx(whole.objective, rel=1e-8, abs=1e-8)
    # It would fall back on the simplex in silence, and this test would compare the simplex with itself.
    assert solve_by_paths(tree.extensive(), *tree.branches()).method == "paths"
    depth = max(n.stage for n in tree.nodes)
    for stages in range(1, depth + 1):
        cut = decompose(tree, stages=stages)
        assert cut.objective == pytest.approx(whole.objective, rel=1e-8, abs=1e-8)
        assert cut.gap <= 1e-9


def test_known_optima_are_those_on_file(shared_data: Path) -> None:
    with (shared_data / "plan" / "known_optima.csv").open() as file:
        filed = {r["case"]: float(r["optimum"]) for r in csv.DictReader(file)}
    assert farmer().solve().objective == pytest.approx(filed["farmer"], rel=1e-6)
    assert decompose(capacity(2, 1e6)).objective == pytest.approx(filed["prob5.2_two_stage"], rel=1e-6)


@pytest.mark.parametrize(("groups", "keep"), [(1, ()), (2, (1,)), (None, (1, 2))])
def test_grouped_cuts_and_kept_subtrees_change_nothing(groups: int | None, keep: tuple[int, ...]) -> None:
    assert decompose(farmer(), groups=groups, keep=keep).objective == pytest.approx(108390, rel=1e-8)


def test_prices_carry_the_probability() -> None:
    tree, more = farmer(), farmer()
    node = more.nodes[0]
    more.nodes[0] = type(node)(**{f: getattr(node, f) for f in node.__slots__} | {"upper": node.upper + 1.0})
    assert more.solve().objective - tree.solve().objective == pytest.approx(tree.solve().price[0][0], rel=1e-6)


def _values(tree: StageTree, x: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Sum of each path and its probability."""
    so_far: list[float] = []
    for n in tree.nodes:
        so_far.append(float(n.cost @ x[n.number][: len(n.cost)]) + (0.0 if n.parent is None else so_far[n.parent]))
    leaves = [n for n in tree.nodes if not tree.children(n.number)]
    return np.array([so_far[n.number] for n in leaves]), np.array([n.probability for n in leaves])


def _tail(values: np.ndarray, chance: np.ndarray, level: float) -> float:
    """Mean of the worst part of the paths, by sorting: no linear program."""
    order = np.argsort(values)
    left, total = 1.0 - level, 0.0
    for v, p in zip(values[order], chance[order], strict=True):
        part = min(p, left)
        total, left = total + part * v, left - part
    return total / (1.0 - level)


@pytest.mark.parametrize("tree", [farmer(), valley(prices=True, rain=True)], ids=["farmer", "valley"])
@pytest.mark.parametrize(("level", "weight"), [(0.5, 0.5), (0.9, 0.3), (0.0, 1.0), (0.8, 0.0)])
def test_tail_is_the_mean_of_the_worst_paths(tree: StageTree, level: float, weight: float) -> None:
    risky = tree.with_cvar(level=level, weight=weight)
    found, cut = risky.solve(), decompose(risky)
    assert cut.objective == pytest.approx(found.objective, rel=1e-7)
    values, chance = _values(tree, found.x)
    expected = (1 - weight) * float(values @ chance) + weight * _tail(values, chance, level)
    assert found.objective == pytest.approx(expected, rel=1e-8)


def test_published_tail_weighted_optimum() -> None:
    # SDDP.jl's hydro valley with EAVaR(lambda = 0.5, beta = 0.66) nests the measure stage by stage; the tail of whole paths taken once
    # is never lower than the nested one and never higher than the mean.
    risky = valley(prices=True, rain=True).with_cvar(level=0.34, weight=0.5).solve().objective
    assert 828.157 <= risky <= 855.0


@st.composite
def trees(draw: st.DrawFn) -> StageTree:
    """Random trees of two or three stages with recourse that may fail: shortages cost, some limits are hard."""
    tree = StageTree(maximise=draw(st.booleans()))
    numbers = st.integers(-5, 5).map(float)

    def add(parent: int | None, probability: float) -> int:
        wide, rows = draw(st.integers(1, 3)), draw(st.integers(0, 2))
        back = 0 if parent is None else len(tree.nodes[parent].cost)
        hard = draw(st.booleans())
        own = np.array(draw(st.lists(numbers, min_size=rows * wide, max_size=rows * wide))).reshape(rows, wide)
        link = np.array(draw(st.lists(numbers, min_size=rows * back, max_size=rows * back))).reshape(rows, back)
        return tree.add(
            parent=parent,
            probability=probability,
            cost=draw(st.lists(numbers, min_size=wide, max_size=wide)),
            low=draw(st.sampled_from([0.0, -3.0])),
            high=draw(st.sampled_from([2.0, 7.0])),
            own=own if rows else None,
            link=link if rows and back else None,
            lower=-8.0 if hard else -60.0,
            upper=draw(st.integers(0, 9).map(float)),
        )

    root = add(None, 1.0)
    layer = [root]
    for _ in range(draw(st.integers(1, 2))):
        grown = []
        for parent in layer:
            count = draw(st.integers(1, 3))
            grown += [add(parent, 1.0 / count) for _ in range(count)]
        layer = grown
    return tree


@settings(max_examples=120, deadline=None, derandomize=True)
@given(trees())
def test_all_ways_agree_on_random_trees(tree: StageTree) -> None:
    try:
        whole = tree.solve()
    except SolverError:
        with pytest.raises(SolverError, match=r"infeasible"):
            decompose(tree)
        with pytest.raises(SolverError, match=r"infeasible"):
            tree.solve(by_branches=True)
        return
    branched = tree.solve(by_branches=True)
    assert branched.objective == pytest.approx(whole.objective, rel=1e-7, abs=1e-7)
    assert all(a.shape == b.shape for a, b in zip(branched.x + branched.price, whole.x + whole.price, strict=True))
    assert decompose(tree).objective == pytest.approx(whole.objective, rel=1e-7, abs=1e-7)


def test_duplicated_and_permuted_paths_change_nothing() -> None:
    twice = StageTree(maximise=True)
    nodes = farmer().nodes
    twice.add(cost=nodes[0].cost, own=nodes[0].own, upper=nodes[0].upper)
    for k in (3, 1, 2, 1, 3, 2):
        n = nodes[k]
        twice.add(parent=0, probability=1 / 6, cost=n.cost, high=n.high, own=n.own, link=n.link, lower=n.lower)
    assert twice.solve().objective == pytest.approx(108390, rel=1e-9)
    assert decompose(twice).objective == pytest.approx(108390, rel=1e-9)


def test_progress_closes_in() -> None:
    seen: list[Progress] = []
    decompose(farmer(), progress=seen.append)
    bounds = [p.bound for p in seen if math.isfinite(p.bound)]
    assert bounds == sorted(bounds, reverse=True)
    assert all(p.best <= 108390 * (1 + 1e-9) for p in seen)
    assert seen[-1].best == pytest.approx(seen[-1].bound, rel=1e-8)


def test_whole_columns_are_solved_whole_and_refused_by_cuts() -> None:
    tree = StageTree(maximise=True)
    now = tree.add(cost=[-10.0], integer=True)
    for demand in (2.5, 5.0):
        tree.add(parent=now, probability=0.5, cost=[25.0], high=demand, own=[[1.0]], link=[[-1.0]], upper=0.0)
    # 2: 30; 3: -30 + 12.5 (2.5 + 3) = 38.75; 4: 41.25; 5: 43.75
    assert tree.solve().objective == pytest.approx(43.75)
    with pytest.raises(ValueError, match=r"node 0 has whole columns: .* solve the extensive form"):
        decompose(tree)


@pytest.mark.parametrize(
    ("deed", "message"),
    [
        (lambda t: t.add(cost=[1.0]), "the first node is the root"),
        (lambda t: t.add(parent=7, cost=[1.0]), "there is no node 7; there are 0 to 0"),
        (lambda t: t.add(parent=0, probability=0.0, cost=[1.0]), r"is not in \(0, 1\]"),
        (lambda t: t.add(parent=0, cost=[1.0], own=[[1.0, 2.0]]), "own is 1 x 2, not any x 1"),
        (lambda t: t.add(parent=0, cost=[1.0], own=[[1.0]], link=[[1.0]]), "link is 1 x 1, not 1 x 2"),
        (lambda t: t.add(parent=0, cost=[1.0], own=[[1.0]], lower=[1.0, 2.0]), "lower has 2 numbers for 1"),
        (lambda t: (t.add(parent=0, probability=0.4, cost=[1.0]), t.solve()), "sum to 0.4, not 1"),
        (decompose, "no node of stage 1 to cut off: the tree has 1 stages"),
        (lambda t: t.with_cvar(level=1.0, weight=0.5), r"a level of 1.0 is not in \[0, 1\)"),
    ],
)
def test_what_does_not_fit_is_refused(deed: object, message: str) -> None:
    tree = StageTree()
    tree.add(cost=[1.0, 2.0])
    with pytest.raises(ValueError, match=message):
        deed(tree)  # type: ignore[operator]
