"""Documents and tables over paths: means by hand, peaks, missing rows, nulls, dates, order of paths."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.api.mixing import expected, mean_table, middle, mixed_document, mixed_findings
from offtake.plan.findings import Finding
from offtake.tables import Column, Table

NONE = frozenset()
THIRDS = np.array([0.5, 0.3, 0.2])


def mix(*documents, probability=THIRDS, leave=NONE):
    return mixed_document(documents, np.asarray(probability), leave=leave)


def test_least_cash_is_that_of_the_worst_path() -> None:
    paths = [{"min_cash_usd": v} for v in (10.0, None, -40.0)]
    assert mix(*paths).document == {"min_cash_usd": -40.0}


def test_numbers_are_means_and_peaks_the_largest() -> None:
    paths = [{"a": {"npv_usd": v, "peak_need_usd": v}} for v in (10.0, 20.0, -40.0)]
    assert mix(*paths).document == {"a": {"npv_usd": pytest.approx(5 + 6 - 8), "peak_need_usd": 20.0}}


def test_a_row_that_a_path_lacks_counts_as_zero_and_a_null_does_not() -> None:
    first = {"commitments": [{"clause": "a", "kind": "k", "scope": "s", "paid_usd": 8.0}], "irr": 0.1, "reasons": {}}
    second = {"commitments": [], "irr": None, "reasons": {"irr": "no sign changes"}}
    found = mix(first, second, probability=[0.25, 0.75], leave=frozenset({"reasons"}))
    assert found.document["commitments"][0]["paid_usd"] == 2.0
    assert found.document["irr"] == 0.1
    assert found.partly == {"irr": {"share_frac": 0.25, "reason": "no sign changes"}}


def test_null_in_all_paths_stays_null() -> None:
    assert mix({"gap": None}, {"gap": None}, probability=[0.5, 0.5]).document == {"gap": None}


def test_yes_in_all_paths_or_a_share_of_them() -> None:
    runs = [{"training": [{"run": "r", "done": done}]} for done in (True, True, False)]
    assert mix(*runs).document["training"][0] == {"run": "r", "done": False, "done_share_frac": 0.8}


def test_dates_are_the_weighted_median_and_words_the_likeliest() -> None:
    paths = [{"breakeven_date": d, "period": p} for d, p in (("2031-01-01", "x"), ("2029-01-01", "y"), (None, "y"))]
    found = mix(*paths, probability=[0.3, 0.25, 0.45])
    assert found.document == {"breakeven_date": "2031-01-01", "period": "y"}
    assert found.partly["breakeven_date"]["share_frac"] == pytest.approx(0.55)
    assert found.partly["period"]["share_frac"] == pytest.approx(0.7)


def test_what_is_equal_keeps_every_bit() -> None:
    assert mix(*[{"rate": 0.1, "n": 3}] * 3, probability=[1 / 3] * 3).document == {"rate": 0.1, "n": 3}


@given(st.lists(st.tuples(st.floats(-1e12, 1e12), st.floats(0.01, 1.0)), min_size=1, max_size=7), st.randoms())
def test_order_and_splitting_of_paths_change_nothing(rows, chance: random.Random) -> None:
    whole = math.fsum(w for _, w in rows)
    values, weights = [v for v, _ in rows], [w / whole for _, w in rows]
    mean = expected(values, weights)
    other = [*zip(values, weights, strict=True)]
    chance.shuffle(other)
    assert expected(*map(list, zip(*other, strict=True))) == mean
    twice = expected([*values, values[0]], [weights[0] / 2, *weights[1:], weights[0] / 2])
    assert twice == pytest.approx(mean, rel=1e-12, abs=1e-3)
    assert min(values) - 1e-3 <= mean <= max(values) + 1e-3


def test_median_of_dates_needs_half_of_the_probability() -> None:
    dates = ["2027-01-01", "2028-01-01", "2029-01-01"]
    assert [middle(dates, w) for w in ([0.6, 0.2, 0.2], [0.5, 0.2, 0.3], [0.1, 0.3, 0.6])] == [
        dates[0],
        dates[0],
        dates[2],
    ]


COLUMNS = (
    Column("line", "", "", "text"), Column("year", "", "", "int"), Column("usd", "USD", "", "float"),
    Column("peak_usd", "USD", "", "float"), Column("binding", "", "", "bool"),
)  # fmt: skip


def tables():
    one = Table("t", COLUMNS, [("a", 1, 10.0, 1.0, True), ("c", 1, 4.0, 2.0, False)])
    two = Table("t", COLUMNS, [("a", 1, 30.0, 3.0, False), ("b", 1, 8.0, 1.0, False), ("c", 1, math.nan, 0.0, False)])
    return one, two


def test_tables_mix_by_key_in_the_order_of_the_lines() -> None:
    found = mean_table(tables(), np.array([0.5, 0.5]))
    assert found["line"].tolist() == ["a", "b", "c"]
    assert found["usd"].tolist() == [20.0, 4.0, 4.0]
    assert found["peak_usd"].tolist() == [3.0, 1.0, 2.0]
    assert found["binding"].tolist() == [True, False, False]


def test_sums_of_lines_stay_sums() -> None:
    generator = np.random.default_rng(1)
    paths = []
    for keep in (range(6), range(0, 6, 2), range(1, 6)):
        rows = [(f"l{k}", 2030, float(generator.normal()), 0.0, False) for k in keep]
        paths.append(Table("t", COLUMNS, [*rows, ("total", 2030, math.fsum(r[2] for r in rows), 0.0, False)]))
    for order in itertools.permutations(range(3)):
        found = mean_table([paths[k] for k in order], THIRDS[list(order)])
        assert found["usd"][:-1].sum() == pytest.approx(found["usd"][-1])
        assert found["line"].tolist()[-1] == "total"


def test_the_same_key_twice_is_two_rows() -> None:
    one = Table("t", COLUMNS, [("a", 1, 1.0, 0.0, False), ("a", 1, 2.0, 0.0, False)])
    assert mean_table([one, one], np.array([0.5, 0.5])) == one


def test_a_table_that_is_empty_in_all_paths() -> None:
    none = Table("t", COLUMNS, [])
    assert len(mean_table([none, none], np.array([0.5, 0.5]))) == 0


def test_the_worst_path_tells_a_finding_and_other_subjects_are_other_findings() -> None:
    def loan(bn: float) -> Finding:
        words = f"needs an emergency loan of up to {bn} bn USD"
        return Finding(severity="warning", code="F102", message=words, about="offtaker", size=bn)

    def undone(run: str) -> Finding:
        return Finding(
            severity="note", code="F103", message=f"training run {run} is not done", about=f"{run}, not done"
        )

    told = mixed_findings([[loan(4.6), undone("r-3")], [undone("r-3")], [loan(267.0), undone("r-4")]], THIRDS)
    assert [f.message for f in told] == [
        "in 2 of 3 paths (70 % of the probability), worst in path 2: needs an emergency loan of up to 267.0 bn USD",
        "in 2 of 3 paths (80 % of the probability), as in path 0: training run r-3 is not done",
        "in 1 of 3 paths (20 % of the probability), as in path 2: training run r-4 is not done",
    ]
