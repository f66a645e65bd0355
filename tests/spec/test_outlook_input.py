"""The section `outlook`: what is read from it, and bad input with its place. The mark « stands where the caret must point."""

from __future__ import annotations

import pickle
import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.dates import Grid
from offtake.errors import OfftakeError
from offtake.outlook.processes.delay import Delay
from offtake.outlook.processes.trend import Trend
from offtake.spec.outlook import TARGETS, Outlook, Stage, target_shape

OUTLOOK = """\
outlook:
  paths: 4
  drawn: 32
  stages: [now, 6 months, 2027-07-01]
  decide: {orders: 6 months}
  risk: {kind: cvar, level: 90 %, weight: 30 %}
  uncertain:
    - id: growth
      of: [demand.*.volume]
      process: {kind: trend, growth: 20 %/y, learned: 1 y}
      source: a page
    - id: price
      of: [demand.chat-us.price]
      process: {kind: mean_reversion, spread: 20 %, half_life: 6 months}
    - id: late
      of: [chips.tr3.delay]
      process:
        kind: delay
        law: [{by: 0 months, probability: 70 %}, {by: 6 months, probability: 30 %}]
    - id: rate
      of: [parties.provider.facility.rate]
      process: {kind: level, spread: 10 %}
    - id: grid
      of: [sites.indiana.interconnected]
      process: {kind: event, probability: 20 %, on: 2027-01-01, delay: 12 months}
  correlations:
    - {between: [growth, price], value: -0.3}
    - between: [late, rate]
      value: 0.5
    - between: [late, grid]
      value: 0.4
"""

MORE = "{id: more, of: [demand.*.price], process: {kind: level, spread: 1 %}}"

