"""What commands about performance ask with: a chip, by name or data sheet; counts of chips and of tokens; a parameter file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from offtake.cli.options import quantity
from offtake.errors import OfftakeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offtake.catalog.types import Chip
    from offtake.perf.params import Section

__all__ = ["chip_given", "chips_given", "sections_given", "tokens_given"]

_MOST_CHIPS = 1_000_000


def chip_given(text: str) -> Chip:
    """Return the chip of a name, or of a file that ends in .yaml or .yml.

    Raises
    ------
    OfftakeError
        No such chip or file, or a value of the file is wrong (named with its unit).
    """
    from offtake.catalog.sheet import read_sheet
    from offtake.perf.names import chip_named

    path = Path(text)
    if path.suffix.lower() not in {".yaml", ".yml"}:
        return chip_named(text).chip
    if not path.is_file():
        msg = f"{text}: there is no such file; a chip is a name of the catalogue or a YAML file with its data sheet"
        raise OfftakeError(msg)
    return read_sheet(path)


def chips_given(count: int) -> int:
    """Return a count of chips that can be.

    Raises
    ------
    OfftakeError
        It is below one or above a million.

    Examples
    --------
    >>> chips_given(64)
    64
    """
    if not 1 <= count <= _MOST_CHIPS:
        msg = f"--chips must lie between 1 and {_MOST_CHIPS:,}, got {count}"
        raise OfftakeError(msg)
    return count


def sections_given(path: Path | None, *needed: str) -> Mapping[str, Section]:
    """Return the parameters of a file; none, so that those of the package are taken, where no file is named.

    Raises
    ------
    OfftakeError
        The file cannot be read as one, or lacks a section that is needed.
    """
    from offtake.perf.params import load

    if path is None:
        return {}
    found = load(path)
    for name in needed:
        if name not in found:
            msg = f"{path}: has no parameters of {name}; offtake perf fit and calibrate write them"
            raise OfftakeError(msg)
    return found


def tokens_given(option: str, text: str) -> int:
    """Return a whole number of tokens, at least one [tok].

    Raises
    ------
    OfftakeError
        It is no amount of tokens, or less than one (the option is named).

    Examples
    --------
    >>> tokens_given("--seq", "8 ktok")
    8000
    """
    found = round(quantity(option, text, "tok"))
    if found < 1:
        msg = f"{option} must be at least 1 tok, got {text!r}"
        raise OfftakeError(msg)
    return found
