"""The titles of page 1 are true of their tables, also in the odd cases."""

from __future__ import annotations

import datetime as dt

import pytest

from offtake.report import sentences
from offtake.report.data import report_table

from .sample import full


def with_rows(name, rows, **more):
    return full(
        tables={name: report_table(name, rows), **{n: report_table(n, r) for n, r in more.items()}}, document={}
    )


def power(*rows):
    return with_rows("power_by_year", [(2026 + k, *r) for k, r in enumerate(rows)])


def test_power_that_never_comes():
    assert (
        sentences.gigawatts(power((100.0, None, 0.0, 0.0, 0.0, 0.0, 50.0)))
        == "No power is accepted in any year: nothing is built."
    )


def test_power_that_does_not_grow_and_covers_demand():
    rows = [(500.0, 500.0, 500.0, 500.0, 500.0, 500.0, 480.0)] * 3
    assert sentences.gigawatts(power(*rows)) == (
        "Accepted power does not grow beyond the 500 MW of 2026; it covers the 480 MW that demand takes that year."
    )


def test_a_last_growth_that_does_not_show_is_not_told():
    """111.6 and 112.4 MW both read 112 MW: the sentence is about the first year in which they do."""
    rows = [(0.0, 0.0, 0.0, 0.0, mw, mw, mw + 10.0) for mw in (20.0, 111.6, 112.4)]
    assert sentences.gigawatts(power(*rows)) == (
        "Accepted power grows from 20 MW in 2026 to 112 MW in 2027; demand that year would take 122 MW."
    )
    rows[1] = (0.0, 0.0, 0.0, 0.0, 111.4, 111.4, 121.4)
    assert sentences.gigawatts(power(*rows)) == (
        "Accepted power grows from 20 MW in 2026 to 111 MW in 2027 and 112 MW in 2028; demand that year would take 122 MW."
    )


def test_power_that_is_not_used():
    rows = [(800.0, 0.0, 0.0, 0.0, 100.0, 100.0, 90.0), (800.0, 0.0, 0.0, 0.0, 700.0, 400.0, 380.0)]
    assert sentences.gigawatts(power(*rows)) == (
        "Accepted power grows from 100 MW in 2026 to 700 MW in 2027, of 800 MW announced; "
        "demand that year takes 380 MW, and 400 MW are used."
    )


@pytest.mark.parametrize(
    ("unserved", "own", "words"),
    [
        (0.024, 0.36, "; with other clouds’ chips, 98 % of the tokens wanted over the horizon are served."),
        (0.0, 1.0, "; all of the tokens wanted over the horizon are served."),
    ],
)
def test_demand_beyond_the_alliance_is_not_all_unserved(unserved, own, words):
    rows = [(2026 + k, 0.0, 0.0, 0.0, mw, mw, mw, 900.0) for k, mw in enumerate((100.0, 400.0))]
    data = with_rows("power_by_year", rows, cases=[case(2e9, unserved=unserved, own=own)])
    assert sentences.gigawatts(data) == (
        f"Accepted power grows from 100 MW in 2026 to 400 MW in 2027; demand that year would take 900 MW{words}"
    )


def bottleneck(rows, reliefs=()):
    start, end = dt.date(2027, 1, 1), dt.date(2027, 4, 1)
    filled = [(limit, "power", period, start, end, price, "USD/MW-year", binds) for limit, period, price, binds in rows]
    return with_rows("bottlenecks", filled, reliefs=list(reliefs))


def test_nothing_binds():
    assert sentences.bottleneck(bottleneck([("a", "2027-Q1", 0.0, False)])).startswith("Nothing binds")


def test_a_limit_without_relief_binds_longest():
    rows = [("a", "2027-Q1", 5.0, True), ("a", "2027-Q2", None, True), ("b", "2027-Q1", 9.0, True)]
    assert sentences.bottleneck(bottleneck(rows)) == "A binds longest, in 2 of 2 periods, first in 2027-Q1."


def test_relief_that_adds_nothing_is_said():
    data = bottleneck([("a", "2027-Q1", 5.0, True)], [("a", "one phase more", 0.0)])
    assert (
        sentences.bottleneck(data)
        == "A binds longest, in 1 of 1 period, first in 2027-Q1; one step more of it alone adds nothing."
    )


def test_relief_ranks_limits_before_length():
    rows = [("a", "2027-Q1", 5.0, True), ("a", "2027-Q2", 5.0, True), ("b", "2027-Q2", 9.0, True)]
    data = bottleneck(rows, [("b", "one lot more", 2e6)])
    assert sentences.ranked_limits(data) == ["b", "a"]
    assert (
        sentences.bottleneck(data)
        == "B is worth most to relieve: one lot more adds $2 M; it binds in 1 of 2 periods, first in 2027-Q2."
    )


def test_a_party_that_is_never_down():
    rows = [("offtaker", 2026, 1e9, 1e9, 0.0, 0.0, 2e9), ("provider", 2026, -2e9, -2e9, 2e9, 2e9, 0.0)]
    assert sentences.cash(with_rows("cash_by_year", rows)) == (
        "At year ends and before funding, the developer is never down and the cloud is down $2 bn at its lowest, in 2026."
    )


