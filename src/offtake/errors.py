"""The tree of errors that Offtake raises, and the table of codes behind its diagnostics.

::

    OfftakeError
    ├── ScenarioError       the scenario file (or one of its overlays) has mistakes: all of them, as diagnostics
    ├── UnitError           one quantity cannot be read: a code, a message and a hint
    ├── InfeasibleError     fixed decisions contradict each other: the smallest conflicting set, in domain words
    ├── SolverError         the solver stopped without an answer
    ├── LedgerImbalance     postings that do not sum to zero
    ├── ReconcileError      two figures that must agree do not
    ├── RunDirectoryError   a run directory cannot be written or read
    └── ComponentError      an extension is missing or does not keep to its protocol

Errors in the user's input are data (`offtake.diagnostics.Diagnostic`) and are reported all at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from offtake.diagnostics import Diagnostic

__all__ = [
    "CODES",
    "Code",
    "ComponentError",
    "InfeasibleError",
    "LedgerImbalance",
    "OfftakeError",
    "ReconcileError",
    "RunDirectoryError",
    "ScenarioError",
    "SolverError",
    "UnitError",
]


class OfftakeError(Exception):
    """Base of every error that Offtake raises on purpose."""


class ScenarioError(OfftakeError):
    """Report every mistake found in a scenario file and its overlays.

    Parameters
    ----------
    diagnostics : Sequence[Diagnostic]    at least one of severity "error", in file order
    sources : Mapping[str, str]           file name → its text, for showing the line and a caret
    """

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        self.sources: Mapping[str, str] = MappingProxyType(dict(sources or {}))
        super().__init__("\n".join(str(d) for d in self.diagnostics))

    def render(self) -> str:
        """Return the diagnostics with source lines, carets and help."""
        from offtake.diagnostics import render

        return render(self.diagnostics, self.sources)


class UnitError(OfftakeError, ValueError):
    """Report one quantity that cannot be read.

    Parameters
    ----------
    code : str       key of `CODES`
    message : str    what was got and what was expected
    hint : str       how to write it
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        self.code = code
        self.message = message
        self.hint = hint
        super().__init__(f"{message} ({hint})" if hint else message)


class InfeasibleError(OfftakeError):
    """Report fixed decisions that contradict each other or physics.

    Parameters
    ----------
    message : str              one sentence in domain words
    conflict : Sequence[str]   the smallest set of limits that cannot hold together, each in domain words
    """

    def __init__(self, message: str, conflict: Sequence[str] = ()) -> None:
        self.message = message
        self.conflict: tuple[str, ...] = tuple(conflict)
        super().__init__("\n  - ".join((message, *self.conflict)))


class SolverError(OfftakeError):
    """Report a solver that stopped without an answer."""


class LedgerImbalance(OfftakeError):
    """Report postings that do not sum to exactly zero."""


class ReconcileError(OfftakeError):
    """Report two figures that must agree and do not."""


class RunDirectoryError(OfftakeError):
    """Report a run directory that cannot be written or read."""


class ComponentError(OfftakeError):
    """Report an extension that is missing or does not keep to its protocol."""


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of diagnostic: a short title, and what it means and how to mend it."""

    title: str
    explanation: str


def _table() -> dict[str, Code]:
    return {}


CODES: Mapping[str, Code] = MappingProxyType(_table())
"""Every diagnostic code with its title and explanation; `offtake explain CODE` and the docs page read it."""
