"""Collect where every value of a scenario came from, untouched defaults included."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from offtake.errors import UnitError
from offtake.provenance import Provenance
from offtake.spec.series import Series
from offtake.spec.shape import Leaf, leaves
from offtake.spec.tree import Listing, Mapping, Node, Place, Scalar, child
from offtake.units import format_quantity, parse_quantity

if TYPE_CHECKING:
    from offtake.spec.fields import Unit
    from offtake.spec.scenario import Scenario

__all__ = ["collect"]

_LONGEST = 200


def collect(scenario: Scenario, root: Mapping) -> dict[str, Provenance]:
    """Return dotted path → origin for every value of a scenario.

    The path has file keys, and the id of each list item that has one: ``sites.indiana.lead_time``, ``demand.chat-us.steps.0.share``.
    """
    table: dict[str, Provenance] = {}
    for leaf in leaves(scenario):
        if leaf.steps[0] != "cases":
            table[".".join(leaf.names)] = _origin(leaf, child(root, *leaf.steps))
    return table


def _origin(leaf: Leaf, node: Node | None) -> Provenance:
    unit = leaf.slot.unit
    common: dict[str, Any] = {
        "unit": unit.unit if unit else "",
        "kind": "series" if leaf.slot.series else "quantity" if unit else "other",
    }
    if node is None:
        return Provenance(origin="default", text=_written(leaf.value, unit), **common)
    place = _place(node)
    common |= {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "origin": place.origin,
        "text": _text(node),
    }
    inner = _unwrapped(node)
    if isinstance(inner, Mapping) and unit is not None:
        common |= {k: _scalar(inner, k) for k in ("source", "assumption")}
        if leaf.slot.series:
            common |= {"low": _factor(leaf.value, "low"), "high": _factor(leaf.value, "high")}
        else:
            common |= {k: _number(inner, k, unit, node) for k in ("low", "high")}
    return Provenance(**common)


def _place(node: Node) -> Place:
    """Return the place of the number itself, inside its annotations."""
    if isinstance(node, Mapping) and "of" not in node.entries and "value" in node.entries:
        return node.entries["value"].node.place
    return node.place


def _unwrapped(node: Node) -> Node:
    while isinstance(node, Mapping) and "of" in node.entries:
        node = node.entries["of"].node
    return node


def _scalar(node: Mapping, key: str) -> str:
    found = child(node, key)
    return found.text if isinstance(found, Scalar) else ""


def _factor(value: object, end: str) -> float | None:
    found: float | None = getattr(value, end) if isinstance(value, Series) else None
    return found


def _number(inner: Mapping, key: str, unit: Unit, node: Node) -> float | None:
    text = _scalar(inner, key)
    if not text:
        return None
    with suppress(UnitError):  # a broken one was reported before
        return parse_quantity(text, unit.unit) * _times(node)
    return None


def _times(node: Node) -> float:
    factor = 1.0
    while isinstance(node, Mapping) and "of" in node.entries:
        factor *= float(_scalar(node, "times") or 1.0)
        node = node.entries["of"].node
    return factor


def _text(node: Node) -> str:
    """Return what was written, in one line."""
    if isinstance(node, Scalar):
        return _short(node.text)
    if isinstance(node, Listing):
        return _short("[" + ", ".join(_text(i) for i in node.items[:50]) + "]")
    if "of" in node.entries:
        changes = [f"× {_scalar(node, 'times')}"] if "times" in node.entries else []
        changes += [f"later by {_scalar(node, 'later')}"] if "later" in node.entries else []
        changes += [f"held from {_scalar(node, 'hold_from')}"] if "hold_from" in node.entries else []
        return _short(" ".join([_text(node.entries["of"].node), *changes]))
    for key in ("value", "points"):
        if key in node.entries:
            return _text(node.entries[key].node)
    return _short("{" + ", ".join(f"{e.key}: {_text(e.node)}" for e in node.entries.values()) + "}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _written(value: object, unit: Unit | None) -> str:
    """Write a default as a file would."""
    if isinstance(value, Series):
        return format_quantity(value.values[0], unit.unit if unit else "")
    if unit is not None and isinstance(value, float) and math.isfinite(value):
        return format_quantity(value, unit.unit)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _short(str(value)) if value != () else "none"
