"""The estimators recover what made the data, inside the intervals that they state, as often as they state it.

Each test simulates many histories with known terms and a fixed seed, and counts how often the 80 % interval holds the truth.
The tolerance is three standard errors of a binomial count, on the side or sides where the interval is claimed to be exact.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from offtake.outlook.fit import reversion as reverting
from offtake.outlook.fit.delays import late
from offtake.outlook.fit.laws import exponential_mean, rate, share, sizes, spread_of, weighted
from offtake.outlook.fit.reversion import mean_variance, reversion
from offtake.outlook.fit.trends import drift, pooled
from offtake.outlook.fit.wandering import LONGEST, SHORTEST, wandering

LEVEL = 0.8


def _holds(inside, *, at_most=True):
    """Assert that a share of trues is the stated level, within three standard errors."""
    inside = np.asarray(inside, dtype=float)
    reach = 3.0 * math.sqrt(LEVEL * (1.0 - LEVEL) / len(inside))
    assert inside.mean() > LEVEL - reach, inside.mean()
    if at_most:
        assert inside.mean() < LEVEL + reach, inside.mean()


def _autoregressive(rng, steps, rho, sigma):
    x = np.empty(steps)
    x[0] = rng.normal() * sigma / math.sqrt(1.0 - rho**2)
    for k in range(1, steps):
        x[k] = rho * x[k - 1] + sigma * rng.normal()
    return x


def _walk(rng, times, growth, volatility, noise):
    steps = np.sqrt(np.diff(times)) * rng.normal(size=len(times) - 1)
    path = volatility * np.concatenate([[0.0], np.cumsum(steps)])
    return growth * times + path + noise * rng.normal(size=len(times))


def _wander(rng, times, half_life, spread):
    x = np.empty(len(times))
    x[0] = spread * rng.normal()
    for k in range(1, len(times)):
        left = 0.5 ** ((times[k] - times[k - 1]) / half_life)
        x[k] = left * x[k - 1] + spread * math.sqrt(1.0 - left**2) * rng.normal()
    return x


# Mean reversion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "rho"), [(60, 0.85), (60, 0.97), (36, 0.5), (24, 0.9)])
def test_intervals_of_mean_reversion_hold_as_often_as_stated(steps, rho):
    rng = np.random.default_rng(11)
    found = [reversion(_autoregressive(rng, steps, rho, 0.3)) for _ in range(400)]
    _holds([one.rho_low <= rho <= one.rho_high for one in found])
    _holds([one.sigma_low <= 0.3 <= one.sigma_high for one in found])


def test_half_lives_are_not_biased_short():
    rng = np.random.default_rng(12)
    series = [_autoregressive(rng, 60, 0.9, 0.3) for _ in range(400)]
    found = np.array([reversion(x).rho for x in series])
    naive = np.array([float(reverting._least_squares(x[None, :])[0]) for x in series])
    assert 0.42 < (found < 0.9).mean() < 0.58  # the median is the truth
    assert (naive < 0.9).mean() > 0.7  # which is why least squares alone will not do


def test_a_random_walk_is_not_given_a_half_life_that_it_cannot_have():
    rng = np.random.default_rng(13)
    found = [reversion(np.cumsum(rng.normal(size=60))) for _ in range(200)]
    assert np.mean([one.rho_high == 1.0 for one in found]) > 0.8
    capped = reversion(np.cumsum(rng.normal(size=60)), longest=24.0)
    assert capped.half_life <= 24.0 + 1e-9
    assert capped.rho_high >= capped.rho


def test_variance_of_a_mean_is_that_of_simulated_means():
    rng = np.random.default_rng(14)
    x = _autoregressive(rng, 300_000, 0.7, 1.0).reshape(-1, 6).mean(axis=1)
    assert x.var() == pytest.approx(mean_variance(0.7, 1.0, 6), rel=0.03)


def test_too_short_or_broken_series_are_refused():
    with pytest.raises(ValueError, match="at least 8"):
        reversion([1.0] * 5)
    with pytest.raises(ValueError, match="without gaps"):
        reversion([1.0, math.nan, *range(10)])


# Growth ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("volatility", "noise", "points"), [(0.3, 0.1, 15), (0.5, 0.0, 15), (0.1, 0.3, 15), (0.4, 0.15, 8)]
)
def test_predictions_of_growth_hold_as_often_as_stated(volatility, noise, points):
    rng = np.random.default_rng(21)
    ahead, growth = [], []
    for _ in range(300):
        times = np.sort(rng.uniform(0.0, 3.0, points + 1))
        times -= times[0]
        logs = _walk(rng, times, 1.2, volatility, noise)
        fit = drift(times[:-1], logs[:-1])
        low, _, high = fit.ahead(times[-1] - times[-2])
        ahead.append(low <= logs[-1] <= high)
        low, high = fit.interval(fit.growth, fit.growth_se)
        growth.append(low <= 1.2 <= high)
    _holds(ahead)
    # Growth alone cannot be exact: fifteen points do not tell wandering from reading error. It errs wide, but for pure wandering.
    assert np.mean(growth) > 0.68


def test_a_decline_of_growth_is_found_where_there_is_one():
    rng = np.random.default_rng(22)
    times = np.linspace(0.0, 5.0, 40)
    found = [
        drift(times, 2.0 * times - 0.15 * times**2 + 0.02 * rng.normal(size=40), declining=True) for _ in range(50)
    ]
    assert np.mean([one.decline for one in found]) == pytest.approx(0.3, abs=0.01)
    assert np.mean([one.growth for one in found]) == pytest.approx(2.0, abs=0.02)


def test_pooling_finds_mean_and_spread_between_members():
    rng = np.random.default_rng(23)
    found = []
    for _ in range(400):
        truth = 1.0 + 0.5 * rng.normal(size=6)
        found.append(pooled((truth + 0.3 * rng.normal(size=6)).tolist(), [0.3] * 6))
    _holds([one.low <= 1.0 <= one.high for one in found])
    _holds([one.between_low <= 0.5 <= one.between_high for one in found])


def test_equal_members_have_no_spread_between_them():
    assert pooled([1.0, 1.0, 1.0], [0.1, 0.2, 0.3]).between == 0.0


# Rents -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_half_life_and_spread_of_uneven_series_hold_over_their_prior():
    rng = np.random.default_rng(31)
    half_lives, spreads = [], []
    for _ in range(200):
        truth = math.exp(rng.uniform(math.log(SHORTEST), math.log(LONGEST)))
        series = []
        for _ in range(3):
            times = np.sort(rng.uniform(0.0, 2.5, 9))
            series.append((times.tolist(), (_wander(rng, times, truth, 0.4) + 0.04 * rng.normal(size=9)).tolist()))
        found = wandering(series)
        half_lives.append(found.half_life.low <= truth <= found.half_life.high)
        spreads.append(found.spread.low <= 0.4 <= found.spread.high)
    _holds(half_lives)
    assert (
        np.mean(spreads) > 0.7
    )  # a spread of a series that hardly turns cannot be known; its interval is nearly honest


# Sizes, counts, delays -------------------------------------------------------------------------------------------


def test_exact_intervals_of_sizes_hold_as_often_as_stated():
    rng = np.random.default_rng(41)
    means = [exponential_mean(rng.exponential(2.0, size=7).tolist()) for _ in range(500)]
    _holds([one.low <= 2.0 <= one.high for one in means])
    medians = [sizes(np.exp(0.5 + 0.7 * rng.normal(size=9)).tolist()) for _ in range(500)]
    _holds([one.median.low <= math.exp(0.5) <= one.median.high for one in medians])
    _holds([one.spread.low <= 0.7 <= one.spread.high for one in medians])
    spreads = [spread_of(0.3 * rng.normal(size=5)) for _ in range(500)]
    _holds([one.low <= 0.3 <= one.high for one in spreads])


@pytest.mark.parametrize("mean", [0.5, 2.0, 9.0])
def test_intervals_of_rates_never_hold_less_often_than_stated(mean):
    counts = np.random.default_rng(42).poisson(mean, size=1000)
    found = {int(k): rate(int(k), 1.0) for k in np.unique(counts)}
    _holds([found[int(k)].low <= mean <= found[int(k)].high for k in counts], at_most=False)


def test_intervals_of_probabilities_never_hold_less_often_than_stated():
    counts = np.random.default_rng(43).binomial(12, 0.2, size=1000)
    found = {int(k): share(int(k), 12) for k in np.unique(counts)}
    _holds([found[int(k)].low <= 0.2 <= found[int(k)].high for k in counts], at_most=False)


def test_delays_in_whole_months_give_back_their_law():
    rng = np.random.default_rng(44)
    months = 4.0 * np.exp(0.8 * rng.normal(size=400))
    censored = months > 15.0
    median, spread = late(np.where(censored, 15.0, np.round(months)).tolist(), censored.tolist())
    assert median.value == pytest.approx(4.0, rel=0.12)  # the grid is 10 % apart
    assert spread.value == pytest.approx(0.8, rel=0.1)
    _, narrower = late(np.where(censored, 15.0, np.round(months)).tolist(), [False] * 400)
    assert narrower.value < spread.value  # to take delays that go on for finished ones is to be too hopeful


def test_weighted_quantiles_of_equal_weights_are_quantiles():
    values = np.random.default_rng(45).permutation(np.arange(1.0, 1001.0))
    found = weighted(values, np.full(1000, 1e-3))
    assert (found.low, found.value, found.high) == pytest.approx((100.0, 500.0, 900.0), abs=1.5)
