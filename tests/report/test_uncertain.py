"""Page 1 of a plan under uncertainty: true sentences, pictures that show the shares, nothing of it where there is one path."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from offtake.report import charts, charts_paths, figures, sentences, sentences_answer, sentences_paths
from offtake.report.data import report_table
from offtake.report.page import render

from .sample import full
from .sample_paths import CHANCES, LOANS, MORE, NEEDS, PATH_ROWS, RATES, SPENT, VALUES, WORKS, uncertain

SVG = "{http://www.w3.org/2000/svg}"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def page():
    return render(uncertain())


def test_page_one_of_one_path_says_nothing_of_paths():
    found = render(full())
    assert 'id="worth"' not in found
    assert "fresh path" not in found


def test_out_of_sample_comes_first_and_with_its_interval(page):
    claim = "On 20 fresh paths the plan is worth $31.9 bn on average, $18.4 bn to $45.4 bn with 95 % confidence; on the 6 paths"
    assert sentences_paths.worth(uncertain()).startswith(claim)
    text = re.sub(r"<[^>]+>", " ", page)
    assert (
        text.index("objective on 20 fresh paths") < text.index("Accepted power grows") < text.index("On 20 fresh paths")
    )
    assert "an upper value between two stages" in text
    assert "an upper one between two stages" in text
    assert "never knowing" not in text
    assert "Foresight" in text
    assert "multistage" in text


def test_headline_figures_reach_from_the_worst_path_to_the_best_and_the_mean_of_fresh_ones_has_its_interval(page):
    found = re.findall(r'<b>([^<]*)</b><span class="reach">([^<]*)</span>', page.replace("\N{NO-BREAK SPACE}", " "))
    gains = [0.61 * v / 1e9 for v in VALUES]
    assert found[1][1].replace("\N{WORD JOINER}", "") == f"−${-min(gains):.3g} to ${max(gains):.3g} bn by path"
    assert found[3] == ("$31.9 bn", "95 %: $18.4 to $45.4 bn")
    assert len(found) == 8


def test_funds_the_commitment_and_returns_stand_beside_the_gains(page):
    """By hand: means weighted by the paths' probabilities, from the lowest to the highest of them."""
    text = " ".join(
        re.sub(r"<[^>]+>", " ", page).replace("\N{NO-BREAK SPACE}", " ").replace("\N{WORD JOINER}", "").split()
    )
    need = sum(w * v for w, v in zip(CHANCES, NEEDS, strict=True)) / 1e9
    assert (
        f"${need:.3g} bn $4 to $90 bn by path largest funding need of the developer before equity, loans and interest"
        in text
    )
    loan = sum(w * v for w, v in zip(CHANCES, LOANS, strict=True)) / 1e9
    assert f"; its emergency loan: up to $120 bn on the worst path, ${loan:.3g} bn on average" in text
    planned = sum(w * v for w, v in zip(CHANCES, SPENT, strict=True)) / 1e9
    assert (
        f"$36 bn ${planned:.3g} bn planned, $141 to $199 bn by path firm: owed by the developer whatever happens"
        in text
    )
    works = 100 * sum(w * v for w, v in zip(CHANCES, WORKS, strict=True))
    assert f"{works:.2g} % 6.1 to 16 % by path rate of return (IRR) of the cloud’s infrastructure, after tax" in text
    own = 100 * sum(w * v for w, v in zip(CHANCES, RATES, strict=True) if v is not None) / (1 - CHANCES[0])
    assert f"; of the developer {own:.2g} % before tax, 9 to 46 % by path, defined on 90 % of the probability" in text


def test_a_rate_that_few_paths_have_is_no_mean_of_the_plan():
    few = {"parties.offtaker.irr": {"share_frac": 0.3, "reason": "no rate brings the value to zero"}}
    told = figures.returns(uncertain(document={**uncertain().document, "partly_defined": few}))
    assert told.words.endswith("after tax, on average; the developer has one on 30 % of the probability only")


