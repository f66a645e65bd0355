"""Time value of money against published vectors."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction

import pytest

from offtake.ledger import tvm


@pytest.fixture(scope="module")
def periodic(shared_data):
    return json.loads((shared_data / "deal" / "periodic_tvm.json").read_text("utf-8"))["cases"]


COMPUTE = {
    "npv": tvm.npv_periodic,
    "npv_excel": lambda rate, values: tvm.npv_periodic(rate, values, first_discounted=True),
    "fv": tvm.future_value,
    "fv_begin": lambda *args: tvm.future_value(*args, at_start=True),
    "pv": tvm.present_value,
    "pmt": tvm.payment,
    "ipmt_schedule": lambda rate, _, periods, present: [
        -tvm.interest_part(rate, k, periods, -present) for k in range(1, 13)
    ],
    "rate": lambda *args: tvm.rate_of(*args).value,
    "mirr": lambda *args: tvm.modified_return(*args).value,
    "mirr_grid": lambda rows, finance, reinvest: [
        [tvm.modified_return(v, f, r).value for f, r in zip(finance, reinvest, strict=True)] for v in rows
    ],
}


def test_published_vectors(periodic):
    checked = 0
    for case in periodic:
        if case["fn"] in {"xirr", "rate_vector"}:
            continue
        wanted = case.get("expected", case.get("expected_decimal"))
        wanted = float(wanted) if isinstance(wanted, str) else wanted
        got = COMPUTE[case["fn"]](*case["args"])
        if isinstance(wanted, list) and isinstance(wanted[0], list):
            for row, published in zip(got, wanted, strict=True):
                assert row == pytest.approx(published, abs=1e-7)
        elif wanted is None:
            assert got is None
        else:
            assert got == pytest.approx(wanted, abs=case.get("tol", 0), rel=1e-8)
        checked += 1
    assert checked == len(periodic) - 2


def test_published_rates_of_return_over_equal_periods(periodic):
    case = next(c for c in periodic if c["fn"] == "rate_vector")
    periods, paid, present, future = case["args"]
    for p, f, wanted in zip(present, future, case["expected"], strict=True):
        got = tvm.rate_of(periods, paid, p, f).value
        if wanted is None:
            assert got is None
        else:
            assert got == pytest.approx(wanted, abs=1e-8)


def test_published_annuities(shared_data):
    table = json.loads((shared_data / "deal" / "annuity_quantlib.json").read_text("utf-8"))
    for rate, wanted in zip(table["rates"], table["payment"], strict=True):
        assert -tvm.payment(rate / 12, 360, 100.0) == pytest.approx(wanted, abs=1e-6)


def test_a_level_loan_is_repaid():
    level = tvm.payment(0.01, 24, 1000.0)
    assert tvm.future_value(0.01, 24, level, 1000.0) == pytest.approx(0, abs=1e-9)
    assert tvm.present_value(0.01, 24, level) == pytest.approx(1000.0)


@pytest.fixture(scope="module")
def day_counts(shared_data):
    return json.loads((shared_data / "deal" / "daycount_quantlib.json").read_text("utf-8"))


@pytest.mark.parametrize("name", ["BondBasis", "EurobondBasis", "USA", "ISDA"])
def test_published_day_counts_with_months_of_thirty_days(day_counts, name):
    convention = name.removesuffix("Basis").lower()
    cases = day_counts["thirty360_days"][name]
    for k, (start, end, days) in enumerate(cases):
        # The published ISDA cases are of instruments that mature on 2009-08-20 (6 cases), 2012-02-29 (12) and 2008-02-29.
        maturity = date(2009, 8, 20) if k < 6 else date(2012, 2, 29) if k < 18 else date(2008, 2, 29)
        first, last = date.fromisoformat(start), date.fromisoformat(end)
        assert tvm.days_30_360(first, last, convention, maturity=maturity) == days, (start, end)
    assert len(cases) >= 27


def test_published_day_counts_by_actual_years(day_counts):
    for convention, days, years in day_counts["actual_actual"]:
        start, end, *period = (date.fromisoformat(d) for d in days)
        got = tvm.years_actual_actual(start, end, convention.lower(), period=tuple(period) or None)
        assert float(got) == pytest.approx(years, abs=1e-10), (convention, days)
    assert len(day_counts["actual_actual"]) == 21


def test_day_counts_of_whole_years():
    for convention in ("isda", "isma", "afb"):
        assert tvm.years_actual_actual(date(2027, 1, 1), date(2028, 1, 1), convention) == 1
    for convention in ("bond", "eurobond", "usa", "isda"):
        assert tvm.days_30_360(date(2027, 5, 15), date(2029, 5, 15), convention) == 720
    back = tvm.years_actual_actual(date(2028, 7, 1), date(2028, 1, 1))
    assert back == -Fraction(182, 366)
