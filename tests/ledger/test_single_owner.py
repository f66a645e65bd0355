"""A whole after-tax table of one owner, worked by hand; debt and depreciation against an independent computation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.errors import OfftakeError
from offtake.ledger.macrs import rates
from offtake.ledger.single_owner import Project, sculpted, single_owner

PROJECT = Project(
    cost_usd=1000.0,
    revenue_usd=[500.0, 500.0, 500.0],
    operating_cost_usd=[110.0, 110.0, 110.0],
    tax_depreciation_frac=[0.3333, 0.4445, 0.1481, 0.0741],  # table A-1, three years
    tax_rate_frac=0.25,
    interest_rate_frac_per_y=0.08,
    cover=1.3,
    term_y=2,
    reserve_months=6.0,
    salvage_usd=100.0,
    discount_rate_frac_per_y=0.10,
)


def test_a_table_worked_by_hand():
    # EBITDA 390 a year; 390 / 1.3 = 300 of service for two years: debt 300/1.08 + 300/1.1664 = 534.98.
    # Interest 42.80 and 22.22; reserve of six months: 150 put in in years 0, kept in 1, released in 2.
    found = single_owner(PROJECT)
    got = {name: values.round(2).tolist() for name, _, values in found.lines}
    assert found.debt_usd == pytest.approx(534.9794, abs=1e-4)
    assert got["ebitda"] == [0.0, 390.0, 390.0, 390.0]
    assert got["interest"] == [0.0, -42.8, -22.22, 0.0]
    assert got["principal"] == [0.0, -257.2, -277.78, 0.0]
    assert got["reserve"] == [-150.0, 0.0, 150.0, 0.0]
    # Year 0: −1,000 + 534.98 − 150; then 390 − 300; 390 − 300 + 150; 390 + 100.
    assert got["cash_before_tax"] == [-615.02, 90.0, 240.0, 490.0]
    # Taxable: 390 − 42.80 − 333.30; 390 − 22.22 − 444.50; 490 − 148.10.
    assert got["taxable"] == [0.0, 13.9, -76.72, 341.9]
    assert found.line("tax") == pytest.approx([0.0, -3.475, 19.18, -85.475], abs=0.006)
    assert found.line("cash_after_tax") == pytest.approx([-615.02, 86.525, 259.18, 404.525], abs=0.006)
    # −615.02 + 86.52/1.1 + 259.18/1.21 + 404.53/1.331 = −615.02 + 78.66 + 214.20 + 303.93
    assert found.npv_usd == pytest.approx(-18.23, abs=0.02)
    assert found.lowest_cover == pytest.approx(1.3)
    rate = found.irr.value
    assert sum(c / (1 + rate) ** k for k, c in enumerate(found.line("cash_after_tax"))) == pytest.approx(0, abs=1e-6)
    assert found.table()["y0_usd"].tolist()[3] == -1000.0


def test_losses_may_be_carried_forward():
    carried = single_owner(Project(**{f: getattr(PROJECT, f) for f in PROJECT.__slots__} | {"losses": "carried"}))
    assert carried.line("taxable").round(2).tolist() == [0.0, 13.9, -76.72, 341.9]
    assert carried.line("tax").round(2).tolist() == [0.0, -3.48, 0.0, -66.29]  # 25 % of 341.90 − 76.72


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.integers(0, 3000), st.integers(100, 400))
def test_sculpted_debt_is_paid_off_exactly_by_its_service(available, rate, cover):
    got, interest, principal = sculpted([float(a) for a in available], rate_frac_per_y=rate / 1e4, cover=cover / 100)
    r, c = Fraction(rate, 10**4), Fraction(cover, 100)
    exact = sum(Fraction(a) / c / (1 + r) ** (k + 1) for k, a in enumerate(available))
    assert got == pytest.approx(float(exact), rel=1e-12, abs=1e-9)
    assert principal.sum() == pytest.approx(got, rel=1e-9, abs=1e-6)
    assert np.allclose(interest + principal, [a / (cover / 100) for a in available])


def test_the_rates_of_a_class_are_its_depreciation_line():
    found = single_owner(
        Project(
            cost_usd=100.0,
            revenue_usd=[10.0] * 6,
            operating_cost_usd=[0.0] * 6,
            tax_depreciation_frac=[float(r) for r in rates(5)],
        )
    )
    assert found.line("tax_depreciation").round(4).tolist() == [0.0, -20.0, -32.0, -19.2, -11.52, -11.52, -5.76]
    assert found.debt_usd == 0.0
    assert found.lowest_cover is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"operating_cost_usd": [1.0]}, "same years"),
        ({"term_y": 4}, "debt of 4 years outlives the project of 3"),
        ({"losses": "lost"}, "used or carried"),
        ({"term_y": 0}, "above zero and a term"),
    ],
)
def test_a_project_that_cannot_be_is_refused(change, words):
    with pytest.raises(OfftakeError, match=words):
        Project(**{f: getattr(PROJECT, f) for f in PROJECT.__slots__} | change)
