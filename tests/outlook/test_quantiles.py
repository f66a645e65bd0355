"""Quantiles over weighted paths: against numpy where the weights are equal, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.outlook.quantiles import FAN_LEVELS, dot_levels, quantiles


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_equal_weights_give_the_inverse_of_the_empirical_distribution(values, levels):
    sample = np.array(values)
    levels = [round(level, 3) for level in levels]  # away from the last bit, at which the two may round apart
    near = [abs(level * len(values) - round(level * len(values))) < 1e-6 for level in levels]
    levels = [
        level + 1e-4 if touching and level < 0.99 else level for level, touching in zip(levels, near, strict=True)
    ]
    expected = np.quantile(sample, levels, method="inverted_cdf")
    assert quantiles(sample, np.full(len(values), 1 / len(values)), levels) == pytest.approx(expected)


def test_a_law_of_a_few_values_keeps_to_them():
    months, chance = np.array([0.0, 3.0, 12.0]), np.array([0.5, 0.4, 0.1])
    assert quantiles(months, chance, FAN_LEVELS).tolist() == [0.0, 0.0, 0.0, 3.0, 3.0]
    assert sorted(quantiles(months, chance, dot_levels())) == [0.0] * 10 + [3.0] * 8 + [12.0] * 2


def test_order_and_paths_written_twice_do_not_matter():
    rng = np.random.default_rng(0)
    values, chance = rng.normal(size=(9, 4, 3)), rng.random(9)
    chance /= chance.sum()
    order = rng.permutation(9)
    straight = quantiles(values, chance, FAN_LEVELS)
    assert straight.shape == (5, 4, 3)
    assert (quantiles(values[order], chance[order], FAN_LEVELS) == straight).all()
    twice = np.append(chance, chance[2] / 2)
    twice[2] /= 2
    assert (quantiles(np.concatenate([values, values[2:3]]), twice, FAN_LEVELS) == straight).all()
    assert (np.diff(straight, axis=0) >= 0).all()


def test_what_is_no_level_or_no_sample_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantiles(np.ones(2), np.full(2, 0.5), (90.0,))
    with pytest.raises(ValueError, match="shape"):
        quantiles(np.ones(3), np.full(2, 0.5), (0.5,))
