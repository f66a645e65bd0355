"""The rate of return of money put in: where cash is put in first, the rate that brings its value to nothing; else a reason."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.ledger.journal import Cash
from offtake.ledger.returns import invested_irr

START = date(2027, 1, 1)


def yearly(*amounts):
    days = np.array([START.toordinal() + 365 * k for k in range(len(amounts))])
    return Cash(days=days, cents=np.array([round(100 * a) for a in amounts]))


def test_money_that_is_put_in_first_has_the_return_of_its_growth():
    assert invested_irr(yearly(-100.0, 0.0, 121.0), START).value == pytest.approx(0.10, abs=1e-9)


def test_money_that_is_received_first_is_a_loan_and_has_none():
    found = invested_irr(yearly(100.0, 0.0, -121.0), START)
    assert found.value is None
    assert "received before it is put in" in found.reason
    assert found.roots == pytest.approx((0.10,)), "the root stays to be seen"


def test_without_a_root_the_reason_is_that_of_the_root():
    assert "no rate brings its value to zero" in invested_irr(yearly(5.0, 6.0), START).reason


@given(st.floats(-0.5, 2.0), st.floats(1e3, 1e6))
def test_the_rate_of_two_amounts_is_their_growth(rate, put_in):
    """Two amounts have one rate, and cents move it little."""
    found = invested_irr(yearly(-put_in, put_in * (1 + rate)), START)
    assert found.value == pytest.approx(rate, abs=3e-2 / put_in)
