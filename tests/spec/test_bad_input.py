"""Every class of bad input: its code and its place to the character. The mark « stands where the caret must point."""

from __future__ import annotations

import pytest

# old part of the toy, new part with the mark, code, words of the message or the help
MISTAKES = [
    # keys
    ("    phase: 20 MW", "    «pahse: 20 MW", "E201", "did you mean `phase`"),
    ("    phase: 20 MW", "    «phase_mw: 20 MW\n    phase: 20 MW", "E201", "`phase: 500 MW`"),
    ("name: toy\n", "name: toy\n«colour: red\n", "E201", "unknown key `colour`"),
    ("{share: 60 %, price_factor: 1.1}", "{share: 60 %, price_factor: 1.1, «shade: 1}", "E201", "share"),
    ("    phase: 20 MW\n", "    phase: 20 MW\n    «phase: 30 MW\n", "E114", "the first is in line 21"),
    ("  - id: indiana\n    region: us\n", "  - «id: indiana\n", "E202", "`region` is missing"),
    ("objective:\n  discount_rate: 10 %/y", "objective: «{}", "E202", "discount_rate: 10 %/y"),
    ("volume: {points: {2026-07-01: 1 T tok/d, 2027-07-01: 2 T tok/d}, interpolation: geometric, low: 0.5, high: 1.5}", "volume: «{low: 0.5}", "E202", "`points` is missing"),  # noqa: E501
    ("cash: {value: 1.2 bn USD, low: 1 bn USD, high: 2 bn USD, assumption: equity}", "cash: «{low: 1 bn USD}", "E202", "`value` is missing"),  # noqa: E501
    ("    cash: {value: 1.2 bn USD, low", "    cash: {value: 1.2 bn USD, «lwo", "E201", "did you mean `low`"),
    # shapes
    ("regions: [us, eu]", "regions: «us", "E203", "expected a list, got text"),
    ("  discount_rate: 10 %/y", "  discount_rate: «[10 %/y]", "E203", "expected one value, got a list"),
    ("  offtaker: {name: Lab, discount_rate: 14 %/y, cash: 600 M USD}", "  offtaker: «x", "E203", "expected a mapping, got text"),
    ("title: A toy", "title: «{a: b}", "E203", "expected text, got a mapping"),
    ("prices: {tr2: 1.05 USD/chip-h}", "prices: «{}", "E210", "at least 1"),
    # words, flags, counts, dates, ids, texts
    ("{kind: revolver,", "{kind: «revolving,", "E204", "did you mean `revolver`"),
    ("interpolation: geometric", "interpolation: «geom", "E204", "linear, step or geometric"),
    ("offtake: 1", "offtake: «2", "E204", "format 1"),
    ("  signed: yes", "  signed: «true", "E204", "yes, no, decide"),
    ("    needs: run-1\n", "    needs: run-1\n    resident: «yes\n", "E205", "`true` or `false`"),
    ("quarters: 4", "quarters: «4.0", "E206", "whole number"),
    ("quarters: 4", "quarters: «" + "9" * 5000, "E206", "sensible"),
    ("quarters: 4", "quarters: «-1", "E306", "at least 0"),
    ("valuation_date: 2026-07-01", "valuation_date: «2026-02-30", "E207", "calendar"),
    ("valuation_date: 2026-07-01", "valuation_date: «01.07.2026", "E207", "2027-04-01"),
    ("valuation_date: 2026-07-01", "valuation_date: «0001-01-01", "E207", "1990"),
    ("  - id: ohio", "  - id: «ohio.1", "E208", "letters"),
    ("  - id: ohio", "  - id: «1st", "E208", "letter"),
    ("title: A toy", "title: «''", "E211", "leave the key out"),
    # units and numbers
    ("    phase: 20 MW", "    phase: «20", "E301", "`20 MW`"),
    ("    phase: 20 MW", "    phase: «20 MWx", "E302", "did you mean `MW`"),
    ("    phase: 20 MW", "    phase: «20 MWh", "E303", "write `20 MW`"),
    ("price: 2 USD/Mtok", "price: «2 USD/MWh", "E303", "money per token"),
    ("  discount_rate: 10 %/y", "  discount_rate: «10 %", "E303", "`10 %/y`"),
    ("    phase: 20 MW", "    phase: «twenty", "E304", "number"),
    ("    phase: 20 MW", "    phase: «20,5 MW", "E304", "comma"),
    ("    phase: 20 MW", "    phase: «20 to 30 MW", "E304", "low"),
    ("price: 8000 USD/chip", "price: «$8000", "E304", "`8000 USD`"),
    ("    phase: 20 MW", "    phase: «.nan", "E305", "finite"),
    ("    phase: 20 MW", "    phase: «-.inf", "E305", "finite"),
    ("    phase: 20 MW", "    phase: «1e999999999 MW", "E305", "range"),
    ("price: 8000 USD/chip", "price: «-8000 USD/chip", "E306", "at least 0"),
    ("goodput: 0.92", "goodput: «1.2", "E306", "at most 100 %"),
    ("pue: 1.15", "pue: «0.9", "E306", "at least 1"),
    ("tpot: 40 ms/tok", "tpot: «0 ms/tok", "E306", "more than 0"),
    ("    phase: 20 MW", "    phase: «0 MW", "E306", "more than 0 MW"),
    ("    phase: 20 MW", "    phase: 20 MW\n    max_phases: «-1", "E306", "at least 0"),
    ("    supply: 60000 chip/y\n    life: 5 years", "    supply: 60000 chip/y\n    life: «0 y", "E306", "more than 0 y"),
    ("cached: 50 %", "cached: «100 %", "E306", "at most 99.9 %"),
    ("price: 2 USD/Mtok", "price: «1e12 USD/Mtok", "E306", "at most"),
    ("cash: 600 M USD", "cash: «1e18 USD", "E306", "at most"),
    ("low: 1 bn USD", "low: «1.3 bn USD", "E307", "above the value"),
    ("low: 0.5, high: 1.5", "low: 0.5, high: «0.9", "E307", "below the value"),
    ("2027-07-01: 125 MW", "«2025-07-01: 125 MW", "E308", "after 2026-07-01"),
    ("2027-07-01: 125 MW", "«2027-13-01: 125 MW", "E207", "calendar"),
    ("2027-07-01: 125 MW", "2027-07-01: «125", "E301", "125 MW"),
    ("2026-07-01: 1 T tok/d", "2026-07-01: 0 tok/d", "E308", "geometric"),
    # clauses
    ("    - kind: rent", "    - kind: «rnet", "E209", "did you mean `rent`"),
    ("    - kind: rent\n      id: rent", "    - «id: rent", "E209", "says its `kind`"),
    ("      id: floor\n", "      id: floor\n      «volme: 3 MW\n", "E201", "did you mean `volume`"),
    ("prices: {tr2: 1.05 USD/chip-h}", "prices: {tr2: «1.05 USD/chip}", "E303", "chip-hour"),
    ("prices: {tr2: 1.05 USD/chip-h}", "prices: {«tr4: 1.05 USD/chip-h}", "E401", "did you mean `tr3` or `tr2`"),
    ("counts: rent", "counts: «rant", "E401", "did you mean `rent`"),
    ("      id: floor", "      id: «rent", "E402", "stands twice"),
    # references
    ("    chips: [tr2, tr3]", "    chips: [tr2, «tr33]", "E401", "did you mean `tr3`"),
    ("{site: indiana,", "{site: «indianna,", "E401", "did you mean `indiana`"),
    ("    class: chat", "    class: «chad", "E401", "did you mean `chat`"),
    ("    class: chat\n    region: us", "    class: chat\n    region: «uk", "E401", "us"),
    ("    channel: direct", "    channel: «cloud", "E401", "direct"),
    ("    model: large", "    model: «larg", "E401", "did you mean `large`"),
    ("    needs: run-1\n", "    needs: «run-9\n", "E401", "did you mean"),
    ("chips: [tr2], groups: [indiana]", "chips: [«trn2], groups: [indiana]", "E401", "did you mean `tr2`"),
    ("chips: [tr2], groups: [indiana]", "chips: [tr2], groups: [«ohio]", "E401", "indiana"),
    ("overrides: {tokens: {chat:", "overrides: {tokens: {«chatt:", "E401", "did you mean `chat`"),
    ("chip: H100,", "chip: «H1000,", "E401", "did you mean `H100`"),
    ("    from: Trainium3", "    from: «Trainum3", "E404", "did you mean `Trainium3`"),
    ("{id: large, from: DeepSeek-V3}", "{id: large, from: «DeepSeek-V9}", "E404", "did you mean `DeepSeek-V3`"),
    ("  - id: ohio", "  - id: «indiana", "E402", "the first is in line 17"),
    # dates and sums that cannot be
    ("  end: 2028-07-01", "  end: «2026-07-01", "E501", "not after its start"),
    ("latest: 2027-06-01", "latest: «2026-09-01", "E501", "after `earliest`"),
    ("latest: 2027-06-01", "latest: «2026-11-01", "E501", "3 months"),
    ("maturity: 2030-01-01", "maturity: «2026-01-01", "E501", "matures"),
    ("  start: 2026-07-01\n  end: 2028-07-01", "  start: «2031-07-01\n  end: 2038-07-01", "E502", "the plan ends 2028-07-01"),
    ("in_service: 2026-01-01", "in_service: «2026-08-01", "E502", "ordered by the plan"),
    ("earliest: 2027-01-01, min", "earliest: «2030-01-01, min", "E502", "end of the plan"),
    ("grid: {quarters: 4, years: 1}", "grid: {dates: [«2026-08-01, 2027-08-01]}", "E501", "valuation date"),
    ("grid: {quarters: 4, years: 1}", "grid: {dates: [2026-07-01, «2026-07-01]}", "E501", "ascend"),
    ("grid: {quarters: 4, years: 1}", "grid: {quarters: 4, «dates: [2026-07-01, 2026-08-01]}", "E503", "instead"),
    ("grid: {quarters: 4, years: 1}", "grid: «{}", "E503", "no period"),
    ("objective:\n", "objective:\n  maximise: «weighted\n", "E503", "weights"),
    ("objective:\n", "objective:\n  «weights: {offtaker: 1, provider: 1}\n", "E503", "no effect"),
    ("    steps: [{share: 60 %", "    «steps: [{share: 50 %", "E504", "0.9"),
    ("    chips: [tr2]\n", "    chips: [tr3]\n", "E504", "does not allow"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "said"), [m for m in MISTAKES if "«" in m[1]], ids=lambda v: v[:40])
