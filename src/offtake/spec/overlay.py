"""Overlays: a small file, or a few lines, that change some values of a scenario.

``changes`` is nested like the scenario or written with dotted paths; list items are addressed by their id, all of
them by ``*``, those without an id by their number from 0. Mappings merge, unless the new one is of another `kind`; a
value, a series and a list are replaced whole. ``{times: 0.7}`` scales what stands there and ``{later: 12 months}``
moves a series, ``{hold_from: 2028-01-01}`` keeps it constant from a date on. An overlay file without `changes` or
`file` is itself the changes. Every node of the result knows the file and line that it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from offtake.diagnostics import Diagnostic, did_you_mean
from offtake.spec.quantity import ANNOTATION_KEYS, CHANGE_KEYS, SERIES_KEYS
from offtake.spec.reader import MOST_DEPTH, read_file, read_text
from offtake.spec.tree import Entry, Listing, Mapping, Node, Place, Scalar, child, id_of, items_of

__all__ = ["Changes", "Overlaid", "Sources", "apply_overlay", "named_cases", "overlay_file"]

_OVERLAY_KEYS = ("title", "notes", "file", "changes")
_LONGEST_CHAIN = 10


@dataclass(frozen=True, slots=True)
class Changes:
    """An overlay given as text instead of a file: lines of `path: value`, and how messages name them."""

    name: str
    text: str


@dataclass(slots=True)
class Sources:
    """The texts read so far, and the folder that case files must lie in."""

    scenario: Path
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Folder of the scenario, as the user named it."""
        return self.scenario.parent


@dataclass(frozen=True, slots=True)
class Overlaid:
    """A tree with changes applied, and the mistakes met."""

    root: Mapping
    diagnostics: tuple[Diagnostic, ...] = ()


def apply_overlay(root: Mapping, changes: Node, prefix: str = "changes") -> Overlaid:
    """Apply changes to a tree; the tree itself is left as it is.

    Parameters
    ----------
    root : Mapping      the scenario's tree
    changes : Node      the mapping of changes
    prefix : str        path of the changes, for messages

    Examples
    --------
    >>> from offtake.spec.reader import read_text
    >>> from offtake.spec.tree import plain
    >>> base = read_text("sites: [{id: a, phase: 20 MW}, {id: b, phase: 50 MW}]").root
    >>> plain(apply_overlay(base, read_text("sites.a.phase: 40 MW").root).root)
    {'sites': [{'id': 'a', 'phase': '40 MW'}, {'id': 'b', 'phase': '50 MW'}]}
    """
    if not isinstance(changes, Mapping):
        return Overlaid(
            root,
            (_mistake("E203", "expected a mapping of changes", "write `path: value` below it", changes.place, prefix),),
        )
    laying = _Laying(prefix)
    merged = laying.merge(root, changes, "")
    return Overlaid(merged if isinstance(merged, Mapping) else root, tuple(laying.found))


