"""Fewer paths: forward selection against brute force, by hand, and what must not change the choice."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from itertools import combinations

import numpy as np
import pytest
from samples import futures, random_futures

from offtake.dates import Grid
from offtake.outlook.reduction import features, reduced


def _lost(points, chance, kept):
    """Mean distance to the nearest kept path, from its definition."""
    return sum(p * min(np.linalg.norm(points[i] - points[k]) for k in kept) for i, p in enumerate(chance))


def test_by_hand():
    """Points 0, 1, 2 and 10, equally likely: 1 and 2 are as near to all of them, 1 is first; then 10; 0 and 2 fall to 1."""
    few = reduced(futures([0.0, 1.0, 2.0, 10.0]), 2)
    assert np.log(few.effect).ravel() == pytest.approx([1.0, 10.0])
    assert few.probability == pytest.approx([0.75, 0.25])
    one = reduced(futures([0.0, 1.0, 2.0, 10.0], probability=[0.1, 0.1, 0.1, 0.7]), 1)
    assert np.log(one.effect).ravel() == pytest.approx([10.0])
    assert one.probability == pytest.approx([1.0])


@pytest.mark.parametrize("seed", range(5))
def test_each_choice_is_the_best_next_one_and_near_the_best_of_all(seed):
    many = random_futures(9, 2, 3, seed)
    points = features(many)
    known = {row.tobytes(): k for k, row in enumerate(many.effect)}
    before: set[int] = set()
    for count in (1, 2, 3):
        few = reduced(many, count)
        kept = [known[row.tobytes()] for row in few.effect]
        assert kept == sorted(kept)
        assert before < set(kept), "forward: what was kept stays"
        best_next = min(_lost(points, many.probability, [*before, k]) for k in range(9) if k not in before)
        assert _lost(points, many.probability, kept) == pytest.approx(best_next, rel=1e-12)
        before = set(kept)
    # No guarantee, but with nine paths greedy must not be far from the best of all triples.
    best = min(_lost(points, many.probability, trio) for trio in combinations(range(9), 3))
    assert _lost(points, many.probability, list(before)) <= 1.25 * best


def test_probability_goes_to_the_nearest_kept_path():
    many = random_futures(40, 3, 4)
    few = reduced(many, 6)
    points = features(many)
    known = {row.tobytes(): k for k, row in enumerate(many.effect)}
    kept = np.array([known[row.tobytes()] for row in few.effect])
    heir = np.argmin(np.linalg.norm(points[:, None] - points[kept][None], axis=2), axis=1)
    assert few.probability == pytest.approx([many.probability[heir == k].sum() for k in range(6)], abs=1e-14)
    assert few.probability.sum() == pytest.approx(1.0, abs=1e-14)


def test_all_paths_are_kept_where_there_are_no_more():
    many = random_futures(5, 1, 2)
    assert reduced(many, 5) is many
    assert reduced(many, 8) is many
    with pytest.raises(ValueError, match="at least one path"):
        reduced(many, 0)


def test_ties_go_to_the_lower_number_and_equal_paths_keep_their_own_probability():
    few = reduced(futures([1.0, 0.0, 1.0, 0.0], probability=[0.2, 0.3, 0.3, 0.2]), 2)
    assert np.log(few.effect).ravel().tolist() == [1.0, 0.0]
    assert few.probability == pytest.approx([0.5, 0.5])
    three = reduced(futures([1.0, 0.0, 1.0, 0.0], probability=[0.2, 0.3, 0.3, 0.2]), 3)
    assert three.probability == pytest.approx([0.2, 0.5, 0.3]), "a kept path stands for itself"


def test_what_moves_little_tells_paths_little_apart():
    """A spread of 1 % must not outweigh one of 50 %: the paths kept are those of the wide quantity alone."""
    many = random_futures(30, 2, 3)
    wide = replace(many, effect=many.effect * np.array([1.0, 0.0])[None, :, None] + np.array([0.0, 1.0])[None, :, None])
    narrow = replace(many, effect=np.stack([many.effect[:, 0], many.effect[:, 1] ** 1e-3], axis=1))
    assert (reduced(narrow, 5).probability == reduced(wide, 5).probability).all()


def test_a_long_period_counts_by_its_length():
    """Two paths differ for one quarter, two for five years: with the grid, the short difference is the one given up."""
    grid = Grid.of(date(2027, 1, 1), quarters=4, half_years=0, years=5)
    effect = np.ones((4, 1, 9))
    effect[1, 0, :4] = np.exp(1.0)
    effect[2:, 0, 4:] = np.exp(1.0)
    effect[3, 0, :4] = np.exp(1.0)
    many = replace(futures([0.0, 1.0, 2.0, 3.0]), effect=effect)
    few = reduced(many, 2, grid=grid)
    assert sorted(few.effect[:, 0, -1].round(3)) == [1.0, 2.718], "one of each long future"
    with pytest.raises(ValueError, match="9 periods and the grid has 4"):
        reduced(many, 2, grid=Grid.of(date(2027, 1, 1), quarters=4, half_years=0, years=0))


def test_a_factor_of_zero_is_gone_and_not_infinitely_far():
    effect = np.array([0.0, 1e-6, 1.0, 1.1])[:, None, None]
    few = reduced(replace(futures([0.0, 0.0, 0.0, 0.0]), effect=effect), 2)
    assert few.probability == pytest.approx([0.5, 0.5])


def test_a_thousand_paths_are_reduced_in_no_time():
    many = random_futures(1000, 20, 19)
    reduced(random_futures(20, 2, 2), 3)  # the first call loads the package that measures distances
    began = time.process_time()
    few = reduced(many, 10)
    assert time.process_time() - began < 2.0
    assert len(few) == 10
    assert few.probability.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_neither_order_nor_a_path_written_twice_changes_the_choice(seed):
    many = random_futures(25, 2, 3, seed)
    few = reduced(many, 5)
    order = np.random.default_rng(seed).permutation(25)
    mixed = replace(
        many, effect=many.effect[order], probability=many.probability[order], innovations=many.innovations[order]
    )
    again = reduced(mixed, 5)
    back = np.lexsort(few.innovations.T), np.lexsort(again.innovations.T)
    assert (few.innovations[back[0]] == again.innovations[back[1]]).all()
    assert few.probability[back[0]] == pytest.approx(again.probability[back[1]], abs=1e-12)
    twice = [*range(25), 3]
    halves = many.probability[twice]
    halves[[3, 25]] /= 2
    doubled = reduced(
        replace(many, effect=many.effect[twice], probability=halves, innovations=many.innovations[twice]), 5
    )
    assert (doubled.innovations == few.innovations).all()
    assert doubled.probability == pytest.approx(few.probability, abs=1e-12)


def test_futures_in_which_nothing_is_uncertain_are_all_alike():
    nothing = replace(
        random_futures(6, 1, 2),
        quantities=(),
        targets=(),
        measures=(),
        effect=np.ones((6, 0, 2)),
        innovations=np.zeros((6, 0)),
    )
    few = reduced(nothing, 2)
    assert few.probability.sum() == pytest.approx(1.0)
    assert few.probability[1] == pytest.approx(nothing.probability[1])
