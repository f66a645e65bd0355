"""The terminal shows the same figures with and without a terminal, and data is never read as markup."""

from __future__ import annotations

import io

from offtake.cli.terminal import ProgressDisplay, print_diagnostics, print_table
from offtake.diagnostics import Diagnostic
from offtake.progress import ProgressEvent
from offtake.tables import Column, Table


class Terminal(io.StringIO):
    def isatty(self):
        return True


def table():
    return Table(
        "t", (Column("site"), Column("power_mw", "MW", "Power")), [("[red]abilene[/red]", 206.4)], "Sites", "a note"
    )


def test_plain_text_where_there_is_no_terminal():
    out = io.StringIO()
    print_table(table(), file=out)
    assert out.getvalue().splitlines() == [
        "Sites",
        "Site                Power [MW]",
        "[red]abilene[/red]         206",
        "a note",
    ]


def test_a_ruled_table_on_a_terminal(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    print_table(table(), file=out)
    assert "[red]abilene[/red]" in out.getvalue()
    assert "206" in out.getvalue()
    assert "─" in out.getvalue()


def test_diagnostics_keep_their_text():
    out = io.StringIO()
    print_diagnostics(
        [Diagnostic(code="E201", message="got [bold] MWh", file="a.yaml", line=1, column=3)],
        {"a.yaml": "x: 1 MWh\n"},
        file=out,
    )
    assert "a.yaml:1:3 E201" in out.getvalue()
    assert "got [bold] MWh" in out.getvalue()
    assert "^" in out.getvalue()


def test_progress_without_a_terminal_writes_few_lines():
    out = io.StringIO()
    with ProgressDisplay(file=out) as show:
        for k in range(100):
            show(ProgressEvent(stage="base case", gap=0.5 / (k + 1)))
        show(ProgressEvent(stage="base case", gap=0.004, done=True))
    assert out.getvalue().splitlines() == ["base case: gap 50 %", "base case: gap 0.4 % · done"]


def test_progress_on_a_terminal_leaves_the_last_word():
    out = Terminal()
    with ProgressDisplay(file=out) as show:
        show(ProgressEvent(stage="compile"))
        show(ProgressEvent(stage="compile", seconds=0.1, done=True))
    assert "compile: 0.1 s · done" in out.getvalue()


def test_quiet_says_nothing():
    out = io.StringIO()
    with ProgressDisplay(file=out, quiet=True) as show:
        show(ProgressEvent(stage="compile", done=True))
    assert out.getvalue() == ""


def test_data_cannot_command_the_terminal():
    out = io.StringIO()
    print_table(Table("t", (Column("site"),), [("a\x1b[2Jb\nc\u202ed",)], "\x1b]0;title\x07"), file=out)
    print_diagnostics(
        [Diagnostic(code="E201", message="\x1b[2J", file="a.yaml", line=1, column=1)], {"a.yaml": "\x1b[2J"}, file=out
    )
    assert "\x1b" not in out.getvalue()
    assert "\x07" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert "b c" in out.getvalue()


def test_a_flood_of_mistakes_is_cut_and_counted():
    out = io.StringIO()
    print_diagnostics([Diagnostic(code="E201", message=f"m{k}", file="a.yaml", line=k) for k in range(1, 41)], file=out)
    assert "m25" in out.getvalue()
    assert "m26" not in out.getvalue()
    assert "and 15 more; --json shows all of them" in out.getvalue()
