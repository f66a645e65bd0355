"""Which correlations can hold together, against eigenvalues."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.spec.definite import allowed, definite, worst_pair


def some_matrix(seed, size):
    """Correlations of random vectors, some of them nearly in one plane."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(size, rng.integers(size, size + 3)))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    both = vectors @ vectors.T
    np.fill_diagonal(both, 1.0)
    return both


def with_pair(matrix, a, b, value):
    changed = matrix.copy()
    changed[a, b] = changed[b, a] = value
    return changed


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_a_correlation_holds_just_within_what_is_allowed(seed, size):
    matrix = some_matrix(seed, size)
    for a, b in combinations(range(size), 2):
        room = allowed(matrix, a, b)
        if room is None or room[1] - room[0] < 1e-3:
            continue
        low, high = room
        assert -1.0 - 1e-12 <= low <= matrix[a, b] + 1e-9
        assert matrix[a, b] - 1e-9 <= high <= 1.0 + 1e-12
        assert definite(with_pair(matrix, a, b, (low + high) / 2))
        for outside in (low - 1e-6, high + 1e-6):
            assert not definite(with_pair(matrix, a, b, outside))


def test_two_alone_may_have_any_correlation():
    assert allowed(np.eye(2), 0, 1) == (-1.0, 1.0)
    assert allowed(np.eye(3), 0, 2) == (-1.0, 1.0)


def test_nothing_is_allowed_where_the_others_cannot_hold():
    matrix = np.eye(4)
    for a, b, value in [(0, 1, 0.9), (1, 2, 0.9), (0, 2, -0.9)]:
        matrix[a, b] = matrix[b, a] = value
    assert allowed(matrix, 0, 3) is None
    assert allowed(matrix, 0, 2) == (pytest.approx(0.62), pytest.approx(1.0))


def test_the_worst_pair_lowers_the_least_eigenvalue_most():
    """Of two triangles that both cannot hold, the worse one is named."""
    matrix = np.eye(6)
    pairs = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)]
    for (a, b), value in zip(pairs, [0.8, 0.8, -0.8, 0.95, 0.95, -0.95], strict=True):
        matrix[a, b] = matrix[b, a] = value
    assert worst_pair(matrix, pairs) in {(3, 4), (4, 5), (3, 5)}


@pytest.mark.parametrize("size", [0, 1])
def test_less_than_two_is_definite(size):
    assert definite(np.eye(size))
