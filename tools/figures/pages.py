"""Find passages in their pages, compare the figures that stand there, write those that differ.

A passage is text of its page with named slots: ``"so {cloud_gain} of the {gain} bn of gain"``. Space stands for any space, line
ends and the marks of comments included, so that a passage may run over lines. A slot is

- ``{name}``       a number, shown with the decimals that it has on the page
- ``{name:-3}``    a number rounded to thousands
- ``{name:w}``     a word without spaces: a status, a period, a month
- ``{name:n}``     a name of capitalised words
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Found", "PageError", "Passage", "find", "shown", "written"]

MINUS = "\N{MINUS SIGN}"
_SLOT = re.compile(r"\{(?P<name>\w+)(?::(?P<form>-\d|w|n))?\}")
_NUMBER = rf"[+{MINUS}-]?\d+(?:,\d{{3}})*(?:\.\d+)?"
_FORMS = {"w": r"\w[\w/-]*", "n": r"[A-Z]\w*(?: [A-Z]\w*)*"}
_SPACE = r"(?:\s|#)+"


class PageError(Exception):
    """A passage that does not stand in its page once."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of a page with slots for its figures."""

    page: str
    text: str

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the figures."""
        return tuple(found["name"] for found in _SLOT.finditer(self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A figure where it stands: `span` in the page's text, the number `was`, and the passage around it."""

    passage: Passage
    name: str
    form: str
    was: str
    span: tuple[int, int]


def find(passage: Passage, text: str) -> list[Found]:
    r"""Find a passage in its page.

    Raises
    ------
    PageError    where it stands there never or more than once

    Examples
    --------
    >>> [f.was for f in find(Passage("p.md", "so {a} of the {b} bn"), "so 98 of\nthe 245 bn of gain")]
    ['98', '245']
    """
    matches = list(re.finditer(_pattern(passage.text), text))
    if len(matches) != 1:
        times = "does not stand" if not matches else f"stands {len(matches)} times"
        raise PageError(f"{passage.page}: this passage {times} in its page; give it the page's words: {passage.text}")
    slots = list(_SLOT.finditer(passage.text))
    return [
        Found(
            passage=passage,
            name=slot["name"],
            form=slot["form"] or "",
            was=matches[0][number],
            span=matches[0].span(number),
        )
        for number, slot in enumerate(slots, 1)
    ]


def _pattern(text: str) -> str:
    parts, at = [], 0
    for slot in _SLOT.finditer(text):
        parts += [_literal(text[at : slot.start()]), f"({_FORMS.get(slot['form'] or '', _NUMBER)})"]
        at = slot.end()
    return "".join([*parts, _literal(text[at:])])


def _literal(text: str) -> str:
    words = [re.escape(word) for word in re.split(r"\s+", text)]
    return _SPACE.join(words)


def shown(value: float | str, was: str, form: str = "") -> str:
    """Write a figure as the page writes it: its decimals, its comma at thousands, its minus, its plus.

    Examples
    --------
    >>> shown(244.6, "238"), shown(4.937, "4.90"), shown(-73.4, "75"), shown(533.7, "+523"), shown(17098.0, "16,000", "-3")
    ('245', '4.94', '−73', '+534', '17,000')
    """
    if isinstance(value, str):
        return value
    _, _, decimals = was.partition(".")
    rounded = round(value, int(form) if form else len(decimals))
    digits = f"{abs(rounded):,.{len(decimals)}f}"
    if "," not in was and len(was.lstrip(f"+{MINUS}-").split(".")[0]) > 3:
        digits = digits.replace(",", "")  # a year, or a page that writes none
    minus = "-" if was.startswith("-") else MINUS
    return (minus if rounded < 0 else "+" if was.startswith("+") and rounded > 0 else "") + digits


def moved(was: str, now: str) -> bool:
    """Say whether a figure moved by more than 5 %, or is another word.

    Examples
    --------
    >>> moved("245", "238"), moved("14", "15"), moved("2027-Q3", "2027-Q4"), moved("0", "0")
    (False, True, True, False)
    """
    try:
        a, b = (float(text.replace(",", "").replace(MINUS, "-")) for text in (was, now))
    except ValueError:
        return was != now
    return abs(b - a) > 0.05 * max(abs(a), abs(b))


def written(text: str, found: Iterable[Found], values: Mapping[str, float | str]) -> str:
    """Return the page with every figure as it is now."""
    for each in sorted(found, key=lambda f: f.span, reverse=True):
        first, last = each.span
        text = text[:first] + shown(values[each.name], each.was, each.form) + text[last:]
    return text


def rows_of(found: Sequence[Found], values: Mapping[str, float | str]) -> list[tuple[Found, str]]:
    """Pair every figure that differs with what it is now."""
    pairs = [(each, shown(values[each.name], each.was, each.form)) for each in found]
    return [(each, now) for each, now in pairs if each.was != now]
