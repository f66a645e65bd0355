"""The page of a comparison: parts in a table and as waterfalls."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from offtake.report.difference import by_cause, render_difference
from offtake.runs.compare import Comparison
from offtake.tables import Column, Table

COLUMNS = [Column(n, "", "", "text") for n in ("figure", "party")]
COLUMNS += [
    Column("year", "", "", "int"),
    *(Column(n, "", "", "text") for n in ("unit", "role", "cause")),
    Column("amount", "", "", "float"),
]


def table(*rows):
    return Table("causes", COLUMNS, rows)


GAIN = (
    ("gain", "offtaker", 0, "USD", "from", "", 10e9),
    ("gain", "offtaker", 0, "USD", "part", "price", -4e9),
    ("gain", "offtaker", 0, "USD", "part", "terms", 1e9),
    ("gain", "offtaker", 0, "USD", "part", "timing", 3.0),
    ("gain", "offtaker", 0, "USD", "to", "", 7e9 + 3.0),
)
POWER = (
    ("peak power", "", 0, "MW", "from", "", 100.0),
    ("peak power", "", 0, "MW", "part", "availability", 50.0),
    ("peak power", "", 0, "MW", "to", "", 150.0),
)
CASH = (
    ("cash", "provider", 2027, "USD", "from", "", 1e9),
    ("cash", "provider", 2027, "USD", "part", "volume", 2e9),
    ("cash", "provider", 2027, "USD", "to", "", 3e9),
)


def comparison(causes, why=""):
    empty = Table("inputs", [Column("path"), Column("a"), Column("b")], [])
    return Comparison(inputs=empty, results=empty, facts=empty, causes=causes, why=why)


def test_the_table_has_causes_in_rows_and_no_dust():
    rows = by_cause(table(*GAIN, *POWER)).rows()
    assert [r["cause"] for r in rows] == ["price", "availability of power and chips", "terms of the contract", "b − a"]
    assert rows[0]["c0"] == "−$4 bn"
    assert rows[-1] == {"cause": "b − a", "c0": "−$3 bn", "c1": "50 MW"}


def test_equal_runs_give_no_table():
    same = table(("gain", "offtaker", 0, "USD", "from", "", 1e9), ("gain", "offtaker", 0, "USD", "to", "", 1e9))
    assert len(by_cause(same)) == 0
    assert "are the same" in render_difference(comparison(same), "a", "b")


def test_the_page_draws_a_waterfall_for_each_figure_and_links_to_nothing():
    page = render_difference(comparison(table(*GAIN, *POWER, *CASH)), "runs/<a>", "runs/b")
    assert page.count("<svg") == 2
    assert "the largest part, −" in page
    assert "runs/&lt;a&gt;" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "2027" in page
    for part in page.split("<svg")[1:]:
        ET.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")


def test_a_run_that_cannot_be_split_says_why():
    assert "plan it again" in render_difference(comparison(None, "plan it again"), "a", "b")
