"""Charts put values where they belong, keep inside their frame, and never depend on anything but the data."""

from __future__ import annotations

import itertools
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from offtake.report import charts, sections
from offtake.report.data import report_table
from offtake.report.svg.axes import Series, spread
from offtake.report.svg.bars import stacked_columns
from offtake.report.svg.draw import FILLS, Drawing, text_width
from offtake.report.svg.lines import line_chart
from offtake.report.svg.ribbon import Cell, RibbonRow, height_of_ribbon, ribbon
from offtake.report.svg.sankey import Link, sankey
from offtake.report.svg.scale import ticks
from offtake.report.svg.tornado import Swing, tornado
from offtake.report.svg.waterfall import Step, waterfall

from .sample import full

GOLDEN = Path(__file__).parent / "golden"
SVG = "{http://www.w3.org/2000/svg}"
PAGE_ONE = {
    "power": charts.power_chart,
    "ribbon": charts.bottleneck_ribbon,
    "cash": charts.cash_chart,
    "commitment": charts.commitment_chart,
    "firm": charts.firm_chart,
    "circularity": charts.circularity_chart,
    "tornado": charts.tornado_chart,
}


def drawing(width=600.0, height=300.0):
    return Drawing("x", width, height, "A title", "A description")


def rects(markup, fill=None):
    found = [e for e in ET.fromstring(markup).iter(f"{SVG}rect") if e.get("x")]
    return [
        {k: float(e.get(k)) for k in ("x", "y", "width", "height")}
        for e in found
        if fill is None or e.get("fill") == fill
    ]


@pytest.mark.parametrize("name", PAGE_ONE)
def test_charts_of_page_one_are_as_they_were(name):
    """Look at the picture before renewing a golden file (OFFTAKE_RENEW=1)."""
    markup = PAGE_ONE[name](full()) + "\n"
    path = GOLDEN / f"{name}.svg"
    if os.environ.get("OFFTAKE_RENEW"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(markup, encoding="utf-8", newline="\n")
    assert markup == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGE_ONE)
def test_every_mark_lies_inside_its_frame(name):
    root = ET.fromstring(PAGE_ONE[name](full()))
    width, height = float(root.get("width")), float(root.get("height"))
    for e in root.iter():
        if e.tag == f"{SVG}text":
            size, words = float(e.get("font-size")), "".join(e.itertext())
            wide = text_width(words, size, bold=e.get("font-weight") is not None)
            x, anchor = float(e.get("x")), e.get("text-anchor", "start")
            left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
            assert left >= -1, words
            assert left + wide <= width + 1, words
            assert 0 < float(e.get("y")) <= height, words
        elif e.tag == f"{SVG}rect" and e.get("x"):
            assert float(e.get("x")) >= -0.01
            assert float(e.get("x")) + float(e.get("width")) <= width + 0.01


def test_a_line_passes_through_its_values():
    markup = line_chart(drawing(), ["a", "b", "c"], [Series(name="s", values=(0.0, 5.0, 10.0))], unit="GW")
    line = next(e for e in ET.fromstring(markup).iter(f"{SVG}path") if e.get("stroke") == FILLS[0])
    (x0, y0), (x1, y1), (x2, y2) = [tuple(map(float, p.split())) for p in re.split("[ML]", line.get("d"))[1:]]
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert y0 > y2


def test_a_line_breaks_where_a_value_is_missing():
    values = (1.0, float("nan"), 2.0, 3.0)
    markup = line_chart(drawing(), list("abcd"), [Series(name="s", values=values)], unit="")
    root = ET.fromstring(markup)
    assert len([e for e in root.iter(f"{SVG}path") if e.get("stroke") == FILLS[0]]) == 2
    assert len(list(root.iter(f"{SVG}circle"))) == 1  # the lone first value


