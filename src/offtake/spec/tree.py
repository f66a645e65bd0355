"""The node tree of a scenario file: scalars as text, every node with its place.

Nothing is constructed or resolved here; what a text means is decided by the field that wants it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from offtake.spec.quantity import CHANGE_KEYS

__all__ = ["Entry", "Listing", "Mapping", "Node", "Place", "Scalar", "child", "items_of", "plain", "segments"]

Origin = Literal["file", "overlay", "catalog"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node begins.

    Parameters
    ----------
    file : str             as the user named it
    line, column : int     one-based, in characters
    length : int           characters to underline
    origin : Origin        the scenario's own file, an overlay, or what was fitted
    """

    file: str
    line: int
    column: int
    length: int = 1
    origin: Origin = "file"


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text; `quoted` text is never taken for a missing value."""

    text: str
    place: Place
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of nodes."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One key with its value."""

    key: str
    key_place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with values, in order of the file; keys are unique."""

    entries: dict[str, Entry]
    place: Place


Node = Scalar | Listing | Mapping


def plain(node: Node) -> Any:  # noqa: ANN401
    """Return the node as plain text, lists and dicts."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return {key: plain(entry.node) for key, entry in node.entries.items()}


def id_of(node: Node) -> str:
    """Return the `id` of a mapping, or ""."""
    if isinstance(node, Mapping) and "id" in node.entries:
        found = node.entries["id"].node
        if isinstance(found, Scalar):
            return found.text
    return ""


def items_of(node: Node | None) -> Iterator[tuple[int, Node]]:
    """Yield the items of a list with their index; nothing for any other node."""
    if isinstance(node, Listing):
        yield from enumerate(node.items)


def child(node: Node | None, *steps: str | int) -> Node | None:
    """Follow keys and indices as far as they lead; None where they do not."""
    for step in steps:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            node = node.entries[step].node
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def deepest(node: Node, steps: Sequence[str | int]) -> tuple[Node, int]:
    """Follow steps as far as they lead; return the node reached and how many were followed."""
    for k, step in enumerate(steps):
        below = child(node, step)
        if below is None:
            return node, k
        node = below
    return node, len(steps)


def segments(root: Node, steps: Sequence[str | int]) -> str:
    """Write steps as a dotted path, list items by their id where they have a usable one.

    ``("sites", 0, "phase")`` becomes ``sites.indiana.phase``, or ``sites[0].phase`` without an id.
    """
    node: Node | None = root
    text = ""
    for step in steps:
        keys = node.entries if isinstance(node, Mapping) else {}
        node = child(node, step) if node is not None else None
        if isinstance(step, int):
            name = id_of(node) if node is not None else ""
            text += f".{name}" if name.isprintable() and 0 < len(name) <= 64 else f"[{step}]"
        elif step != "of" or not all(
            k in CHANGE_KEYS for k in keys
        ):  # what an overlay changes stands in the place that it changes
            shown = step if step.isprintable() and len(step) <= 64 else ascii(step[:60])[1:-1]
            text += f".{shown}" if text else shown
    return text
