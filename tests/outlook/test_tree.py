"""The tree of paths: against scipy's Ward linkage, and what must hold of every tree."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from offtake.dates import Grid
from offtake.errors import OfftakeError
from offtake.outlook.processes.delay import Delay
from offtake.outlook.processes.trend import Trend
from offtake.outlook.sampling import conditional, sample
from offtake.outlook.tree import Tree, View, nested, tree
from offtake.spec.outlook import Correlation, Outlook, Stage, Uncertain


def _sets(node):
    """Clusters as sets of paths, whatever they are called."""
    return {frozenset(np.flatnonzero(node == number).tolist()) for number in set(node.tolist())}


def _views(innovations, most, *, stages=3):
    """Stage k knows the first k innovations and expects from them, the later the more."""
    views = [View(known=innovations[:, :0], points=innovations[:, :0], most=1)]
    for k in range(1, stages):
        known = innovations[:, : k * (innovations.shape[1] // (stages - 1))]
        views.append(
            View(known=known, points=known @ np.arange(1.0, 2 * known.shape[1] + 1).reshape(-1, 2), most=most[k - 1])
        )
    return views


@st.composite
def cases(draw):
    """Innovations with many equal values, so that paths meet, and uneven probabilities."""
    paths = draw(st.integers(1, 14))
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    innovations = rng.normal(size=(paths, 4))
    coarse = draw(st.booleans())
    if coarse:
        innovations[:, :2] = np.round(innovations[:, :2])
    chance = rng.random(paths) + 0.05
    most = sorted([draw(st.integers(1, 14)), draw(st.integers(1, 14))])
    return innovations, chance / chance.sum(), most


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_clusters_are_those_of_wards_linkage(seed, count):
    """Whole-number weights are the same as points written several times, which scipy can do."""
    rng = np.random.default_rng(seed)
    points, times = rng.normal(size=(12, 3)), rng.integers(1, 4, 12)
    views = [View(known=points[:, :0], points=points[:, :0], most=1), View(known=points, points=points, most=count)]
    mine = nested(views, times / times.sum())[:, 1]
    repeated = np.repeat(np.arange(12), times)
    theirs = fcluster(linkage(points[repeated], "ward"), count, "maxclust")
    assert _sets(mine) == _sets(theirs[np.searchsorted(repeated, np.arange(12))])


@given(cases())
def test_every_tree_is_one(case):
    innovations, chance, most = case
    views = _views(innovations, most)
    node = nested(views, chance)
    assert (node[:, 0] == 0).all()
    for k in range(3):
        clusters = _sets(node[:, k])
        # A node is called by its first path; there are no more than allowed, but where the stage before has as many.
        assert {min(c) for c in clusters} == set(node[:, k].tolist())
        assert all((node[sorted(c), k] == min(c)).all() for c in clusters)
        before = len(set(node[:, k - 1].tolist())) if k else 1
        assert len(clusters) <= max(views[k].most, before)
        if k:
            assert all(any(c <= parent for parent in _sets(node[:, k - 1])) for c in clusters), "nested"
        for p in range(len(chance)):
            alike = (views[k].known == views[k].known[p]).all(axis=1)
            assert len(set(node[alike, k].tolist())) == 1, "nothing known tells them apart"


@given(cases(), st.randoms(use_true_random=False))
def test_permuted_paths_give_the_permuted_tree(case, random):
    innovations, chance, most = case
    order = list(range(len(chance)))
    random.shuffle(order)
    straight = nested(_views(innovations, most), chance)
    mixed = nested(_views(innovations[order], most), chance[order])
    for k in range(3):
        assert _sets(mixed[:, k]) == {frozenset(order.index(p) for p in c) for c in _sets(straight[:, k])}


@given(cases(), st.data())
def test_a_path_written_twice_with_half_its_probability_keeps_the_clusters(case, data):
    innovations, chance, most = case
    twice = data.draw(st.integers(0, len(chance) - 1))
    halved = np.append(chance, chance[twice] / 2)
    halved[twice] /= 2
    straight = nested(_views(innovations, most), chance)
    doubled = nested(_views(np.vstack([innovations, innovations[twice]]), most), halved)
    assert (doubled[-1] == doubled[twice]).all()
    assert (doubled[:-1] == straight).all()


@settings(max_examples=30)
@given(cases())
def test_paths_that_cannot_happen_break_nothing(case):
    innovations, chance, most = case
    chance = chance.copy()
    chance[: len(chance) // 2] = 0.0
    node = nested(_views(innovations, most), chance)
    assert len(node) == len(chance)


def test_equal_distances_are_decided_the_same_way_in_any_order():
    """The corners of a square: two pairs are as near as two others, and the choice must not depend on the numbering."""
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]):
        views = [
            View(known=corners[:, :0], points=corners[:, :0], most=1),
            View(known=corners[order], points=corners[order], most=2),
        ]
        found = {frozenset(order[p] for p in c) for c in _sets(nested(views, np.full(4, 0.25))[:, 1])}
        assert found == {frozenset({0, 1}), frozenset({2, 3})}


# Using a tree --------------------------------------------------------------------------------------------------------

TREE = Tree(
    stages=("now", "2y", "5y"), starts=(0, 2, 4), node=np.array([[0, 0, 0], [0, 0, 1], [0, 2, 2], [0, 2, 2], [0, 2, 4]])
)


def test_the_nodes_of_a_stage():
    assert TREE.at("2y").tolist() == [0, 0, 2, 2, 2]
    assert [g.tolist() for g in TREE.groups("5y")] == [[0], [1], [2, 3], [4]]
    assert len(TREE) == 5
    with pytest.raises(KeyError, match="no stage is called '3y'; there are now, 2y, 5y"):
        TREE.at("3y")


def test_a_stage_that_does_not_wait_knows_what_was_known_before():
    assert TREE.merged("2y").node.T.tolist() == [[0] * 5, [0] * 5, [0, 1, 2, 2, 4]]
    assert TREE.merged("5y").node.T.tolist() == [[0] * 5, [0, 0, 2, 2, 2], [0, 0, 2, 2, 2]]
    with pytest.raises(ValueError, match="before the first stage"):
        TREE.merged("now")


def test_who_shares_a_decision_with_whom_and_when():
    assert TREE.representative("now", 6).tolist() == [[0] * 6] * 5
    assert TREE.representative("stages", 6)[4].tolist() == [0, 0, 2, 2, 4, 4]
    assert TREE.representative("5y", 6)[:, 3].tolist() == [0] * 5, "tied to now until its stage"
    assert TREE.representative("5y", 6)[:, 4].tolist() == [0, 1, 2, 2, 4]
    assert TREE.representative("2y", 6).tolist() == TREE.representative("stages", 6).tolist()
    assert TREE.representative("path", 2).tolist() == [[p, p] for p in range(5)]
    with pytest.raises(KeyError, match="no stage"):
        TREE.representative("later", 6)


@pytest.mark.parametrize("timing", ["now", "stages", "2y", "5y", "path"])
def test_a_representative_stands_for_itself(timing):
    shared = TREE.representative(timing, 7)
    assert shared.dtype == np.int64
    for t in range(7):
        assert (shared[shared[:, t], t] == shared[:, t]).all()


# Of an outlook ---------------------------------------------------------------------------------------------------------

GRID = Grid.of(date(2026, 7, 1))
OUTLOOK = Outlook(
    stages=("now", "2y", "5y"),
    uncertain=(
        Uncertain(id="growth", of=("demand.*.volume",), process=Trend(growth_frac_per_y="10 %/y", learned_y="4 y")),
        Uncertain(id="price", of=("demand.*.price",), process=Trend(level_frac="20 %")),
        Uncertain(
            id="grid", of=("sites.*.interconnected",), process=Delay(median_months="6 months", spread_frac="50 %")
        ),
    ),
    correlations=(Correlation(between=("growth", "price"), value="-0.3"),),
)


def _tree(futures, outlook=OUTLOOK, **given):
    return tree(outlook, GRID, futures, outlook.stages_on(GRID), **given)


def _permuted(futures, order):
    return replace(
        futures,
        effect=futures.effect[order],
        probability=futures.probability[order],
        innovations=futures.innovations[order],
    )


@pytest.mark.parametrize("paths", [1, 2, 5, 16, 33])
def test_the_tree_grows_from_one_node_to_one_a_path(paths):
    futures = sample(OUTLOOK, GRID, paths=paths, seed=3)
    found = _tree(futures)
    assert found.stages == ("now", "2y", "5y")
    assert [GRID.starts[t] for t in found.starts] == [date(2026, 7, 1), date(2028, 7, 1), date(2031, 7, 1)]
    assert [len(set(column.tolist())) for column in found.node.T] == [1, round(paths**0.5), paths]
    assert [len(set(c.tolist())) for c in _tree(futures, nodes=(1, 1, 2)).node.T] == [1, 1, min(paths, 2)]


def test_the_clusters_tell_apart_what_is_expected_from_the_stage_on():
    """Most of the spread of the conditional outlook lies between the nodes, far more than between random groups of the same sizes."""
    futures = sample(OUTLOOK, GRID, paths=64, seed=1)
    node = _tree(futures).at("2y")
    expected = np.log(np.maximum(conditional(OUTLOOK, GRID, futures, 8).effect[:, :2, 8:], 1e-9)).reshape(64, -1)

    def within(groups):
        return sum(
            ((expected[groups == n] - expected[groups == n].mean(axis=0)) ** 2).sum() for n in set(groups.tolist())
        )

    rng = np.random.default_rng(0)
    assert within(node) < 0.6 * min(within(rng.permutation(node)) for _ in range(50))


def test_what_is_not_known_yet_does_not_matter():
    """Paths that differ only in growth learned after a stage are one there, whatever becomes of them."""
    futures = sample(OUTLOOK, GRID, paths=6, seed=2)
    late = futures.known > 8
    assert 0 < late.sum() < len(late)
    innovations = futures.innovations.copy()
    innovations[:3, ~late] = innovations[0, ~late]
    alike = replace(futures, innovations=innovations)
    # `conditional` with every period known gives the effects of the changed innovations.
    node = _tree(conditional(OUTLOOK, GRID, alike, len(GRID)), nodes=(1, 6, 6)).node
    assert node[:3].tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]
    assert node[3:, 1].tolist() == [3, 4, 5]


@pytest.mark.parametrize("method", ["sobol", "antithetic", "random"])
def test_permuting_or_doubling_the_paths_of_an_outlook_keeps_its_tree(method):
    outlook = OUTLOOK.model_copy(update={"method": method})
    futures = sample(outlook, GRID, paths=12, seed=5)
    straight = _tree(futures, outlook)
    order = np.random.default_rng(1).permutation(12)
    mixed = _tree(_permuted(futures, order), outlook)
    for stage in straight.stages:
        assert _sets(mixed.at(stage)) == {
            frozenset(np.flatnonzero(np.isin(order, list(c))).tolist()) for c in _sets(straight.at(stage))
        }
    doubled = _permuted(futures, [*range(12), 4])
    halves = doubled.probability.copy()
    halves[[4, 12]] = halves[4] / 2
    again = _tree(replace(doubled, probability=halves), outlook)
    assert (again.node[:12] == straight.node).all()
    assert (again.node[12] == straight.node[4]).all()


def test_one_stage_is_now_and_two_stages_tell_all_paths_apart():
    futures = sample(OUTLOOK, GRID, paths=7, seed=1)
    one = tree(OUTLOOK, GRID, futures, (Stage("now", 0),))
    assert one.node.tolist() == [[0]] * 7
    two = tree(OUTLOOK, GRID, futures, (Stage("now", 0), Stage("1y", 4)))
    assert two.at("1y").tolist() == list(range(7))


def test_stages_begin_now_and_follow_one_another():
    futures = sample(OUTLOOK, GRID, paths=2, seed=1)
    with pytest.raises(OfftakeError, match="first stage is `now`"):
        tree(OUTLOOK, GRID, futures, (Stage("1y", 4),))
    with pytest.raises(OfftakeError, match="'1y' begins in no later period than '2y'"):
        tree(OUTLOOK, GRID, futures, (Stage("now", 0), Stage("2y", 8), Stage("1y", 4)))


def test_where_nothing_is_uncertain_there_is_one_node():
    nothing = Outlook(stages=("now", "2y"))
    assert _tree(sample(nothing, GRID, paths=4, seed=1), nothing).node.tolist() == [[0, 0]] * 4
