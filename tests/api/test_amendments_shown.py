"""What an amendment gave and got: in the answer, on the terminal and in the report, from one settlement."""

from __future__ import annotations

from pathlib import Path

import pytest

import offtake
from offtake.cli.summary import print_summary
from offtake.report.page import render

EXAMPLE = Path(__file__).parents[2] / "examples" / "first-site.yaml"
AMENDMENT = """  amendments:
    - from: 2028-07-01
      why: cheaper hours
      changes: {rent: {prices: {trainium2: 0.85 USD/chip-h}}}
      fee: 10 M USD
      payer: provider

"""


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    text = EXAMPLE.read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("scenario") / "amended.yaml"
    at = text.index("terminal:")
    path.write_text(text[:at].rstrip() + "\n" + AMENDMENT + text[at:], encoding="utf-8")
    return offtake.plan(path, cases=False, gap=0.02)


def test_the_answer_tells_what_each_side_got(answer):
    (one,) = answer.document["amendments"]
    assert (one["number"], one["since"], one["why"]) == (2, "2028-07-01", "cheaper hours")
    gets = {party: sums["usd"] for party, sums in one["parties"].items()}
    assert gets["offtaker"] > 10e6
    assert gets["provider"] == pytest.approx(-gets["offtaker"])
    for party, usd in gets.items():
        assert usd == pytest.approx(sum(c["usd"] for c in one["clauses"] if c["party"] == party), abs=0.01)


def test_the_summary_and_the_report_show_it(answer, capsys):
    print_summary(answer, None, report=False)
    assert "What each amendment gave and got" in capsys.readouterr().out
    page = render(answer.report_data)
    assert "What each amendment gave and got" in page
    assert "cheaper hours" in page
    assert "What relief changes" not in page
