"""Affine expressions behave as the numpy array of their values does: same shapes, same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.lp.affine import Affine

COLUMNS = 40


@st.composite
def cases(draw: st.DrawFn) -> tuple[Affine, np.ndarray, np.ndarray]:
    """Draw an expression with up to four axes, column values, and the dense array it must equal."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    x = rng.integers(-5, 6, COLUMNS).astype(float)
    first, second = rng.integers(-1, COLUMNS, shape), rng.integers(-1, COLUMNS, shape)
    factor, const = rng.integers(-3, 4, shape).astype(float), rng.integers(-9, 10, shape).astype(float)
    expr = Affine.of_columns(first) * factor + Affine.of_columns(second) + const
    padded = np.append(x, 0.0)
    dense = padded[first] * factor + padded[second] + const
    return expr, x, dense


def same(expr: Affine, x: np.ndarray, dense: Any) -> None:
    """Compare shape, constant-inclusive values and the read-only promise."""
    dense = np.asarray(dense)
    assert expr.shape == dense.shape
    np.testing.assert_allclose(expr.value(x), dense, atol=1e-9)
    assert not expr.val.flags.writeable
    assert not expr.const.flags.writeable


@given(cases())
def test_the_expression_evaluates_to_its_dense_array(case: tuple[Affine, np.ndarray, np.ndarray]) -> None:
    expr, x, dense = case
    same(expr, x, dense)
    same(expr.canonical(), x, dense)
    same(-expr, x, -dense)
    same(+expr, x, dense)
    same(expr.T, x, dense.T)
    same(expr.ravel(), x, dense.ravel())
    same(expr.sum(), x, dense.sum())
    same(expr.expand_dims(0), x, dense[None])
    same(expr.squeeze(), x, dense.squeeze())
    assert (expr.ndim, expr.size, len(expr)) == (dense.ndim, dense.size, len(dense))


