"""Amendments written out: each changed clause with all of its terms, every one with the line that it came from.

In the file an amendment names only what changes, in the form of an overlay; what is read below is the whole clause as it then stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from offtake.spec.locate import at_key, at_node, is_null
from offtake.spec.overlay import apply_overlay
from offtake.spec.tree import Entry, Listing, Mapping, Node, Place, Scalar, child, id_of, items_of

if TYPE_CHECKING:
    from offtake.diagnostics import Diagnostic

__all__ = ["clause_nodes", "written_out"]

Steps = tuple[str | int, ...]
KEPT = ("id", "kind")
"""What a clause keeps as long as it is the same clause."""
CHANGING = ("changes", "add", "end", "term_end", "fee")
"""Keys of which an amendment has at least one."""


def written_out(root: Mapping) -> tuple[Mapping, list[Diagnostic]]:
    """Return the tree with every changed clause in full, and the mistakes met.

    Examples
    --------
    >>> from offtake.spec.reader import read_text
    >>> from offtake.spec.tree import plain
    >>> text = "contract: {clauses: [{kind: k, id: a, price: 1, fee: 2}], amendments: [{from: 2027-01-01, changes: {a: {price: 3}}}]}"
    >>> plain(written_out(read_text(text).root)[0])["contract"]["amendments"][0]["changes"]["a"]
    {'kind': 'k', 'id': 'a', 'price': '3', 'fee': '2'}
    """
    amendments = child(root, "contract", "amendments")
    if not isinstance(amendments, Listing):
        return root, []
    now = {id_of(item): item for _, item in items_of(child(root, "contract", "clauses")) if isinstance(item, Mapping)}
    found: list[Diagnostic] = []
    items: list[Node] = []
    for k, item in enumerate(amendments.items):
        found += _empty(root, item, ("contract", "amendments", k))
        changes = child(item, "changes")
        if isinstance(item, Mapping) and isinstance(changes, Mapping):
            entries = {}
            for name, entry in changes.entries.items():
                steps = ("contract", "amendments", k, "changes", name)
                whole, mistakes = _laid(root, now.get(name), entry.node, steps)
                found += mistakes
                entries[name] = replace(entry, node=whole)
                if isinstance(whole, Mapping):
                    now[name] = whole
            below = Entry("changes", item.entries["changes"].key_place, replace(changes, entries=entries))
            item = replace(item, entries={**item.entries, "changes": below})  # noqa: PLW2901  (the item as written out)
        now |= {id_of(added): added for _, added in items_of(child(item, "add")) if isinstance(added, Mapping)}
        items.append(item)
    contract = root.entries["contract"]
    if not isinstance(contract.node, Mapping):
        return root, found
    written = replace(contract.node.entries["amendments"], node=Listing(tuple(items), amendments.place))
    whole_contract = replace(contract.node, entries={**contract.node.entries, "amendments": written})
    return replace(root, entries={**root.entries, "contract": replace(contract, node=whole_contract)}), found


def clause_nodes(root: Mapping) -> Iterator[tuple[Steps, Node]]:
    """Yield every clause of a tree that is written out: the first version's, then the amendments'."""
    for k, node in items_of(child(root, "contract", "clauses")):
        yield ("contract", "clauses", k), node
    for k, item in items_of(child(root, "contract", "amendments")):
        changes = child(item, "changes")
        for name, entry in changes.entries.items() if isinstance(changes, Mapping) else ():
            if child(entry.node, "kind") is not None:
                yield ("contract", "amendments", k, "changes", name), entry.node
        for n, added in items_of(child(item, "add")):
            yield ("contract", "amendments", k, "add", n), added


def _empty(root: Mapping, item: Node, steps: Steps) -> Iterator[Diagnostic]:
    """Report an amendment that changes nothing, and a fee that does not say who pays it."""
    if not isinstance(item, Mapping):
        return
    payer = child(item, "payer")
    if not any(_says(child(item, key)) for key in CHANGING):
        hint = "give `changes`, `add`, `end`, `term_end` or a `fee`, or leave the amendment out"
        yield at_node(root, steps, "E508", "the amendment changes nothing", hint)
    elif "fee" in item.entries and (payer is None or is_null(payer)):
        hint = "add `payer: offtaker` or `payer: provider`"
        yield at_key(root, (*steps, "fee"), "E503", "a fee needs a `payer`: the offtaker or the provider", hint)


def _says(node: Node | None) -> bool:
    """Whether a key has something below it; what stands at the keys of `changes` too."""
    if isinstance(node, Mapping):
        return any(_says(entry.node) for entry in node.entries.values())
    return bool(node.items) if isinstance(node, Listing) else node is not None and not is_null(node)


def _laid(root: Mapping, before: Node | None, changes: Node, steps: Steps) -> tuple[Node, list[Diagnostic]]:
    """Lay the changes of one clause over its terms so far."""
    if not isinstance(before, Mapping) or not isinstance(changes, Mapping):
        return changes, []  # an unknown clause or a wrong shape is said elsewhere
    kept = [key for key in KEPT if key in changes.entries]
    if kept:
        hint = "leave it out; to put another clause in its place, `end` this one and `add` the other"
        return before, [at_key(root, (*steps, kept[0]), "E503", f"a clause keeps its `{kept[0]}`", hint)]
    laid = apply_overlay(before, changes, ".".join(str(s) for s in steps))
    origins = {(p.file, p.line, p.column): p for p in _places(changes)}
    return _as_it_was(laid.root, origins), list(laid.diagnostics)


def _places(node: Node) -> Iterator[Place]:
    yield node.place
    if isinstance(node, Listing):
        for item in node.items:
            yield from _places(item)
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield entry.key_place
            yield from _places(entry.node)


def _as_it_was(node: Node, origins: dict[tuple[str, int, int], Place]) -> Node:
    """Mark what the amendment says as of the file that it stands in: it is no overlay."""

    def place(at: Place) -> Place:
        return origins.get((at.file, at.line, at.column), at)

    if isinstance(node, Scalar):
        return replace(node, place=place(node.place))
    if isinstance(node, Listing):
        return Listing(tuple(_as_it_was(i, origins) for i in node.items), place(node.place))
    entries = {k: Entry(k, place(e.key_place), _as_it_was(e.node, origins)) for k, e in node.entries.items()}
    return Mapping(entries, place(node.place))
