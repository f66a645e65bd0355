"""The pen: escaped elements, rounded coordinates, text and its width, fills with patterns, the frame of a chart."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from offtake.tables import escape

__all__ = ["FILLS", "GRID", "INK", "MUTED", "PAPER", "Drawing", "escape", "num", "shorten", "tag", "text", "text_width"]

INK, MUTED, GRID, PAPER = "#1d2733", "#56616e", "#dfe3e8", "#ffffff"

FILLS: tuple[str, ...] = ("#22407f", "#127a68", "#96164a", "#a16c0a", "#1879c8", "#7d5a94", "#434d12", "#6b7885")
"""Eight hues of spread lightness: 4.5:1 on white (WCAG 1.4.3, as text too), and at least 10 apart in CIELAB as seen with
any of the three colour deficiencies (Machado, Oliveira and Fernandes 2009); a test recomputes both."""

# Widths in em, measured on the widest of the fonts that the page asks for (DejaVu Sans), so that words fit in any of them.
_NARROW, _WIDE = frozenset("iljtfr.,:;'|!()[] "), frozenset("mwMW@%")


def num(value: float) -> str:
    """Write a coordinate with at most two decimals, so that bytes do not depend on the last bit.

    Examples
    --------
    >>> num(1 / 3), num(2.0), num(-0.001)
    ('0.33', '2', '0')
    """
    if not math.isfinite(value):
        msg = f"a coordinate must be finite, got {value}"
        raise ValueError(msg)
    rounded = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if rounded == "-0" else rounded


def tag(name: str, *children: str, **attributes: object) -> str:
    """Write one element; `_` in an attribute becomes `-`, None leaves it out, children are markup.

    Examples
    --------
    >>> tag("rect", x=1.5, stroke_width=2, id=None)
    '<rect x="1.5" stroke-width="2"/>'
    """
    parts = []
    for key, value in attributes.items():
        if value is None:
            continue
        shown = num(value) if isinstance(value, int | float) else escape(value)
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{shown}"')
    inner = "".join(children)
    return f"<{name}{''.join(parts)}>{inner}</{name}>" if inner else f"<{name}{''.join(parts)}/>"


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 12,
    anchor: str = "start",
    fill: str = INK,
    bold: bool = False,
    halo: bool = False,
) -> str:
    """Write a line of text with its baseline at y; a halo of paper keeps lines from crossing the words."""
    return tag(
        "text",
        escape(words),
        x=x,
        y=y,
        font_size=size,
        text_anchor=None if anchor == "start" else anchor,
        fill=fill,
        font_weight="600" if bold else None,
        stroke=PAPER if halo else None,
        stroke_width=3 if halo else None,
        paint_order="stroke" if halo else None,
    )


def text_width(words: str, size: float = 12, *, bold: bool = False) -> float:
    """Estimate the width of a line of text, in the units of the drawing."""
    wide = sum(1 for c in words if c in _WIDE)
    narrow = sum(1 for c in words if c in _NARROW)
    upper = sum(1 for c in words if c.isupper() and c not in _WIDE)
    em = 0.95 * wide + 0.36 * narrow + 0.70 * upper + 0.61 * (len(words) - wide - narrow - upper)
    return size * em * (1.11 if bold else 1.0)


def shorten(words: str, width: float, size: float = 12, *, bold: bool = False) -> str:
    """Cut a text to a width, ending in an ellipsis."""
    if text_width(words, size, bold=bold) <= width:
        return words
    words = words[
        : int(width / size / 0.3) + 1
    ]  # no letter is narrower: of a very long text only the beginning can fit
    while words and text_width(words + "…", size, bold=bold) > width:
        words = words[:-1]
    return words.rstrip() + "…"


@dataclass(slots=True)
class Drawing:
    """One chart being drawn: a list of marks inside a frame with title and description.

    Parameters
    ----------
    ident : str              unique in the page; prefixes every id
    width, height : float    of the drawing, in CSS pixels at full size
    title, desc : str        read aloud in place of the picture
    """

    ident: str
    width: float
    height: float
    title: str
    desc: str
    marks: list[str] = field(default_factory=list)
    _patterns: dict[str, str] = field(default_factory=dict)

    def add(self, *marks: str) -> None:
        """Put marks on top."""
        self.marks.extend(marks)

    def fill(self, index: int, *, pattern: int | None = None) -> str:
        """Give the fill of a series: a colour with a pattern of its own, the first series plain."""
        colour = FILLS[index % len(FILLS)]
        return self.hatched(colour, index % 4 if pattern is None else pattern)

    def hatched(self, colour: str, pattern: int) -> str:
        """Give a fill of a colour: 0 plain, 1 diagonal, 2 dots, 3 horizontal lines, 4 light diagonal on paper."""
        if pattern == 0:
            return colour
        ident = f"{self.ident}-{colour[1:]}-{pattern}"
        if ident not in self._patterns:
            self._patterns[ident] = _pattern(ident, colour, pattern)
        return f"url(#{ident})"

    def markup(self) -> str:
        """Finish the drawing."""
        head = [
            tag("title", escape(self.title), id=f"{self.ident}-t"),
            tag("desc", escape(self.desc), id=f"{self.ident}-d"),
        ]
        defs = [tag("defs", *self._patterns.values())] if self._patterns else []
        return tag(
            "svg",
            *head,
            *defs,
            "\n",
            "\n".join(self.marks),
            "\n",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {num(self.width)} {num(self.height)}",
            width=self.width,
            height=self.height,
            role="img",
            aria_labelledby=f"{self.ident}-t {self.ident}-d",
        )


def _pattern(ident: str, colour: str, kind: int) -> str:
    """Define one pattern tile."""
    light = "#ffffff"
    ground = tag("rect", width=6, height=6, fill=light if kind == 4 else colour)
    marks = {
        1: tag("path", d="M-1 1L1 -1M0 6L6 0M5 7L7 5", stroke=light, stroke_width=1.1, fill="none"),
        2: tag("circle", cx=3, cy=3, r=1, fill=light),
        3: tag("path", d="M0 3H6", stroke=light, stroke_width=1.1),
        4: tag("path", d="M-1 1L1 -1M0 6L6 0M5 7L7 5", stroke=colour, stroke_width=1.6, fill="none"),
    }
    return tag("pattern", ground, marks[kind], id=ident, width=6, height=6, patternUnits="userSpaceOnUse")
