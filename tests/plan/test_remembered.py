"""What is remembered between worlds cannot be changed by who reads it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from offtake.dates import Grid
from offtake.plan.inputs import period_means
from offtake.spec.series import Series

GRID = Grid.of(date(2027, 1, 1), quarters=2, half_years=1, years=1)
SERIES = Series((date(2027, 1, 1), date(2029, 1, 1)), (1.0, 3.0))


@pytest.mark.parametrize("read", [lambda: GRID.stock_mean(30.0), lambda: period_means(SERIES, GRID)])
def test_a_remembered_array_is_read_only_and_the_same_again(read):
    first = read()
    kept = np.array(first)
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 7.0
    assert np.array_equal(read(), kept)


def test_what_is_remembered_belongs_to_its_series_grid_and_lag():
    later = Grid.of(date(2028, 1, 1), quarters=2, half_years=1, years=1)
    assert not np.array_equal(period_means(SERIES, GRID), period_means(SERIES, later))
    assert np.array_equal(period_means(SERIES.scaled(2.0), GRID), 2.0 * period_means(SERIES, GRID))
    assert not np.array_equal(GRID.stock_mean(30.0), GRID.stock_mean(31.0))
    longer = Grid.of(date(2027, 1, 1), quarters=3, half_years=1, years=1)
    assert GRID.stock_mean(30.0).shape != longer.stock_mean(30.0).shape