# old part, new part with the mark, code, words of the message or the help
MISTAKES = [
    # kinds and terms
    ("kind: trend,", "kind: «trned,", "E209", "did you mean `trend`"),
    ("{kind: trend, growth: 20 %/y, learned: 1 y}", "«{growth: 20 %/y}", "E209", "a process says its `kind`"),
    ("kind: cvar,", "kind: «cvra,", "E209", "did you mean `cvar`"),
    ("{kind: trend, growth: 20 %/y, learned: 1 y}", "«trend", "E203", "a process has"),
    ("growth: 20 %/y", "«grwth: 20 %/y", "E201", "did you mean `growth`"),
    ("growth: 20 %/y", "growth: «20 %", "E303", "20 %/y"),
    ("{kind: trend, growth: 20 %/y, learned: 1 y}", "«{kind: trend}", "E503", "`growth`, `level` or `volatility`"),
    ("{kind: level, spread: 10 %}", "«{kind: level, law: uniform, low: 1}", "E503", "`low` and `high`"),
    ("{kind: level, spread: 10 %}", "«{kind: level, law: uniform, low: 2, high: 1}", "E504", "ascend"),
    ("law: [{by: 0 months, probability: 70 %}", "«law: [{by: 0 months, probability: 60 %}", "E504", "add up to 90 %"),
    ("probability: 20 %, on", "probability: «120 %, on", "E306", "at most 100 %"),
    ("on: 2027-01-01, delay", "on: «2026-01-01, delay", "E502", "has passed"),
    ("on: 2027-01-01, delay", "on: «2029-01-01, delay", "E502", "behind the end"),
    ("{kind: event, probability: 20 %, on: 2027-01-01, delay", "«{kind: event, probability: 20 %, delay", "E503", "`from` … `until`"),
    ("on: 2027-01-01, delay: 12 months", "from: 2027-01-01, until: «2026-12-01, factor: 0", "E501", "not after"),
    # targets
    ("demand.*.volume", "«demand.*.volum", "E401", "did you mean `demand.*.volume`"),
    ("demand.*.volume", "«volume", "E401", "nothing that can be uncertain"),
    ("demand.chat-us.price", "«demand.caht-us.price", "E401", "did you mean `chat-us`"),
    ("chips.tr3.delay", "«chips.tr4.delay", "E401", "did you mean `tr"),
    ("parties.provider.facility.rate", "«parties.offtaker.facility.rate", "E401", "`offtaker` has no facility"),
    ("parties.provider.facility.rate", "«resale.*.price", "E401", "nothing in `resale`"),
    ("chips.tr3.delay", "«chips.tr3.price", "E504", "kind `delay` gives months"),
    ("demand.chat-us.price", "«chips.tr3.delay", "E504", "comes some months later"),
    ("    - id: late", f"    - {MORE}\n    - {MORE.replace('more', '«more')}\n    - id: late", "E402", "stands twice"),
    # stages and decisions
    ("[now, 6 months, 2027-07-01]", "[«6 months, 2027-07-01]", "E503", "the first stage is `now`"),
    ("[now, 6 months, 2027-07-01]", "[now, 6 months, «2 yaers]", "E204", "2y"),
    ("[now, 6 months, 2027-07-01]", "[now, 6 months, «2026-10-01]", "E501", "does not lie after `6 months`"),
    ("[now, 6 months, 2027-07-01]", "[now, 6 months, «3y]", "E502", "the plan ends 2028-07-01"),
    ("[now, 6 months, 2027-07-01]", "[now, 6 months, «18 months]", "E504", "periods begin 2027-07-01"),
    ("[now, 6 months, 2027-07-01]", "[now, 6 months, «2027-02-15]", "E504", "2027-01-01 and 2027-04-01"),
    ("orders: 6 months", "orders: «9 months", "E503", "add it to `stages`"),
    ("orders: 6 months", "orders: «stgaes", "E503", "did you mean `stages`"),
    ("orders: 6 months", "«order: 6 months", "E201", "did you mean `orders`"),
    ("[now, 6 months, 2027-07-01]", "[now, 6 months, «99999 y]", "E502", "the plan ends 2028-07-01"),
    ("{kind: level, spread: 10 %}", "{kind: level, spread: 10 %, known: «2026-07-01}", "E502", "has passed"),
    # numbers
    ("paths: 4", "paths: «64", "E504", "of 32 drawn"),
    ("paths: 4", "paths: «0", "E306", "at least 1"),
    ("level: 90 %", "level: «190 %", "E306", "at most 100 %"),
    ("weight: 30 %", "weight: «-1 %", "E306", "at least 0"),
    # correlations
    ("[growth, price]", "[«grwth, price]", "E401", "did you mean `growth`"),
    ("[growth, price]", "«[growth]", "E210", "at least 2"),
    ("[late, grid]", "«[late, late]", "E503", "with itself"),
    ("[late, grid]", "«[rate, late]", "E402", "stand twice"),
    ("[late, grid]", "«[price, grid]", "E504", "drawn once for all time"),
    ("value: 0.4", "value: «1.4", "E306", "at most 1"),
    ("value: 0.4", "value: «1", "E504", "`late` and `grid`"),
    ("value: 0.4", "value: 0.9\n    - between: [rate, grid]\n      value: «-0.9", "E504", "between 0.0725 and 0.827"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{m[2]} {m[1][:40]}" for m in MISTAKES])
def test_a_mistake_is_found_at_its_place(text, mistakes, mistake):
    old, new, code, words = mistake
    assert OUTLOOK.count(old) == 1
    marked = text + OUTLOOK.replace(old, new)
    before = marked[: marked.index("«")]
    place = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    (found,) = mistakes(marked.replace("«", ""))
    assert (found.code, found.line, found.column) == (code, *place), str(found)
    assert words in f"{found.message} / {found.hint}"


def test_the_section_is_read(text, read):
    outlook = read(text + OUTLOOK).scenario.outlook
    growth, _, late, *_ = outlook.uncertain
    assert growth.process == Trend(growth="20 %/y", learned="1 y")
    assert isinstance(late.process, Delay)
    assert outlook.risk.parts() == ((0.7, 0.0), (0.3, 0.9))
    assert (outlook.decide.orders, outlook.decide.phases) == ("6 months", "stages")


def test_stages_are_found_on_the_grid(text, read):
    scenario = read(text + OUTLOOK).scenario
    edges = scenario.edges
    stages = scenario.outlook.stages_on(Grid(edges[:-1], edges[1:]))
    assert stages == (Stage("now", 0), Stage("6 months", 2), Stage("2027-07-01", 4))


def test_a_stage_made_in_python_off_the_grid_is_refused():
    outlook = Outlook(stages=("now", "7 months"))
    with pytest.raises(OfftakeError, match="begins 2027-02-01, and no period"):
        outlook.stages_on(Grid.of(date(2026, 7, 1)))


def test_a_scenario_without_it_has_one_path(text, read):
    assert read(text).scenario.outlook is None


def test_terms_of_a_process_are_values_with_an_origin(text, read):
    loaded = read(text + OUTLOOK)
    origin = loaded.provenance["outlook.uncertain.price.process.half_life"]
    assert (origin.text, origin.unit) == ("6 months", "y")
    changed = loaded.scenario.with_value("outlook.uncertain.growth.process.growth", "40 %/y")
    assert changed.outlook.uncertain[0].process.growth_frac_per_y == 0.4


def test_a_process_is_written_with_its_kind_and_handed_to_others(text, read):
    outlook = read(text + OUTLOOK).scenario.outlook
    assert outlook.model_dump(mode="json")["uncertain"][3]["process"] | {"kind": "level", "spread_frac": 0.1} == {
        "kind": "level", "law": "lognormal", "spread_frac": 0.1, "low": None, "mode": None, "high": None, "known": None,
    }  # fmt: skip
    assert pickle.loads(pickle.dumps(outlook)) == outlook


def test_a_case_changes_a_process(text, read):
    late = "      sites.indiana.interconnected: {later: 12 months}\n"
    case = text.replace(late, late + "      outlook.uncertain.price.process.spread: 50 %\n")
    loaded = read(case + OUTLOOK)
    assert loaded.cases["late"].scenario.outlook.uncertain[1].process.spread_frac == 0.5


@pytest.mark.parametrize(
    "change",
    [
        "outlook.uncertain.price.of: [demand.*.volume]",
        "outlook.uncertain.price: {of: [demand.*.volume]}",
        "outlook: {uncertain: {price: {of: [demand.*.volume]}}}",
    ],
)
def test_a_case_changes_what_is_moved_and_keeps_the_rest(text, read, change):
    """`of` is also the key by which an overlay wraps what it changes."""
    late = "      sites.indiana.interconnected: {later: 12 months}\n"
    price = read(text.replace(late, f"      {change}\n") + OUTLOOK).cases["late"].scenario.outlook.uncertain[1]
    assert price.of == ("demand.*.volume",)
    assert price.process.spread_frac == 0.2


def test_a_broken_target_is_named_by_its_path(text, mistakes):
    (found,) = mistakes(text + OUTLOOK.replace("demand.*.volume", "demand.*.volum"))
    assert found.path == "outlook.uncertain.growth.of[0]"


def test_broken_parts_are_each_said_once(text, mistakes):
    bad = (
        OUTLOOK.replace("kind: trend,", "kind: trned,")
        .replace("level: 90 %", "level: 9 MW")
        .replace("[late, grid]", "[late, gird]")
    )
    assert sorted(d.code for d in mistakes(text + bad)) == ["E209", "E303", "E401"]


@pytest.mark.parametrize(
    "section",
    [
        "outlook: 3",
        "outlook: [a]",
        "outlook: {uncertain: 3}",
        "outlook: {uncertain: [3]}",
        "outlook: {stages: now}",
        "outlook:\n  correlations: {a: b}",
    ],
)
def test_a_section_of_any_other_shape_is_refused_not_met_by_a_crash(text, mistakes, section):
    assert {d.code for d in mistakes(text + section + "\n")} == {"E203"}


def test_correlations_that_no_single_change_mends_name_the_first_to_change(text, mistakes):
    """Two triangles of three, each impossible: the six quantities move once each."""
    uncertain = "".join(
        f"    - {{id: {q}, of: [demand.*.price], process: {{kind: level, spread: 5 %}}}}\n" for q in "abcdef"
    )
    pairs = [("a", "b", 0.8), ("b", "c", 0.8), ("a", "c", -0.8), ("d", "e", 0.9), ("e", "f", 0.9), ("d", "f", -0.9)]
    listed = "".join(f"    - {{between: [{a}, {b}], value: {value}}}\n" for a, b, value in pairs)
    (found,) = mistakes(text + f"outlook:\n  uncertain:\n{uncertain}  correlations:\n{listed}")
    assert (found.code, found.path.rpartition(".")[2]) == ("E504", "value")
    assert "no single one mends it" in found.hint
    assert any(f"`{a}` and `{b}`" in found.message for a, b, _ in pairs[3:])


def test_a_target_names_several_by_a_pattern(text, mistakes):
    assert mistakes(text + OUTLOOK.replace("demand.chat-us.price", "demand.chat-*.price")) == []


JUNK = (
    "",
    "[]",
    "{}",
    "3",
    "x",
    "[x, 3]",
    "{x: 3}",
    "-1",
    "1e400",
    "2027-01-01",
    "now",
    "[[]]",
    "[{}]",
    "100 %",
    "~",
    "'*'",
    "a.b.c",
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_stands_in_the_section_is_an_answer_or_mistakes(text, mistakes, data):
    """Any value of the section, or any two, replaced by junk: no crash, and every mistake has a place."""
    lines = OUTLOOK.splitlines()
    for k in data.draw(st.lists(st.integers(1, len(lines) - 1), min_size=1, max_size=2, unique=True)):
        spots = [m.end() for m in re.finditer(r": |\[|, ", lines[k])] or [len(lines[k])]
        at = data.draw(st.sampled_from(spots))
        end = re.compile(r"[,\]}]|$").search(lines[k], at)
        lines[k] = lines[k][:at] + data.draw(st.sampled_from(JUNK)) + lines[k][end.start() if end else at :]
    for found in mistakes(text + "\n".join(lines) + "\n"):
        assert found.line > 0


def test_every_target_is_its_own_shape():
    assert [target_shape(t) for t in TARGETS] == list(TARGETS)
