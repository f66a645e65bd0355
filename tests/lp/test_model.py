"""Blocks: numbering, names and back, masks, limits with constants, incremental rows, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from offtake.axes import Axis
from offtake.lp.affine import Affine
from offtake.lp.model import Model
from offtake.lp.statistics import statistics

SITES = Axis("site", ("indiana", "texas"))
PERIODS = Axis("period", ("2027-Q3", "2027-Q4", "2028-Q1"))
PATH = Axis("path", ("base",))


def small() -> Model:
    m = Model()
    mw = m.columns("energised", axes=(PATH, SITES, PERIODS), upper=100.0, unit="MW")
    sign = m.columns("sign", integer=True, upper=1.0)
    lots = m.columns(
        "lots",
        axes=(SITES, PERIODS),
        mask=[[True, False, True], [False, True, True]],
        integer=np.array([[True], [False]]),
        upper=np.arange(6.0).reshape(2, 3),
    )
    limit = mw - 5.0 + 2.0 * lots
    m.rows("interconnection", limit, upper=50.0, axes=(PATH, SITES, PERIODS), unit="MW")
    m.rows("signed", sign + lots.sum(), lower=1.0, upper=1.0)
    m.set_objective(mw.sum() + 3.0 * sign - 7.0, maximise=True)
    return m


def test_every_number_has_a_name_and_every_name_a_number() -> None:
    m = small()
    columns = [m.column_name(j) for j in range(m.column_blocks.count)]
    rows = [m.row_name(i) for i in range(m.row_blocks.count)]
    assert columns[0] == "energised[indiana, 2027-Q3]"
    assert columns[6] == "sign"
    assert columns[7:] == [
        "lots[indiana, 2027-Q3]",
        "lots[indiana, 2028-Q1]",
        "lots[texas, 2027-Q4]",
        "lots[texas, 2028-Q1]",
    ]
    assert rows[-2:] == ["interconnection[texas, 2028-Q1]", "signed"]
    assert len(set(columns)) == len(columns)
    for j in range(m.column_blocks.count):
        block, labels = m.locate_column(j)
        assert block.number(**dict(zip((a.name for a in block.axes), labels, strict=True))) == j
    for i in range(m.row_blocks.count):
        block, labels = m.locate_row(i)
        assert block.number(**dict(zip((a.name for a in block.axes), labels, strict=True))) == i


def test_a_path_is_named_once_there_are_two() -> None:
    m = Model()
    m.columns("cash", axes=(("path", ("low", "high")), ("period", ("2027",))))
    assert m.column_name(1) == "cash[high, 2027]"


def test_masked_positions_have_no_column_and_take_part_as_zero() -> None:
    m = small()
    block = m.column_block("lots")
    assert block.index.tolist() == [[7, -1, 8], [-1, 9, 10]]
    assert block.count == 4
    assert block.numbers.tolist() == [7, 8, 9, 10]
    x = np.arange(11.0)
    assert block.expr.value(x).tolist() == [[7.0, 0.0, 8.0], [0.0, 9.0, 10.0]]
    assert block.take(x, fill=-1.0).tolist() == [[7.0, -1.0, 8.0], [-1.0, 9.0, 10.0]]
    assert block.spread([[1.0, 2.0, 3.0]]).tolist() == [1.0, 3.0, 2.0, 3.0]


def test_arrays_hold_bounds_whole_columns_and_limits_less_constants() -> None:
    a = small().build()
    assert (a.rows, a.columns, a.nonzeros) == (7, 11, 6 + 4 + 1 + 4)
    assert a.integer.tolist() == [False] * 6 + [True, True, True, False, False]
    assert a.col_upper[7:].tolist() == [0.0, 2.0, 4.0, 5.0]
    assert a.row_upper[:6].tolist() == [55.0] * 6
    assert (a.row_lower[6], a.row_upper[6]) == (1.0, 1.0)
    assert a.offset == -7.0
    assert a.maximise
    x = np.arange(11.0)
    assert a.activity(x)[:6].tolist() == [0 + 14.0, 1.0, 2 + 16.0, 3.0, 4 + 18.0, 5 + 20.0]
    assert a.activity(x)[6] == 6 + 7 + 8 + 9 + 10
    y = np.arange(7.0)
    dense = np.array([a.activity(e) for e in np.eye(11)]).T
    np.testing.assert_allclose(a.column_prices(y), dense.T @ y)


def test_a_masked_row_block_leaves_out_rows() -> None:
    m = Model()
    x = m.columns("x", axes=(SITES,))
    block = m.rows("cap", x + 1.0, upper=[3.0, 4.0], axes=(SITES,), mask=[False, True])
    a = m.build()
    assert (a.rows, a.nonzeros) == (1, 1)
    assert a.row_upper.tolist() == [3.0]
    assert a.index.tolist() == [0]
    assert block.side([9.0, 10.0]).tolist() == [9.0]
    assert m.row_name(0) == "cap[texas]"


def test_rows_without_entries_or_sides_are_kept() -> None:
    m = Model()
    m.columns("x")
    m.rows("nothing", Affine.zeros((2,)), axes=(SITES,))
    assert m.build().rows == 2


def test_rows_added_later_equal_rows_built_at_once() -> None:
    m = small()
    first = m.build()
    mark = m.row_blocks.count
    m.rows("late", m.column_block("energised").expr[0].sum(1) - 1.0, lower=0.5, axes=(SITES,))
    m.rows("later", m.column_block("sign").expr, upper=0.0)
    grown, whole = first.with_rows(m.rows_since(mark)), m.build()
    for name in ("start", "index", "value", "row_lower", "row_upper", "cost"):
        np.testing.assert_array_equal(getattr(grown, name), getattr(whole, name))
    with pytest.raises(ValueError, match="not the first row of a block"):
        m.rows_since(mark + 1)


def test_coefficients_can_be_set_removed_and_added() -> None:
    a = small().build()
    b = a.with_coefficients(np.array([6, 6, 0]), np.array([6, 7, 1]), np.array([2.5, 0.0, 9.0]))
    dense = [np.array([p.activity(e) for e in np.eye(11)]).T for p in (a, b)]
    dense[0][6, 6], dense[0][6, 7], dense[0][0, 1] = 2.5, 0.0, 9.0
    np.testing.assert_array_equal(dense[0], dense[1])
    assert b.nonzeros == a.nonzeros


def test_rows_read_as_people_write_them() -> None:
    m = small()
    assert (
        m.row_text(0)
        == "interconnection[indiana, 2027-Q3]: 1 energised[indiana, 2027-Q3] + 2 lots[indiana, 2027-Q3] - 5 <= 50 MW"
    )
    assert m.row_text(6).startswith("signed: 1 sign + 1 lots[indiana, 2027-Q3]")
    assert m.row_text(6).endswith("= 1")
    assert "RowBlock(interconnection[path: 1, site: 2, period: 3], 6 rows, in MW)" in repr(m)
    assert "ColumnBlock(lots[site: 2, period: 3], 4 columns, 3 whole)" in repr(m)


def test_mistakes_are_refused_by_name() -> None:
    m = small()
    x = m.column_block("energised").expr
    with pytest.raises(ValueError, match="already a column block 'sign'"):
        m.columns("sign")
    with pytest.raises(ValueError, match="row block 'bad': the expression has shape"):
        m.rows("bad", x, axes=(SITES,))
    with pytest.raises(ValueError, match="block 'bad': upper has shape"):
        m.rows("bad", x, axes=(PATH, SITES, PERIODS), upper=np.zeros(5))
    with pytest.raises(ValueError, match="not a number"):
        m.columns("bad", lower=float("nan"))
    with pytest.raises(ValueError, match="not a finite number"):
        m.rows("bad", x + np.inf, axes=(PATH, SITES, PERIODS))
    with pytest.raises(ValueError, match="take its sum"):
        m.set_objective(x)
    with pytest.raises(ValueError, match="stands twice"):
        m.columns("bad", axes=(SITES, SITES))
    with pytest.raises(KeyError, match="no row block 'sign'"):
        m.row_block("sign")
    with pytest.raises(KeyError, match="no label 'ohio'"):
        m.column_block("lots").number(site="ohio", period="2027-Q3")
    with pytest.raises(KeyError, match="needs a label of axis 'site'"):
        m.column_block("lots").number(period="2027-Q3")
    with pytest.raises(IndexError):
        m.row_name(7)


def test_bad_scaling_is_found_and_named() -> None:
    m = Model()
    x = m.columns("lots", axes=(SITES,), upper=3.0)
    m.rows("power", (x * [1e-5, 40.0]).sum(), upper=50.0)
    m.set_objective(x.sum())
    found = statistics(m)
    assert (found.rows, found.columns, found.nonzeros, found.whole) == (1, 2, 2, 0)
    assert found.matrix.spread == pytest.approx(4e6)
    assert found.bounds.high == 3.0
    assert "1e-05 of lots[indiana] in power" in found.findings(1e6)[0]
    assert "40 of lots[texas] in power" in found.findings(1e6)[0]
    assert found.findings(1e7) == ()
    assert str(found).startswith("1 rows, 2 columns (0 whole), 2 nonzeros")
    assert statistics(Model()).findings() == ()
