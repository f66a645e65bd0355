"""Options that several commands share, and the reading of their values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from offtake.spec.overlay import Changes

__all__ = ["Cases", "Json", "Sets", "changes", "quantity"]

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON document and nothing else.")]
Cases = Annotated[
    tuple[str, ...],
    Parameter(
        name="--case", negative="", help="An overlay file, or a case named in the scenario. May be given several times."
    ),
]
Sets = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        negative="",
        help="Change one value: `--set sites.indiana.phase=40 MW`. May be given several times.",
    ),
]


def changes(assignments: tuple[str, ...]) -> tuple[Changes, ...]:
    r"""Turn `--set path=value` into an overlay, whose mistakes are shown like those of a file.

    Raises
    ------
    OfftakeError    where one is not of that form

    Examples
    --------
    >>> changes(("sites.indiana.phase=40 MW",))[0].text
    'sites.indiana.phase: 40 MW\n'
    """
    from offtake.spec.overlay import Changes

    lines = []
    for each in assignments:
        path, equals, value = each.partition("=")
        if not (equals and path.strip() and value.strip()):
            msg = f"--set wants path=value, such as --set 'sites.indiana.phase=40 MW'; got {each!r}"
            raise OfftakeError(msg)
        lines.append(f"{path.strip()}: {value.strip()}\n")
    return (Changes("--set", "".join(lines)),) if lines else ()


def quantity(option: str, text: str, unit: str) -> float:
    """Read the value of an option with its unit.

    Raises
    ------
    UnitError    that names the option

    Examples
    --------
    >>> quantity("--ttft", "500 ms", "s")
    0.5
    """
    from offtake.errors import UnitError
    from offtake.units import parse_quantity

    try:
        return parse_quantity(text, unit)
    except UnitError as error:
        raise UnitError(error.code, f"{option}: {error.message}", error.hint) from None


def readable(path: Path) -> str:
    """Return the text of a small file for showing a line of it; empty where it cannot be read."""
    try:
        return path.read_text("utf-8") if path.is_file() and path.stat().st_size < 2_000_000 else ""  # as E102
    except (OSError, ValueError):
        return ""
