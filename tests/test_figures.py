"""The tool that makes the figures in the docs again: its passages stand in their pages, and it changes nothing but figures."""

from __future__ import annotations

import doctest
import importlib
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

import offtake
from offtake.spec.overlay import Changes

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("__main__", "answer", "pages", "passages", "runs", "values_base", "values_futures", "variants", "words")


@pytest.fixture(scope="module")
def tool():
    """Load the modules of tools/figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield SimpleNamespace(**{name: importlib.import_module(f"tools.figures.{name}") for name in MODULES})


def test_every_passage_stands_once_in_its_page_and_no_figure_is_written_twice(tool):
    spans = {}
    for passage in (*tool.passages.passages(), *(quoted for quoted, _ in tool.words.QUOTED)):
        for figure in tool.pages.find(passage, (ROOT / passage.page).read_text("utf-8")):
            spans.setdefault(passage.page, []).append(figure.span)
    assert sum(map(len, spans.values())) > 200
    for found in spans.values():
        ordered = sorted(found)
        assert all(one[1] <= other[0] for one, other in pairwise(ordered))


@pytest.mark.parametrize("module", ["pages", "passages"])
def test_examples_of_the_tool_hold(tool, module):
    tried = doctest.testmod(getattr(tool, module))
    assert (tried.failed, tried.attempted > 0) == (0, True)


def test_a_figure_is_written_as_its_page_writes_it(tool):
    page = (
        "# first\n# of 1,250 USD/ZFLOP, **16,000** tokens, −75 to\n"
        "# +523 bn, 4.90 GW in 2027-Q3, 0.27e18, from 2029 on, 7 %\n"
    )
    text = "of {a:-1} USD/ZFLOP, **{b:-3}** tokens, {c} to {d} bn, {e} GW in {f:w}, {g}e18, from {h} on, {i} %"
    found = tool.pages.find(tool.pages.Passage("page.md", text), page)
    values = {
        "a": 1283.4,
        "b": 17098.0,
        "c": 3.2,
        "d": -0.4,
        "e": 4.937,
        "f": "2027-Q4",
        "g": 0.2763,
        "h": 2030,
        "i": 1234.0,
    }
    assert tool.pages.written(page, found, values) == (
        "# first\n# of 1,280 USD/ZFLOP, **17,000** tokens, 3 to\n# 0 bn, 4.94 GW in 2027-Q4, 0.28e18, from 2030 on, 1,234 %\n"
    )
    rows = tool.pages.rows_of(found, {**values, "e": 4.9049, "h": 2029})
    assert [(figure.name, figure.was, now) for figure, now in rows][-2:] == [("g", "0.27", "0.28"), ("i", "7", "1,234")]
    assert "e" not in {figure.name for figure, _ in rows}


@pytest.mark.parametrize(("page", "times"), [("so 98 of 245 bn", "does not stand"), ("1 bn, 2 bn", "stands 2 times")])
def test_a_passage_that_does_not_stand_once_is_named(tool, page, times):
    passage = tool.pages.Passage("page.md", "{a} bn" if "," in page else "so {a} of the {b} bn")
    with pytest.raises(tool.pages.PageError, match=f"page.md: this passage {times} in its page.*{passage.text}"):
        tool.pages.find(passage, page)


def test_every_variant_changes_what_it_says(tool):
    """Paths that the example no longer has are mistakes of the overlay; what is left out of a case stays as in the base."""
    base = offtake.load(ROOT / tool.variants.SCENARIO, overlays=[Changes("one path", "outlook.paths: 1")]).scenario
    worlds = {
        variant.name: offtake.load(
            ROOT / tool.variants.SCENARIO,
            overlays=[Changes(variant.name, text) for text in tool.runs.overlays_of(variant)],
        ).scenario
        for variant in tool.variants.VARIANTS
        if not variant.name.startswith("research-1")  # as research-2500
    }
    assert [name for name, world in worlds.items() if world == base] == ["base"]
    high = worlds["high-volumes"]
    assert (high.training, high.research, high.parties) == (base.training, base.research, base.parties)
    assert worlds["futures"].outlook.paths > 1


@pytest.fixture
def reader(tool):
    """Two periods, the second twice as long and over the turn of the year; 95 MW of the provider's own and 40 MW rented."""
    return tool.answer.Reader(
        {
            "document": {"energised_mw": {"a": {"one": 100.0, "two": 160.0}, "b": {"one": 50.0, "two": 50.0}}},
            "periods": [
                {"period": "one", "start": "2026-07-01", "end": "2026-10-01"},
                {"period": "two", "start": "2026-10-01", "end": "2027-04-01"},
            ],
            "chips": {"x": {"availability_frac": 0.95}},
            "work": [
                {"by": "own", "chip": "x", "kind": "research", "what": "", "at_work_mw": [95.0, 95.0]},
                {"by": "own", "chip": "x", "kind": "resale", "what": "", "at_work_mw": [10.0, 10.0]},
                {"by": "else", "chip": "x", "kind": "serve", "what": "chat", "at_work_mw": [40.0, 80.0]},
            ],
            "demand": [{"class": "chat", "wanted_tok": [100.0, 182.0], "served_tok": [100.0, 91.0]}],
        }
    )


