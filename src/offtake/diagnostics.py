"""Diagnostics: mistakes and findings as data, and their text with source line and caret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

__all__ = ["Diagnostic", "Severity", "did_you_mean", "render"]

Severity = Literal["error", "warning", "info"]

_WIDEST = 160  # characters of a source line that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One mistake or finding, located where it is known.

    Parameters
    ----------
    code : str            key of `offtake.errors.CODES`
    severity : Severity   "error" stops the work, "warning" and "info" do not
    message : str         what was got and what was expected
    path : str            dotted path in the scenario, ids for list items: ``sites.indiana.phase``
    file : str            as the user named it
    line, column : int    one-based, in characters; 0 where there is none
    length : int          characters to underline
    hint : str            how to mend it

    Examples
    --------
    >>> print(Diagnostic(code="E301", message="500 has no unit, expected power", path="sites.a.phase", file="s.yaml", line=4, column=12))
    s.yaml:4:12 E301 sites.a.phase: 500 has no unit, expected power
    """

    code: str
    message: str
    severity: Severity = "error"
    path: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    length: int = 1
    hint: str = ""

    @property
    def where(self) -> str:
        """``file:line:column``, as far as it is known."""
        return ":".join([self.file or "<text>", *([str(self.line), str(self.column)] if self.line else [])])

    def __str__(self) -> str:
        """Return the one-line form ``file:line:column code path: message``."""
        mark = "" if self.severity == "error" else f" {self.severity}"
        return (
            f"{self.where} {self.code}{mark} {self.path}: {self.message}"
            if self.path
            else f"{self.where} {self.code}{mark} {self.message}"
        )


def render(diagnostics: Sequence[Diagnostic], sources: Mapping[str, str] | None = None) -> str:
    """Return the diagnostics as text: one line each, then the source line, a caret and the help.

    Parameters
    ----------
    diagnostics : Sequence[Diagnostic]
    sources : Mapping[str, str]    file name → text; a file that is not there is shown without its line

    Examples
    --------
    >>> d = Diagnostic(code="E301", message="5 has no unit", path="phase", file="s.yaml", line=1, column=8, hint="write `5 MW`")
    >>> print(render([d], {"s.yaml": "phase: 5"}))
    s.yaml:1:8 E301 phase: 5 has no unit
      |
    1 | phase: 5
      |        ^
      = help: write `5 MW`
    """
    lines = {name: _lines(text) for name, text in (sources or {}).items()}
    return "\n\n".join("\n".join(_block(d, lines.get(d.file, []))) for d in diagnostics)


def _lines(text: str) -> list[str]:
    """Split at the line breaks of YAML 1.2 only."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _block(d: Diagnostic, lines: Sequence[str]) -> list[str]:
    block = [str(d)]
    margin = " " * len(str(d.line)) if d.line else " "
    if 0 < d.line <= len(lines):
        shown, column = _window(lines[d.line - 1], d.column)
        length = max(1, min(d.length, len(shown) - column + 1))
        block += [f"{margin} |", f"{d.line} | {shown}".rstrip(), f"{margin} | {' ' * (column - 1)}{'^' * length}"]
    if d.hint:
        block.append(f"{margin} = help: {d.hint}")
    return block


def _window(line: str, column: int) -> tuple[str, int]:
    """Return the part of a line to show, made printable, and the column in it."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" if c != "\t" else " " for c in line)
    column = max(1, min(column, len(shown) + 1))
    if len(shown) <= _WIDEST:
        return shown, column
    start = max(0, min(column - _WIDEST // 2, len(shown) - _WIDEST))
    head, tail = "…" if start else "", "…" if start + _WIDEST < len(shown) else ""
    return head + shown[start : start + _WIDEST] + tail, column - start + len(head)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a hint naming the at most three nearest known words, or what there is if none is near.

    Examples
    --------
    >>> did_you_mean("pahse", ["phase", "pue", "ramp"])
    'did you mean `phase`?'
    >>> did_you_mean("zzz", ["phase", "ramp"])
    'there are phase, ramp'
    """
    folded = {k.casefold(): k for k in reversed(list(known))}
    near = [folded[k] for k in get_close_matches(word.casefold()[:100], list(folded), n=3, cutoff=0.6)]
    near += [
        k
        for k in known
        if k not in near
        and len(word) > 2
        and (k.casefold().startswith(word.casefold()) or word.casefold().startswith(k.casefold() + "_"))
    ]
    if near:
        ticked = [f"`{n}`" for n in near[:3]]
        return "did you mean " + (ticked[0] if len(ticked) == 1 else ", ".join(ticked[:-1]) + " or " + ticked[-1]) + "?"
    if not known:
        return "there are none"
    return "there are " + ", ".join(list(known)[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