def test_mistake_is_located(broken, old, new, code, said):
    found, line, column = broken(old, new)
    assert [d.code for d in found] == [code], [str(d) for d in found]
    assert (found[0].file, found[0].line, found[0].column) == ("toy.yaml", line, column)
    assert said in f"{found[0].message} {found[0].hint}"


@pytest.mark.parametrize(("old", "new", "code", "said"), [m for m in MISTAKES if "«" not in m[1]], ids=lambda v: v[:40])
def test_mistake_elsewhere(text, mistakes, old, new, code, said):  # noqa: PLR0917  (parameters of a table)
    found = mistakes(text.replace(old, new))
    assert [d.code for d in found] == [code]
    assert said in found[0].message


def test_toy_is_correct(text, mistakes):
    assert mistakes(text) == []


def test_all_mistakes_at_once(text, mistakes):
    bad = (
        text.replace("    phase: 20 MW", "    phase: 20")
        .replace("price: 2 USD/Mtok", "price: -2 USD/Mtok")
        .replace("    class: chat\n", "    class: chad\n")
        .replace("  end: 2028-07-01", "  end: 2026-07-01")
        .replace("needs: run-1}", "needs: run-2}")
        .replace("title: A toy", "titel: A toy")
        .replace("    - kind: rent", "    - kind: rnet")
    )
    assert [d.code for d in mistakes(bad)] == ["E201", "E301", "E401", "E306", "E403", "E501", "E209"]


