"""A digest of what a value holds, the same in every process: equal content, equal digest.

Pickles will not do: they depend on which equal parts are one object, and on the order of sets, which changes from process to process.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import math
import struct
import types
from pathlib import Path
from typing import Any

__all__ = ["code_digest", "digest"]

_NAMED = (type, types.FunctionType, types.BuiltinFunctionType)


def digest(value: object) -> bytes:
    """Return 16 bytes that tell values apart by their types and content, arrays by their elements.

    Sets count without order, dicts in their order.  Dataclasses count by their fields; other objects by what pickle would keep of them.

    Raises
    ------
    TypeError    something in the value cannot be pickled

    Examples
    --------
    >>> digest({"a", "b", "c"}) == digest({"c", "b", "a"}), digest(1) == digest(1.0), digest([1]) == digest((1,))
    (True, False, False)
    """
    return _Digester().of(value)


class _Digester:
    """Walk one value; parts that stand in several places are walked once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, bytes]] = {}
        self._open: list[int] = []

    def of(self, value: Any) -> bytes:  # noqa: ANN401
        """Return the digest of one part."""
        if value is None or (isinstance(value, bool | int | float | complex | str | bytes) and _basic(value)):
            return _hash(type(value).__name__, _bytes(value))
        if id(value) in self._known:
            return self._known[id(value)][1]
        if id(value) in self._open:  # a circle: named by how far up it closes
            return _hash("circle", str(len(self._open) - self._open.index(id(value))).encode())
        self._open.append(id(value))
        found = self._of_parts(value)
        self._open.pop()
        self._known[id(value)] = (value, found)  # the value is kept, so that its id stays its own
        return found

    def _of_parts(self, value: Any) -> bytes:  # noqa: ANN401, PLR0911
        import numpy as np

        if isinstance(value, list | tuple) and type(value) in {list, tuple}:
            return _hash(type(value).__name__, *map(self.of, value))
        if type(value) is dict:
            return _hash("dict", *(self.of(part) for pair in value.items() for part in pair))
        if type(value) in {set, frozenset}:
            return _hash("set", *sorted(map(self.of, value)))
        if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
            array = np.asarray(value)
            return _hash(
                _name(type(value)), repr(array.dtype.descr).encode(), repr(array.shape).encode(), array.tobytes()
            )
        if isinstance(value, _NAMED):
            return _hash("name", f"{value.__module__}:{value.__qualname__}".encode())
        if isinstance(value, enum.Enum):
            return _hash("enum", _name(type(value)).encode(), value.name.encode())
        if dataclasses.is_dataclass(value):
            fields = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
            return _hash(_name(type(value)), *(self.of(part) for field in fields for part in field))
        return self._of_reduced(value)

    def _of_reduced(self, value: Any) -> bytes:  # noqa: ANN401
        """Take what pickle would keep: a maker, its arguments, a state, items."""
        kept = value.__reduce_ex__(4)
        if isinstance(kept, str):
            return _hash("name", f"{type(value).__module__}:{kept}".encode())
        maker, arguments, *more = kept
        state = more[0] if more else None
        items = [list(part) if part is not None else None for part in more[1:3]]
        return _hash("object", self.of(maker), self.of(arguments), self.of(state), self.of(items))


def _basic(value: object) -> bool:
    return type(value) in {bool, int, float, complex, str, bytes}


def _bytes(value: Any) -> bytes:  # noqa: ANN401
    if isinstance(value, float):
        return struct.pack(">d", value) if not math.isnan(value) else b"nan"
    if isinstance(value, complex):
        return struct.pack(">dd", value.real, value.imag)
    if isinstance(value, int):
        return hex(value).encode()
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return value if isinstance(value, bytes) else b""


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _hash(kind: str, *parts: bytes) -> bytes:
    """Hash parts with their lengths, so that they cannot run into each other."""
    found = hashlib.blake2b(f"{kind}\0{len(parts)}\0".encode(), digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.digest()


@functools.cache
def code_digest() -> bytes:
    """Return a digest of Offtake's own code and of the versions of what computes: other code may give other digits."""
    from importlib import metadata

    from offtake import __version__

    home = Path(__file__).resolve().parents[1]
    versions = f"{__version__} {metadata.version('numpy')} {metadata.version('highspy')}"
    files = sorted((path.relative_to(home).as_posix(), path) for path in home.rglob("*.py"))
    return _hash(
        "code", versions.encode(), *(part for name, path in files for part in (name.encode(), path.read_bytes()))
    )
