"""Limits and what YAML must not bring in: each with its own code, before anything is built; nothing but diagnostics ever comes out."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.errors import CODES, ScenarioError
from offtake.spec.load import load, loads
from offtake.spec.reader import MOST_BYTES, MOST_DEPTH, read_file, read_text
from offtake.spec.tree import plain


def codes(text: str) -> list[tuple[str, int, int]]:
    return [(d.code, d.line, d.column) for d in read_text(text).diagnostics]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: *x", ("E112", 1, 4)),
        ("a: 1\nb: *x", ("E112", 2, 4)),
        ("a: [&x 1]", ("E112", 1, 5)),
        ("a: !!python/object/apply:os.system ['true']", ("E113", 1, 4)),
        ("a: !x 1", ("E113", 1, 4)),
        ("! a: 1", ("E113", 1, 1)),
        ("a:\n\tb: 1", ("E107", 2, 1)),
        ("a:\n  \tb: 1", ("E107", 2, 3)),
        ("a: 1\n---\nb: 1", ("E111", 2, 1)),
        ("a: 1\n\x00b: 2", ("E105", 2, 1)),
        ("a: b\x07", ("E106", 1, 5)),
        ('a: "\\ud800"', ("E106", 1, 4)),
        ('a: "\\0"', ("E106", 1, 4)),
        ("a: 1\na: 2", ("E114", 2, 1)),
        ("a:\nb: 1", ("E115", 1, 1)),
        ("a: [1, ~]", ("E115", 1, 8)),
        ("a: null", ("E115", 1, 1)),
        ("? [a]\n: 1", ("E116", 1, 3)),
        ("{a: 1}: 2", ("E116", 1, 1)),
        ("'': 1", ("E116", 1, 1)),
        ("", ("E117", 1, 1)),
        ("# only words\n", ("E117", 0, 0)),
        ("- a\n- b", ("E118", 1, 1)),
        ("just text", ("E118", 1, 1)),
        ("a: [1, 2", ("E108", 1, 9)),
        ("a: b: c", ("E108", 1, 5)),
        ("a: 'b", ("E108", 1, 6)),
        ("a: @b", ("E108", 1, 4)),
        ("a: 1\n b: 2", ("E108", 2, 3)),
    ],
)  # fmt: skip
def test_refused(text, expected):
    found = codes(text)
    assert expected[0] in [c for c, _, _ in found]
    if expected[0] != "E117":
        assert found[-1] == expected or found[0] == expected


def test_null_word_in_quotes_is_text():
    assert plain(read_text("a: 'null'\nb: \"~\"").root) == {"a": "null", "b": "~"}


def test_scalars_stay_text():
    text = "a: 1e6\nb: no\nc: 12:30\nd: 0x10\ne: 1.10"
    assert plain(read_text(text).root) == {"a": "1e6", "b": "no", "c": "12:30", "d": "0x10", "e": "1.10"}


def test_json_is_read_too():
    assert plain(read_text('{"a": {"b": ["1 MW", "x"]}}').root) == {"a": {"b": ["1 MW", "x"]}}


def test_byte_order_mark_and_line_ends(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_bytes("\ufeffa: ü\r\nb: &x 1\r\n".encode())
    found = read_file(path).diagnostics
    assert [(d.code, d.line, d.column) for d in found] == [("E112", 2, 4)]


def test_columns_count_characters_not_bytes():
    assert codes("a: {ü: 1, b: *x}") == [("E112", 1, 14)]


def test_depth():
    inside = "[" * (MOST_DEPTH - 1) + "]" * (MOST_DEPTH - 1)
    assert read_text(f"a: {inside}").diagnostics == ()
    assert codes("a: [" + inside + "]") == [("E109", 1, 4 + MOST_DEPTH - 1)]


def test_depth_bomb_stops_at_once():
    began = time.perf_counter()
    assert codes("a: " + "[" * 900_000)[0][0] == "E109"
    assert codes("a: " + "{a: " * 200_000)[0][0] == "E109"
    assert time.perf_counter() - began < 5


def test_number_of_nodes(monkeypatch):
    monkeypatch.setattr("offtake.spec.reader.MOST_NODES", 1000)
    assert read_text("a: [" + "1," * 996 + "1]").diagnostics == ()  # root, key, list and 997 items
    assert codes("a: [" + "1," * 997 + "1]") == [("E110", 1, 5 + 2 * 997)]


@pytest.mark.parametrize(
    "bomb", ["a: [" + "1," * 900_000 + "1]", "a:\n" + "- 1\n" * 450_000, "a: {" + "b: 1, " * 300_000 + "}"]
)
def test_bomb_of_nodes_stops_at_once(bomb):
    began = time.perf_counter()
    assert codes(bomb)[0][0] == "E110"
    assert time.perf_counter() - began < 1


def test_alias_bomb():
    text = "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))
    assert codes(text)[0][0] == "E112"


def test_ten_megabytes_are_refused_in_a_second(tmp_path):
    path = tmp_path / "big.yaml"
    path.write_bytes(b"a: 1\n" * 2_000_000)
    began = time.perf_counter()
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert time.perf_counter() - began < 1
    assert [d.code for d in caught.value.diagnostics] == ["E102"]


def test_size_limit_is_exact(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_bytes(b"#" * (MOST_BYTES - 5) + b"\na: 1")
    assert read_file(path).root is not None
    path.write_bytes(b"#" * (MOST_BYTES - 4) + b"\na: 1")
    assert read_file(path).diagnostics[0].code == "E102"


@pytest.mark.parametrize(
    ("raw", "code", "line", "column"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "E105", 3, 1),
        (b"a: 1\nb: \xff\xfe", "E104", 2, 4),
        (b"a: \xed\xa0\x80", "E104", 1, 4),  # an encoded surrogate is not UTF-8
        ("a: 1".encode("utf-16"), "E104", 0, 0),
        (b"PK\x03\x04\x14", "E106", 1, 3),
    ],
)  # fmt: skip
def test_binary(tmp_path, raw, code, line, column):
    path = tmp_path / "s.yaml"
    path.write_bytes(raw)
    found = read_file(path).diagnostics
    assert [(d.code, d.line, d.column) for d in found] == [(code, line, column)]


def test_no_file_folder_and_pipe(tmp_path):
    (tmp_path / "alliance.yaml").write_text("a: 1")
    missing = read_file(tmp_path / "aliance.yaml").diagnostics[0]
    assert (missing.code, missing.hint) == ("E101", "did you mean `alliance.yaml`?")
    assert read_file(tmp_path).diagnostics[0].code == "E103"
    os.mkfifo(tmp_path / "pipe")
    assert read_file(tmp_path / "pipe").diagnostics[0].code == "E103"
    assert read_file("a\0b").diagnostics[0].code == "E101"
    assert read_file("x" * 5000).diagnostics[0].code == "E101"
    (tmp_path / "\udcff.yaml").write_text("a: 1")  # a name of bytes that are no text
    odd = read_file(tmp_path / "\udcff1.yaml").diagnostics[0]
    assert f"{odd} {odd.hint}".encode()


def test_unreadable_file(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("a: 1")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("the user of this process may read everything")
    assert read_file(path).diagnostics[0].code == "E101"


def refused_or_read(text: str, name: str = "<text>") -> None:
    """Whatever the text is, the outcome is a scenario or located diagnostics with known codes."""
    try:
        loads(text, name=name, clause_kinds={})
    except ScenarioError as caught:
        error = caught
    else:
        return
    assert error.diagnostics
    assert all(d.code in CODES for d in error.diagnostics)
    error.render().encode("utf-8")


@given(st.binary(max_size=300))
def test_random_bytes(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("fuzz") / "s.yaml"
    path.write_bytes(raw)
    with pytest.raises(ScenarioError) as caught:
        load(path, clause_kinds={})
    assert all(d.code in CODES for d in caught.value.diagnostics)
    caught.value.render().encode("utf-8")


@given(st.text(max_size=200))
def test_random_text(text):
    refused_or_read(text)


PIECES = r"""a:_ -_ ?_ :_ { } [ ] ,_ ' " &x_ *x_ !t_ %YAML_1.1 #_c \u \x0 "\U00110000" <<:_ sites id 1_MW null ~ 2026-07-01 é = @ `"""
YAMLISH = st.lists(
    st.sampled_from(
        [p.replace("_", " ") for p in PIECES.split(" ")]
        + ["\n", "\n  ", "|\n", ">-\n", "---\n", "...\n", "\t", "\u2028", "\x85"]
    ),
    max_size=25,
).map("".join)


