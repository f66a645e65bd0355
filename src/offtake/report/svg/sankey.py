"""A Sankey: what flows from column to column, each band as wide as its amount.

Nodes stand in given columns. Within a column they are ordered by the mean place of their neighbours, three sweeps each way
(Sugiyama's barycentre rule), ties by name, so that the picture depends on the flows alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offtake.report.svg.draw import FILLS, INK, MUTED, Drawing, shorten, tag, text, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Link", "sankey"]

_NODE, _GAP, _SWEEPS = 12.0, 14.0, 3
_LINE = 12.0  # what a label needs above and below the middle of a low node
_LOW = 22.0  # a lower node has its label on one line
_LABELS = (190.0, 400.0)  # least and most room for the labels of the last column

Node = tuple[int, str]
"""Column and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An amount from a node of column `stage` to a node of the next column; amounts not above zero are left out."""

    stage: int
    source: str
    target: str
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where each node stands: top and height."""

    columns: dict[int, list[Node]]
    size: dict[Node, float]
    top: dict[Node, float]
    scale: float


def sankey(
    drawing: Drawing, links: Sequence[Link], *, amount: Callable[[float], str], notes: Mapping[str, str] | None = None
) -> str:
    """Draw the flows; each node with its name and amount, and a note in place of the amount where there is one."""
    shown = [k for k in links if k.amount > 0]
    if not shown:
        return drawing.markup()
    layout = _lay_out(drawing, shown)
    last = max(layout.columns)
    left, right = 0.0, drawing.width - _label_room(layout, last, amount, notes or {})
    place = {c: left + (right - _NODE - left) * c / max(last, 1) for c in layout.columns}
    colours = {n: i % len(FILLS) for i, n in enumerate(sorted({k.source for k in shown if k.stage == 0}))}
    out: dict[Node, float] = dict(layout.top)
    into: dict[Node, float] = dict(layout.top)
    for link in sorted(
        shown, key=lambda k: (k.stage, layout.top[k.stage, k.source], layout.top[k.stage + 1, k.target])
    ):
        a, b = (link.stage, link.source), (link.stage + 1, link.target)
        tall = link.amount * layout.scale
        fill = FILLS[colours.get(link.source, _steady(link.source))]
        x = (place[link.stage] + _NODE, place[link.stage + 1])
        drawing.add(_band(x, (out[a], into[b]), tall, fill))
        out[a] += tall
        into[b] += tall
    for column, nodes in sorted(layout.columns.items()):
        for node in nodes:
            _node(drawing, node, layout, (place[column], amount, notes or {}))
    return drawing.markup()


def _label_room(layout: _Layout, last: int, amount: Callable[[float], str], notes: Mapping[str, str]) -> float:
    """Give the width that the labels of the last column need, within limits."""
    need = 0.0
    for node in layout.columns[last]:
        name, words = (
            text_width(shorten(node[1], 170, bold=True), bold=True),
            text_width(_words(node, layout, amount, notes), 11),
        )
        low = layout.size[node] * layout.scale < _LOW
        need = max(need, name + 5 + words if low else max(name, words))
    return min(max(need + _NODE + 10, _LABELS[0]), _LABELS[1])


def _words(node: Node, layout: _Layout, amount: Callable[[float], str], notes: Mapping[str, str]) -> str:
    """Give the note of a node, or its amount."""
    return notes.get(node[1]) or amount(layout.size[node])


def _lay_out(drawing: Drawing, links: Sequence[Link]) -> _Layout:
    """Order and stack the nodes of every column."""
    into: dict[Node, float] = defaultdict(float)
    out: dict[Node, float] = defaultdict(float)
    near: dict[Node, list[tuple[Node, float]]] = defaultdict(list)
    for k in links:
        a, b = (k.stage, k.source), (k.stage + 1, k.target)
        out[a] += k.amount
        into[b] += k.amount
        near[a].append((b, k.amount))
        near[b].append((a, k.amount))
    size = {n: max(into[n], out[n]) for n in near}
    columns: dict[int, list[Node]] = defaultdict(list)
    for node in sorted(size, key=lambda n: (-size[n], n)):
        columns[node[0]].append(node)
    scale = min((drawing.height - 2 * _LINE - _GAP * (len(c) - 1)) / sum(size[n] for n in c) for c in columns.values())
    top = _stack(columns, size, scale, drawing.height)
    for sweep in range(2 * _SWEEPS):
        order = sorted(columns) if sweep % 2 == 0 else sorted(columns, reverse=True)
        side = -1 if sweep % 2 == 0 else 1
        for c in order:
            centre = {n: top[n] + size[n] * scale / 2 for n in size}
            place = {n: (_mean(near[n], centre, n, side), n) for n in columns[c]}
            columns[c].sort(key=place.__getitem__)
            top = _stack(columns, size, scale, drawing.height)
    return _Layout(columns=dict(columns), size=size, top=top, scale=scale)


def _mean(neighbours: Sequence[tuple[Node, float]], centre: Mapping[Node, float], node: Node, side: int) -> float:
    """Give the mean place of a node's neighbours on one side, its own where it has none there."""
    found = [(centre[n], w) for n, w in neighbours if n[0] == node[0] + side]
    return sum(p * w for p, w in found) / sum(w for _, w in found) if found else centre[node]


def _stack(
    columns: Mapping[int, list[Node]], size: Mapping[Node, float], scale: float, height: float
) -> dict[Node, float]:
    """Stack the nodes of each column, centred."""
    top = {}
    for nodes in columns.values():
        tall = sum(size[n] for n in nodes) * scale + _GAP * (len(nodes) - 1)
        y = (height - tall) / 2
        for node in nodes:
            top[node] = y
            y += size[node] * scale + _GAP
    return top


def _steady(name: str) -> int:
    """Give a name a colour that does not depend on the others."""
    return sum(ord(c) for c in name) % len(FILLS)


def _band(x: tuple[float, float], y: tuple[float, float], tall: float, fill: str) -> str:
    """Draw one band as a closed shape between two nodes."""
    half = (x[0] + x[1]) / 2
    a, b = y
    path = (
        f"M{x[0]:.1f} {a:.1f}C{half:.1f} {a:.1f} {half:.1f} {b:.1f} {x[1]:.1f} {b:.1f}"
        f"V{b + tall:.1f}C{half:.1f} {b + tall:.1f} {half:.1f} {a + tall:.1f} {x[0]:.1f} {a + tall:.1f}Z"
    )
    return tag("path", d=path, fill=fill, fill_opacity=0.32)


def _node(
    drawing: Drawing,
    node: Node,
    layout: _Layout,
    how: tuple[float, Callable[[float], str], Mapping[str, str]],
) -> None:
    """Draw a node with its name and amount at its right."""
    x, amount, notes = how
    top, tall = layout.top[node], layout.size[node] * layout.scale
    drawing.add(tag("rect", x=x, y=top, width=_NODE, height=max(tall, 1), fill=INK))
    middle = top + tall / 2
    name = shorten(node[1], 170, bold=True)
    words = _words(node, layout, amount, notes)
    at = x + _NODE + 5
    if tall < _LOW:  # one line where the node is low
        drawing.add(text(at, middle + 4, name, bold=True, halo=True))
        drawing.add(text(at + text_width(name, bold=True) + 5, middle + 4, words, size=11, fill=MUTED, halo=True))
    else:
        drawing.add(text(at, middle - 2, name, bold=True, halo=True))
        drawing.add(text(at, middle + 13, words, size=11, fill=MUTED, halo=True))
