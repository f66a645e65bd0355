"""Fans and dot plots put quantiles where they belong, keep inside their frame, and let chances be counted."""

from __future__ import annotations

import itertools
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offtake.outlook.quantiles import dot_levels, quantiles
from offtake.report.svg.axes import spread
from offtake.report.svg.dots import Mark, dots, dots_table
from offtake.report.svg.draw import FILLS, MUTED, Drawing, text_width
from offtake.report.svg.fan import Fan, fan, fan_table

from .sample import periods

GOLDEN = Path(__file__).parent / "golden"
SVG = "{http://www.w3.org/2000/svg}"


def drawing(ident="x", width=640.0, height=340.0):
    return Drawing(ident, width, height, "A title", "A description")


def a_fan(spread_y=0.12, *, samples=3, stated=True) -> Fan:
    """A level known today that may drift apart, on a grid of quarters, half-years and years."""
    rows = periods()
    edges = [start.year + (start.month - 1) / 12 for _, start, _ in rows] + [
        rows[-1][2].year + (rows[-1][2].month - 1) / 12
    ]
    years = np.array([(a + b) / 2 - edges[0] for a, b in itertools.pairwise(edges)])
    normal = {"p10": -1.2816, "p25": -0.6745, "p50": 0.0, "p75": 0.6745, "p90": 1.2816}
    bands = {key: tuple(np.exp(z * spread_y * years).round(6).tolist()) for key, z in normal.items()}
    drift = [tuple(np.exp(z * spread_y * years).round(6).tolist()) for z in np.linspace(-1, 1.4, samples)]
    return Fan(
        periods=tuple(label for label, _, _ in rows),
        edges_y=tuple(edges),
        samples=tuple(drift),
        paths=256,
        stated=(1.0,) * len(rows) if stated else (),
        **bands,
    )


MONTHS = (0.0,) * 6 + (3.0,) * 5 + (6.0,) * 4 + (9.0,) * 2 + (12.0, 18.0, 24.0)