@given(cases(), st.data())
def test_reductions_and_contractions_follow_numpy(
    case: tuple[Affine, np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    expr, x, dense = case
    axis = data.draw(st.integers(0, dense.ndim - 1))
    same(expr.sum(axis), x, dense.sum(axis))
    same(expr.sum(axis, keepdims=True), x, dense.sum(axis, keepdims=True))
    same(expr.cumsum(axis), x, dense.cumsum(axis))
    same(expr.moveaxis(axis, 0), x, np.moveaxis(dense, axis, 0))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    weights = rng.integers(-1, 2, (3, dense.shape[axis])).astype(float)
    expected = np.moveaxis(np.tensordot(weights, dense, axes=(1, axis)), 0, axis)
    same(expr.apply(weights, axis), x, expected)


@given(cases(), st.data())
def test_a_matrix_may_differ_along_other_axes(case: tuple[Affine, np.ndarray, np.ndarray], data: st.DataObject) -> None:
    expr, x, dense = case
    axes = data.draw(st.permutations(range(dense.ndim)))
    axis, over = axes[0], tuple(axes[1:])
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    weights = rng.integers(-1, 2, (*(dense.shape[a] for a in over), 2, dense.shape[axis])).astype(float)
    front = np.moveaxis(dense, (*over, axis), range(dense.ndim))
    expected = np.moveaxis((weights @ front[..., None])[..., 0], range(dense.ndim), (*over, axis))
    same(expr.apply(weights, axis, over=over), x, expected)


@given(cases(), st.data())
def test_arithmetic_broadcasts_as_numpy_does(case: tuple[Affine, np.ndarray, np.ndarray], data: st.DataObject) -> None:
    expr, x, dense = case
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    smaller = tuple(n if data.draw(st.booleans()) else 1 for n in dense.shape)
    array = rng.integers(-2, 3, smaller).astype(float)
    same(expr + array, x, dense + array)
    same(array - expr, x, array - dense)
    same(array * expr, x, array * dense)
    same(expr / (array + 3.0), x, dense / (array + 3.0))
    other = Affine.of_columns(rng.integers(0, COLUMNS, smaller))
    same(expr - other, x, dense - other.value(x))
    same(other + expr, x, dense + other.value(x))
    same(other * dense, x, other.value(x) * dense)
    larger = (2, *dense.shape)
    same(expr.broadcast_to(larger), x, np.broadcast_to(dense, larger))


@settings(max_examples=50)
@given(cases(), st.data())
def test_indexing_and_joining_follow_numpy(case: tuple[Affine, np.ndarray, np.ndarray], data: st.DataObject) -> None:
    expr, x, dense = case
    axis = data.draw(st.integers(0, dense.ndim - 1))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    for key in (0, -1, slice(None, None, -1), slice(1, None), ..., None, rng.integers(0, len(dense), 5), dense > 0):
        same(expr[key], x, dense[key])
    same(Affine.stack([expr, 2 * expr, dense], axis), x, np.stack([dense, 2 * dense, dense], axis))
    same(Affine.concatenate([expr, expr], axis), x, np.concatenate([dense, dense], axis))
    for part, whole in zip(expr, dense, strict=True):
        same(part, x, whole)


@given(cases(), st.integers(0, 1000))
def test_bounds_hold_every_value_and_are_reached(case: tuple[Affine, np.ndarray, np.ndarray], seed: int) -> None:
    expr, _, _ = case
    rng = np.random.default_rng(seed)
    lower = rng.integers(-4, 1, COLUMNS).astype(float)
    upper = lower + rng.integers(0, 5, COLUMNS)
    lo, hi = expr.bounds(lower, upper)
    x = rng.uniform(lower, upper)
    assert (expr.value(x) >= lo - 1e-9).all()
    assert (expr.value(x) <= hi + 1e-9).all()
    one = expr.ravel()[0].canonical()
    slope = np.bincount(one.col, weights=one.val, minlength=COLUMNS)
    assert one.value(np.where(slope > 0, upper, lower)) == pytest.approx(hi.ravel()[0])


def test_bounds_of_a_difference_with_itself_are_zero_even_if_unbounded() -> None:
    x = Affine.of_columns([0])
    lo, hi = (x - x).bounds(np.array([-np.inf]), np.array([np.inf]))
    assert (lo.item(), hi.item()) == (0.0, 0.0)


def test_zeros_make_no_entries() -> None:
    x = Affine.of_columns(np.arange(12).reshape(3, 4))
    assert (x * np.eye(3, 4)).nonzeros == 3
    assert (x * 0.0).nonzeros == 0
    assert x.apply(np.eye(4), 1).nonzeros == 12
    assert (x - x).canonical().nonzeros == 0


def test_mistakes_are_refused_by_name() -> None:
    x = Affine.of_columns([0, 1, 2])
    with pytest.raises(TypeError, match="not affine"):
        x * x
    with pytest.raises(TypeError, match="not affine"):
        x / x
    with pytest.raises(TypeError, match="truth value"):
        bool(x)
    with pytest.raises(ZeroDivisionError):
        x / np.array([1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="contract 2 elements but axis 0"):
        x.apply(np.ones((1, 2)), 0)
    with pytest.raises(ValueError, match="leading axes"):
        x.apply(np.ones((2, 1, 3)), 0)
    for factor in (np.inf, np.nan):
        with pytest.raises(ValueError, match="not a finite number"):
            x * factor
        with pytest.raises(ValueError, match="not a finite number"):
            x.apply(np.full((1, 3), factor), 0)
    with pytest.raises(ValueError, match="broadcast"):
        x + np.zeros(2)


def test_the_repr_shows_the_first_element() -> None:
    x = Affine.of_columns([[3, 4]])
    assert repr(2.0 * x - 1.0) == "Affine(shape=(1, 2), nonzeros=2, first: -1 +2 x3)"
    assert "… 2 more" in repr(Affine.of_columns(np.arange(6)).sum())
    assert repr(Affine.zeros((0,))) == "Affine(shape=(0,), nonzeros=0)"
