"""Few futures drawn well: nearer to what may happen than a draw by chance, and the same for a seed."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from offtake.dates import Grid
from offtake.outlook.drawing import distance, drawn
from offtake.outlook.processes.level import Level
from offtake.outlook.reduction import features
from offtake.outlook.sampling import sample
from offtake.spec.outlook import Correlation, Outlook, Uncertain

GRID = Grid.of(date(2027, 1, 1), quarters=4, half_years=2, years=1)
NAMES = ("a", "b", "c", "d", "e")


def outlook(**changes) -> Outlook:
    uncertain = tuple(Uncertain(id=n, of=(f"demand.{n}.volume",), process=Level(spread_frac=0.3)) for n in NAMES)
    together = (Correlation(between=("a", "b"), value=-0.6),)
    return Outlook(**({"paths": 6, "method": "latin", "uncertain": uncertain, "correlations": together} | changes))


def test_the_distance_of_points_on_a_line_by_hand():
    """Points 0 and 2 against a sample of 1: twice the mean distance 1, less the mean of 0, 2, 2, 0."""
    assert distance(np.array([[0.0], [2.0]]), np.array([[1.0]])) == pytest.approx(2.0 * 1.0 - 1.0)


def test_the_kept_draw_is_nearer_to_a_large_sample_than_most_draws():
    many = outlook(method="random")
    pool = features(sample(many, GRID, paths=2000, seed=9, stream="elsewhere"), grid=GRID)
    kept = distance(features(drawn(outlook(), GRID, seed=1), grid=GRID), pool)
    by_chance = [distance(features(sample(outlook(), GRID, paths=6, seed=k), grid=GRID), pool) for k in range(200)]
    assert kept < np.quantile(by_chance, 0.2)


def test_a_seed_gives_its_futures_and_another_gives_others():
    one, again, other = (drawn(outlook(), GRID, seed=s) for s in (1, 1, 2))
    assert one.effect.tobytes() == again.effect.tobytes()
    assert not np.array_equal(one.effect, other.effect)
    assert (one.innovations[0::2] == -one.innovations[1::2]).all(), "the mirrored pairs stay"


def test_more_drawn_than_planned_for_are_reduced_and_other_methods_drawn_as_they_are():
    assert len(drawn(outlook(drawn=40), GRID, seed=1)) == 6
    plain = sample(outlook(method="sobol"), GRID, paths=6, seed=1)
    assert drawn(outlook(method="sobol"), GRID, seed=1).effect.tobytes() == plain.effect.tobytes()
    assert len(drawn(outlook(paths=1), GRID, seed=1)) == 1
