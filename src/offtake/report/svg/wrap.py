"""Labels on two lines where one is too short."""

from __future__ import annotations

from offtake.report.svg.draw import shorten, text_width

__all__ = ["both_ends", "wrapped"]


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


def both_ends(words: str, width: float, size: float = 12) -> list[str]:
    """Break a text into at most two lines that keep its beginning and its end: names of one kind differ at the end.

    Examples
    --------
    >>> both_ends("warrant: 26,700,000 shares at 0.01 USD, tranche gw-1", 140.0)
    ['warrant: 26,700,000', '… USD, tranche gw-1']
    >>> both_ends("one phase of 152 MW more", 100.0)
    ['one phase of', '152 MW more']
    """
    lines = wrapped(words, width, size)
    if len(lines) == 1 or lines[1] == words[len(lines[0]) :].strip():
        return lines
    last = ""
    for part in reversed(words[len(lines[0]) :].split()):
        longer = f"{part} {last}".strip()
        if text_width(f"… {longer}", size) > width:
            break
        last = longer
    return [lines[0], f"… {last}"] if last else lines