def test_own_cash_and_funding_until_the_lowest_point_are_told_apart():
    rows = [
        ("offtaker", 2026, -9e9, -9e9, 5e9, 9e9, 36e9),  # 40 of its own: 40 - 9 + 5
        ("offtaker", 2027, -31e9, -40e9, 0.0, 31e9, 5e9),
        ("offtaker", 2028, 27e9, -13e9, 20e9, 0.0, 52e9),  # what comes later did not carry it there
    ]
    assert sentences.cash(with_rows("cash_by_year", rows)) == (
        "At year ends and before funding, the developer is down $40 bn at its lowest, in 2027; "
        "the developer meets it with $40 bn of its own cash and $5 bn of equity and loans."
    )


def circular(*rows):
    filled = [(dt.date(year, 12, 31), "firm", 5e9, 5e9, back, met, met) for year, back, met in rows]
    return with_rows("circularity", filled)


def test_circularity_is_told_by_date_and_not_only_at_the_end():
    assert sentences.firm(circular((2026, 0.7, 0.066), (2027, 1.0, 0.03), (2036, 1.0, 0.0017))) == (
        "By the end of 2027, 100 % of the firm investment has been paid back to the investor and 0.17 % of the developer’s "
        "payments were met with the cloud’s own money, at most 6.6 %, by the end of 2026."
    )
    assert sentences.firm(circular((2026, 0.1, 0.02), (2027, 0.4, 0.03))) == (
        "By the end of 2027, 40 % of the firm investment has been paid back to the investor and 3 % of the developer’s "
        "payments were met with the cloud’s own money."
    )


@pytest.mark.parametrize(
    ("true_up", "low", "low_true_up", "words"),
    [
        (0.0, None, None, "Planned spend meets the floor in every interval, without true-up; no low case was solved."),
        (
            0.0,
            9e9,
            0.0,
            "Planned spend meets the floor in every interval, without true-up; the low case pays none either.",
        ),
        (
            1e9,
            9e9,
            2e9,
            (
                "The plan falls short of the floor in 1 of 1 interval and pays $1 bn of true-up; "
                "the low case falls short in 1 of 1 interval and pays $2 bn."
            ),
        ),
    ],
)
def test_commitments(true_up, low, low_true_up, words):
    data = with_rows("commitments_by_year", [("c", 2027, 8e9, 9e9, true_up, low, low_true_up)])
    assert sentences.commitment(data) == words


def test_no_commitment_and_no_contract():
    empty = full(tables={}, document={})
    assert sentences.commitment(empty) == "There is no floor of spend, and no minimum that is paid if it is not taken."
    assert sentences.firm(empty) == "There is no contract, so nothing is firm."


def case(value, npv=1e9, true_up=0.0, *, name="base", gains=(None, None), unserved=0.0, own=0.5):
    return (name, "", 1.0, 1e9, 0.1, npv, 0.0, true_up, unserved, 1e6, 1e6, own, *gains, value, "optimal", "MILP")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2e9, "The alliance is worth $2 bn more than none; no assumption was varied."),
        (-2e9, "The alliance is worth $2 bn less than none; no assumption was varied."),
        (0.0, "The alliance is worth as much as none; no assumption was varied."),
        (None, "The value against no alliance is not known."),
    ],
)
def test_the_sign_of_the_value_is_said(value, words):
    assert sentences.tornado(with_rows("cases", [case(value)])) == words


def test_one_end_that_could_not_be_solved():
    tornado = [("chip life", "p", "3 y", "5 y", "6 y", None, 3e9, "", None, 0.4, "", 1)]
    assert sentences.tornado(with_rows("cases", [case(2e9)], tornado=tornado)) == (
        "The alliance is worth $2 bn more than none; chip life moves it most, to $3 bn; "
        "no assumption alone turns its sign within its range."
    )


def test_what_moves_the_decision_is_said_where_it_moves():
    rows = [
        ("chip life", "p", "3 y", "5 y", "6 y", 1e9, 3e9, "", 12.0, None, "", 2),
        ("all prices", "q", "× 0.7", "as stated", "× 1.3", 1.5e9, 2.5e9, "", 150.0, 20.0, "× 0.9", 1),
    ]
    data = with_rows("cases", [case(2e9)], tornado=rows)
    assert sentences.decision(data) == (
        "What is begun and ordered in the first two years is moved most by all prices, by 150 MW; "
        "1 of 2 can make it another decision."
    )
    assert "chip life moves it most, from $1 bn to $3 bn" in sentences.tornado(data)
    still = with_rows("cases", [case(2e9)], tornado=[(*row[:8], 0.0, None, "", 1) for row in rows])
    assert sentences.decision(still) == ""


def test_a_party_that_loses_by_the_alliance_is_named():
    rows = [case(8e9, gains=(5e9, 3e9)), case(1e9, -2e9, name="low", gains=(-4e9, 5e9))]
    assert sentences.cases(with_rows("cases", rows)) == (
        "Across 2 named cases, the developer’s net present value lies between −$2 bn and $1 bn; a true-up is paid in none of "
        "them; the developer is worse off than without the alliance in low (−$4 bn)."
    )


def test_one_case_and_none():
    assert (
        sentences.cases(with_rows("cases", [case(2e9)]))
        == "One case was solved; the developer’s net present value is $1 bn."
    )
    assert sentences.cases(full(tables={}, missing={"cases": "Run with --no-cases."})) == "Run with --no-cases."
