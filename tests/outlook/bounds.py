"""Statistical bounds: how many standard errors a sample lies off what a law says, and samples of innovations that no sampler made.

A right process stays within `LIMIT` standard errors: with fixed seeds the tests always pass or always fail, and the few hundred bounds in
them would all hold with probability 0.99 for any seed. Each kind of bound is shown to fail on a wrong process by at least twice as much.
"""

from __future__ import annotations

from datetime import date

import numpy as np
from scipy import stats

from offtake.dates import Grid

LIMIT = 4.5
"""Standard errors; two-sided probability 7e-6."""

LEAST_P = 1e-5
"""Least probability of a test's statistic under the right law."""

GRID = Grid.of(date(2026, 7, 1))
EDGES = GRID.edges_days / 365.0
YEARS = np.diff(EDGES)
PATHS = 40_000


def innovations(process, grid=GRID, paths=PATHS, seed=5):
    """Draw independent standard normal numbers for a process, from numpy alone."""
    return np.random.default_rng(seed).standard_normal((paths, len(process.dimensions(grid))))


def drawn(process, grid=GRID, paths=PATHS, seed=5):
    """Draw effects of a process."""
    return process.effect(innovations(process, grid, paths, seed), grid)


def off_mean(sample, mean):
    """Return how many standard errors the mean of a sample lies off."""
    return abs(sample.mean() - mean) / (sample.std(ddof=1) / np.sqrt(len(sample)))


def off_variance(sample, variance):
    """Return how many standard errors the variance of a sample lies off; the error is estimated from its fourth moment."""
    squares = (sample - sample.mean()) ** 2
    return abs(squares.mean() - variance) / (squares.std(ddof=1) / np.sqrt(len(sample)))


def off_covariance(one, other, covariance):
    """Return how many standard errors the covariance of two samples lies off."""
    products = (one - one.mean()) * (other - other.mean())
    return abs(products.mean() - covariance) / (products.std(ddof=1) / np.sqrt(len(one)))


def off_share(happened, share):
    """Return how many standard errors the frequency of an event lies off, the error being that of the stated share."""
    return abs(happened.mean() - share) / np.sqrt(share * (1.0 - share) / len(happened))


def p_continuous(sample, law):
    """Return the probability of a larger Kolmogorov-Smirnov distance under a law."""
    return stats.kstest(sample, law.cdf).pvalue


def p_discrete(sample, chances):
    """Return the probability of a larger chi-square distance under a discrete law {value: probability}; no other value may occur."""
    values = np.array(list(chances))
    counts = np.array([np.isclose(sample, v).sum() for v in values])
    if counts.sum() != len(sample):
        return 0.0
    expected = np.array(list(chances.values())) * len(sample)
    return stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue
