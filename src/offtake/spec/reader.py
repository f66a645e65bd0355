"""Read a file into a node tree, within limits, each limit with its own code.

The bytes are checked first (size, NUL, UTF-8, control characters, tabs), then the stream of YAML events one by one
(documents, anchors, tags, depth, number of nodes), so that a bomb stops at the first event over a limit; nothing is
ever constructed from the file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any

from offtake.diagnostics import Diagnostic
from offtake.errors import ScenarioError
from offtake.spec.tree import Entry, Listing, Mapping, Node, Place, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offtake.spec.tree import Origin

__all__ = ["MOST_BYTES", "MOST_DEPTH", "MOST_NODES", "Document", "read_file", "read_text", "refuse_unreadable"]

MOST_BYTES = 2_000_000
"""Largest file [byte]."""

MOST_DEPTH = 40
"""Deepest nesting."""

MOST_NODES = 100_000
"""Most keys, values, lists and mappings."""

_TOO_LARGE = f"the file is larger than {MOST_BYTES // 1_000_000} MB"
_SMALL = "a scenario is some tens of kB: is this the right file?"
_BREAK = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_INDENT_TAB = re.compile(r"^ *\t[ \t]*(?=\S)", re.MULTILINE)
_MOST_TABS = 20  # reported; one careless editor makes thousands
_TAB = ("a tab in the indentation", "indent with spaces; let your editor turn tabs into spaces")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Document:
    """What was read: the tree (None if there is none), the text, and every mistake found on the way."""

    file: str
    text: str = ""
    root: Mapping | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


class _Stop(Exception):  # noqa: N818  (a signal inside this module)
    """End the reading with one more diagnostic."""

    def __init__(self, code: str, message: str, hint: str = "", place: Place | None = None) -> None:
        self.code, self.message, self.hint, self.place = code, message, hint, place
        super().__init__(message)


def read_file(path: str | Path, *, name: str | None = None, origin: Origin = "file") -> Document:
    """Read a file from disk; a file that cannot be read is a document with a diagnostic, never an exception.

    Parameters
    ----------
    path : str or Path
    name : str         how messages name it; the path as given if left out
    origin : Origin    what its values are marked as
    """
    shown = _printable(name if name is not None else str(path))
    try:
        raw = _bytes(Path(path))
        text = _decode(raw, shown)
    except _Stop as stop:
        return Document(shown, "", None, (_diagnostic(stop, shown),))
    return read_text(text, name=shown, origin=origin)


def refuse_unreadable(path: str | Path) -> None:
    """Refuse a file that is not there, no file, or too large: by a look at its entry, before anything is loaded to read it.

    Raises
    ------
    ScenarioError    with one diagnostic
    """
    try:
        _check_entry(Path(path))
    except _Stop as stop:
        raise ScenarioError((_diagnostic(stop, _printable(str(path))),)) from None


def _printable(name: str) -> str:
    """Return a file name that can be written out: the system may hand over bytes that are no text."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _check_entry(path: Path) -> None:
    """Check what the system says of a path."""
    try:
        status = path.stat()
        if S_ISDIR(status.st_mode):
            raise _Stop("E103", "this is a folder, not a file", "name the scenario file in it")
        if not S_ISREG(status.st_mode):
            raise _Stop("E103", "this is not a plain file", "name a file on disk")
        if status.st_size > MOST_BYTES:
            raise _Stop("E102", f"{_TOO_LARGE} ({status.st_size / 1e6:.1f} MB)", _SMALL)
    except FileNotFoundError:
        raise _Stop("E101", "there is no such file", _neighbours(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or "the name is not a path"
        raise _Stop("E101", f"the file cannot be read: {reason}", "check the path and its permissions") from None


def _bytes(path: Path) -> bytes:
    _check_entry(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror}"
        raise _Stop("E101", reason, "check the path and its permissions") from None
    if len(raw) > MOST_BYTES:
        raise _Stop("E102", _TOO_LARGE, _SMALL)
    return raw


def _neighbours(path: Path) -> str:
    """Suggest files of a like name in the same folder."""
    from offtake.diagnostics import did_you_mean

    try:
        names = sorted(_printable(p.name) for p in path.parent.iterdir() if p.suffix in (".yaml", ".yml", ".json"))[
            :200
        ]
    except OSError:
        return "check the folder"
    return did_you_mean(path.name, names) if names else "`offtake init` writes a first scenario"


def _decode(raw: bytes, name: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _Stop("E104", "the file is in UTF-16", "save it as UTF-8")
    if b"\0" in raw:
        before = raw[: raw.index(b"\0")]
        place = _place_at(before.decode("utf-8", "replace"), name, None)
        raise _Stop("E105", "the file holds a NUL byte, so it is not text", "is this the right file?", place)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_at(raw[: error.start].decode("utf-8-sig", "replace"), name, None)
        raise _Stop("E104", f"byte {raw[error.start]:#04x} is not UTF-8", "save the file as UTF-8", place) from None


def _place_at(before: str, name: str, length: int | None) -> Place:
    """Return the place right behind some text."""
    breaks = list(_BREAK.finditer(before))
    column = len(before) - (breaks[-1].end() if breaks else 0) + 1
    return Place(name, len(breaks) + 1, column, length or 1)


def _diagnostic(stop: _Stop, name: str) -> Diagnostic:
    place = stop.place
    if place is None:
        return Diagnostic(code=stop.code, message=stop.message, hint=stop.hint, file=name)
    return Diagnostic(
        code=stop.code,
        message=stop.message,
        hint=stop.hint,
        file=name,
        line=place.line,
        column=place.column,
        length=place.length,
    )


def read_text(text: str, *, name: str = "<text>", origin: Origin = "file") -> Document:
    """Read text into a node tree.

    Examples
    --------
    >>> document = read_text("a: {b: 1 MW}")
    >>> document.root.entries["a"].node.entries["b"].node.place.column
    8
    >>> read_text("a: &x 1").diagnostics[0].code
    'E112'
    """
    builder = _Builder(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), name, origin)
    root: Mapping | None = None
    try:
        builder.check_characters()
        root = builder.build()
    except _Stop as stop:
        builder.diagnostics.append(_diagnostic(stop, name))
    return Document(name, builder.text, root, tuple(builder.diagnostics))


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    place: Place
    is_mapping: bool
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    key: Scalar | None = None


class _Builder:
    """Build the tree from YAML events."""

    def __init__(self, text: str, name: str, origin: Origin) -> None:
        self.text = text
        self.name = name
        self.origin: Origin = origin
        self.diagnostics: list[Diagnostic] = []
        self.starts = [0, *(m.end() for m in _BREAK.finditer(text))]
        self.open: list[_Open] = []
        self.root: Node | None = None
        self.nodes = 0
        self.documents = 0

    def place(self, index: int, end: int | None = None) -> Place:
        """Return the place of a character index; the underline stays on its line."""
        index = min(max(index, 0), len(self.text))
        line = bisect_right(self.starts, index)
        stop = self.starts[line] if line < len(self.starts) else len(self.text) + 1
        last = min(end if end is not None else index + 1, stop)
        covered = self.text[index:last].rstrip()
        return Place(self.name, line, index - self.starts[line - 1] + 1, max(1, len(covered)), self.origin)

    def report(self, code: str, message: str, hint: str, place: Place) -> None:
        """Note one mistake and go on."""
        self.diagnostics.append(_diagnostic(_Stop(code, message, hint, place), self.name))

    def check_characters(self) -> None:
        """Refuse text that YAML cannot hold, and tabs in the indentation."""
        if len(self.text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
            raise _Stop(
                "E102", f"the text is larger than {MOST_BYTES // 1_000_000} MB", "a scenario is some tens of kB"
            )
        odd = _CONTROL.search(self.text) or re.search(r"[\ud800-\udfff]", self.text)
        if odd:
            code = "E105" if odd.group() == "\0" else "E106"
            raise _Stop(
                code,
                f"character U+{ord(odd.group()):04X} cannot stand in a text file",
                "is this the right file?",
                self.place(odd.start()),
            )
        marks = sum(map(self.text.count, (",", "- ", ": ")))
        if marks > 3 * MOST_NODES:  # no prose has so many: no need to parse it for seconds to be sure
            raise _Stop("E110", f"more than {MOST_NODES:,} keys and values", "is this the right file?")
        tabs = [self.place(self.text.index("\t", m.start())) for m in _INDENT_TAB.finditer(self.text)][:_MOST_TABS]
        for place in tabs[:-1]:
            self.report("E107", *_TAB, place)
        if tabs:
            raise _Stop("E107", *_TAB, tabs[-1])
        if not self.text.strip():
            raise _Stop("E117", "the file is empty", "`offtake init` writes a first scenario")

    def build(self) -> Mapping | None:
        """Consume the events; return the root if it is a mapping."""
        for event in self.events():
            self.take(event)
        if self.root is None:
            raise _Stop("E117", "the file holds nothing but comments", "`offtake init` writes a first scenario")
        if not isinstance(self.root, Mapping):
            raise _Stop(
                "E118",
                "the file is not a mapping of keys to values",
                "a scenario begins like `offtake: 1`",
                self.root.place,
            )
        return self.root

    def events(self) -> Iterator[Any]:
        """Yield the parser's events; whatever it raises is a syntax error of the file."""
        from ruamel.yaml import YAML

        try:
            yield from YAML(typ="safe", pure=True).parse(self.text)
        except _Stop:
            raise
        except Exception as error:  # noqa: BLE001  (the parser leaks ValueError, IndexError and others on broken input)
            raise self.syntax_error(error) from None

    def syntax_error(self, error: Exception) -> _Stop:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = self.place(mark.index) if mark is not None else None
        problem = getattr(error, "problem", None) or "it cannot be read"
        found = " ".join(str(problem).split())[:160]
        hint = "is this the right file?" if place is None else _syntax_hint(found)
        return _Stop("E108", f"this is not YAML: {found}", hint, place)

    def take(self, event: Any) -> None:  # noqa: ANN401
        """Take one event."""
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                raise _Stop(
                    "E111",
                    "a second document begins",
                    "keep one scenario in one file; take the line `---` out",
                    self.at(event),
                )
        elif kind == "AliasEvent":
            raise _Stop(
                "E112", "aliases (`*name`) are refused", "write the value out, or use an overlay", self.at(event)
            )
        elif kind in ("ScalarEvent", "SequenceStartEvent", "MappingStartEvent"):
            self.count(event)
            self.begin(event, kind)
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            self.end()

    def at(self, event: Any) -> Place:  # noqa: ANN401
        return self.place(event.start_mark.index, event.end_mark.index)

    def count(self, event: Any) -> None:  # noqa: ANN401
        """Check the limits and what may not stand on a node."""
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise _Stop("E110", f"more than {MOST_NODES:,} keys and values", "is this the right file?", self.at(event))
        if getattr(event, "anchor", None) is not None:
            raise _Stop(
                "E112", "anchors (`&name`) are refused", "write the value out, or use an overlay", self.at(event)
            )
        tag = getattr(event, "ctag", None) or getattr(event, "tag", None)
        if tag is not None:
            raise _Stop(
                "E113",
                f"tags are refused, here `{str(tag)[:60]}`",
                "take the tag out; fields know what they hold",
                self.at(event),
            )

    def begin(self, event: Any, kind: str) -> None:  # noqa: ANN401
        place = self.at(event)
        if kind == "ScalarEvent":
            self.add(self.scalar(event, place))
            return
        if len(self.open) >= MOST_DEPTH:
            raise _Stop("E109", f"nested deeper than {MOST_DEPTH} levels", "is this the right file?", place)
        if self.open and self.open[-1].is_mapping and self.open[-1].key is None:
            raise _Stop("E116", "a key must be text, not a list or mapping", "put quotation marks around it", place)
        self.open.append(_Open(place, kind == "MappingStartEvent"))

    def scalar(self, event: Any, place: Place) -> Scalar:  # noqa: ANN401
        r"""Take a text; JSON escapes a character beyond 16 bits as a pair, half of which is no character."""
        text = str(event.value)
        if any("\ud800" <= c <= "\udfff" for c in text):
            whole = text.encode("utf-16-le", "surrogatepass")
            text = whole.decode("utf-16-le", "replace")
            if text.encode("utf-16-le") != whole:
                self.report("E106", "an escape in this text is not a character", "write the character itself", place)
        return Scalar(text, place, event.style in ("'", '"', "|", ">"))

    def end(self) -> None:
        done = self.open.pop()
        self.add(Mapping(done.entries, done.place) if done.is_mapping else Listing(tuple(done.items), done.place))

    def add(self, node: Node) -> None:
        """Hand a finished node to what it stands in."""
        if not self.open:
            self.root = node
            return
        top = self.open[-1]
        if top.is_mapping and top.key is None:
            if not isinstance(node, Scalar):
                raise _Stop(
                    "E116", "a key must be text, not a list or mapping", "put quotation marks around it", node.place
                )
            top.key = node
            self.check_key(top, node)
            return
        self.check_value(top, node)
        if not top.is_mapping:
            top.items.append(node)
            return
        key = top.key
        top.key = None
        if key is not None and key.text not in top.entries:
            top.entries[key.text] = Entry(key.text, key.place, node)

    def check_key(self, top: _Open, key: Scalar) -> None:
        if not key.text:
            self.report("E116", "a key is empty", "write a name before the colon", key.place)
        elif key.text in top.entries:
            first = top.entries[key.text].key_place
            self.report(
                "E114",
                f"key `{key.text[:60]}` stands twice",
                f"the first is in line {first.line}; keep one of them",
                key.place,
            )
        if _unprintable(key.text):
            self.report("E106", "an escape in this key is not a character", "write the character itself", key.place)

    def check_value(self, top: _Open, node: Node) -> None:
        """Refuse missing values, most often a block indented less than was meant."""
        if not isinstance(node, Scalar):
            return
        if _unprintable(node.text):
            self.report("E106", "an escape in this text is not a character", "write the character itself", node.place)
        if node.quoted or node.text not in _NULLS:
            return
        name = f"`{top.key.text[:60]}`" if top.key is not None else "an item of the list"
        place = top.key.place if top.key is not None else node.place
        hint = "is the block below it indented less than you meant? To leave a value out, leave out its key"
        self.report("E115", f"{name} has no value", hint, place)


def _unprintable(text: str) -> bool:
    return _CONTROL.search(text) is not None


def _syntax_hint(problem: str) -> str:
    """Name the usual cause of a parser's complaint."""
    if "mapping values are not allowed" in problem:
        return "text that holds `: ` needs quotation marks; or the line is indented wrongly"
    if "expected <block end>" in problem or "did not find expected" in problem:
        return "the indentation of this line does not fit the lines above it"
    if "could not find expected ':'" in problem:
        return "a key is followed by a colon and a space"
    if "expected ',' or" in problem:
        return "a bracket is not closed, or a comma is missing"
    if "cannot start any token" in problem:
        return "text that begins with this character needs quotation marks"
    return "see `offtake explain E108`"