def test_stacked_columns_are_as_tall_as_their_values():
    series = [Series(name="a", values=(1.0, 2.0), colour=0), Series(name="b", values=(3.0, 2.0), colour=1)]
    marks = rects(stacked_columns(drawing(), ["x", "y"], series, unit="MW"))
    bars = [r["height"] for r in marks if r["width"] > 12]  # not the keys of the legend
    assert sorted(round(h / min(bars), 2) for h in bars) == [1.0, 2.0, 2.0, 3.0]


def test_a_tornado_bar_is_as_long_as_the_swing():
    swings = [
        Swing(name="a", low="l", high="h", at_low=-10.0, at_high=30.0),
        Swing(name="b", low="l", high="h", at_low=5.0, at_high=15.0),
    ]
    plain = rects(tornado(drawing(900, 200), swings, base=10.0, unit="bn"), FILLS[0])
    assert plain[0]["width"] / plain[1]["width"] == pytest.approx(20 / 5, rel=0.01)


def test_a_waterfall_ends_where_it_says():
    steps = [
        Step(name="all", role="total", amount=100.0, label="100"),
        Step(name="off", role="less", amount=60.0, label="60"),
        Step(name="rest", role="result", amount=40.0, label="40"),
    ]
    bars = [r for r in rects(waterfall(drawing(), [("g", steps)])) if r["height"] == 20]
    total, less, rest = bars
    assert less["x"] + less["width"] == pytest.approx(total["x"] + total["width"], abs=0.02)
    assert rest["x"] + rest["width"] == pytest.approx(less["x"], abs=0.02)
    assert rest["width"] / total["width"] == pytest.approx(0.4, abs=0.001)


def test_steps_that_differ_at_their_end_read_apart():
    much = "26,700,000 warrant shares at an exercise price of 0.01 USD to the customer"
    names = [f"warrant: {much}, tranche gw-{k}" for k in (1, 2)]
    steps = [Step(name=name, role="less", amount=1.0, label="1") for name in names]
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", waterfall(drawing(), [("g", steps)]))
    for k in (1, 2):
        assert any(words.endswith(f"gw-{k}") for words in shown)
    assert sum(words.startswith("warrant: 26") for words in shown) == 2


def test_sankey_bands_and_nodes_keep_their_amounts():
    links = [
        Link(stage=0, source="a", target="m", amount=3.0),
        Link(stage=0, source="b", target="m", amount=1.0),
        Link(stage=1, source="m", target="z", amount=4.0),
    ]
    markup = sankey(drawing(), links, amount=str)
    nodes = [r["height"] for r in rects(markup) if r["width"] == 12]
    assert sorted(round(h / min(nodes), 2) for h in nodes) == [1.0, 3.0, 4.0, 4.0]
    assert "4.0" in markup


def test_a_ribbon_colours_exactly_the_binding_cells():
    cells = tuple(Cell(binds=b, price="1M" if b else "", size=1.0) for b in (False, True, True, False))
    row = RibbonRow(name="power", unit="USD", kind="power", colour=0, cells=cells)
    coloured = [
        r
        for r in rects(ribbon(drawing(900), ["2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"], [row]), FILLS[0])
        if r["height"] == 28
    ]
    assert len(coloured) == 2


def test_narrow_ribbon_cells_show_the_largest_price_of_the_run():
    cells = tuple(Cell(binds=True, price=f"{n}.2M", size=float(n)) for n in range(40))
    row = RibbonRow(name="power", unit="USD", kind="power", colour=0, cells=cells)
    assert "≤ 39.2M" in ribbon(drawing(1040), [f"{2026 + q // 4}-Q{q % 4 + 1}" for q in range(40)], [row])


def test_ticks_are_round_and_cover_the_range():
    for low, high in ((0.0, 1.0), (0.0, 7.3e9), (-3.0, 0.002), (0.0, 1e-7)):
        marks = ticks(low, high)
        assert marks[0] <= low + 1e-12
        assert marks[-1] >= high - 1e-12
        assert 3 <= len(marks) <= 12


