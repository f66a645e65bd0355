"""Series: values between points and exact means, against numerical integration by day."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.spec.series import Series

A, B, C = date(2026, 1, 1), date(2027, 1, 1), date(2029, 1, 1)


def test_step_holds_the_last_point():
    s = Series((A, B), (60.0, 125.0), "step")
    assert [s.at(d) for d in (date(2020, 1, 1), A, B - timedelta(days=1), B, C)] == [60, 60, 60, 125, 125]
    assert s.mean(B - timedelta(days=1), B + timedelta(days=1)) == (60 + 125) / 2


def test_linear():
    s = Series((A, B), (0.0, 365.0))
    assert s.at(A + timedelta(days=100)) == 100.0
    assert s.mean(A, B) == 182.5
    assert s.mean(B, C) == 365.0
    assert s.mean(B, B) == 365.0


def test_geometric_mean_is_the_logarithmic_one():
    from math import log

    s = Series((A, B), (1.0, 2.0), "geometric")
    assert s.at(A + timedelta(days=73)) == pytest.approx(2 ** (73 / 365), rel=1e-14)
    assert s.mean(A, B) == pytest.approx(1 / log(2), rel=1e-14)
    flat = Series((A, B), (3.0, 3.0 * (1 + 1e-9)), "geometric")
    assert flat.mean(A, B) == pytest.approx(3.0 * (1 + 0.5e-9), rel=1e-14)


VALUES = st.lists(st.floats(0.1, 1e6), min_size=1, max_size=5)


@given(VALUES, st.sampled_from(["linear", "step", "geometric"]), st.integers(-400, 2000), st.integers(1, 400))
def test_mean_is_the_mean_over_the_days(values, how, offset, length):
    """Independent: the trapezoid over each day is exact where linear, and within the curvature of a day where geometric."""
    days = tuple(A + timedelta(days=97 * k) for k in range(len(values)))
    s = Series(days, tuple(values), how)
    start = A + timedelta(days=offset)
    days_inside = [start + timedelta(days=k) for k in range(length + 1)]
    after = [s.at(a) if how == "step" else s.at(b) for a, b in pairwise(days_inside)]
    total = sum((s.at(a) + v) / 2 for a, v in zip(days_inside, after, strict=False))
    # the steepest geometric piece grows by ln(1e7)/97 = 0.166 a day: the trapezoid errs by 0.166**2/12 at most
    tolerance = 3e-3 if how == "geometric" else 1e-12
    assert s.mean(start, days_inside[-1]) == pytest.approx(total / length, rel=tolerance)


@given(
    VALUES,
    st.sampled_from(["linear", "step", "geometric"]),
    st.integers(-400, 900),
    st.integers(1, 400),
    st.integers(1, 400),
)
def test_integrals_add_up(values, how, offset, first, second):
    s = Series(tuple(A + timedelta(days=97 * k) for k in range(len(values))), tuple(values), how)
    start = A + timedelta(days=offset)
    middle = start + timedelta(days=first)
    end = middle + timedelta(days=second)
    assert s.integral(start, middle) + s.integral(middle, end) == pytest.approx(s.integral(start, end), rel=1e-9)


def test_scaled_held_and_later():
    s = Series((A, B), (1.0, 3.0))
    assert s.scaled(2.0).values == (2.0, 6.0)
    half = A + timedelta(days=73)
    held = s.held_from(half)
    assert held.at(half) == held.at(C) == pytest.approx(1.4)
    assert held.at(A + timedelta(days=10)) == s.at(A + timedelta(days=10))
    assert s.held_from(C).at(C) == 3.0
    assert s.held_from(date(2020, 1, 1)).is_constant
    assert s.later(12).days == (B, date(2028, 1, 1))
    assert Series((date(2027, 1, 30), date(2027, 1, 31)), (1.0, 2.0)).later(1).days == (
        date(2027, 2, 28),
        date(2027, 3, 1),
    )


def test_refuses_what_is_no_function_of_time():
    for days, values, how in [
        ((), (), "step"),
        ((A,), (1.0, 2.0), "step"),
        ((B, A), (1.0, 2.0), "step"),
        ((A, B), (0.0, 1.0), "geometric"),
    ]:
        with pytest.raises(ValueError, match=r"series|ascend|geometric"):
            Series(days, values, how)
    with pytest.raises(ValueError, match="before the start"):
        Series.constant(1.0).mean(B, A)