def test_years_are_weighed_by_their_days(reader):
    """2026 has 92 days of each period: the mean of 95 and 95 with 40 and 80 is 95 + 60; own chips stand for 100."""
    assert reader.mean(reader.at_work_mw(), 2026) == pytest.approx(155.0)
    assert reader.mean(reader.standing_mw(), 2026) == pytest.approx(160.0)
    assert reader.mean(reader.needed_mw(lambda row: row["kind"] == "serve"), 2027) == pytest.approx(80.0 / 0.95)


def test_what_is_not_served_is_counted_by_year(reader):
    """Of 282 wanted 191 are served; in 2027, of 90 days with one token wanted a day, a half."""
    assert reader.unserved() == pytest.approx(1 - 191 / 282)
    assert reader.unserved("chat", 2027) == pytest.approx(0.5)


def test_the_steepest_rise_is_told_by_the_month(tool, reader):
    """From 100 to 160 MW over a period of six months: 10 MW a month, at the site and, where the other stands still, in all."""
    assert tool.values_base.ramp(reader) == {
        "ramp_site_mw": pytest.approx(10.0),
        "ramp_site": "a",
        "ramp_site_year": 2026,
        "ramp_all_mw": pytest.approx(10.0),
        "ramp_all_year": 2026,
        "ramp_all_sites": 1,
    }


def test_values_drawn_again_lie_around_the_value(tool):
    """Of a hundred equal values none differs; of two, 0 and 10, at level 50 % half weighed, an ordered pair a ≤ b is worth (3 a + b) / 4.

    Drawn again it is 0, 2.5 or 10 with probability 1/4, 1/2 and 1/4: two times in three it lies between 0 and 10.
    """
    facts = {"fresh_usd": [3.0] * 100, "document": {"risk": {"parts": [{"weight_frac": 1.0, "level_frac": 0.9}]}}}
    assert tool.values_futures.drawn_again(facts) == pytest.approx((3.0, 3.0))
    parts = [{"weight_frac": 0.5, "level_frac": 0.0}, {"weight_frac": 0.5, "level_frac": 0.5}]
    facts = {"fresh_usd": [0.0, 10.0], "document": {"risk": {"parts": parts}}}
    assert tool.values_futures.drawn_again(facts) == pytest.approx((0.0, 10.0))


def test_the_tool_writes_what_differs_and_checks_without_writing(tool, tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text("The gain is\n240 bn, the cloud's 98.\n", "utf-8")
    passage = tool.pages.Passage("page.md", "gain is {gain} bn, the cloud's {cloud_gain}.")
    main = tool.__main__
    monkeypatch.setattr(main, "ROOT", tmp_path)
    monkeypatch.setattr(main, "passages", lambda: [passage])
    monkeypatch.setattr(main, "QUOTED", [])
    monkeypatch.setattr(main, "words_of", lambda values: [f"a third: {values['cloud_gain'] / values['gain']:.2f}"])
    monkeypatch.setattr(main, "facts_of_all", lambda _: {})
    monkeypatch.setattr(main, "values_of", lambda _: {"gain": 245.06, "cloud_gain": 88.4})
    assert main.main(["--check"]) == 1
    assert page.read_text("utf-8") == "The gain is\n240 bn, the cloud's 98.\n"
    printed = capsys.readouterr().out
    assert "2 figures, 2 of them" in printed
    assert printed.count("gain is {gain} bn") == 1  # for the cloud's 98, not for the gain's 2 %
    assert "a third: 0.36" in printed
    assert main.main([]) == 0
    assert page.read_text("utf-8") == "The gain is\n245 bn, the cloud's 88.\n"
    assert main.main(["--check"]) == 0
    page.write_text("The gain is lost.\n", "utf-8")
    assert main.main([]) == 2
    assert "gain is {gain} bn" in capsys.readouterr().err