PICTURES = {
    "fan": lambda: fan(drawing("fan"), a_fan(), unit="× the scenario's value"),
    "fan_narrow": lambda: fan(drawing("fan-narrow", 320.0, 260.0), a_fan(0.01, stated=False), unit="USD/MWh"),
    "dots": lambda: dots(
        drawing("dots", height=220.0), MONTHS, unit="months later", mark=Mark(value=6.0, name="in time")
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_as_they_were(name):
    """Look at the picture before renewing a golden file (OFFTAKE_RENEW=1)."""
    markup = PICTURES[name]() + "\n"
    path = GOLDEN / f"{name}.svg"
    if os.environ.get("OFFTAKE_RENEW"):
        path.write_text(markup, encoding="utf-8", newline="\n")
    assert markup == path.read_text(encoding="utf-8")


def _texts(markup):
    found = []
    for e in ET.fromstring(markup).iter(f"{SVG}text"):
        size, words = float(e.get("font-size")), "".join(e.itertext())
        wide = text_width(words, size, bold=e.get("font-weight") is not None)
        left = float(e.get("x")) - {"start": 0.0, "middle": wide / 2, "end": wide}[e.get("text-anchor", "start")]
        found.append((words, left, left + wide, float(e.get("y")), size))
    return found


WIDE = {
    **PICTURES,
    "level": lambda: fan(drawing(), a_fan(0.0), unit="x"),
    "huge": lambda: fan(drawing(), a_fan(2.0), unit="tokens", zero=True),
    "one value": lambda: dots(drawing(), (5.0,) * 20, unit="x", mark=Mark(value=5.0, name="stated")),
    "all below": lambda: dots(
        drawing(height=200.0), tuple(range(20)), unit="x", mark=Mark(value=90.0, name="a long name of a limit")
    ),
    "skewed": lambda: dots(drawing(), tuple(np.exp(np.linspace(-3, 6, 20))), unit="x"),
    "hundred": lambda: dots(
        drawing(), tuple(np.linspace(-1, 1, 100) ** 3), unit="x", mark=Mark(value=0.0, name="zero")
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_every_mark_is_inside_and_no_words_touch(name):
    markup = WIDE[name]()
    root = ET.fromstring(markup)
    width, height = float(root.get("width")), float(root.get("height"))
    texts = [t for t in _texts(markup) if t[0]]
    for words, left, right, y, _ in texts:
        assert left >= -1, words
        assert right <= width + 1, words
        assert 0 < y <= height, words
    for (a, l1, r1, y1, s1), (b, l2, r2, y2, s2) in itertools.combinations(texts, 2):
        assert abs(y1 - y2) >= 0.8 * min(s1, s2) or r1 <= l2 + 0.5 or r2 <= l1 + 0.5, f"{a} | {b}"
    for c in root.iter(f"{SVG}circle"):
        x, y, r = (float(c.get(k)) for k in ("cx", "cy", "r"))
        assert r - 0.01 <= x <= width - r + 0.01
        assert r - 0.01 <= y <= height


def _paths(markup, **attributes):
    found = [
        e
        for e in ET.fromstring(markup).iter(f"{SVG}path")
        if all(e.get(k.replace("_", "-")) == v for k, v in attributes.items())
    ]
    return [[tuple(map(float, p.split())) for p in re.split("[ML]", e.get("d").rstrip("Z"))[1:]] for e in found]


def test_the_median_stands_at_the_middles_of_the_periods_on_a_scale_of_time():
    shown = a_fan()
    (median,) = _paths(fan(drawing(), shown, unit=""), stroke_width="2.6")
    x = np.array([p[0] for p in median])
    per_year = np.diff(x) / np.diff(shown.places_y)
    assert per_year == pytest.approx(per_year[0], rel=0.02), "a year of quarters is as wide as a year"
    assert len({round(p[1], 1) for p in median}) == 1, "the median of this fan is level"


def test_a_balance_stands_where_it_is_struck():
    shown = replace(a_fan(), at_y=a_fan().edges_y[1:])
    (median,) = _paths(fan(drawing(), shown, unit=""), stroke_width="2.6")
    (middle,) = _paths(fan(drawing(), a_fan(), unit=""), stroke_width="2.6")
    per_year = (middle[-1][0] - middle[0][0]) / (a_fan().places_y[-1] - a_fan().places_y[0])
    half = np.diff(shown.edges_y) / 2 * per_year
    assert np.array([p[0] for p in median]) - [p[0] for p in middle] == pytest.approx(half, abs=0.2)


def test_bands_hold_their_quantiles():
    shown = a_fan()
    markup = fan(drawing(), shown, unit="")
    outer, inner = (_paths(markup, fill_opacity=opacity)[0] for opacity in ("0.16", "0.22"))
    count = len(shown.periods)
    for band, low, high in ((outer, shown.p10, shown.p90), (inner, shown.p25, shown.p75)):
        assert len(band) == 2 * count
        tall = np.array([band[2 * count - 1 - k][1] - band[k][1] for k in range(count)])
        amount = np.array(high) - np.array(low)
        assert tall == pytest.approx(amount * tall[-1] / amount[-1], abs=0.2)
    assert len(_paths(markup, stroke=MUTED, stroke_width="0.9", fill="none")) == 3, "sample paths, and not their key"


def test_the_table_of_a_fan_holds_what_is_drawn():
    table = fan_table(a_fan(), "growth", unit="", title="Growth")
    assert [c.name for c in table.columns] == [
        "period",
        "p10",
        "p25",
        "p50",
        "p75",
        "p90",
        "stated",
        "sample_1",
        "sample_2",
        "sample_3",
    ]
    assert tuple(table["p90"].tolist()) == a_fan().p90
    assert len(table) == 19
    assert "stated" not in fan_table(a_fan(stated=False), "growth", unit="", title="")


def _columns(markup):
    """Dots by their horizontal place."""
    circles = [(float(c.get("cx")), float(c.get("r"))) for c in ET.fromstring(markup).iter(f"{SVG}circle")]
    places = sorted({x for x, _ in circles})
    return places, [sum(x == place for x, _ in circles) for place in places], circles[0][1]


def test_there_is_a_dot_for_each_share_and_none_hides_another():
    for name in ("dots", "one value", "skewed", "hundred"):
        markup = WIDE[name]()
        places, counts, radius = _columns(markup)
        assert sum(counts) == (100 if name == "hundred" else 20)
        assert min((b - a for a, b in itertools.pairwise(places)), default=99) >= 2 * radius - 0.02
        circles = [(c.get("cx"), c.get("cy")) for c in ET.fromstring(markup).iter(f"{SVG}circle")]
        assert len(set(circles)) == len(circles)


def test_dots_are_counted_on_either_side_of_the_mark():
    markup = PICTURES["dots"]()
    line = float(re.search(r'd="M([\d.]+) [^"]*" stroke="#a16c0a"', markup).group(1))
    places, counts, _ = _columns(markup)
    assert sum(n for x, n in zip(places, counts, strict=True) if x < line) == sum(v < 6.0 for v in MONTHS) == 11
    assert "in time: 11 of 20 below" in markup


def test_dots_of_paths_tell_their_chances():
    months, chance = np.array([0.0, 3.0, 12.0]), np.array([0.5, 0.4, 0.1])
    values = tuple(quantiles(months, chance, dot_levels()).tolist())
    _, counts, _ = _columns(dots(drawing(), values, unit="months"))
    assert counts == [10, 8, 2]
    table = dots_table(values, "delay", unit="month", title="Delay")
    assert table["share"][:2].tolist() == pytest.approx([0.025, 0.075])
    assert sorted(table["value"].tolist()) == sorted(values)


def test_no_values_draw_an_empty_frame():
    assert "circle" not in dots(drawing(), (), unit="x")


def test_places_held_at_an_edge_push_their_neighbours():
    rng = np.random.default_rng(0)
    for _ in range(200):
        places = rng.uniform(-20, 120, rng.integers(1, 9)).tolist()
        found = spread(places, 12.0, 0.0, 100.0)
        ordered = [found[i] for i in np.argsort(places, kind="stable")]
        assert min((b - a for a, b in itertools.pairwise(ordered)), default=12.0) >= 12.0 - 1e-9
        assert min(found) >= -1e-9
        assert max(found) <= 100.0 + 1e-9


def test_stated_and_median_differ_in_more_than_colour():
    markup = PICTURES["fan"]()
    assert f'stroke="{FILLS[3]}" stroke-width="2" stroke-dasharray="5 7"' in markup
    assert ">as stated<" in markup
    assert ">median<" in markup
