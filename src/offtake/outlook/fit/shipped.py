"""Terms that ship with the package, by key and kind: what `like` in a scenario names.

The table is `offtake/outlook/data/fitted.csv`, written by `offtake outlook fit`; it is read at first use and kept.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from offtake.errors import OfftakeError
from offtake.outlook.fit.terms import read_rows
from offtake.spec.reader import read_text
from offtake.spec.tree import Entry, Mapping, Node, Place, Scalar

if TYPE_CHECKING:
    from offtake.outlook.fit.terms import Fitted, Term

__all__ = ["FILE", "fitted", "fitted_nodes", "shipped"]

FILE = "offtake/outlook/data/fitted.csv"
"""As messages and origins name it."""


@cache
def shipped() -> tuple[Fitted, ...]:
    """Return everything that ships, in the order of the file."""
    text = resources.files("offtake.outlook").joinpath("data", "fitted.csv").read_text(encoding="utf-8")
    return read_rows(text, file=FILE)


def fitted(key: str, kind: str) -> Fitted:
    """Return the terms of a key for a kind of process.

    Raises
    ------
    OfftakeError    no such key (says which are close), or not for that kind (says for which)

    Examples
    --------
    >>> fitted("us-tex-erco", "spikes").terms["lasts"].written
    '30.4 d'
    """
    kinds = [one.kind for one in shipped() if one.key == key]
    if not kinds:
        keys = list(dict.fromkeys(one.key for one in shipped()))
        near = difflib.get_close_matches(key, keys, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(keys)}"
        raise OfftakeError(f"nothing called {key!r} was fitted; {hint}")
    if kind not in kinds:
        raise OfftakeError(f"{key!r} was fitted for `kind: {'` and `kind: '.join(kinds)}`, not for {kind!r}")
    return next(one for one in shipped() if (one.key, one.kind) == (key, kind))


def fitted_nodes(key: str, kind: str) -> Mapping:
    """Return the terms as a scenario file would write them, each with interval and source, at their place in the table.

    Beside the terms stands the `source` of the whole, or the `assumption` that it is, as the quantity itself would say it.

    Raises
    ------
    OfftakeError    as `fitted`
    """
    found = fitted(key, kind)
    entries = {}
    for k, (name, term) in enumerate(found.terms.items()):
        place = Place(FILE, found.line + k, 1, origin="catalog")
        entries[name] = Entry(name, place, _node(found, term, place))
    place = Place(FILE, found.line, 1, origin="catalog")
    said = "assumption" if found.grade == "assumption" else "source"
    window = f", {found.data_from} to {found.data_to}, {found.points} points" if found.grade != "assumption" else ""
    words = f"{found.key} ({found.grade}): {found.quantity}{window}"
    entries[said] = Entry(said, place, Scalar(words, place, quoted=True))
    return Mapping(entries, place)


def _node(found: Fitted, term: Term, place: Place) -> Node:
    if isinstance(term.value, str):
        return _law(term.value, place)
    said = {"value": term.written}
    if term.ends is not None:
        said |= {"low": term.ends[0], "high": term.ends[1]}
    window = f"{found.data_from} to {found.data_to}" if found.data_from else "no data"
    words = f"{found.key}: {found.quantity}, {window}, {found.points} points; {found.source}"
    # What was fitted has a source; what was chosen says so, and weak data are named as such.
    said |= {"assumption": f"{found.note} ({words})"} if found.grade == "assumption" else {"source": words}
    if found.grade == "weak":
        said["assumption"] = f"weak: {found.note}"
    return Mapping({name: Entry(name, place, Scalar(text, place, quoted=True)) for name, text in said.items()}, place)


def _law(text: str, place: Place) -> Node:
    """Read a law in the form of the scenario file; every node stands at the row of the table."""
    root = read_text(f"law: {text}", name=FILE).root
    if root is None:
        raise OfftakeError(f"{FILE}:{place.line}: a law that cannot be read")
    return _placed(root.entries["law"].node, place)


def _placed(node: Node, place: Place) -> Node:
    from dataclasses import replace

    if isinstance(node, Scalar):
        return replace(node, place=place)
    if isinstance(node, Mapping):
        return Mapping({k: Entry(k, place, _placed(e.node, place)) for k, e in node.entries.items()}, place)
    return replace(node, items=tuple(_placed(item, place) for item in node.items), place=place)
