"""How a command fails: words on standard error, with `--json` a document on standard output, and an exit code."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offtake.cli.output import listening, print_json
from offtake.diagnostics import Diagnostic
from offtake.errors import (
    InfeasibleError,
    LedgerImbalance,
    OfftakeError,
    ReconcileError,
    RunDirectoryError,
    ScenarioError,
    SolverError,
    UnitError,
)

if TYPE_CHECKING:
    from cyclopts import CycloptsError

__all__ = ["FINDINGS", "INTERNAL", "OK", "UNSOLVED", "USAGE", "failed", "misused", "refusal"]

OK, FINDINGS, USAGE, UNSOLVED, INTERNAL = range(5)

SCHEMA_VERSION = 1
"""Of every JSON document printed; that of the answer is `offtake.api.document.SCHEMA_VERSION`, and a test keeps them equal."""


def misused(error: CycloptsError, *, json: bool) -> int:
    """Say what is wrong with the words typed."""
    found = Diagnostic(code="E001", message=" ".join(str(error).split()), file="offtake", hint="see `offtake --help`")
    return _refuse([found], {}, json=json)


def failed(error: Exception, *, json: bool) -> int:
    """Say why a command ended, and return its exit code."""
    if isinstance(error, ScenarioError):
        return _refuse(error.diagnostics, error.sources, json=json)
    if isinstance(error, InfeasibleError | SolverError):
        return _unsolved(error, json=json)
    if isinstance(error, OfftakeError) and not isinstance(error, LedgerImbalance | ReconcileError):
        return _refuse([_as_diagnostic(error)], {}, json=json)
    return _internal(error, json=json)


def refusal(diagnostics: Sequence[Diagnostic], **more: object) -> dict[str, Any]:
    """Make the document of what was refused.

    Examples
    --------
    >>> refusal([Diagnostic(code="E101", message="there is no such file", file="a.yaml")])["diagnostics"][0]["file"]
    'a.yaml'
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "refused",
        **more,
        "diagnostics": [asdict(d) for d in diagnostics],
    }


def _as_diagnostic(error: OfftakeError) -> Diagnostic:
    """Turn an error without a place into a diagnostic."""
    if isinstance(error, UnitError):
        return Diagnostic(code=error.code, message=error.message, file="offtake", hint=error.hint)
    code = "E002" if isinstance(error, RunDirectoryError) else "E001"
    return Diagnostic(code=code, message=str(error), file="offtake")


def _refuse(diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], *, json: bool) -> int:
    if json:
        with listening():
            print_json(refusal(diagnostics))
    from offtake.cli.terminal import print_diagnostics, print_lines

    print_diagnostics(diagnostics, sources)
    if codes := sorted({d.code for d in diagnostics if not d.code.startswith("E0")}):
        print_lines("", f"{_counted(len(diagnostics))}. Next: offtake explain {codes[0]}", error=True)
    return USAGE


def _counted(number: int) -> str:
    return "1 mistake" if number == 1 else f"{number} mistakes"


def _unsolved(error: InfeasibleError | SolverError, *, json: bool) -> int:
    conflict = list(getattr(error, "conflict", ()))
    message = str(getattr(error, "message", error))
    status = "infeasible" if conflict else "unsolved"
    if json:
        with listening():
            print_json(
                {
                    "schema_version": SCHEMA_VERSION,
                    "status": status,
                    "message": message,
                    "conflict": conflict,
                    "diagnostics": [],
                }
            )
    from offtake.cli.terminal import print_lines

    print_lines(f"no plan: {message}", *(f"  - {limit}" for limit in conflict), error=True)
    return UNSOLVED


def _internal(error: Exception, *, json: bool) -> int:
    """Write what a maintainer needs and nothing of the user's: no message, argument, path or value."""
    where = _write_report(_report(error))
    words = f"internal error ({type(error).__name__}): a fault of Offtake, not of your input"
    if json:
        with listening():
            document = {
                "schema_version": SCHEMA_VERSION,
                "status": "internal_error",
                "message": words,
                "report": where,
                "diagnostics": [],
            }
            print_json(document)
    lines = [
        words,
        f"a report without your data is in {where}" if where else "no report could be written; it would say:",
    ]
    sys.stderr.write("\n".join([*lines, *([] if where else [_report(error)])]) + "\n")
    return INTERNAL


def _report(error: BaseException) -> str:
    import platform

    from offtake.runs.manifest import versions

    lines = [
        "Offtake internal error report. It holds no data of yours: please attach it when you report the fault.",
        "",
    ]
    cause: BaseException | None = error
    while cause is not None:
        lines += [f"{type(cause).__module__}.{type(cause).__qualname__}", *_frames(cause), ""]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    lines += [f"python {platform.python_version()} {sys.implementation.name}, {platform.system()} {platform.machine()}"]
    lines += [f"{name} {version}" for name, version in versions().items()]
    return "\n".join(lines) + "\n"


def _frames(error: BaseException) -> list[str]:
    """List the frames of our own package."""
    home = Path(__file__).resolve().parents[1]
    found = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(home):
            found.append(f"  offtake/{path.relative_to(home).as_posix()}:{frame.lineno} in {frame.name}")
    return found


def _write_report(text: str) -> str | None:
    """Write the report to the current folder, or else to the one for temporary files; return its path."""
    for folder in (Path.cwd, lambda: Path(tempfile.gettempdir())):
        try:
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=folder(), prefix="offtake-fault-", suffix=".txt", delete=False
            ) as file:
                file.write(text)
                return file.name
        except OSError:
            continue
    return None
