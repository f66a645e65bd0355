"""The tree of paths: against scipy's Ward linkage, and what must hold of every tree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from offtake.outlook.tree import Tree, View, nested


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
