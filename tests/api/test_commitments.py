"""Commitments of a planned contract: kinds, make-up, credits, and what is owed with relief and without."""

from __future__ import annotations

from pathlib import Path

import pytest

import offtake
from offtake.cli.summary import print_summary

EXAMPLE = Path(__file__).parents[2] / "examples" / "first-site.yaml"
CLAUSES = """  clauses:
    - {kind: chip_price, id: rent, interval: year, prices: {trainium2: 1.05 USD/chip-h}}
    - kind: take_or_pay
      id: minimum
      interval: year
      make_up: {lasts: 1}
      tranches:
        - {id: one, chip: trainium2, count: 20 k chip, minimum: 80 %, price: 1.00 USD/chip-h}
        - {id: two, chip: trainium2, count: 60 k chip, start: 2026-10-01, minimum: 80 %, price: 1.00 USD/chip-h}
    - {kind: delivery_delay, id: late, of: minimum, interval: year, remedy: {grace: 30 days, credit: 10 %, cap: 5 M USD}}
    - {kind: reservation, id: reserve, interval: year, tranches: [{id: burst, it_power: 5 MW, rate: 0.5 M USD/MW-y}]}
    - {kind: spend_commitment, id: floor, interval: year, floors: [900 M USD, 300 M USD], counts: {rent: 100 %, minimum: 100 %}}

"""


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    text = EXAMPLE.read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("scenario") / "late.yaml"
    start, end = text.index("  clauses:\n"), text.index("terminal:")
    path.write_text(text[:start] + CLAUSES + text[end:], encoding="utf-8")
    return offtake.plan(path, cases=False, gap=0.02)


def rows(answer):
    return {(c["clause"].removeprefix("first."), c["scope"]): c for c in answer.document["commitments"]}


def test_every_kind_stands_in_the_table(answer):
    kinds = {c["kind"] for c in answer.document["commitments"]}
    assert kinds == {"take_or_pay", "spend_commitment", "reservation", "delivery"}


def test_relief_is_shown_both_ways_for_the_same_quantities(answer):
    floor = rows(answer)["floor", "interval"]
    assert floor["with_relief_usd"] == pytest.approx(floor["true_up_usd"])
    assert floor["without_relief_usd"] > floor["with_relief_usd"] + 1e6
    assert floor["without_relief_usd"] <= floor["with_relief_usd"] + floor["relief_usd"] + 1


def test_relief_deliveries_and_amendments_have_tables(answer):
    floor, late = rows(answer)["floor", "interval"], rows(answer)["late", "two"]
    relief = answer.tables["relief_changes"].where(scope="interval")
    assert relief["without_relief_usd"].sum() == pytest.approx(floor["without_relief_usd"])
    assert relief["without_relief_usd"].tolist() == pytest.approx([k["without_relief_usd"] for k in floor["intervals"]])
    came = answer.tables["deliveries"].where(tranche="two")
    assert came["credit_usd"].sum() == pytest.approx(late["credit_usd"])
    assert len(answer.tables["concessions"]) == len(answer.document["amendments"]) == 0


def test_the_summary_shows_relief_both_ways_and_deliveries_apart(answer, capsys):
    print_summary(answer, None, report=False)
    shown = capsys.readouterr().out
    committed, delivered = shown.split("What is committed")[1].split("What is delivered")
    assert "Without relief" in committed
    assert "first.late" not in committed
    assert "first.late (two)" in delivered
    assert "Credit [M USD]" in delivered


def test_a_late_tranche_is_credited_up_to_its_cap(answer):
    late = rows(answer)["late", "two"]
    assert late["credit_usd"] == pytest.approx(5e6)
    assert late["true_up_usd"] == 0
    assert late["committed_usd"] - late["paid_usd"] == pytest.approx(late["shortfall_usd"])


def test_make_up_is_reported_at_its_close(answer):
    minimum = rows(answer)["minimum", "two"]
    assert minimum["make_up_unit"] == "chip_h"
    paid_for = minimum["credited_usd"] + minimum["make_up_lapsed_usd"] + minimum["make_up_held_usd"]
    assert paid_for == pytest.approx(minimum["true_up_usd"], abs=1)
