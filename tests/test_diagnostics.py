"""Diagnostics: data, their one line, their caret, and the table of codes."""

from __future__ import annotations

import pytest

from offtake.diagnostics import Diagnostic, did_you_mean, render
from offtake.errors import CODES, OfftakeError, ScenarioError, UnitError


def test_one_line():
    d = Diagnostic(code="E214", message="wrong", path="a.b", file="s.yaml", line=41, column=12)
    assert str(d) == "s.yaml:41:12 E214 a.b: wrong"
    assert str(Diagnostic(code="E101", message="gone", file="s.yaml")) == "s.yaml E101 gone"
    assert str(Diagnostic(code="E502", message="late", severity="warning", path="x")) == "<text> E502 warning x: late"


@pytest.mark.parametrize(("column", "length", "carets"), [(1, 3, "^^^"), (4, 9, "    ^^"), (99, 1, "      ^")])
def test_caret_stays_on_the_line(column, length, carets):
    shown = render(
        [Diagnostic(code="E1", message="m", file="f", line=1, column=column, length=length)], {"f": "abcde"}
    ).split("\n")
    expected = {1: "  | ^^^", 4: "  |    ^^", 99: "  |      ^"}[column]
    assert shown[1:] == ["  |", "1 | abcde", expected]


def test_line_numbers_are_aligned():
    text = "\n" * 99 + "abc"
    shown = render([Diagnostic(code="E1", message="m", file="f", line=100, column=2, hint="h")], {"f": text})
    assert shown == "f:100:2 E1 m\n    |\n100 | abc\n    |  ^\n    = help: h"


def test_long_line_is_cut_around_the_place():
    text = "x" * 500 + "HERE" + "y" * 500
    source, caret = render(
        [Diagnostic(code="E1", message="m", file="f", line=1, column=501, length=4)], {"f": text}
    ).split("\n")[2:4]
    assert len(source) < 180
    assert source[caret.index("^") : caret.rindex("^") + 1] == "HERE"


def test_unprintable_characters_are_replaced():
    shown = render([Diagnostic(code="E1", message="m", file="f", line=1, column=1)], {"f": "a\x1b[31mb\tc"})
    assert "\x1b" not in shown


def test_no_source_no_line():
    assert render([Diagnostic(code="E1", message="m", file="gone", line=3, column=1)], {}) == "gone:3:1 E1 m"


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("pahse", ["phase", "ramp"], "did you mean `phase`?"),
        (
            "Trainium",
            ["trainium2", "trainium3", "trainium1", "gb200"],
            "did you mean `trainium3`, `trainium2` or `trainium1`?",
        ),
        ("x", [], "there are none"),
        ("zz", [f"key{k}" for k in range(10)], "there are key0, key1, key2, key3, key4, key5, key6, key7 and 2 more"),
    ],
)
def test_did_you_mean(word, known, hint):
    assert set(did_you_mean(word, known).split("`")) == set(hint.split("`"))


def test_scenario_error_renders_all():
    diagnostics = [Diagnostic(code="E201", message=f"m{k}", file="f", line=k, column=1) for k in (1, 2)]
    error = ScenarioError(diagnostics, {"f": "a\nb"})
    assert isinstance(error, OfftakeError)
    assert str(error) == "f:1:1 E201 m1\nf:2:1 E201 m2"
    assert error.render().count("^") == 2


def test_unit_error_is_a_value_error():
    assert isinstance(UnitError("E301", "m", "h"), ValueError)
    assert str(UnitError("E301", "m", "h")) == "m (h)"


def test_codes_are_explained():
    for code, entry in CODES.items():
        assert len(code) == 4
        assert code[0] in "EF"  # mistakes in the input, and findings of a plan
        assert code[1:].isdigit()
        assert 5 < len(entry.title) < 60
        assert entry.explanation.endswith((".", "`."))
    assert list(CODES) == sorted(CODES)


def test_every_code_that_the_source_uses_is_explained(root):
    import re

    used = set()
    for path in (root / "src" / "offtake").rglob("*.py"):
        used |= set(re.findall(r'"(E\d{3})"', path.read_text(encoding="utf-8")))
    assert used <= set(CODES)
