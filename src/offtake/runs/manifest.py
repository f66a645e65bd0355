"""The manifest of a run: what went in, with what, and a hash of every file that came out.

It marks a directory as one of ours. It holds no time and no fact about the host, so the same inputs, versions and seed give
the same manifest to the byte; `timings.json` is listed without a hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from offtake.errors import RunDirectoryError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "FORMAT",
    "MANIFEST",
    "TIMINGS",
    "Manifest",
    "dump_json",
    "file_hash",
    "owned_files",
    "parse_json",
    "run_id",
    "versions",
]

FORMAT = "offtake-run-1"
MANIFEST = "manifest.json"
TIMINGS = "timings.json"
_FILE = re.compile(r"(tables/)?[A-Za-z0-9_][A-Za-z0-9_.-]*")
_PACKAGES = ("offtake", "numpy", "highspy", "highspy-extras", "duckdb", "pyxirr")


def dump_json(value: Any) -> str:  # noqa: ANN401
    r"""Write JSON for people and for hashing: two spaces, keys in the given order, exact floats, no NaN.

    Raises
    ------
    ValueError    on NaN or infinity: a number without meaning is None

    Examples
    --------
    >>> dump_json({"gap": 0.005})
    '{\n  "gap": 0.005\n}\n'
    """
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def parse_json(text: str) -> dict[str, Any]:
    """Read a JSON object as `dump_json` writes it.

    Raises
    ------
    ValueError    on anything else: other JSON, NaN, nesting without end

    Examples
    --------
    >>> parse_json('{"gap": NaN}')
    Traceback (most recent call last):
    ValueError: NaN is no number of JSON
    """
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None
    if not isinstance(value, dict):
        msg = f"a JSON {type(value).__name__}, not an object"
        raise ValueError(msg)  # noqa: TRY004  (of one kind with all that text can be)
    return value


def _no_number(word: str) -> float:
    msg = f"{word} is no number of JSON"
    raise ValueError(msg)


def _holds(facts: Mapping[str, Any]) -> bool:
    """Whether facts are those of a manifest: their kinds, and no file outside the directory."""
    if set(facts) != set(Manifest.__dataclass_fields__):
        return False
    texts = all(isinstance(facts[k], str) for k in ("scenario", "run_id", "foresight", "status"))
    tables = all(isinstance(facts[k], dict) for k in ("inputs", "versions", "options", "files"))
    return (
        texts
        and tables
        and isinstance(facts["seed"], int)
        and all(_FILE.fullmatch(name) for name in facts["files"])
        and all(isinstance(found, str | None) for found in facts["files"].values())
    )


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Turn read-only mappings, dates and numpy scalars into what JSON knows."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    msg = f"{type(value).__name__} cannot be written as JSON"
    raise TypeError(msg)


def file_hash(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Give the versions of the packages that shape an answer; a package that is not installed is left out."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def run_id(inputs: Mapping[str, str], *, seed: int, options: Mapping[str, Any], used: Mapping[str, str]) -> str:
    """Name a run by what determines its answer: twelve hex digits over input hashes, seed, options and versions.

    Examples
    --------
    >>> run_id({"a.yaml": "00"}, seed=0, options={}, used={})
    '9b7772b386a2'
    """
    facts = json.dumps([dict(inputs), seed, dict(options), dict(used)], sort_keys=True, default=_plain)
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Say what a run is made of.

    Parameters
    ----------
    scenario : str                  its name
    run_id : str                    see `run_id`
    foresight : str                 perfect | two-stage | rolling | multistage
    seed : int
    status : str                    of the base case: optimal | short | infeasible | interrupted …
    inputs : mapping                file name → SHA-256, scenario, overlays and catalogue alike
    versions : mapping              package → version
    options : mapping               what was asked on the command line that changes the answer
    files : mapping                 relative path → SHA-256 of what the run wrote; None: outside every hash
    """

    scenario: str
    run_id: str
    foresight: str
    seed: int
    status: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("inputs", "versions", "options", "files"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def to_json(self) -> str:
        """Write the manifest."""
        facts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return dump_json({"format": FORMAT, **facts})

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Read the manifest of a run directory.

        Raises
        ------
        RunDirectoryError    where there is none, or not one of this version
        """
        path = directory / MANIFEST
        try:
            facts = parse_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            msg = f"{directory} is no run directory: {MANIFEST} cannot be read"
            raise RunDirectoryError(msg) from error
        if facts.pop("format", None) != FORMAT or not _holds(facts):
            msg = f"{directory} is no run directory of this version: {MANIFEST} is not of format {FORMAT}"
            raise RunDirectoryError(msg)
        return cls(**facts)


def owned_files(directory: Path) -> frozenset[str] | None:
    """Give the relative paths that a run wrote in a directory, or None where it is no run directory.

    A run of an earlier format counts as ours, so that it can be replaced.
    """
    try:
        facts = parse_json((directory / MANIFEST).read_text(encoding="utf-8"))
        if not str(facts["format"]).startswith("offtake-run-"):
            return None
        return frozenset({MANIFEST, *facts["files"]})
    except (OSError, ValueError, KeyError, TypeError):
        return None
