"""Reading the catalogue's tables and finding entries by name.

Tables are package data, read at first use and kept; text is matched without case, spaces and punctuation, by name or alias.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, cast

from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.catalog.facts import Fact

__all__ = ["Entry", "Kind", "canonical", "close", "find", "key", "names", "references", "rows", "starting"]

Kind = Literal["chips", "models", "sites"]
_POINT = re.compile(r"(?<=\d)\.(?=\d)")
_TABLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"chips": ("chips", "chip"), "models": ("models", "model"), "sites": ("sites_snapshot", "site")}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One chip, model or site of the catalogue: a name and its facts."""

    kind: Kind
    name: str
    facts: Mapping[str, Fact]

    def number(self, field: str) -> float | None:
        """Return a fact's value as a number, None where no source gives it."""
        fact = self.facts.get(field)
        return None if fact is None else fact.number

    def text(self, field: str) -> str:
        """Return a fact's value as text, "" where no source gives it."""
        fact = self.facts.get(field)
        return "" if fact is None else str(fact.value)


@lru_cache(maxsize=32)
def rows(table: str) -> tuple[Mapping[str, str], ...]:
    """Read one table of the catalogue, as text.

    Examples
    --------
    >>> rows("chips")[0]["vendor"]
    'NVIDIA'
    """
    text = resources.files("offtake.catalog").joinpath("data", f"{table}.csv").read_text(encoding="utf-8")
    return tuple(MappingProxyType(row) for row in csv.DictReader(io.StringIO(text)))


def key(name: str) -> str:
    """Return a name as it is compared: lower case, letters and digits only; "+" is read aloud, since it names another model.

    Examples
    --------
    >>> key("Llama-3.1 405B"), key("Trainium 2") == key("trainium2"), key("Command R+")
    ('llama31405b', True, 'commandrplus')
    """
    return "".join(c for c in name.casefold().replace("+", "plus") if c.isalnum())


def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of all entries of a kind, in the catalogue's order.

    Examples
    --------
    >>> "Trainium2" in names("chips")
    True
    """
    table, column = _TABLES[kind]
    return tuple(row[column] for row in rows(table))


def references(kind: str) -> tuple[str, ...]:
    """Return every spelling that the sources print: names first, then aliases.

    Examples
    --------
    >>> {"Trainium2", "Trn2"} <= set(references("chips"))
    True
    """
    wanted = cast("Kind", kind)  # KeyError for another
    return names(wanted) + tuple(row["alias"] for row in rows("aliases") if row["kind"] == kind)


def _pointed(name: str) -> str:
    """Return `key` with the points inside numbers kept: 1.3B is not 13B."""
    return key(_POINT.sub("point", name)).replace("point", ".")


@lru_cache(maxsize=8)
def _index(kind: Kind) -> Mapping[str, str]:
    """Names and aliases, as compared → the entry's name; without the points too, where that is not another entry."""
    known: dict[str, str] = {}
    spelled = [(row["alias"], row["name"]) for row in rows("aliases") if row["kind"] == kind]
    spelled += [(name, name) for name in names(kind)]
    plain: dict[str, set[str]] = {}
    for spelling, name in spelled:
        plain.setdefault(key(spelling), set()).add(name)
    known.update({k: next(iter(of)) for k, of in plain.items() if len(of) == 1})
    known.update({_pointed(spelling): name for spelling, name in spelled})
    return MappingProxyType(known)


def close(kind: Kind, name: str) -> tuple[str, ...]:
    """Return up to three entries whose name or alias looks like `name`.

    Examples
    --------
    >>> close("chips", "Trainum 2")[0]
    'Trainium2'
    """
    index = _index(kind)
    found = difflib.get_close_matches(key(name), list(index), n=5, cutoff=0.6)
    return tuple(dict.fromkeys(index[k] for k in found))[:3]


def starting(kind: Kind, name: str) -> tuple[str, ...]:
    """Return the entries of which `name` is only the beginning, at a word's end: what a family's name could mean.

    Examples
    --------
    >>> starting("models", "gpt-oss"), starting("models", "gpt-o")
    (('gpt-oss-20b', 'gpt-oss-120b'), ())
    """
    begun = key(name)
    if len(begun) < 2:
        return ()
    found = []
    for one in names(kind):
        words = [w for w in re.split(r"[^a-z0-9.+]+", one.casefold()) if w]
        if begun in {key("".join(words[:count])) for count in range(1, len(words))}:
            found.append(one)
    return tuple(found)


def find(kind: Kind, name: str) -> str | None:
    """Return the catalogue's name for a name or alias, None where it has none.

    Examples
    --------
    >>> find("chips", "h100"), find("chips", "Z80")
    ('H100 SXM', None)
    >>> find("models", "OPT 1.3B"), find("models", "OPT 13B")
    ('OPT-1.3B', 'OPT-13B')
    """
    index = _index(kind)
    return index.get(_pointed(name)) or index.get(key(name))


def canonical(kind: Kind, name: str) -> str:
    """Return the catalogue's name for a name or alias.

    Raises
    ------
    OfftakeError
        No such entry; says which are close.

    Examples
    --------
    >>> canonical("chips", "trn2")
    'Trainium2'
    """
    found = find(kind, name)
    if found is None:
        near = close(kind, name)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; see `offtake catalog {kind}`"
        raise OfftakeError(f"the catalogue has no {kind.rstrip('s')} {name!r}{hint}")
    return found