def test_without_a_loan_a_contract_or_a_rate_nothing_of_them_is_said():
    parties = {"offtaker": {"npv_usd": 1e9, "funding_need_usd": 0.0, "planned_spend_usd": 0.0, "firm_commitment_usd": None, "irr": None},
               "provider": {"npv_usd": 1e9, "infrastructure": {"irr": None}}}  # fmt: skip
    why = {
        "parties.provider.infrastructure.irr": "there is no cash flow",
        "parties.offtaker.irr": "there is no cash flow",
    }
    data = full(document={**full().document, "parties": parties, "reasons": why})
    shown = {one.words: one.amount for one in figures.every(data)}
    assert not any("firm" in words or "emergency" in words for words in shown)
    (rate,) = (words for words in shown if "IRR" in words)
    assert rate.endswith("after tax: there is no cash flow; the developer has none")
    assert shown[rate] == "–"
    assert (
        figures.commitment(
            full(document={**full().document, "parties": {**parties, "offtaker": {"planned_spend_usd": 2e9}}})
        ).amount
        == "–"
    )


def test_what_binds_says_on_how_many_paths():
    shown = dict(sentences_answer.limits(uncertain()))
    assert shown["interconnection at new-carlisle"].startswith(
        "binds in 12 of 19 periods, first in 2026-Q4, on all paths"
    )
    assert "on at most 80 % of the paths" in shown["supply of trainium3"]


def test_in_sample_value_never_stands_alone():
    value = {**MORE["value"], "out_of_sample_mean_usd": None, "out_of_sample_ci95_usd": None, "evaluator": None}
    reasons = {"value.out_of_sample_mean_usd": "the plan was stopped before it was valued on fresh paths"}
    stopped = uncertain(document={**uncertain().document, "value": value, "reasons": reasons})
    assert sentences_paths.worth(stopped) == (
        "The plan’s value is known in sample only, on the 6 paths that it was made for, $35.1 bn: the plan was stopped before it was "
        "valued on fresh paths."
    )
    render(stopped)


def test_one_pair_has_no_interval_and_failed_paths_are_told():
    why = "one pair of fresh paths gives no interval"
    value = {**MORE["value"], "out_of_sample_ci95_usd": None, "out_of_sample_paths": 2, "out_of_sample_failed": 4}
    lone = uncertain(
        document={**uncertain().document, "value": value, "reasons": {"value.out_of_sample_ci95_usd": why}}
    )
    said = sentences_paths.worth(lone)
    assert said.startswith(f"On 2 fresh paths the plan is worth $31.9 bn on average, without an interval ({why});")
    assert "4 further fresh paths are left out" in said
    assert "left out" not in sentences_paths.worth(uncertain())
    render(lone)


def test_what_is_in_sample_and_what_is_relaxed_is_told(page):
    text = re.sub(r"<[^>]+>", " ", page).replace("\N{NO-BREAK SPACE}", " ")
    for words in (
        "mean over the 6 paths of the plan",
        "on the 6 paths of the plan",
        sentences_paths.RELAXED,
        "single paths go deeper",
        "neither in funding nor in foresight",
    ):
        assert words in text, words


def test_each_value_of_information_is_a_row_in_words():
    rows = {what: amount for what, amount, _ in sentences_paths.worth_rows(uncertain())}
    assert rows["The hedge"] == "$2.6 bn"
    assert rows["Perfect information"] == "$4.1 bn"
    assert rows["Waiting until 2y"] == "$1.9 bn"
    assert rows["Risk-adjusted, out of sample"] == "−$2 bn"
    assert rows["Risk-adjusted, in sample"] == "$22.7 bn"
    assert "On 20 fresh paths, the worst 10 % is worth −$14 bn on average." in sentences_paths.paths(uncertain())
    assert rows["Optimality gap"] == "not estimated"