@given(YAMLISH)
@settings(max_examples=300)
def test_random_yaml(text):
    refused_or_read(text)


@given(data=st.data())
@settings(max_examples=150)
def test_mutated_scenario(text, mistakes, data):
    """Cut, double, swap or overwrite parts of a valid file."""
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        to = min(len(text), at + data.draw(st.integers(0, 40)))
        odd = st.sampled_from(["nan", "-1", "1e400", "[]", "{}", "9" * 400, "x: ", "- ", "\n"])
        new = data.draw(st.one_of(st.just(""), st.text(max_size=8), st.just(text[at:to] * 2), YAMLISH, odd))
        text = text[:at] + new + text[to:]
    assert all(d.code in CODES for d in mistakes(text))


def test_json_writes_a_character_as_two_escapes() -> None:
    document = read_text(r'{"title": "\ud83d\udca5 x", "\ud83d\udca5": 1}')
    assert document.diagnostics == ()
    assert {name: entry.node.text for name, entry in document.root.entries.items()} == {
        "title": "\N{COLLISION SYMBOL} x",
        "\N{COLLISION SYMBOL}": "1",
    }


def test_half_a_character_goes_no_further() -> None:
    document = read_text(r'{"start": "\ud83d", "\udca5": 1}')
    assert [d.code for d in document.diagnostics] == ["E106", "E106"]
    document.root.entries["start"].node.text.encode("utf-8")  # or every message about it would fail
