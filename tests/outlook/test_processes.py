"""Each process against its law: closed forms, numerical integrals and brute force, at several periods.

Every statistical test also reads a wrong process, with one term changed, and must refuse it.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from bounds import (
    EDGES,
    GRID,
    LEAST_P,
    LIMIT,
    PATHS,
    YEARS,
    drawn,
    innovations,
    off_covariance,
    off_mean,
    off_share,
    off_variance,
    p_continuous,
    p_discrete,
)
from scipy import integrate, linalg, stats

from offtake.outlook.processes.delay import Delay
from offtake.outlook.processes.event import Event
from offtake.outlook.processes.jumps import Jumps
from offtake.outlook.processes.level import Level
from offtake.outlook.processes.mean_reversion import MeanReversion, covariance
from offtake.outlook.processes.regimes import Regimes
from offtake.outlook.processes.reverting_trend import RevertingTrend
from offtake.outlook.processes.s_curve import SCurve
from offtake.outlook.processes.spikes import Spikes
from offtake.outlook.processes.trend import Trend

SOME = (0, 3, 9, 18)
"""Periods looked at: the first, two in between, the last."""


# Trend -----------------------------------------------------------------------------------------------------------


def trend_moments(period, *, level, growth):
    """First two moments of the mean over a period of exp(level Z1 + growth t Z2), by quadrature."""
    a, b = EDGES[period], EDGES[period + 1]
    one, _ = integrate.quad(lambda u: math.exp((level**2 + growth**2 * u * u) / 2), a, b)
    two, _ = integrate.dblquad(lambda u, v: math.exp((4 * level**2 + growth**2 * (u + v) ** 2) / 2), a, b, a, b)
    return one / (b - a), two / (b - a) ** 2


@pytest.mark.parametrize("period", SOME)
def test_trend_has_the_moments_of_its_integrals(period):
    first, second = trend_moments(period, level=0.15, growth=0.06)
    right = drawn(Trend(level_frac=0.15, growth_frac_per_y=0.06))[:, period]
    assert off_mean(right, first) < LIMIT
    assert off_mean(right**2, second) < LIMIT
    level = drawn(Trend(level_frac=0.3, growth_frac_per_y=0.06))[:, period]
    assert off_mean(level**2, second) > 2 * LIMIT
    growth = drawn(Trend(level_frac=0.15, growth_frac_per_y=0.18))[:, period]
    assert period == 0 or off_mean(growth, first) > 2 * LIMIT, "it shows from the second period on"


def test_growth_that_is_learned_is_believed_more_and_more():
    """Period k adds sqrt(w_k) Z_k from its own start: at the horizon T the variance is the sum of w_k (T - t_k)² growth²."""
    small, years = 1e-3, 4.0  # so small that the mean over a period of the exponential is that of the line
    shares = np.diff(np.minimum(EDGES, years)) / years
    last = EDGES[-2] + YEARS[-1] / 2
    process = Trend(growth_frac_per_y=small, learned_y=years)
    logs = np.log(drawn(process)[:, -1])
    assert len(process.dimensions(GRID)) == 8 + 4, "eight quarters and four half-years lie in four years"
    variance = small**2 * np.sum(shares * (last - EDGES[:-1]) ** 2)
    assert off_variance(logs, variance) < LIMIT
    assert off_variance(np.log(drawn(Trend(growth_frac_per_y=small))[:, -1]), variance) > 2 * LIMIT


def test_a_wandering_level_is_brownian():
    logs = np.log(drawn(Trend(volatility_frac=0.3)))
    for t in SOME:
        assert off_mean(logs[:, t], 0.0) < LIMIT
        variance = 0.09 * (EDGES[t] + YEARS[t] / 3)
        assert off_variance(logs[:, t], variance) < LIMIT
        assert off_variance(2 * logs[:, t], variance) > 2 * LIMIT, "doubled volatility"
    middle = (EDGES[3] + EDGES[4]) / 2
    assert off_covariance(logs[:, 3], logs[:, 9], 0.09 * middle) < LIMIT
    assert p_continuous(logs[:, 9], stats.norm(0, 0.3 * math.sqrt(EDGES[9] + YEARS[9] / 3))) > LEAST_P


def test_a_level_alone_is_lognormal():
    right = drawn(Trend(level_frac=0.2))[:, 4]
    assert p_continuous(right, stats.lognorm(0.2)) > LEAST_P
    assert p_continuous(right, stats.lognorm(0.22)) < LEAST_P


# Mean reversion --------------------------------------------------------------------------------------------------


def fine_covariance(half_life, edges, cells=600):
    """Covariances of period means, by the midpoint rule on the covariance of the process itself."""
    rate = math.log(2) / half_life
    means = np.zeros((len(edges) - 1, len(edges) - 1))
    points = [a + (b - a) * (np.arange(cells) + 0.5) / cells for a, b in pairwise(edges)]
    for s, u in enumerate(points):
        for t, v in enumerate(points):
            both = np.exp(-rate * np.abs(u[:, None] - v)) - np.exp(-rate * (u[:, None] + v))
            means[s, t] = both.mean()
    return means


@pytest.mark.parametrize("half_life", [0.1, 0.5, 30.0])
def test_covariances_of_period_means_are_those_of_the_integral(half_life):
    edges = EDGES[[0, 1, 2, 8, 9, 14, 15]]
    assert covariance(half_life, edges) == pytest.approx(fine_covariance(half_life, edges), rel=3e-3, abs=1e-6)


def test_covariances_do_not_break_down_for_a_very_slow_return():
    """As the half-life grows the deviation becomes Brownian: 2 k min(u, v), whose mean over one period is 2 k (a + D / 3)."""
    rate = math.log(2) / 1e6
    found = np.diag(covariance(1e6, EDGES)) / (2 * rate)
    assert found == pytest.approx(EDGES[:-1] + YEARS / 3, rel=1e-4)
    np.linalg.cholesky(covariance(1000.0, EDGES))
    np.linalg.cholesky(covariance(1e-3, EDGES))


def test_mean_reversion_is_normal_in_logarithms_with_these_covariances():
    process = MeanReversion(spread_frac=0.4, half_life_y=0.75)
    logs = np.log(drawn(process))
    wide = np.log(drawn(MeanReversion(spread_frac=0.8, half_life_y=0.75)))
    slow = np.log(drawn(MeanReversion(spread_frac=0.4, half_life_y=3.0)))
    expected = 0.16 * fine_covariance(0.75, EDGES)
    for t in SOME:
        assert off_mean(logs[:, t], 0.0) < LIMIT
        assert off_variance(logs[:, t], expected[t, t]) < LIMIT
        assert p_continuous(logs[:, t], stats.norm(0, math.sqrt(expected[t, t]))) > LEAST_P
        assert off_variance(wide[:, t], expected[t, t]) > 2 * LIMIT
    for s, t in [(0, 1), (3, 4), (8, 9), (3, 18)]:
        assert off_covariance(logs[:, s], logs[:, t], expected[s, t]) < LIMIT
    assert off_covariance(slow[:, 8], slow[:, 9], expected[8, 9]) > 2 * LIMIT


# Reverting trend -------------------------------------------------------------------------------------------------


def test_a_reverting_trend_adds_up_its_parts_and_does_not_decline():
    process = RevertingTrend(spread_frac=0.3, half_life_y=1.0, growth_frac_per_y=0.1)
    logs = np.log(drawn(process))
    around = 0.09 * np.diag(fine_covariance(1.0, EDGES))
    for t in SOME[1:]:
        middle = (
            EDGES[t] + EDGES[t + 1]
        ) / 2  # log of a mean of exp(g u): g² / 24 beside the middle, at most 0.001 here
        assert off_variance(logs[:, t], around[t] + 0.01 * middle**2) < LIMIT
        assert off_share(logs[:, t] > 0.002, 0.5) < LIMIT
        assert off_variance(logs[:, t], around[t]) > 2 * LIMIT, "without the growth"
    falling = np.log(drawn(RevertingTrend(spread_frac=0.3, half_life_y=1.0, drift_frac_per_y=-0.05)))
    assert off_mean(falling[:, 18], -0.05 * (EDGES[18] + EDGES[19]) / 2) < LIMIT
    assert off_mean(logs[:, 18], -0.05 * (EDGES[18] + EDGES[19]) / 2) > 2 * LIMIT


# S-curve ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ceiling", [-1.0, 0.5])
@pytest.mark.parametrize("midpoint", [-1.5, 0.7])
def test_an_s_curve_solves_its_differential_equation(ceiling, midpoint):
    process = SCurve(now_frac=0.1, midpoint_y=3.0, midpoint_spread_frac=0.4, ceiling_spread_frac=0.9)
    found = process.effect(np.array([[ceiling, midpoint]]), GRID)[0]
    first = math.log(9.0) / 3.0

    def means(top, speed):
        """Means over the periods; the integral of x is carried along."""
        run = integrate.solve_ivp(
            lambda _, y: [speed * y[0] * (1 - y[0] / top), y[0]],
            (0, EDGES[-1]),
            [0.1, 0.0],
            t_eval=EDGES,
            rtol=1e-10,
            atol=1e-12,
        )
        return np.diff(run.y[1]) / YEARS

    expected = means(math.exp(0.9 * ceiling), first * math.exp(-0.4 * midpoint)) / means(1.0, first)
    assert found == pytest.approx(expected, rel=1e-6)


def test_an_s_curve_ends_at_its_ceiling_and_has_half_of_it_at_its_midpoint():
    late = GRID.of(GRID.start, quarters=0, half_years=0, years=60)
    ends = drawn(SCurve(now_frac=0.1, midpoint_y=2.0, ceiling_spread_frac=0.5), late)[:, -1]
    assert p_continuous(ends, stats.lognorm(0.5)) > LEAST_P
    assert p_continuous(ends, stats.lognorm(0.55)) < LEAST_P
    quarters = GRID.of(GRID.start, quarters=80, half_years=0, years=0)
    process = SCurve(now_frac=0.1, midpoint_y=5.0, midpoint_spread_frac=0.3)
    z = innovations(process, quarters, 4000)
    central = process.effect(np.zeros((1, 2)), quarters)
    x = process.effect(z, quarters) * process._adopted(
        np.ones((1, 80)), np.full((1, 80), math.log(9.0) / 5.0), quarters
    )
    halfway = np.array([np.interp(0.5, row, np.arange(80) / 4 + 0.125) for row in x])
    inside = halfway < 19
    expected = np.minimum(5.0 * np.exp(0.3 * z[:, 1]), 19)
    assert np.abs(halfway[inside] - expected[inside]).max() < 0.02
    assert (central == 1.0).all()


# Jumps -----------------------------------------------------------------------------------------------------------


def jump_moments(period, *, every, size, spread):
    """Second moment of a compensated level at both ends: exp(t E[(J - 1)²] / every), and the level is a martingale."""
    square = size**2 * math.exp(2 * spread**2) - 2 * size * math.exp(spread**2 / 2) + 1
    before, after = (math.exp(t * square / every) for t in (EDGES[period], EDGES[period + 1]))
    return (3 * before + after) / 4


@pytest.mark.parametrize("period", SOME)
def test_compensated_jumps_have_mean_one_and_their_second_moment(period):
    second = jump_moments(period, every=2.0, size=0.8, spread=0.1)
    right = drawn(Jumps(every_y=2.0, size=0.8, size_spread_frac=0.1))[:, period]
    assert off_mean(right, 1.0) < LIMIT
    assert off_variance(right, second - 1.0) < LIMIT
    often = drawn(Jumps(every_y=0.5, size=0.8, size_spread_frac=0.1))[:, period]
    assert off_mean(often, 1.0) < LIMIT, "it is compensated too"
    assert off_variance(often, second - 1.0) > 2 * LIMIT
    bare = drawn(Jumps(every_y=2.0, size=0.8, size_spread_frac=0.1, compensated=False))[:, period]
    assert off_mean(bare, 1.0) > 2 * LIMIT


def test_jumps_are_poisson_in_every_period_and_alike_over_time():
    process = Jumps(every_y=0.7, size=1.2, size_spread_frac=0.3)
    z = innovations(process)
    counts = process.counts(z, GRID)
    for t in SOME:
        law = stats.poisson(YEARS[t] / 0.7)
        chances = {k: float(law.pmf(k)) for k in range(4)} | {9: float(law.sf(3))}
        assert p_discrete(np.where(counts[:, t] > 3, 9, counts[:, t]), chances) > LEAST_P
        doubled = process.model_copy(update={"every_y": 0.35}).counts(z, GRID)[:, t]
        assert p_discrete(np.where(doubled > 3, 9, doubled), chances) < LEAST_P
    total = stats.poisson(EDGES[-1] / 0.7)
    assert off_mean(counts.sum(axis=1), total.mean()) < LIMIT
    assert off_variance(counts.sum(axis=1), total.var()) < LIMIT
    ends = np.log(process.model_copy(update={"compensated": False}).effect(z, GRID))
    steps = np.diff(ends[:, 14:], axis=1)  # five years of equal length
    assert stats.ks_2samp(steps[: PATHS // 2, 0], steps[PATHS // 2 :, 3]).pvalue > LEAST_P


# Regimes ---------------------------------------------------------------------------------------------------------


def test_regimes_follow_their_generator_into_the_stationary_law():
    process = Regimes(factor=1.5, stays_y=2.0, lasts_y=0.8)
    states = process.states(innovations(process), GRID)
    swapped = Regimes(factor=1.5, stays_y=0.8, lasts_y=2.0)
    wrong = swapped.states(innovations(swapped), GRID)
    rates = np.array([[-0.5, 0.5], [1.25, -1.25]])
    for t in SOME:
        share = linalg.expm(rates * EDGES[t + 1])[0, 1]
        assert off_share(states[:, t + 1], share) < LIMIT
        assert off_share(wrong[:, t + 1], share) > 2 * LIMIT
    stationary = 0.5 / 1.75
    assert off_share(states[:, -1], stationary) < LIMIT
    kept = stationary * (1 - stationary) * math.exp(-1.75 * YEARS[-1])
    assert off_covariance(states[:, -2].astype(float), states[:, -1].astype(float), kept) < LIMIT
    assert off_covariance(states[:, -2].astype(float), states[:, -1].astype(float), 3 * kept) > 2 * LIMIT


def test_a_regime_multiplies_by_its_factor():
    process = Regimes(factor=1.5, stays_y=2.0, lasts_y=0.8)
    z = innovations(process, paths=500)
    states, effect = process.states(z, GRID), process.effect(z, GRID)
    assert set(np.unique(effect)) == {1.0, 1.25, 1.5}
    assert (effect[states[:, :-1] & states[:, 1:]] == 1.5).all()
    assert (Regimes(factor=2.0, stays_y=1.0, lasts_y=1.0, begins="other").states(z, GRID)[:, 0]).all()


# Spikes ----------------------------------------------------------------------------------------------------------

SPIKES = Spikes(spread_frac=0.0, half_life_y=0.5, every_y=0.05, height=6.0, lasts_days=0.25)


def test_spikes_come_as_often_as_stated():
    counts = SPIKES.counts(innovations(SPIKES), GRID)
    for t in SOME:
        mean = YEARS[t] / 0.05
        assert off_mean(counts[:, t], mean) < LIMIT
        assert off_variance(counts[:, t], mean) < LIMIT
        assert off_mean(counts[:, t], 1.1 * mean) > 2 * LIMIT


def test_the_mean_over_a_period_is_that_of_single_spikes():
    """Against brute force: spikes one by one, each with its own exponential height."""
    rng = np.random.default_rng(8)
    right = drawn(SPIKES, paths=4000)
    wrong = drawn(SPIKES.model_copy(update={"height": 12.0}), paths=4000)
    for t in SOME:
        brute = np.array([rng.exponential(6.0, n).sum() for n in rng.poisson(YEARS[t] / 0.05, 4000)])
        brute = (1 + brute * 0.25 / 365 / YEARS[t]) / (1 + 6 * 0.25 / 365 / 0.05)
        assert stats.ks_2samp(right[:, t], brute).pvalue > LEAST_P
        assert stats.ks_2samp(wrong[:, t], brute).pvalue < LEAST_P


def test_spikes_keep_the_mean_and_have_their_variance():
    right, wrong = (drawn(s, paths=8000) for s in (SPIKES, SPIKES.model_copy(update={"height": 9.0})))
    for t in SOME:
        one = 6 * 0.25 / 365 / YEARS[t] / (1 + 6 * 0.25 / 365 / 0.05)
        variance = one**2 * 2 * YEARS[t] / 0.05  # of a compound Poisson law: rate × E[height²]
        assert off_mean(right[:, t], 1.0) < LIMIT
        assert off_variance(right[:, t], variance) < LIMIT
        assert off_variance(wrong[:, t], variance) > 2 * LIMIT
    both = Spikes(spread_frac=0.3, half_life_y=0.5, every_y=0.05, height=6.0, lasts_days=0.25)
    ordinary = MeanReversion(spread_frac=0.3, half_life_y=0.5)
    z = innovations(both, paths=500)
    assert both.effect(z, GRID) == pytest.approx(ordinary.effect(z[:, :19], GRID) * SPIKES.effect(z, GRID), rel=1e-12)


# Level -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("process", "law", "wrong"),
    [
        (Level(spread_frac=0.25), stats.lognorm(0.25), stats.lognorm(0.27)),
        (Level(law="uniform", low=0.8, high=1.4), stats.uniform(0.8, 0.6), stats.uniform(0.8, 0.62)),
        (Level(law="triangular", low=0.7, mode=1.0, high=1.6), stats.triang(1 / 3, 0.7, 0.9), stats.triang(0.4, 0.7, 0.9)),
    ],
)  # fmt: skip
def test_a_level_has_its_law(process, law, wrong):
    sample = drawn(process)
    assert (sample == sample[:, :1]).all()
    assert p_continuous(sample[:, 0], law) > LEAST_P
    assert p_continuous(sample[:, 0], wrong) < LEAST_P


# Delay -----------------------------------------------------------------------------------------------------------


def test_a_discrete_delay_has_its_law():
    law = {12.0: 0.15, 0.0: 0.5, 3.0: 0.35}
    process = Delay(law=[{"by_months": m, "probability_frac": p} for m, p in law.items()])
    sample = drawn(process)
    assert process.measure == "months"
    assert (sample == sample[:, :1]).all()
    assert p_discrete(sample[:, 0], law) > LEAST_P
    assert p_discrete(sample[:, 0], {0.0: 0.48, 3.0: 0.37, 12.0: 0.15}) < LEAST_P


def test_the_median_of_a_delay_is_the_shorter_where_two_are():
    law = [{"by_months": m, "probability_frac": 0.5} for m in (9.0, 2.0)]
    assert Delay(law=law).effect(np.zeros((1, 1)), GRID)[0, 0] == 2.0


def test_a_lognormal_delay_is_rounded_to_its_steps():
    sample = drawn(Delay(median_months=6.0, spread_frac=0.6, step_months=3.0))[:, 0]
    law = stats.lognorm(0.6, scale=6.0)
    chances = {3.0 * k: float(law.cdf(3 * k + 1.5) - law.cdf(3 * k - 1.5)) for k in range(9)}
    capped = np.where(sample > 24, 99.0, sample)
    assert p_discrete(capped, chances | {99.0: float(law.sf(25.5))}) > LEAST_P
    unrounded = dict(zip(chances, (0.02, *list(chances.values())[1:]), strict=True))
    assert p_discrete(capped, unrounded | {99.0: float(law.sf(25.5))}) < LEAST_P


# Event -----------------------------------------------------------------------------------------------------------


def test_an_event_of_a_day_happens_as_often_as_stated():
    process = Event(probability_frac=0.2, on="2027-01-01", factor=0.5)
    struck = drawn(process)[:, -1] == 0.5
    assert off_share(struck, 0.2) < LIMIT
    assert off_share(struck, 0.23) > 2 * LIMIT


def test_an_event_of_a_window_is_spread_over_it():
    """From 2027-01-01 to 2030-07-01 the window has 6 quarters and 4 half-years; it strikes once or never."""
    process = Event(probability_frac=0.6, from_="2027-01-01", until="2030-07-01", delay_months=6.0)
    happens = process.happens(innovations(process), GRID)
    assert happens.shape[1] == 6 + 4
    assert set(happens.sum(axis=1)) == {0.0, 1.0}
    when = np.where(happens.any(axis=1), happens.argmax(axis=1), -1)
    whole = sum(GRID.days[2:12])
    law = {-1: 0.4} | {k: 0.6 * GRID.days[2 + k] / whole for k in range(10)}
    assert p_discrete(when, law) > LEAST_P
    assert p_discrete(when, {-1: 0.4} | dict.fromkeys(range(10), 0.06)) < LEAST_P, "evenly by period would be wrong"
    assert set(drawn(process)[:, 0]) == {0.0, 6.0}


def test_an_event_holds_from_its_day_as_long_as_it_lasts():
    process = Event(probability_frac=0.5, on="2027-04-01", factor=0.0, lasts_months=12.0)
    with_it = process.effect(np.array([[3.0]]), GRID)[0]
    assert with_it[:3].tolist() == [1.0, 1.0, 1.0]
    assert with_it[3:6].tolist() == [0.0, 0.0, 0.0]
    assert with_it[6] == pytest.approx(0.0, abs=0.01)
    assert with_it[8:].tolist() == [1.0] * 11
    lost = ((1.0 - with_it) * GRID.days).sum()
    assert lost == pytest.approx(365.25, rel=1e-9)


def test_a_window_that_has_begun_is_what_is_left_of_it():
    terms = {"probability_frac": 0.5, "until": "2027-07-01", "factor": 0.0}
    begun, whole = (Event(from_=day, **terms) for day in ("2020-01-01", GRID.start))
    assert (drawn(begun, paths=500) == drawn(whole, paths=500)).all()
    assert off_share(drawn(begun)[:, -1] == 0.0, 0.5) < LIMIT


def test_a_certain_event_happens_and_one_of_no_probability_does_not():
    for window in ({"on": "2027-04-01"}, {"from_": "2027-01-01", "until": "2028-01-01"}):
        sure = Event(probability_frac=1.0, factor=0.0, **window)
        never = Event(probability_frac=0.0, factor=0.0, **window)
        assert (drawn(sure, paths=2000)[:, -1] == 0.0).all()
        assert (drawn(never, paths=2000) == 1.0).all()