def test_the_stressed_probabilities_stand_in_one_line():
    assert sentences_paths.risk(uncertain()) == (
        "Risk counts as 70 % of the mean and 30 % of the mean of the worst 10 % of the probability: −$2 bn on 20 fresh paths, $22.7 bn on "
        "the 6 paths of the plan. Of the fresh paths that tail is 2: a rough figure, without an interval. "
        "In sample it is the mean as if path 0 had 37 % of the probability instead of 10 % and 5 others less "
        "than sampled."
    )
    many = {**uncertain().document, "value": {**uncertain().document["value"], "out_of_sample_paths": 200}}
    assert "a rough figure" not in sentences_paths.risk(uncertain(document=many))
    neutral = {**MORE["risk"], "measure": "expectation", "stressed_probabilities": list(CHANCES)}
    data = uncertain(document={**uncertain().document, "risk": neutral})
    assert sentences_paths.risk(data) == "Risk counts as the mean alone: every path with its own probability."


def test_what_is_fixed_now_is_a_share_of_all_that_is_decided():
    rows = PATH_ROWS["stage_decisions"]()
    whole = sum(r[3] * r[7] for r in rows)
    assert f"{100 * rows[0][7] / whole:.0f} % of the power" in sentences_paths.decided(uncertain())
    alone = uncertain(tables={**uncertain().tables, "stage_decisions": report_table("stage_decisions", rows[:1])})
    assert sentences_paths.decided(alone) == (
        "Fixed now: 100 % of the power that is begun over the horizon and 100 % of the chips that are ordered over the horizon."
    )


def test_every_path_has_one_row_worst_first(page):
    section = re.search(r'<section class="figure" id="paths">.*?</section>', page, re.DOTALL)[0]
    body = re.search(r"<tbody>(.*?)</tbody>", section, re.DOTALL)[1]
    assert len(re.findall("<tr", body)) == len(VALUES)
    assert body.index("token price 35 % lower") < body.index("near the central path") < body.index("70 % higher")


def test_the_ribbon_is_filled_as_high_as_the_share_of_the_paths():
    drawn = ET.fromstring(charts.bottleneck_ribbon(uncertain()))
    whole = charts.bottleneck_ribbon(full())
    cells = [e for e in drawn.iter(f"{SVG}rect") if e.get("height") and e.get("fill-opacity") is None]
    heights = {
        round(float(e.get("height")) / 28.0, 2) for e in cells if float(e.get("height")) > 4.5 and e.get("rx") == "1.5"
    }
    assert {1.0, 0.8, 0.55, 0.35, 0.25} <= heights
    assert "binds on half of the paths" not in whole
    assert "Worth of one step more" in whole
    words = " ".join(e.text or "" for e in drawn.iter(f"{SVG}text"))
    assert "binds on half of the paths" in words
    assert "up to 55 % of paths" in words


def test_the_sentence_of_limits_counts_periods_and_paths():
    assert (
        sentences.bottleneck(uncertain())
        == "Interconnection at new-carlisle binds most often: in 12 of 19 periods, on all paths."
    )
    rows = [r for r in PATH_ROWS["binding"]() if r[0].startswith("supply")]
    some = uncertain(tables={**uncertain().tables, "binding": report_table("binding", rows)})
    assert sentences.bottleneck(some) == (
        "Supply of trainium3 binds most often: in 7 of 19 periods on some path, in none on all, at most on 80 % of the paths, in 2027-Q2."
    )


@pytest.mark.parametrize("name", [*charts_paths.FANS, "dots-offtaker", "ribbon-paths"])
def test_charts_of_paths_are_as_they_were(name):
    """Look at the picture before renewing a golden file (OFFTAKE_RENEW=1)."""
    data = uncertain()
    drawn = {
        "dots-offtaker": lambda: charts_paths.dots_chart(data, "offtaker"),
        "ribbon-paths": lambda: charts.bottleneck_ribbon(data),
    }
    markup = drawn.get(name, lambda: charts_paths.fan_chart(data, name))() + "\n"
    path = GOLDEN / (f"{name}.svg" if name in drawn else f"fan-{name}.svg")
    if os.environ.get("OFFTAKE_RENEW"):
        path.write_text(markup, "utf-8")
    assert markup == path.read_text("utf-8")


@pytest.mark.parametrize("name", PATH_ROWS)
def test_a_report_without_one_of_the_tables_is_still_whole(name):
    tables = {n: t for n, t in uncertain().tables.items() if n != name}
    assert "<h1>" in render(uncertain(tables=tables))
