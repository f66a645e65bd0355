"""`like` in a process: fitted terms stand where the file writes none of its own.

What was fitted comes from the registry (``fitted.shipped``), so that this package does not name it. The terms come with interval and source
and stand at their row of the table of fitted terms, so that every value can say that it was fitted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.spec.locate import at_node
from offtake.spec.tree import Entry, Listing, Mapping, Node, Scalar, child, items_of

if TYPE_CHECKING:
    from offtake.diagnostics import Diagnostic

__all__ = ["filled_in"]

_WORDS = ("source", "assumption")


def filled_in(root: Mapping) -> tuple[Mapping, list[Diagnostic]]:
    """Put fitted terms in the place of every `like`; return the tree and every mistake.

    Terms that the file writes itself win.

    Examples
    --------
    >>> from offtake.spec.reader import read_text
    >>> text = "outlook: {uncertain: [{id: p, process: {kind: spikes, like: us-tex-erco, lasts: 3 d}}]}"
    >>> tree, mistakes = filled_in(read_text(text).root)
    >>> process = child(tree, "outlook", "uncertain", 0, "process")
    >>> list(process.entries), mistakes
    (['kind', 'spread', 'half_life', 'every', 'height', 'lasts'], [])
    """
    uncertain = child(root, "outlook", "uncertain")
    found: list[Diagnostic] = []
    items: list[Node] = []
    for k, item in items_of(uncertain):
        process = child(item, "process")
        if isinstance(item, Mapping) and isinstance(process, Mapping) and "like" in process.entries:
            terms, mistakes = _filled(root, k, process)
            found += mistakes
            items.append(_said(item, terms))
        else:
            items.append(item)
    outlook = child(root, "outlook")
    if not isinstance(uncertain, Listing) or not isinstance(outlook, Mapping) or list(uncertain.items) == items:
        return root, found
    return _with(root, "outlook", _with(outlook, "uncertain", replace(uncertain, items=tuple(items)))), found


def _filled(root: Mapping, k: int, process: Mapping) -> tuple[Mapping, list[Diagnostic]]:
    from offtake.registry import component, components

    own = {name: entry for name, entry in process.entries.items() if name != "like"}
    like, kind = process.entries["like"].node, child(process, "kind")
    steps = ("outlook", "uncertain", k, "process", "like")
    if not isinstance(kind, Scalar) or kind.text not in components("process"):
        return replace(process, entries=own), []  # what is wrong with the kind is said elsewhere
    if not isinstance(like, Scalar):
        return _silenced(process, kind), [at_node(root, steps, "E203", "expected the name of what was fitted")]
    try:
        terms: Mapping = component("fitted", "shipped")(like.text, kind.text)
    except OfftakeError as error:
        message, _, hint = str(error).partition("; ")
        return _silenced(process, kind), [at_node(root, steps, "E404", message, hint or "see `offtake outlook fit`")]
    entries = {"kind": own["kind"]} | dict(terms.entries) | own
    return replace(process, entries=entries), []


def _said(item: Mapping, process: Mapping) -> Mapping:
    """Put a process in its place; what is said of the fit as a whole is said of the quantity, unless it says something itself."""
    own = {name: entry for name, entry in process.entries.items() if name not in _WORDS}
    entries = dict(_with(item, "process", replace(process, entries=own)).entries)
    if not any(name in entries for name in _WORDS):
        entries |= {name: process.entries[name] for name in _WORDS if name in process.entries}
    return replace(item, entries=entries)


def _silenced(process: Mapping, kind: Scalar) -> Mapping:
    """Return a process of no kind: that it lacks terms is no second mistake."""
    return replace(process, entries={"kind": Entry("kind", process.place, replace(kind, text="null", quoted=False))})


def _with(node: Mapping, key: str, value: Node) -> Mapping:
    return replace(node, entries={**node.entries, key: Entry(key, node.entries[key].key_place, value)})
