"""Plain values of the file: dates, counts, flags, texts and ids, and the mistakes in them as data.

Text stays text until a field wants something else (YAML 1.2: no guessing), so ``signed: yes`` is a word and ``name: 1.10`` is not 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pydantic_core import PydanticCustomError

from offtake.errors import UnitError

__all__ = [
    "Problem",
    "failure",
    "kind_of",
    "parse_count",
    "parse_day",
    "parse_flag",
    "parse_id",
    "parse_text",
    "shown",
    "unit_problem",
]

_MOST_DIGITS = 18
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake inside a value: where below it, and what to say."""

    code: str
    message: str
    hint: str = ""
    at: tuple[str | int, ...] = ()
    on_key: bool = False


def failure(*problems: Problem) -> PydanticCustomError:
    """Wrap mistakes so that one validator can report several, each at its own place."""
    return PydanticCustomError(
        "offtake", "{text}", {"text": "; ".join(p.message for p in problems), "problems": problems}
    )


def unit_problem(error: UnitError, at: tuple[str | int, ...] = ()) -> Problem:
    """Turn the error of one quantity into a mistake at a place."""
    return Problem(error.code, error.message, error.hint, at)


def kind_of(raw: object) -> str:
    """Name the shape of a raw value, for a message."""
    if isinstance(raw, Mapping):
        return "a mapping"
    if isinstance(raw, list | tuple):
        return "a list"
    return "text" if isinstance(raw, str) else f"{type(raw).__name__}"


def shown(raw: object) -> str:
    """Quote a raw value in a message, cut short."""
    text = str(raw)
    return f"`{text if len(text) <= 40 else text[:37] + '…'}`"


def parse_day(raw: object) -> date:
    """Read a date ``2027-04-01``.

    Raises
    ------
    UnitError    E207 if it is not one

    Examples
    --------
    >>> parse_day("2027-02-30")
    Traceback (most recent call last):
    offtake.errors.UnitError: `2027-02-30` is not a date of the calendar (write year-month-day, for example `2027-04-01`)
    """
    hint = "write year-month-day, for example `2027-04-01`"
    if isinstance(raw, date):
        return raw
    if not isinstance(raw, str):
        raise UnitError("E207", f"expected a date, got {kind_of(raw)}", hint)
    if not _DATE.fullmatch(raw.strip()):
        raise UnitError("E207", f"{shown(raw)} is not a date", hint)
    try:
        day = date.fromisoformat(raw.strip())
    except ValueError:
        raise UnitError("E207", f"{shown(raw)} is not a date of the calendar", hint) from None
    if not 1990 <= day.year <= 2200:
        raise UnitError("E207", f"{shown(raw)} is not a sensible date", "years run from 1990 to 2200")
    return day


def parse_count(raw: object) -> int:
    """Read a whole number."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    text = raw.strip().replace("_", "") if isinstance(raw, str) else ""
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        raise UnitError(
            "E206",
            f"expected a whole number, got {shown(raw) if isinstance(raw, str) else kind_of(raw)}",
            "write it like `8`",
        )
    if len(text) > _MOST_DIGITS:
        raise UnitError("E206", f"{shown(raw)} is out of any sensible range", "write it like `8`")
    return int(text)


def parse_flag(raw: object) -> bool:
    """Read true or false."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip() in ("true", "True", "TRUE"):
        return True
    if isinstance(raw, str) and raw.strip() in ("false", "False", "FALSE"):
        return False
    raise UnitError(
        "E205",
        f"expected true or false, got {shown(raw) if isinstance(raw, str) else kind_of(raw)}",
        "write `true` or `false`",
    )


def parse_text(raw: object) -> str:
    """Read text."""
    if isinstance(raw, str):
        if raw.strip():
            return raw
        raise UnitError("E211", "expected text, got nothing", "write some text, or leave the key out")
    raise UnitError(
        "E203",
        f"expected text, got {kind_of(raw)}",
        "put the text in quotation marks if it holds `: ` or begins with `[` or `{`",
    )


def parse_id(raw: object) -> str:
    """Read an id: it stands in dotted paths, so it holds no dot and no space."""
    text = parse_text(raw)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", text):
        raise UnitError(
            "E208",
            f"{shown(text)} cannot be an id",
            "begin with a letter; then letters, digits, `-` and `_`, at most 64 in all",
        )
    return text
