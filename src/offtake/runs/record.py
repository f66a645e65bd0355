"""A run as one value, and how it is saved to and loaded from a directory.

::

    runs/NAME/manifest.json      inputs, versions, seed, foresight; hash of every other file
              result.json        the `--json` document without its timings
              scenario.json      the inputs after overlays and defaults
              certificate.json
              tables/NAME.parquet
              report.html        where there is one
              timings.json       the only file outside every hash
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from offtake.errors import RunDirectoryError
from offtake.runs.directory import new_directory
from offtake.runs.manifest import MANIFEST, TIMINGS, Manifest, dump_json, file_hash, owned_files, parse_json
from offtake.runs.store import read_tables, write_tables

if TYPE_CHECKING:
    from offtake.tables import Table

__all__ = ["RunRecord", "load", "save", "verify"]

_TIMINGS_KEY = "timings"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """Everything that a run directory holds.

    Parameters
    ----------
    manifest : Manifest       `files` is filled by `save`
    document : mapping        the `--json` document; its `timings`, if any, go to their own file
    scenario : mapping        the inputs after overlays and defaults, plain values
    certificate : mapping
    tables : mapping          name → Table
    report : str | None       the HTML
    extra : mapping           further text files: name → text; a solver log, say
    """

    manifest: Manifest
    document: Mapping[str, Any]
    scenario: Mapping[str, Any] = field(default_factory=dict)
    certificate: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    report: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


def save(record: RunRecord, target: Path | str) -> Path:
    """Write a run to a directory, which it creates or replaces in one step.

    Raises
    ------
    RunDirectoryError    where the target is not ours to replace, or the disk refuses; the target is then as before

    Returns
    -------
    Path                 the directory
    """
    target = Path(target)
    with new_directory(target, owned_files) as fresh:
        _write(record, fresh)
    return target


def _write(record: RunRecord, fresh: Path) -> None:
    """Write every file of a run, the manifest last."""
    texts = {
        "result.json": dump_json({k: v for k, v in record.document.items() if k != _TIMINGS_KEY}),
        "scenario.json": dump_json(record.scenario),
        "certificate.json": dump_json(record.certificate),
        **record.extra,
    }
    if record.report is not None:
        texts["report.html"] = record.report
    files: dict[str, str | None] = {}
    for name, text in texts.items():
        _safe(name)
        (fresh / name).write_text(text, encoding="utf-8", newline="\n")
        files[name] = file_hash(fresh / name)
    (fresh / "tables").mkdir()
    for name in record.tables:
        _safe(name)
    tables = {fresh / "tables" / f"{name}.parquet": table for name, table in record.tables.items()}
    write_tables(tables)
    files.update({f"tables/{path.name}": file_hash(path) for path in tables})
    timings = record.document.get(_TIMINGS_KEY, {})
    (fresh / TIMINGS).write_text(dump_json(timings), encoding="utf-8", newline="\n")
    manifest = replace(record.manifest, files={**dict(sorted(files.items())), TIMINGS: None})
    (fresh / MANIFEST).write_text(manifest.to_json(), encoding="utf-8", newline="\n")


def _safe(name: str) -> None:
    """Refuse a name that would leave the directory or hide in it."""
    if not name or Path(name).name != name or name.startswith(".") or name in {MANIFEST, TIMINGS, "tables"}:
        msg = f"{name!r} cannot name a file of a run"
        raise RunDirectoryError(msg)


def load(directory: Path | str) -> RunRecord:
    """Read a run directory back; the document has its timings again.

    Raises
    ------
    RunDirectoryError    where it is no run directory, or a file is missing or not as it was written
    """
    directory = Path(directory)
    manifest = Manifest.read(directory)
    if changed := verify(directory):
        msg = f"{directory} is no longer what was planned: {', '.join(changed[:3])} changed or went missing; plan it again"
        raise RunDirectoryError(msg)
    names = [Path(n).stem for n in manifest.files if n.startswith("tables/")]
    tables = read_tables([directory / "tables" / f"{n}.parquet" for n in names])
    report = directory / "report.html"
    known = {"result.json", "scenario.json", "certificate.json", "report.html", TIMINGS}
    extra = [n for n in manifest.files if n not in known and not n.startswith("tables/")]
    return RunRecord(
        manifest=manifest,
        document={**_read_json(directory / "result.json"), _TIMINGS_KEY: _read_json(directory / TIMINGS)},
        scenario=_read_json(directory / "scenario.json"),
        certificate=_read_json(directory / "certificate.json"),
        tables=MappingProxyType(dict(zip(names, tables, strict=True))),
        report=_read_text(report) if report.name in manifest.files else None,
        extra={n: _read_text(directory / n) for n in extra},
    )


def verify(directory: Path | str) -> tuple[str, ...]:
    """Name the files whose bytes are no longer those of the run; empty where all are.

    Raises
    ------
    RunDirectoryError    where it is no run directory
    """
    directory = Path(directory)
    hashes = {n: h for n, h in Manifest.read(directory).files.items() if h is not None}
    return tuple(n for n, h in hashes.items() if not _plain_file(directory / n) or file_hash(directory / n) != h)


def _plain_file(path: Path) -> bool:
    """Whether a path is a file itself: a link may lead anywhere."""
    return path.is_file() and not path.is_symlink()


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read: {error}"
        raise RunDirectoryError(msg) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return parse_json(_read_text(path))
    except ValueError as error:
        msg = f"{path} is not JSON of a run: {error}"
        raise RunDirectoryError(msg) from error
