"""Labels on two lines where one is too short."""

from __future__ import annotations

from offtake.report.svg.draw import shorten, text_width

__all__ = ["wrapped"]


def wrapped(words: str, width: float, size: float = 12) -> list[str]:
    """Break a text between words into at most two lines; what does not fit even then ends in an ellipsis.

    Examples
    --------
    >>> wrapped("one phase of 152 MW more", 100.0)
    ['one phase of', '152 MW more']
    >>> wrapped("short", 100.0)
    ['short']
    """
    if text_width(words, size) <= width:
        return [words]
    first = ""
    for part in words.split(" "):
        longer = f"{first} {part}".strip()
        if text_width(longer, size) > width:
            break
        first = longer
    return [first, shorten(words[len(first) :].strip(), width, size)] if first else [shorten(words, width, size)]