class _Laying:
    """Lay changes over a tree, noting mistakes."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.found: list[Diagnostic] = []

    def merge(self, node: Node, changes: Mapping, path: str) -> Node:
        """Apply every entry of `changes` below `node`."""
        for entry in changes.entries.values():
            keys = entry.key.split(".")
            if len(keys) > MOST_DEPTH:
                self.note("E601", f"a path of {len(keys)} parts", "no scenario is so deep", entry.key_place, path)
            else:
                node = self.put(node, keys, entry, path)
        return node

    def put(self, node: Node, keys: list[str], entry: Entry, path: str) -> Node:
        """Put one value where the keys lead."""
        if not keys:
            return self.over(node, entry.node, path)
        if isinstance(node, Mapping):
            return self.put_in_mapping(node, keys, entry, path)
        if isinstance(node, Listing):
            return self.put_in_list(node, keys, entry, path)
        shown = path or "the scenario"
        self.note(
            "E601",
            f"nothing stands below `{shown}`: it is one value",
            "give the value itself a new one",
            entry.key_place,
            path,
        )
        return node

    def put_in_mapping(self, node: Mapping, keys: list[str], entry: Entry, path: str) -> Node:
        key, rest = keys[0], keys[1:]
        here = f"{path}.{key}" if path else key
        if not key:
            self.note("E601", "a path has an empty part", "write it like `sites.indiana.phase`", entry.key_place, path)
            return node
        if key in node.entries:
            old = node.entries[key]
            below = self.put(old.node, rest, entry, here)
            return replace(
                node,
                entries={
                    **node.entries,
                    key: Entry(key, old.key_place if below is old.node else _marked(entry.key_place), below),
                },
            )
        if _change(entry.node):
            self.note(
                "E601", f"there is no `{here}` to change", did_you_mean(key, list(node.entries)), entry.key_place, path
            )
            return node
        new: Node = _mark(entry.node)
        for part in reversed(rest):
            new = Mapping({part: Entry(part, _marked(entry.key_place), new)}, _marked(entry.key_place))
        entries = {**node.entries, key: Entry(key, _marked(entry.key_place), new)}
        if all(k[:4].isdigit() for k in entries):
            entries = dict(sorted(entries.items()))  # dated points stand in order
        return replace(node, entries=entries)

    def put_in_list(self, node: Listing, keys: list[str], entry: Entry, path: str) -> Node:
        key, rest = keys[0], keys[1:]
        ids = [id_of(item) for item in node.items]
        chosen = [k for k, name in enumerate(ids) if key in ("*", name) or (not name and key == str(k))]
        if not chosen:
            known = [name or str(k) for k, name in enumerate(ids)]
            self.note("E601", f"there is no `{key[:60]}` in `{path}`", did_you_mean(key, known), entry.key_place, path)
            return node
        chosen = chosen if key == "*" else chosen[:1]  # an id that stands twice is reported elsewhere
        items = [
            self.put(item, rest, entry, f"{path}.{ids[k] or k}") if k in chosen else item
            for k, item in enumerate(node.items)
        ]
        return replace(node, items=tuple(items))

    def over(self, old: Node, new: Node, path: str) -> Node:
        """Lay one node over another."""
        if _change(new) and isinstance(new, Mapping):
            marked = _mark(new)
            entries = {"of": Entry("of", new.place, old), **(marked.entries if isinstance(marked, Mapping) else {})}
            return Mapping(entries, marked.place)
        if isinstance(new, Mapping) and isinstance(old, Listing) and any(id_of(item) for item in old.items):
            return self.merge(old, new, path)
        if isinstance(new, Mapping) and isinstance(old, Mapping) and not _is_value(old) and not _other_kind(old, new):
            return self.merge(old, new, path)
        return _mark(new)

    def note(self, code: str, message: str, hint: str, place: Place, path: str) -> None:
        self.found.append(_mistake(code, message, hint, place, f"{self.prefix}.{path}" if path else self.prefix))


def _change(node: Node) -> bool:
    """Whether a node says how to change what stands there."""
    return isinstance(node, Mapping) and bool(node.entries) and all(k in CHANGE_KEYS[1:] for k in node.entries)


def _other_kind(old: Mapping, new: Mapping) -> bool:
    """Whether a mapping is of another kind, so that the keys of the old one mean nothing in it; what has an id stays what it is."""
    kinds = [node.entries["kind"].node for node in (old, new) if "kind" in node.entries]
    texts = [kind.text for kind in kinds if isinstance(kind, Scalar)]
    return "id" not in old.entries and len(texts) == 2 and texts[0] != texts[1]


def _is_value(node: Mapping) -> bool:
    """Whether a mapping is one quantity or series."""
    keys = list(node.entries)
    if not keys:
        return False
    if "of" in keys:  # what an overlay changed before; an uncertain quantity has an `of` too, and other keys
        return all(k in CHANGE_KEYS for k in keys)
    if ("value" in keys and all(k in ANNOTATION_KEYS for k in keys)) or (
        "points" in keys and all(k in SERIES_KEYS for k in keys)
    ):
        return True
    return all(k[:4].isdigit() for k in keys)


def _marked(place: Place) -> Place:
    return replace(place, origin="overlay")


def _mark(node: Node) -> Node:
    """Return the node with every place marked as of an overlay."""
    if isinstance(node, Scalar):
        return replace(node, place=_marked(node.place))
    if isinstance(node, Listing):
        return Listing(tuple(_mark(i) for i in node.items), _marked(node.place))
    entries = {k: Entry(k, _marked(e.key_place), _mark(e.node)) for k, e in node.entries.items()}
    return Mapping(entries, _marked(node.place))


def _mistake(code: str, message: str, hint: str, place: Place, path: str) -> Diagnostic:
    return Diagnostic(
        code=code,
        message=message,
        hint=hint,
        path=path,
        file=place.file,
        line=place.line,
        column=place.column,
        length=place.length,
    )


def named_cases(root: Mapping, sources: Sources) -> dict[str, Overlaid]:
    """Return the tree of every named case."""
    cases: dict[str, Overlaid] = {}
    for k, node in items_of(child(root, "cases")):
        name = id_of(node)
        if not isinstance(node, Mapping) or not name or name in cases:
            continue  # the models say what is wrong with it
        cases[name] = _lay(
            root, node, sources, (), f"cases.{name}" if name.isprintable() else f"cases[{k}]", flat=False
        )
    return cases


def _lay(
    root: Mapping, node: Mapping, sources: Sources, chain: tuple[Path, ...], path: str, *, flat: bool = True
) -> Overlaid:
    """Apply the `file` and then the `changes` of a case or overlay file."""
    found: list[Diagnostic] = []
    if flat and not _structured(node):
        return apply_overlay(root, node, path)
    entry = node.entries.get("file")
    if entry is not None and isinstance(entry.node, Scalar) and entry.node.text:
        laid = _lay_named(root, entry.node, sources, chain, f"{path}.file")
        root, found = laid.root, list(laid.diagnostics)
    if "changes" in node.entries:
        laid = apply_overlay(root, node.entries["changes"].node, f"{path}.changes")
        root, found = laid.root, found + list(laid.diagnostics)
    elif entry is None:
        found.append(_mistake("E605", "it changes nothing", "add `changes:` or `file:`", node.place, path))
    return Overlaid(root, tuple(found))


def _lay_named(root: Mapping, named: Scalar, sources: Sources, chain: tuple[Path, ...], path: str) -> Overlaid:
    """Apply an overlay file named in a file: it must lie in the scenario's folder."""
    target = _inside(named.text, sources.folder)
    if target is None:
        hint = "name a file in the scenario's own folder or below it, without `..` and without links that lead out"
        return Overlaid(
            root,
            (_mistake("E602", f"`{named.text[:60]}` leads out of the scenario's folder", hint, named.place, path),),
        )
    if target in chain or target == _resolved(sources.scenario):
        names = " → ".join(p.name for p in (*chain, target))
        return Overlaid(
            root,
            (
                _mistake(
                    "E603",
                    f"an overlay includes itself: {names}",
                    "take one of the `file:` lines out",
                    named.place,
                    path,
                ),
            ),
        )
    if len(chain) >= _LONGEST_CHAIN:
        return Overlaid(
            root,
            (
                _mistake(
                    "E603", f"more than {_LONGEST_CHAIN} overlays in a chain", "put them together", named.place, path
                ),
            ),
        )
    document = read_file(target, name=str(sources.folder / named.text), origin="overlay")
    if document.root is None and not document.text:
        first = document.diagnostics[0]
        return Overlaid(
            root, (_mistake(first.code, f"{named.text[:60]}: {first.message}", first.hint, named.place, path),)
        )
    sources.texts[document.file] = document.text
    if document.root is None:
        return Overlaid(root, document.diagnostics)
    laid = _lay(root, document.root, sources, (*chain, target), Path(named.text).name)
    return Overlaid(laid.root, (*document.diagnostics, *_unknown(document.root), *laid.diagnostics))