def test_path_names_list_items_by_id(broken):
    found, _, _ = broken("    phase: 50 MW", "    phase: «50")
    assert found[0].path == "sites.ohio.phase"
    found, _, _ = broken("price_factor: 0.85", "price_factor: «0.85 MW")
    assert found[0].path == "demand.chat-us.steps[1].price_factor"
    found, _, _ = broken("volume: {2026-07-01: 20 MW}", "volume: {2026-07-01: «20 MWh}")
    assert found[0].path == "contract.clauses.floor.volume.2026-07-01"


def test_one_diagnostic_in_full(text, read):
    from offtake.errors import ScenarioError

    with pytest.raises(ScenarioError) as caught:
        read(text.replace("    phase: 20 MW", "    phase: 20 MWh"))
    assert caught.value.render() == (
        "toy.yaml:21:12 E303 sites.indiana.phase: got 20 MWh (energy), expected power\n"
        "   |\n"
        "21 |     phase: 20 MWh\n"
        "   |            ^^^^^^\n"
        "   = help: MWh is energy, power times time: write `20 MW` if that rate is meant"
    )


@pytest.mark.parametrize(
    ("needs", "circle"),
    [("run-2", "run-2 → run-2"), ("run-1", "")],
)
def test_circle_of_training_runs(text, mistakes, needs, circle):
    found = mistakes(text.replace("needs: run-1}", f"needs: {needs}}}"))
    assert [d.code for d in found] == (["E403"] if circle else [])
    assert not circle or circle in found[0].message


def test_empty_list_is_said_before_what_refers_to_it(text, mistakes):
    found = mistakes(text.replace("regions: [us, eu]", "regions: []"))
    assert (found[0].code, found[0].line, found[0].column) == ("E210", 15, 10)
    assert {d.code for d in found[1:]} == {"E401"}
    assert found[1].hint == "add it under `regions:`"


def test_circle_of_two_is_said_once(text, mistakes):
    bad = text.replace("chips: [tr2], groups: [indiana]}", "chips: [tr2], groups: [indiana], needs: run-2}")
    found = mistakes(bad)
    assert [d.code for d in found] == ["E403"]
    assert "run-1 → run-2 → run-1" in found[0].message


def test_dedented_section_is_explained(text, mistakes):
    bad = text.replace("  discount_rate: 10 %/y\n", "discount_rate: 10 %/y\n")
    found = mistakes(bad)
    assert [(d.code, d.line, d.column) for d in found] == [("E115", 6, 1), ("E201", 7, 1)]
    assert "indented less" in found[0].hint


def test_names_of_the_catalogue_are_not_checked_without_it(text):
    from offtake.spec.load import loads

    loaded = loads(text[: text.index("contract:")].replace("from: Trainium3", "from: Nothing9"), clause_kinds={})
    assert loaded.scenario.chips[1].from_ == "Nothing9"


def test_warning_does_not_stop(text, read):
    loaded = read(text.replace("available_from: 2027-01-01", "available_from: 2032-01-01"))
    assert [(d.code, d.severity) for d in loaded.warnings] == [("E502", "warning")]
