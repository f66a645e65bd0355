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
from offtake.perf import own as own_rows

if TYPE_CHECKING:
    from offtake.catalog.types import Chip
    from offtake.perf.own import Own

__all__ = ["SCHEMA_VERSION", "Section", "digest", "levels_of", "load", "parse", "shipped", "text_of"]

SCHEMA_VERSION = 1
MOST_BYTES = 16 * 1024 * 1024
_MOST_LOG, _MOST_SPREAD = 20.0, 20.0  # far beyond any fit: e^-20 s is no time
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """One model's fitted parameters: "training" or "serving". Two are equal where they are the same object, so that answers can be kept.

    Attributes
    ----------
    kind : str
    effects : mapping parameter → mapping level → log effect ("global": log of the value itself)
    spread : mapping → float          what intervals are made of (log sd, quantiles), by the model's own names
    errors : mapping → anything       errors measured: in the fit, by chip held out, by source held out
    rows : mapping → anything         count, hash and keys of the rows fitted; in serving "users" those of rows that only tell users' delay
    own : Own or None                 what the user of the file measured (`offtake perf calibrate`)
    """

    kind: str
    effects: Mapping[str, Mapping[str, float]]
    spread: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    errors: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    rows: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    own: Own | None = None

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

    def document(self) -> dict[str, Any]:
        """Return the section as the file holds it."""
        found: dict[str, Any] = {
            "effects": {name: {k: round(v, 6) for k, v in known.items()} for name, known in self.effects.items()},
            "spread": {name: round(value, 6) for name, value in self.spread.items()},
            "errors": dict(self.errors),
            "rows": dict(self.rows),
        }
        return found if self.own is None else {**found, "own": self.own.document()}

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
    version = document.get("schema_version")
    if version != SCHEMA_VERSION or not isinstance(version, int) or isinstance(version, bool):
        raise OfftakeError(
            f"{where}: parameter file of version {str(version)[:40]}; this program reads {SCHEMA_VERSION}"
        )
    sections = {}
    for kind in ("training", "serving"):
        part = document.get(kind)
        if part is not None:
            _check(part, f"{where}: {kind}")
            keys = ("effects", "spread", "errors", "rows")
            held = {key: MappingProxyType(part.get(key, {})) for key in keys}
            sections[kind] = Section(kind=kind, own=own_rows.parse(part.get("own"), f"{where}: {kind}"), **held)
    return sections


def load(path: Path) -> dict[str, Section]:
    """Read a parameter file.

    Raises
    ------
    OfftakeError
        The file cannot be read, is no JSON, or has another version.
    """
    if path.exists() and not path.is_file():
        raise OfftakeError(f"{path}: cannot be read as a parameter file: it is no file")
    try:
        with path.open("rb") as file:
            held = file.read(MOST_BYTES + 1)
        document = json.loads(held[:MOST_BYTES].decode("utf-8-sig"))
    except RecursionError as error:
        raise OfftakeError(f"{path}: cannot be read as a parameter file: nested too deeply") from error
    except (OSError, ValueError) as error:
        raise OfftakeError(f"{path}: cannot be read as a parameter file: {error}") from error
    if len(held) > MOST_BYTES or not isinstance(document, dict):
        raise OfftakeError(f"{path}: a parameter file holds one JSON object of at most {MOST_BYTES / 1e6:.0f} MB")
    return parse(document, str(path))


def _check(part: object, at: str) -> None:
    """Refuse a section that `Section.document` does not write, naming the entry."""
    if not isinstance(part, dict):
        raise OfftakeError(f"{at}: is no section; offtake perf fit writes it")
    for key in ("effects", "spread", "errors", "rows"):
        if not isinstance(part.get(key, {}), dict):
            raise OfftakeError(f"{at}.{key}: is no object")
    for name, known in part.get("effects", {}).items():
        if not isinstance(known, dict):
            raise OfftakeError(f"{at}.effects.{name}: is no object")
        for level, value in known.items():
            _check_number(value, f"{at}.effects.{name}.{level}", -_MOST_LOG, _MOST_LOG)
    for name, value in part.get("spread", {}).items():
        _check_number(value, f"{at}.spread.{name}", 0.0, _MOST_SPREAD)


def _check_number(value: object, at: str, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise OfftakeError(f"{at}: is a number from {least:g} to {most:g}, not {str(value)[:40]!r}")


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Section]:
    """Return the sections of the file that comes with the package; empty where a section was never fitted."""
    place = resources.files("offtake.perf") / "data" / "efficiency.json"
    if not place.is_file():
        return MappingProxyType({})
    return MappingProxyType(parse(json.loads(place.read_text("utf-8")), "efficiency.json"))


def text_of(sections: Mapping[str, Section]) -> str:
    """Return a parameter file's text: sorted, so that equal fits give equal bytes."""
    document: dict[str, Any] = {kind: section.document() for kind, section in sections.items()}
    return json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=1, sort_keys=True) + "\n"


def digest(keys: Iterable[str]) -> str:
    """Return a hash of the keys of rows, in any order.

    Examples
    --------
    >>> digest(["b", "a"]) == digest(["a", "b"])
    True
    """
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:16]
