"""A table is exact inside and rounded only where people read it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.tables import Column, Table, significant


def table():
    return Table(
        "cases",
        (
            Column("case"),
            Column("npv_usd", "USD", "NPV"),
            Column("irr_frac", "frac", "IRR"),
            Column("ok"),
            Column("on"),
        ),
        [("base", 38.24e9, 0.138, True, dt.date(2026, 7, 1)), ("falter", -4.2e9, None, False, None)],
    )


def test_people_read_three_digits_in_one_scale():
    case, npv, irr, ok, on = table().view()
    assert (npv.unit, npv.cells) == ("bn USD", ("38.2", "−4.2"))
    assert (irr.unit, irr.cells) == ("%", ("13.8", "–"))
    assert (ok.cells, on.cells) == (("yes", "no"), ("2026-07-01", "–"))
    assert (case.right, npv.right) == (False, True)


def test_machines_read_exact_values():
    rows = list(csv.reader(io.StringIO(table().to_csv())))
    assert rows[1] == ["base", "38240000000.0", "0.138", "True", "2026-07-01"]
    assert rows[2][2] == ""
    assert table().rows()[1]["irr_frac"] is None


def test_columns_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        table()["npv_usd"][0] = 1.0


def test_the_caller_keeps_its_array():
    mine = np.array([1.0, 2.0])
    shown = Table("t", (Column("x"),), {"x": mine})
    mine[0] = 9.0
    assert shown["x"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("columns", "data", "words"),
    [
        ((Column("a"), Column("a")), [(1, 2)], "occurs twice"),
        ((Column("a"),), {"b": [1.0]}, "differ in"),
        ((Column("a"), Column("b")), {"a": [1.0], "b": [1.0, 2.0]}, "differ in length"),
        ((Column("a"),), [(1, 2)], "has 2 values for 1"),
        ((Column("a"),), [{"b": 1}], "row 0 differs"),
        ((Column("a", "", "", "int"),), [(None,)], "not int"),
        ((Column("a"),), {"a": np.zeros((2, 2))}, "2 axes"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(columns, data, words):
    with pytest.raises(ValueError, match=words):
        Table("t", columns, data)


def test_a_small_value_does_not_read_zero():
    cells = Table("t", (Column("x", "MW"),), [(500.0,), (0.1,), (0.0,), (-0.2,)]).view()[0].cells
    assert cells == ("500", "<1", "0", ">−1")


def test_hostile_text_stays_text():
    markup = Table("<b>", (Column("x", "", "<i>"),), [("<script>alert(1)</script>",)], "<u>", "&").to_html()
    assert "<script" not in markup
    assert "<i>" not in markup
    assert "<u>" not in markup
    assert "&lt;script&gt;" in markup


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e18, max_value=1e18), st.integers(1, 6))
def test_significant_is_within_half_a_digit(value, digits):
    read = float(significant(value, digits).replace(",", "").replace("−", "-"))
    if value:
        unit = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1)
        assert abs(read - value) <= 0.5000001 * unit + 1e-300


@given(st.lists(st.floats(-1e15, 1e15), min_size=1))
def test_a_view_is_never_further_off_than_its_last_digit(values):
    view = Table("t", (Column("x", "MW"),), [(v,) for v in values]).view()[0]
    largest = max(map(abs, values))
    for cell, value in zip(view.cells, values, strict=True):
        if "<" in cell or ">" in cell or "e" in cell:
            continue
        assert abs(float(cell.replace(",", "").replace("−", "-")) - value) <= largest * 0.00501 + 1e-9