def overlay_file(root: Mapping, given: str | Path | Changes, sources: Sources) -> Overlaid:
    """Apply an overlay file that the user named, from any folder, or changes given as text."""
    if isinstance(given, Changes):
        document = read_text(given.text, name=given.name, origin="overlay")
        path = Path(given.name)
    else:
        path = Path(given)
        document = read_file(path, origin="overlay")
    sources.texts[document.file] = document.text
    if document.root is None:
        return Overlaid(root, document.diagnostics)
    resolved = None if isinstance(given, Changes) else _resolved(path)
    laid = _lay(root, document.root, sources, (resolved,) if resolved else (), path.name)
    return Overlaid(laid.root, (*document.diagnostics, *_unknown(document.root), *laid.diagnostics))


def _unknown(root: Mapping) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each key that an overlay file must not have."""
    for entry in root.entries.values() if _structured(root) else ():
        if entry.key not in _OVERLAY_KEYS:
            hint = did_you_mean(entry.key, _OVERLAY_KEYS)
            if not hint.startswith("did"):
                hint = "an overlay has `changes:` and below it what it changes; beside it `title`, `notes` and `file`"
            yield _mistake("E201", f"unknown key `{entry.key[:60]}`", hint, entry.key_place, entry.key[:60])


def _structured(node: Mapping) -> bool:
    return "changes" in node.entries or "file" in node.entries


def _inside(text: str, folder: Path) -> Path | None:
    """Return the real path of a file named relative to a folder; None if it leads out."""
    named = Path(text)
    if named.is_absolute() or ".." in named.parts or "\\" in text or "\0" in text:
        return None
    target, home = _resolved(folder / named), _resolved(folder)
    if target is None or home is None or not target.is_relative_to(home):
        return None
    return target


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links; a name that is no path
        return None