def test_labels_never_touch():
    placed = sorted(spread([5.0, 5.0, 5.0, 90.0, 91.0], 15.0, 0.0, 100.0))
    assert min(b - a for a, b in itertools.pairwise(placed)) >= 14.999
    assert placed[0] >= 0
    assert placed[-1] <= 100


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", FILLS)
def test_every_colour_reads_as_text_on_white_and_under_white(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE TVCG 15
# (2009), severity 1, on linear RGB.
SIGHT = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no red cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour, sight):
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x = XYZ @ np.clip(np.array(sight) @ linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_stay_apart_in_every_sight(sight):
    seen = [lab(c, SIGHT[sight]) for c in FILLS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) >= 10


def test_empty_tables_draw_nothing_and_do_not_fail():
    empty = full(tables={}, document={})
    assert all(chart(empty) == "" for chart in PAGE_ONE.values())


def test_missing_figures_draw_what_there_is():
    rows = [("base", "", *[None] * 13, "optimal", "MILP")]
    data = full(
        tables={
            "cases": report_table("cases", rows),
            "tornado": report_table("tornado", [("a", "a", "", "", "", None, None, "", None, None, "", None)]),
        }
    )
    assert charts.tornado_chart(data) == ""
    power = report_table("power_by_year", [(2026, *[None] * 7), (2027, *[None] * 4, 5.0, None, None)])
    assert "5 MW" in charts.power_chart(full(tables={"power_by_year": power}))


def test_more_than_seven_groups_fold_into_others():
    rows = [(f"operator {k}", 2027, float(10 - k)) for k in range(10)]
    data = full(tables={"grid_power": report_table("grid_power", rows)})
    markup = sections.stacked(data, "grid_power", ("grid_operator",), "facility_mw", claim="c", sub="s.", unit="MW")
    assert ">others<" in markup
    assert "operator 9" in markup  # in the table twin


def test_a_very_long_name_is_shortened_at_once():
    from time import perf_counter

    from offtake.report.svg.draw import shorten, text_width

    start = perf_counter()
    short = shorten("x" * 200_000, 300)
    assert perf_counter() - start < 0.5
    assert text_width(short) <= 300 < text_width(short.replace("…", "xx…"))
    assert shorten("." * 200, 300).endswith("…")


def test_a_long_label_goes_on_on_a_second_line():
    drawing = Drawing("r", 1040.0, height_of_ribbon(1), "t", "d")
    step = "100 MW of IT power more under the contract"
    row = RibbonRow(name="a", unit="USD", kind="power", colour=0, cells=(Cell(binds=True),), worth="$1 bn", step=step)
    drawn = ribbon(drawing, ["2027-Q1"], [row])
    assert "…" not in drawn
    assert all(word in drawn for word in step.split())


def test_the_labels_of_a_sankey_stay_inside():
    """Right of the last column there is room for the longest label, and below the lowest node for half a line."""
    names = [f"serving {k}" for k in ("agentic", "assistant", "batch", "idle or unavailable")]
    links = [Link(stage=0, source="chip", target=n, amount=10.0 ** (3 - k)) for k, n in enumerate(names)]
    notes = dict.fromkeys(names, "1.42 GW-years → 5,460 T tok")
    drawn = sankey(Drawing("s", 1040.0, 300.0, "t", "d"), links, amount=str, notes=notes)
    at = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)<', drawn)
    assert len(at) >= 2 * len(names)
    assert all(float(x) + text_width(words, 11) <= 1040.0 for x, _, words in at)
    assert all(0.0 < float(y) <= 300.0 - 4.0 for _, y, _ in at)


def test_a_year_that_begins_in_the_middle_of_another_has_its_own_head():
    periods = ["2030-H1", "2030-H2", "2031-H1", *(f"{y}/{y - 1999}" for y in range(2031, 2041))]
    row = RibbonRow(name="x", unit="", kind="site", colour=0, cells=tuple(Cell(binds=False) for _ in periods))
    drawn = ribbon(Drawing("ribbon", 1016.0, 120.0, "t", "d"), periods, [row])
    heads = re.findall(r">([^<>]*)</text>", drawn)
    assert {"2030", "31/32", "40/41"} <= set(heads)
