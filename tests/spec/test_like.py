"""`like` in a process: fitted terms with their origin, the file's own terms before them, and bad names at their place."""

from __future__ import annotations

import pytest

from offtake.outlook.fit.shipped import FILE, fitted, shipped
from offtake.outlook.processes.spikes import Spikes
from offtake.spec.schema import json_schema

POWER = """\
outlook:
  uncertain:
    - id: power
      of: [sites.indiana.power_price]
      process: {kind: spikes, like: us-tex-erco, lasts: 3 d}
"""
REST = {
    "jumps": ", size: 0.9",
    "event": ", on: 2027-01-01, factor: 0.5",
}
TARGET = {"delay": "chips.tr3.delay", "event": "chips.tr3.supply"}


def test_fitted_terms_are_read_and_the_files_own_win(text, read):
    found = read(text + POWER).scenario.outlook.uncertain[0].process
    terms = fitted("us-tex-erco", "spikes").terms
    assert isinstance(found, Spikes)
    assert found.lasts_days == 3.0
    assert found.spread_frac == pytest.approx(terms["spread"].value / 100.0)
    assert found.half_life_y == pytest.approx(terms["half_life"].value)


def test_a_fitted_value_says_where_it_came_from(text, read):
    loaded = read(text + POWER)
    origin = loaded.provenance["outlook.uncertain.power.process.spread"]
    term = fitted("us-tex-erco", "spikes").terms["spread"]
    assert (origin.origin, origin.file) == ("catalog", FILE)
    assert origin.line == fitted("us-tex-erco", "spikes").line
    assert origin.low == pytest.approx(term.low / 100.0)
    assert origin.high == pytest.approx(term.high / 100.0)
    assert "sustain-cluster" in origin.source
    own = loaded.provenance["outlook.uncertain.power.process.lasts"]
    assert (own.origin, own.text) == ("file", "3 d")


def test_the_quantity_says_what_it_is_fitted_to_unless_it_says_something_itself(text, read):
    found = read(text + POWER).scenario.outlook.uncertain[0]
    assert found.source.startswith("us-tex-erco (fitted): wholesale power price")
    own = read(
        text + POWER.replace("      process:", "      assumption: mine\n      process:")
    ).scenario.outlook.uncertain[0]
    assert (own.source, own.assumption) == (None, "mine")
    chosen = POWER.replace("sites.indiana.power_price", "chips.tr3.delay").replace(
        "kind: spikes, like: us-tex-erco, lasts: 3 d", "kind: delay, like: chip-delivery"
    )
    assert read(text + chosen).scenario.outlook.uncertain[0].assumption.startswith("chip-delivery (assumption)")


def test_weak_and_chosen_terms_say_so(text, read):
    for key, kind, target in (
        ("gpu-rental", "mean_reversion", "outside_supply.*.price"),
        ("chip-delivery", "delay", "chips.tr3.delay"),
    ):
        section = (
            f"outlook:\n  uncertain:\n    - id: u\n      of: [{target}]\n      process: {{kind: {kind}, like: {key}}}\n"
        )
        origins = read(text + section).provenance
        said = [
            o.assumption
            for name, o in origins.items()
            if name.startswith("outlook.uncertain.u.process") and o.origin == "catalog"
        ]
        assert said
        if kind != "delay":  # the parts of a law have no note of their own
            assert all(words.startswith("weak:") for words in said)


@pytest.mark.parametrize("one", shipped(), ids=lambda one: f"{one.key}-{one.kind}")
def test_everything_that_ships_makes_a_process(text, read, one):
    target = TARGET.get(one.kind, "demand.*.volume")
    process = f"{{kind: {one.kind}, like: {one.key}{REST.get(one.kind, '')}}}"
    section = f"outlook:\n  uncertain:\n    - id: u\n      of: [{target}]\n      process: {process}\n"
    built = read(text + section).scenario.outlook.uncertain[0].process
    assert built.kind == one.kind


@pytest.mark.parametrize(
    ("new", "code", "words"),
    [
        ("kind: spikes, like: «us-tex-erc", "E404", "did you mean us-tex-erco"),
        ("kind: spikes, like: «gpu-rental", "E404", "`kind: mean_reversion`, not for 'spikes'"),
        ("kind: spikes, like: «[a]", "E203", "name of what was fitted"),
        ("like: us-tex-erco", "E209", "a process says its `kind`"),
        ("kind: «spiks, like: us-tex-erco", "E209", "did you mean `spikes`"),
    ],
)
def test_bad_names_are_found_at_their_place(text, mistakes, new, code, words):
    marked = text + POWER.replace("kind: spikes, like: us-tex-erco", new)
    (found,) = mistakes(marked.replace("«", ""))
    assert found.code == code
    assert words in f"{found.message} / {found.hint}"
    if "«" in marked:
        before = marked[: marked.index("«")]
        assert (found.line, found.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))


def test_a_case_may_name_another(text, read):
    late = "      sites.indiana.interconnected: {later: 12 months}\n"
    case = text.replace(late, late + "      outlook.uncertain.power.process.like: us-mida-pjm\n")
    found = read(case + POWER).cases["late"].scenario.outlook.uncertain[0].process
    assert found.height == pytest.approx(fitted("us-mida-pjm", "spikes").terms["height"].value)


def test_the_schema_knows_it():
    """An editor accepts a process with `like` and nothing else, and still asks for the terms of one without."""
    schema = json_schema({})["$defs"]["process.spikes"]
    assert schema["properties"]["like"]["type"] == "string"
    assert schema["required"] == ["kind"]
    assert {"required": ["like"]} in schema["anyOf"]
    assert any("half_life" in way["required"] for way in schema["anyOf"])
