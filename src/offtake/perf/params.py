"""The parameter file: fitted efficiency by level, with its errors and what it was fitted on.

A parameter's value for a chip and software is exp(sum of the effects that the file has for its levels). The file is package data
(`data/efficiency.json`), versioned, written by `offtake perf fit`; another one may be read from a path.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.catalog.types import Chip

__all__ = ["SCHEMA_VERSION", "Section", "digest", "levels_of", "load", "parse", "save", "shipped"]

SCHEMA_VERSION = 1
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One model's fitted parameters: "training" or "serving".

    Attributes
    ----------
    kind : str
    effects : mapping parameter → mapping level → log effect ("global": log of the value itself)
    spread : mapping → float          what intervals are made of (log sd, quantiles), by the model's own names
    errors : mapping → anything       errors measured: in the fit, by chip held out, by source held out
    rows : mapping → anything         count, hash and keys of the rows fitted; in serving "users" those of rows that only tell users' delay
    """

    kind: str
    effects: Mapping[str, Mapping[str, float]]
    spread: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    errors: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    rows: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)

    def value(self, name: str, levels: Iterable[str], default: float) -> float:
        """Return exp(sum of effects) of a parameter, `default` where the file does not have it.

        Examples
        --------
        >>> s = Section(kind="training", effects={"gemm": {"global": math.log(0.5), "family:hopper": math.log(1.2)}})
        >>> round(s.value("gemm", ("global", "family:hopper", "chip:H100 SXM"), 1.0), 3)
        0.6
        """
        known = self.effects.get(name)
        if known is None or "global" not in known:
            return default
        return math.exp(known["global"] + sum(known.get(level, 0.0) for level in levels if level != "global"))

    def knows(self, level: str) -> bool:
        """Say whether any parameter has an effect of a level, that is, whether rows of it were fitted."""
        return any(level in known for known in self.effects.values())


def levels_of(chip: Chip, *, engine: str = "", year: float = 0.0) -> dict[str, str]:
    """Return the levels of a chip and its software: vendor, family, chip, engine, release.

    Examples
    --------
    >>> from offtake.catalog.types import Chip
    >>> levels_of(Chip(name="H100 SXM", vendor="NVIDIA", family="hopper"), engine="megatron", year=2025.0)["release"]
    'megatron 2025'
    """
    release = f"{engine} {int(year)}" if engine and year else ""
    return {"vendor": chip.vendor, "family": chip.family, "chip": chip.name, "engine": engine, "release": release}


def parse(document: Mapping[str, Any], where: str) -> dict[str, Section]:
    """Return the sections of a parameter document.

    Raises
    ------
    OfftakeError
        Another version, or not such a document.
    """
    if document.get("schema_version") != SCHEMA_VERSION:
        raise OfftakeError(
            f"{where}: parameter file of version {document.get('schema_version')!r}; this program reads {SCHEMA_VERSION}"
        )
    sections = {}
    for kind in ("training", "serving"):
        part = document.get(kind)
        if part is not None:
            keys = ("effects", "spread", "errors", "rows")
            sections[kind] = Section(kind=kind, **{key: MappingProxyType(part.get(key, {})) for key in keys})
    return sections


def load(path: Path) -> dict[str, Section]:
    """Read a parameter file.

    Raises
    ------
    OfftakeError
        The file cannot be read, is no JSON, or has another version.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OfftakeError(f"{path}: cannot be read as a parameter file: {error}") from error
    if not isinstance(document, dict):
        raise OfftakeError(f"{path}: a parameter file holds one JSON object")
    return parse(document, str(path))


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Section]:
    """Return the sections of the file that comes with the package; empty where a section was never fitted."""
    place = resources.files("offtake.perf") / "data" / "efficiency.json"
    if not place.is_file():
        return MappingProxyType({})
    return MappingProxyType(parse(json.loads(place.read_text("utf-8")), "efficiency.json"))


def save(path: Path, section: Section) -> None:
    """Write a section into a parameter file, keeping the others; sorted, so that equal fits give equal bytes."""
    document: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
    if path.exists():
        document = json.loads(path.read_text("utf-8"))
    document[section.kind] = {
        "effects": {name: {k: round(v, 6) for k, v in known.items()} for name, known in section.effects.items()},
        "spread": {name: round(value, 6) for name, value in section.spread.items()},
        "errors": dict(section.errors),
        "rows": dict(section.rows),
    }
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")


def digest(keys: Iterable[str]) -> str:
    """Return a hash of the keys of rows, in any order.

    Examples
    --------
    >>> digest(["b", "a"]) == digest(["a", "b"])
    True
    """
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:16]
